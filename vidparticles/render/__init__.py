"""Trajectories to frames: splats, motion-compensated warps, drawn particles."""
