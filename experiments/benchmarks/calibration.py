"""Whether what is said to be likely is true as often as that."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def reliability(score: np.ndarray, good: np.ndarray) -> list[tuple[float, int, float, float]]:
    """Of each tenth of the scale that is used: its lower end, how many, what is said, what is true.

    Args:
        score: [N] in [0, 1], said to be the chance of being good.
        good: [N] bool.

    Example:
        >>> reliability(np.array([0.95, 0.9]), np.array([True, False]))
        [(0.9, 2, 0.925, 0.5)]
    """
    rows = []
    for tenth in range(10):
        among = np.minimum(np.floor(10 * score + 1e-6), 9) == tenth
        if among.any():
            said, true = float(np.mean(score[among])), float(np.mean(good[among]))
            rows.append((tenth / 10, int(among.sum()), said, true))
    return rows


def calibration_gap(score: np.ndarray, good: np.ndarray) -> float:
    """Mean distance between what is said and what is true, over tenths of the scale.

    Example:
        >>> calibration_gap(np.array([0.5, 0.5]), np.array([True, False]))
        0.0
    """
    return sum(n * abs(said - true) for _, n, said, true in reliability(score, good)) / len(score)


def area_under_curve(score: np.ndarray, good: np.ndarray) -> float:
    """How likely a good one has a higher score than another.

    Example:
        >>> area_under_curve(np.array([0.9, 0.2]), np.array([True, False]))
        1.0
    """
    rank, count = rankdata(score), good.sum()
    return float((rank[good].sum() - count * (count + 1) / 2) / (count * (~good).sum()))
