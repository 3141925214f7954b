"""How far cells are from what was normal: their motion from going on, their nearest neighbors.

Five numbers a cell: what a constant velocity fails to predict of its points; the distance to the
nearest normal velocities; the distance to the nearest normal sights (nearest neighbors of velocity
and of deep features: Reiss and Hoshen 2022); and what the dynamics of objects fail to predict, of
place and of size (`objects`). Each becomes a chance, and the chances one (Fisher's method): the
parts are not independent, which is why alarms are calibrated on the whole.
"""

from __future__ import annotations

import numpy as np

from vidparticles.inference.anomalies.cells import Cells
from vidparticles.inference.anomalies.tail import Tail, nats

PARTS = (
    *("sudden motion", "unusual motion", "unusual sight"),
    *("object off its way", "object changes size"),
)
NEIGHBORS = 3  # whose distances are averaged
_LEAST_SCALE = 0.1  # of a velocity's columns: logarithms and shares differ by as much by chance
_BLOCK = 1024  # cells that are compared at once


def scaling(velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale [V] of velocities [N, V], hardly moved by a few that are far off."""
    known = velocity[np.isfinite(velocity).all(-1)]
    if not len(known):
        return np.zeros(velocity.shape[1]), np.ones(velocity.shape[1])
    center = np.median(known, 0)
    return center, np.maximum(1.4826 * np.median(np.abs(known - center), 0), _LEAST_SCALE)


def scores(
    cells: Cells, normal: Cells, scale: tuple[np.ndarray, np.ndarray], allowed: np.ndarray
) -> np.ndarray:
    """How far cells are from normal ones.

    Args:
        cells: T of them.
        normal: N of them.
        scale: of `scaling`.
        allowed: bool [T, N], which of the normal ones may be a cell's neighbors.

    Returns:
        [T, 5] in the order of `PARTS`, the more the farther; NaN where it is not known.
    """
    center, width = scale
    mine, theirs = ((x.velocity - center) / width for x in (cells, normal))
    found = np.full((len(cells.starts), len(PARTS)), np.nan)
    found[:, 0] = cells.error
    found[:, 3:] = cells.objects
    moves = np.isfinite(theirs).all(-1)
    for first in range(0, len(found), _BLOCK):
        rows = slice(first, first + _BLOCK)
        if theirs.size:
            square = (
                (mine[rows] ** 2).sum(-1)[:, None]
                + (theirs**2).sum(-1)[None]
                - 2 * mine[rows] @ np.nan_to_num(theirs).T
            )
            apart = np.sqrt(np.maximum(square, 0) / theirs.shape[1])
            found[rows, 1] = _nearest(np.where(allowed[rows] & moves, apart, np.inf))
        if cells.like.shape[1] and cells.like.shape[1] == normal.like.shape[1]:
            apart = 1 - cells.like[rows] @ normal.like.T
            found[rows, 2] = _nearest(np.where(allowed[rows], apart, np.inf))
    return found


def _nearest(apart: np.ndarray) -> np.ndarray:
    """Mean of the smallest [T] of distances [T, N]; NaN where there are too few."""
    if apart.shape[1] < NEIGHBORS:
        return np.full(len(apart), np.nan)
    mean = np.partition(apart, NEIGHBORS - 1, axis=1)[:, :NEIGHBORS].mean(1)
    return np.where(np.isfinite(mean), mean, np.nan)


def chances(parts: np.ndarray, tails: tuple[Tail | None, ...]) -> np.ndarray:
    """How unlikely each part is, in nats [T, P]; NaN where it is not known."""
    return np.stack(
        [
            np.full(len(parts), np.nan)
            if tail is None
            else np.where(np.isfinite(column), nats(tail, np.nan_to_num(column)), np.nan)
            for column, tail in zip(parts.T, tails, strict=True)
        ],
        -1,
    )


def together(parts: np.ndarray) -> np.ndarray:
    """How unlikely all parts are together (Fisher's method), in nats.

    Args:
        parts: [T, P] nats; NaN where one is not known.

    Returns:
        [T]; 0 where none is known.

    Example:
        >>> together(np.array([[3.0, np.nan], [3.0, 3.0], [np.nan, np.nan]])).round(2).tolist()
        [3.0, 4.05, 0.0]
    """
    from scipy import stats

    known = np.isfinite(parts).sum(-1)
    total = np.nansum(parts, -1)
    log_chance = stats.gamma.logsf(total, np.maximum(known, 1))
    return np.where(known > 0, -log_chance, 0.0) + 0.0
