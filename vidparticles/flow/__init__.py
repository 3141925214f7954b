"""Motion between two pictures: of patches, of every pixel, of the camera."""
