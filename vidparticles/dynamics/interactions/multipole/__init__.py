"""Sums over all pairs with what is far off taken together, in O(N)."""
