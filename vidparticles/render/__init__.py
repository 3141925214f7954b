"""Particles to pictures: splats, frames in between and frames to come."""
