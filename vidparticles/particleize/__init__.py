"""Ways into particles: learned frames of a plane, and points followed through footage."""
