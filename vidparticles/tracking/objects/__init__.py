"""Objects that keep their identity, followed by what is observed: `tracker.object_tracker`."""
