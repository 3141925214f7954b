"""Sums over all pairs and all their periodic images, by a mesh, in O(N log N)."""
