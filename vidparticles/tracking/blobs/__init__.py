"""Round spots of a known size, located below a pixel and linked to paths."""
