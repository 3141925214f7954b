"""The path of a window that follows something along one side of the picture.

Of all paths that stay inside of the picture, no faster than a speed and with no more than an
acceleration, the one with least

    Σ w (|x + d − p|₊)² + ε w (x − p)² + τ⁴ |x''|²

is taken, p where the window would have what it follows in its middle, (·)₊ what is beyond a part of
the window in which that may be without being followed. The problem is convex, its matrix has a
narrow band, and it is solved by Newton's method with a logarithmic barrier (Boyd & Vandenberghe,
Convex Optimization, 11.3), from a window that stands still.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse
from scipy.linalg import solveh_banded


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """How a window may move. Lengths are in frame heights.

    Attributes:
        speed: at most, frame heights a second.
        acceleration: at most, frame heights a second².
        smooth: τ, seconds.
        rest: share of the window, around its middle, in which things may move without it.
        middle: ε, how much it counts that they are in its middle even so.
        barrier: least weight of the barrier.
        steps: of Newton's method for each weight, at most.
    """

    speed: float = 1.0
    acceleration: float = 1.5
    smooth: float = 0.5
    rest: float = 0.2
    middle: float = 0.05
    barrier: float = 1e-7
    steps: int = 30


def window_path(
    wanted: np.ndarray,
    weight: np.ndarray,
    times: np.ndarray,
    room: float,
    size: float,
    config: WindowConfig,
) -> np.ndarray:
    """Where a window begins in each frame of a shot.

    Args:
        wanted: [T] where it would begin with what it follows in its middle, frame heights.
        weight: [T] ≥ 0, how much that counts; 0 where it is not known.
        times: [T] seconds, rising.
        room: how far it can go from 0, frame heights.
        size: of the window along this side, frame heights.
        config: how it may move.

    Returns:
        [T] in [0, room].

    Example:
        >>> times = np.arange(50) / 25
        >>> wanted = np.linspace(0, 1, 50)
        >>> path = window_path(wanted, np.ones(50), times, 1.0, 0.5, WindowConfig())
        >>> bool(np.abs(path - wanted).max() < 0.15)
        True
    """
    count = len(wanted)
    known = weight > 0
    if room <= 0 or not known.any():
        return np.full(count, max(room, 0.0) / 2)
    wanted = np.where(known, np.clip(wanted, 0, room), room / 2)
    loose = config.rest * size / 2
    first, second = _derivatives(times)
    usual = float(np.median(np.diff(times))) if count > 1 else 1.0
    bending = config.smooth**4 * (second.T @ second)
    one = sparse.identity(count, format="csr")
    walls = sparse.vstack([one, -one, first, -first, second, -second], format="csr")
    most = np.concatenate(
        [
            np.full(count, room),
            np.zeros(count),
            np.full(2 * first.shape[0], config.speed),
            np.full(2 * second.shape[0], config.acceleration),
        ]
    )
    # Still, and off the edges of the picture: inside of all walls.
    start = np.median(wanted[known])
    x = np.full(count, np.clip(start, 0.02 * room, 0.98 * room))
    barrier = 1e-2 * usual
    while barrier >= config.barrier:
        for _ in range(config.steps):
            off = x - wanted
            beyond = np.sign(off) * np.maximum(np.abs(off) - loose, 0)
            slope = weight * (beyond + config.middle * off) + bending @ x
            curve = weight * ((np.abs(off) > loose) + config.middle)
            slack = most - walls @ x
            slope = slope + barrier * (walls.T @ (1 / slack))
            matrix = bending + sparse.diags(curve)
            matrix = matrix + walls.T @ sparse.diags(barrier / slack**2) @ walls
            bands = np.zeros((min(3, count), count))
            for k in range(len(bands)):
                bands[k, : count - k] = matrix.diagonal(-k)
            bands[0] += 1e-12
            step = -solveh_banded(bands, slope, lower=True)
            nearer = np.max((walls @ step) / slack)
            x = x + min(1.0, 0.9 / max(nearer, 1e-9)) * step
            if -(slope @ step) < 0.01 * barrier * count:
                break
        barrier /= 10
    return x


def _derivatives(times: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """First [T − 1, T] and second derivatives [T − 2, T] by differences."""
    count = len(times)
    first, second = (sparse.csr_matrix((max(count - n, 0), count)) for n in (1, 2))
    gap = np.diff(times)
    if count > 1:
        first = sparse.diags([-1 / gap, 1 / gap], [0, 1], shape=first.shape).tocsr()
    if count > 2:
        before, after = gap[:-1], gap[1:]
        middle = (before + after) / 2
        rows = [1 / (before * middle), -2 / (before * after), 1 / (after * middle)]
        second = sparse.diags(rows, [0, 1, 2], shape=second.shape).tocsr()
    return first, second
