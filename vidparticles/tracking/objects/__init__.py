"""Objects that keep their identity, followed by a learned filter: `tracker.object_tracker`."""
