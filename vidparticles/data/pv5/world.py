"""Equal discs in a box that bounce off its walls and off each other without loss.

Between events a disc goes straight; events are found exactly, so that energy is conserved
and discs never overlap, to rounding. Many worlds at a time, and each evolves as it would
alone: a clip does not depend on its batch. The box is the unit square; time is in frames.
"""

from __future__ import annotations

import numpy as np


def pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """All P pairs of `count` discs, as two index arrays [P]."""
    return np.triu_indices(count, 1)


def scatter(
    rng: np.random.Generator, count: int, *, radius: float, gap: float = 0.02
) -> np.ndarray:
    """Positions [count, 2] in the box, uniform among those a gap from walls and each other."""
    first, second = pairs(count)
    while True:
        position = rng.uniform(radius + gap, 1 - radius - gap, (count, 2))
        apart = np.hypot(*(position[first] - position[second]).T)
        if (apart >= 2 * radius + gap).all():
            return position


def velocities(rng: np.random.Generator, count: int, low: float, high: float) -> np.ndarray:
    """Velocities [count, 2] of any direction and of a speed between low and high."""
    speed, angle = rng.uniform(low, high, count), rng.uniform(0, 2 * np.pi, count)
    return speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def advance(
    position: np.ndarray,
    velocity: np.ndarray,
    *,
    radius: float,
    meets: np.ndarray | bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The worlds one frame later.

    Args:
        position, velocity: [B, K, 2].
        radius: of every disc.
        meets: broadcast to [B, P], which pairs collide; the others pass through each other.

    Returns:
        position, velocity, and bool [B, P]: which pairs collided in this frame.

    Example:
        >>> x, v = np.array([[[0.3, 0.5], [0.6, 0.5]]]), np.array([[[0.2, 0], [0.0, 0]]])
        >>> x, v, hit = advance(x, v, radius=0.1)
        >>> x.round(3).tolist(), v.tolist(), hit.tolist()
        ([[[0.4, 0.5], [0.7, 0.5]]], [[[0.0, 0.0], [0.2, 0.0]]], [[True]])
    """
    position, velocity = position.copy(), velocity.copy()
    count = position.shape[1]
    first, second = pairs(count)
    hit = np.zeros((len(position), len(first)), bool)
    meets = np.broadcast_to(meets, hit.shape)
    rows, left = np.arange(len(position)), np.ones(len(position))
    while len(rows):
        x, v = position[rows], velocity[rows]
        times = np.concatenate(
            [
                _wall_times(x, v, radius).reshape(len(rows), -1),
                np.where(meets[rows], _pair_times(x, v, radius, first, second), np.inf),
            ],
            axis=1,
        )
        event = times.argmin(1)
        soonest = times[np.arange(len(rows)), event]
        position[rows] = x + v * np.minimum(soonest, left)[:, None, None]
        happens = soonest < left
        rows, event, left = rows[happens], event[happens], (left - soonest)[happens]
        wall = event < 2 * count
        at = rows[wall], event[wall] // 2, event[wall] % 2
        velocity[at] = -velocity[at]
        at, pair = rows[~wall], event[~wall] - 2 * count
        hit[at, pair] = True
        i, j = first[pair], second[pair]
        normal = position[at, i] - position[at, j]
        normal /= np.hypot(normal[:, 0], normal[:, 1])[:, None]
        # Equal masses: they exchange what of their velocities lies along the line of centers.
        along = ((velocity[at, i] - velocity[at, j]) * normal).sum(-1, keepdims=True) * normal
        velocity[at, i] -= along
        velocity[at, j] += along
    return position, velocity, hit


def run(
    position: np.ndarray, velocity: np.ndarray, *, radius: float, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paths [B, T, K, 2] from the given start, and the collisions [B, T, P] before each frame."""
    path, hits = [position], [np.zeros((len(position), len(pairs(position.shape[1])[0])), bool)]
    for _ in range(frames - 1):
        position, velocity, hit = advance(position, velocity, radius=radius)
        path.append(position)
        hits.append(hit)
    return np.stack(path, axis=1), np.stack(hits, axis=1)


def _wall_times(x: np.ndarray, v: np.ndarray, radius: float) -> np.ndarray:
    """When each disc meets the wall it goes towards, along each axis: [B, K, 2]."""
    room = np.where(v > 0, 1 - radius - x, x - radius)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v == 0, np.inf, np.maximum(room, 0) / np.abs(v))


def _pair_times(
    x: np.ndarray, v: np.ndarray, radius: float, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """When the discs of each pair touch: [B, P], inf if never."""
    r, w = x[:, first] - x[:, second], v[:, first] - v[:, second]
    a, b = (w * w).sum(-1), (r * w).sum(-1)
    root = b * b - a * ((r * r).sum(-1) - 4 * radius**2)
    meet = (b < 0) & (root > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(meet, np.maximum((-b - np.sqrt(np.where(meet, root, 0))) / a, 0), np.inf)
