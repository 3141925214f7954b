"""Motion between two pictures: of patches, of every place, of the camera."""
