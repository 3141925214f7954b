"""Ways into particles: learned frames of a plane, points followed through footage, and things."""
