"""What is told of a clip, for a terminal and as a page."""
