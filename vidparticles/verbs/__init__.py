"""Verbs of the command line, a file each, and what they have in common."""
