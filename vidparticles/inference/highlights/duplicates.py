"""Stretches that show again what was shown before: a shot twice, a replay, a loop."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.spatial import cKDTree

from vidparticles.editing.selection.spans import stretches, without_gaps


@dataclasses.dataclass(frozen=True)
class DuplicateConfig:
    """When a stretch shows another again.

    Attributes:
        apart: root mean square of what differs between the looks of two steps, at most.
        shortest: steps of such a stretch.
        moves: share of the picture that moves in its steps, at least: what stands looks like
            itself at any time.
        near: looks that are compared with each.
    """

    apart: float = 0.012
    shortest: int = 8
    moves: float = 0.003
    near: int = 12


def duplicates(
    look: np.ndarray, motion: np.ndarray, config: DuplicateConfig | None = None
) -> np.ndarray:
    """Which steps show again, and in the same order, what moved before.

    Args:
        look: [T, F] of the steps.
        motion: [T] share of the picture that moves.
        config: when they do.

    Returns:
        [T] bool; the first time is none.

    Example:
        >>> walk = np.cumsum(np.random.default_rng(0).normal(size=(20, 48)), 0)
        >>> duplicates(np.concatenate([walk, walk]), np.ones(40)).sum()
        np.int64(20)
    """
    config = config or DuplicateConfig()
    found = np.zeros(len(look), bool)
    steps = np.flatnonzero(motion >= config.moves)
    if len(steps) < 2 * config.shortest:
        return found
    flat = np.asarray(look, np.float64)
    tree = cKDTree(flat[steps])
    count = min(config.near, len(steps))
    limit = config.apart * np.sqrt(flat.shape[1])
    _, near = tree.query(flat[steps], k=count, distance_upper_bound=limit)
    # Of a repeated stretch all steps are the same number of steps behind those that they repeat.
    behind: dict[int, list[int]] = {}
    for step, others in zip(steps, near, strict=True):
        for other in others[others < len(steps)]:
            since = int(step - steps[other])
            if since >= config.shortest:
                behind.setdefault(since, []).append(int(step))
    for since, at in behind.items():
        if len(at) < config.shortest:
            continue
        mask = np.zeros(len(look), bool)
        mask[at] = True
        for first, stop in stretches(without_gaps(mask, 3)):
            moved = np.abs(np.diff(flat[first:stop], axis=0)).sum()
            net = np.abs(flat[first:stop] - flat[first - since : stop - since]).sum()
            if stop - first >= config.shortest and net < moved:
                found[first:stop] = True
    return found
