"""Discs that keep their identity, followed by a learned filter: `tracker.disc_tracker`."""
