"""Whole bodies: boxes from the mask, which covers them whole, where middles are of their parts.

What was taught by composites finds a middle in a trunk and perhaps others in a leg and a head, and
the size that it tells is that of what looks alike. The mask does not care for looks. So each of its
cells goes to the middle that it is nearest to, of those that it hangs together with; middles over
each other that move alike are one body; and a box is what its cells spread over.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.image.components import components


@dataclasses.dataclass(frozen=True)
class BodyConfig:
    """How cells become bodies.

    Attributes:
        covered: probability that an object covers a cell, from which the cell is of a body.
        least: score from which a middle takes cells.
        softness: cells, added to the deviations in which cells measure how far a middle is.
        cells: how many make a box; of fewer, it is what the network tells.
        sides: half a side of a box, standard deviations of its cells.
        overlap: share of the narrower's width that two parts of a body lie over each other.
        gap: the most between them, in half the height of the taller.
        pace: how differently they move at most, in half the longer's side a frame.
    """

    covered: float = 0.32
    least: float = 0.25
    softness: float = 1.2
    cells: float = 4.0
    sides: float = 2.0
    overlap: float = 0.4
    gap: float = 0.9
    pace: float = 0.5


class Middles(NamedTuple):
    """What is told where a middle is likely, the likeliest first; lengths are cells.

    Attributes:
        score: [K] in [0, 1].
        cell: [K] int, in which it is, row by row.
        position: [K, 2].
        deviation: [K, 2] of its pixels along x and y.
        velocity: [K, 2] cells a frame.
    """

    score: Array
    cell: Array
    position: Array
    deviation: Array
    velocity: Array


def bodies(covered: Array, middles: Middles, config: BodyConfig) -> tuple[Array, Array, Array]:
    """Which middles are those of bodies, and what their cells spread over.

    Args:
        covered: [h, w] probability that an object covers a cell.
        middles: K of them.
        config: how cells become bodies.

    Returns:
        Whether a middle is a body's [K], and not a part of another one; positions [K, 2] and
        deviations [K, 2] of bodies, cells.
    """
    part = components(covered > config.covered).reshape(-1)
    own, counts = part[middles.cell], middles.score > config.least
    size = middles.deviation
    rows, columns = covered.shape
    y, x = jnp.meshgrid(jnp.arange(rows) + 0.5, jnp.arange(columns) + 0.5, indexing="ij")
    cells = jnp.stack([x, y], -1).reshape(-1, 2)
    away = (cells[:, None] - middles.position) / (size + config.softness)
    near = (part[:, None] == own) & (own > 0) & counts
    distance = jnp.where(near, jnp.sum(away**2, -1), jnp.inf)
    whose = jax.nn.one_hot(jnp.argmin(distance, 1), len(own)) * jnp.any(near, 1)[:, None]

    whole = _whole(middles, own, counts, config)
    share = whose * covered.reshape(-1, 1) @ jax.nn.one_hot(whole, len(own))
    mass = jnp.sum(share, 0)
    middle = share.T @ cells / (mass[:, None] + 1e-6)
    spread = share.T @ cells**2 / (mass[:, None] + 1e-6) - middle**2
    enough = (mass > config.cells)[:, None]
    return (
        whole == jnp.arange(len(own)),
        jnp.where(enough, middle, middles.position),
        jnp.where(enough, jnp.sqrt(jnp.maximum(spread, 0.01)), size),
    )


def _whole(middles: Middles, part: Array, counts: Array, config: BodyConfig) -> Array:
    """Of each middle [K], the likeliest one of its body."""
    half = config.sides * middles.deviation
    apart = jnp.abs(middles.position[:, None] - middles.position)
    gap = apart - half[:, None] - half
    narrow = jnp.minimum(half[:, None, 0], half[:, 0])
    tall = jnp.maximum(half[:, None, 1], half[:, 1])
    long = jnp.maximum(jnp.max(half, -1)[:, None], jnp.max(half, -1))
    pace = jnp.linalg.norm(middles.velocity[:, None] - middles.velocity, axis=-1)
    order = jnp.arange(len(part))
    alike = (part[:, None] == part) & (part > 0) & counts
    alike &= (-gap[..., 0] > 2 * config.overlap * narrow) & (gap[..., 1] < config.gap * tall)
    alike &= (pace < config.pace * long) & (order < order[:, None])

    def decide(k: Array, whole: Array) -> Array:
        of = alike[k] & (whole == order)
        return whole.at[k].set(jnp.where(jnp.any(of), jnp.argmax(of), k))

    return lax.fori_loop(0, len(part), decide, order)
