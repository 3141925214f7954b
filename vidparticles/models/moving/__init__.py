"""What moves, whatever it is: a small network learned on composites; see `network`."""
