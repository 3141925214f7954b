"""PV-5 T4 without learning: how far a frame is from the simplest guesses of it.

A high score is to say that something happened which cannot. A thing that vanishes makes
guessing easier, so that these score it below chance.
"""

from __future__ import annotations

import numpy as np


def frame_difference(frames: np.ndarray) -> np.ndarray:
    """Mean absolute change from the frame before.

    Args:
        frames: uint8 [B, T, H, W, C].

    Returns:
        float64 [B, T] in 0 … 255; 0 in the first frame.

    Example:
        >>> frames = np.array([0, 1, 3, 3], np.uint8).reshape(1, 4, 1, 1, 1)
        >>> frame_difference(frames).tolist(), linear_extrapolation(frames).tolist()
        ([[0.0, 1.0, 2.0, 0.0]], [[0.0, 0.0, 1.0, 2.0]])
    """
    x = frames.astype(np.int16)
    score = np.abs(np.diff(x, axis=1)).mean((2, 3, 4))
    return np.pad(score, ((0, 0), (1, 0)))


def linear_extrapolation(frames: np.ndarray) -> np.ndarray:
    """Mean absolute difference from 2 xₜ₋₁ − xₜ₋₂, kept within 0 … 255; 0 in two frames."""
    x = frames.astype(np.int16)
    guess = np.clip(2 * x[:, 1:-1] - x[:, :-2], 0, 255)
    return np.pad(np.abs(x[:, 2:] - guess).mean((2, 3, 4)), ((0, 0), (2, 0)))
