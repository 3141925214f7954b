"""Sums over all pairs, in blocks or in a closed form for central laws."""
