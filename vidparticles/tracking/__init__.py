"""Pictures to particles: points, objects and blobs, followed from frame to frame."""
