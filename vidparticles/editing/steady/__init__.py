"""Stabilizing: the camera that is watched, its new path, frames warped along it."""
