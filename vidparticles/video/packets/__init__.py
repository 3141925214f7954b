"""Packets as a file holds them: which there are, when each shows, what their own bytes say."""
