"""Figures beside those of peers, one benchmark a file."""
