"""Sums over pairs nearer than a cut-off, in O(N)."""
