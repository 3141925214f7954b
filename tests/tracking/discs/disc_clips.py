"""Clips of discs for the tests of objects: a path is [T, 2], (x, y) in frame heights."""

from __future__ import annotations

import numpy as np

SIDE = 32
GRAY = (200, 200, 200)


def line(start, velocity, times):
    """A path at constant velocity, frame heights per second."""
    return np.asarray(start) + np.asarray(times)[:, None] * np.asarray(velocity)


def draw(*paths, colors=None, radius=0.14, side=SIDE):
    """uint8 [T, side, side, 3] of discs on black; a color is [3] or [T, 3]."""
    x = (np.arange(side) + 0.5) / side
    clip = np.zeros((len(paths[0]), side, side, 3))
    for path, color in zip(paths, colors or [GRAY] * len(paths), strict=True):
        shade = np.broadcast_to(color, (len(path), 3))
        for t, (px, py) in enumerate(path):
            distance = np.hypot(x - px, x[:, None] - py)
            cover = np.clip((radius - distance) * side + 0.5, 0, 1)[..., None]
            clip[t] = clip[t] * (1 - cover) + cover * shade[t]
    return clip.round().astype(np.uint8)
