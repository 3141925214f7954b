"""What stabilizing is made of: the camera that is watched, its new path, frames warped along it."""
