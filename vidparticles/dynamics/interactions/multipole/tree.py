"""A tree of boxes of equally many particles.

Particles are cut into strips of equal count across the longer side of their box, strips into
tiles, tiles again, so the tree is as deep as it is wherever particles are: shapes are static and
boxes adapt to any crowd (Bentley's k-d tree, Commun. ACM 18, 509, 1975). A box is a disc about
its particles' mean, which is where the mass of a lopsided box is.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from vidparticles.numerics import tiny

# Particles a leaf, to choose from, and boxes at the root, at least, where there are so many.
SIZES = (24, 32, 40)
ROOT = 40


class Grid(NamedTuple):
    """The static shape of a tree: `root` boxes, each cut into four, `levels` times."""

    strips: int
    tiles: int
    levels: int
    size: int

    @property
    def root(self) -> int:
        """How many boxes are in no other."""
        return self.strips * self.tiles

    @property
    def leaves(self) -> int:
        """How many boxes hold no other."""
        return self.root * 4**self.levels

    @property
    def inner(self) -> int:
        """How many boxes there are above the leaves; the children of box b are root + 4 b + …"""
        return self.root * (4**self.levels - 1) // 3


class Tree(NamedTuple):
    """Particles in their leaves, and all boxes, level by level, the leaves last.

    Attributes:
        order: [leaves, size] which particle it is.
        z: [leaves, size] positions as complex numbers; `nowhere` where there is none.
        center: [boxes] complex.
        radius: [boxes] at least `least`, but negative where a box is empty.
    """

    order: Array
    z: Array
    center: Array
    radius: Array


def grid_of(count: int) -> Grid:
    """The tree for so many particles: what costs least, by the pairs that are summed directly."""
    choice = []
    for size in SIZES:
        need, levels = -(-count // size), 0
        while need / 4 ** (levels + 1) >= ROOT:
            levels += 1
        root = -(-need // 4**levels)
        strips = max(1, round(math.sqrt(root)))
        grid = Grid(strips, -(-root // strips), levels, size)
        choice.append((grid.leaves * (size**2 + 1200), grid))
    return min(choice)[1]


def nowhere(dtype: Any) -> float:
    """Where those are put that are not there: so far that the square of it overflows."""
    return 4 * math.sqrt(jnp.finfo(dtype).max)


def least(dtype: Any) -> float:
    """The radius of a point: what is as near is in one place, for the law."""
    return math.sqrt(tiny(dtype))


def present(z: Array) -> Array:
    """Which places hold a particle."""
    return z.real < 0.25 * nowhere(z.real.dtype)


def arrange(grid: Grid, x: Array, living: Array) -> Tree:
    """Sort particles x [N, 2] into the leaves and measure the boxes."""
    room = grid.leaves * grid.size
    z = jnp.where(living, lax.complex(x[:, 0], x[:, 1]), nowhere(x.dtype))
    z = jnp.pad(z, (0, room - len(z)), constant_values=nowhere(x.dtype))
    order = lax.iota(jnp.int32, room)[None]
    stages = [(grid.strips, grid.tiles)] + [(4, 4)] * (grid.levels // 2)
    stages += [(2, 2)] * (grid.levels % 2)
    for strips, tiles in stages:
        order = _cut(_cut(order, z, strips), z, tiles)
        if strips == tiles == 4 and len(order) > grid.root:
            # Two by two strips and tiles are a box of the level between.
            order = order.reshape(-1, 2, 2, 2, 2, order.shape[1]).swapaxes(2, 3)
            order = order.reshape(-1, order.shape[-1])
    z = take(z, order)
    return Tree(order, z, *_boxes(grid, z))


def take(table: Array, index: Array) -> Array:
    """table[index]; an index that is of no use may be no good either."""
    return table.at[index].get(mode="clip")


def _cut(order: Array, z: Array, parts: int) -> Array:
    """Rows [R, C] cut across the longer side of their particles, [R parts, C / parts].

    What is sorted is one whole number: the place along that side, as finely as it fits, above
    the number in the row; that takes a fifth of the time of sorting floats with an index.
    """
    rows, columns = order.shape
    if parts == 1:
        return order
    bits = (columns - 1).bit_length()
    most = 2 ** (32 - bits) - 1
    z = take(z, order)
    here = present(z)
    low, high = _extent(z, here)
    sides = [b - a for a, b in zip(low, high, strict=True)]
    wide = sides[0] >= sides[1]
    scale = jnp.maximum(*sides)
    scale = jnp.where(scale > 0, (most - 1) * (1 - 2e-7) / scale, 0)
    along = jnp.where(wide[:, None], z.real - low[0][:, None], z.imag - low[1][:, None])
    key = jnp.where(here, along * scale[:, None], 0).astype(jnp.uint32)
    key = jnp.where(here, key, jnp.uint32(most))
    key = jnp.sort((key << bits) | lax.broadcasted_iota(jnp.uint32, key.shape, 1), axis=1)
    place = (key & jnp.uint32(2**bits - 1)).astype(jnp.int32)
    place = place + columns * lax.broadcasted_iota(jnp.int32, place.shape, 0)
    return take(order.reshape(-1), place).reshape(rows * parts, columns // parts)


def _extent(z: Array, here: Array) -> tuple[list[Array], list[Array]]:
    """The least and the most of each component in a row; ∞ and −∞ where it is empty."""
    low = [jnp.min(v, axis=1, where=here, initial=jnp.inf) for v in (z.real, z.imag)]
    high = [jnp.max(v, axis=1, where=here, initial=-jnp.inf) for v in (z.real, z.imag)]
    return low, high


def _boxes(grid: Grid, z: Array) -> tuple[Array, Array]:
    """Centers and radii of all boxes."""
    here = present(z)
    low, high = _extent(z, here)
    weight = here.astype(z.real.dtype)
    mean = [z.real, z.imag]
    centers: list[Array] = []
    radii: list[Array] = []
    for level in range(grid.levels, -1, -1):
        if level < grid.levels:
            low = [jnp.min(v.reshape(-1, 4), axis=1) for v in low]
            high = [jnp.max(v.reshape(-1, 4), axis=1) for v in high]
            weight = weight.reshape(-1, 4)
            mean = [v.reshape(-1, 4) for v in mean]
        # From the corner on: the mean of what is far from the origin keeps its digits.
        count = jnp.sum(weight, axis=1)
        mean = [_mean(v, a, weight, count) for v, a in zip(mean, low, strict=True)]
        center = lax.complex(*mean)
        if level == grid.levels:
            radius = jnp.max(jnp.where(here, jnp.abs(z - center[:, None]), 0), axis=1)
        else:
            inner = radii[-1].reshape(-1, 4)
            reach = jnp.abs(centers[-1].reshape(-1, 4) - center[:, None]) + inner
            corner = [jnp.maximum(b - m, m - a) for m, a, b in zip(mean, low, high, strict=True)]
            radius = jnp.max(jnp.where(inner < 0, 0, reach), axis=1)
            radius = jnp.minimum(radius, jnp.hypot(*corner))
        centers.append(center)
        radius = jnp.maximum(radius * (1 + 1e-6), least(radius.dtype))
        radii.append(jnp.where(count > 0, radius, -1))
        weight = count
    return jnp.concatenate(centers[::-1]), jnp.concatenate(radii[::-1])


def _mean(v: Array, low: Array, weight: Array, count: Array) -> Array:
    """The mean of rows v [R, C] by their weights, and 0 where these are."""
    above = jnp.sum(jnp.where(weight > 0, weight * (v - low[:, None]), 0), axis=1)
    return jnp.where(count > 0, low + above / jnp.maximum(count, 1), 0)
