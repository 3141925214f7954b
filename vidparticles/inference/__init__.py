"""What a model says of a file: classes and when, the frames that come next, its shots."""
