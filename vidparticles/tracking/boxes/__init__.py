"""Things that a detector puts boxes around, followed so that each keeps its number."""
