"""Tiles: a small window of the picture around each of many particles, and arithmetic on them.

A tile is [rows, columns, N], in the pixels of a level of a pyramid; particles come last, and
everything is done row after row: XLA:CPU works through such rows at full width, while it is many
times slower at sums over small windows.

A level [H, W] is kept as a vector, continued by `pad` pixels at its edges (`flatten`), several of
them one after another; (offset, height, width) says where one of them lies.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def flatten(level: Array, *, pad: int) -> Array:
    """One level [H, W], continued at its edges, as a vector."""
    return jnp.pad(level, pad, mode="edge").ravel()


def window(flat: Array, level: Array, center: Array, size: int, *, pad: int) -> tuple[Array, Array]:
    """A tile around the pixels that hold the centers, and the centers from their middles.

    Args:
        flat: levels as `flatten` makes them.
        level: (offset, height, width) of one of them.
        center: [2, N] pixels of that level, inside the picture.
        size: rows and columns, odd, at most 2 · pad.
        pad: as of `flatten`.
    """
    offset, _, width = level
    pixel = jnp.floor(center)
    corner = pixel.astype(jnp.int32) + pad - size // 2
    wide = width + 2 * pad
    start = offset + (corner[1][:, None] + jnp.arange(size)) * wide + corner[0][:, None]
    # Whole rows at once: a gather of single pixels is six times as slow.
    rows = jax.lax.gather(
        flat,
        start[..., None],
        jax.lax.GatherDimensionNumbers((2,), (), (0,)),
        (size,),
        mode="promise_in_bounds",
    )
    return rows.transpose(1, 2, 0), center - 0.5 - pixel


def warped_window(
    flat: Array, level: Array, center: Array, map_: Array, size: int, *, pad: int
) -> Array:
    """A tile around the centers [2, N], sampled through affine maps [2, 2, N]."""
    offset, height, width = level
    reach = jnp.arange(size, dtype=jnp.float32) - size // 2
    across = reach[:, None]
    limit = width + 2 * pad - 2, height + 2 * pad - 2

    wide = width + 2 * pad

    def positions(down: Array) -> tuple[Array, Array, Array]:
        x, y = (
            jnp.clip(center[k] - 0.5 + pad + map_[k, 0] * across + map_[k, 1] * down, 0, limit[k])
            for k in (0, 1)
        )
        left, top = x.astype(jnp.int32), y.astype(jnp.int32)
        return offset + top * wide + left, x - left, y - top

    # Row by row what is computed once is kept: fused, each gather would do it again.
    index, fx, fy = by_rows(positions, reach)
    pixels = [
        flat.at[index + step].get(mode="promise_in_bounds") for step in (0, 1, wide, wide + 1)
    ]
    a, b, c, d = jax.lax.optimization_barrier(pixels)
    top, low = a + fx * (b - a), c + fx * (d - c)
    return top + fy * (low - top)


def shifted(tile: Array, shift: Array, size: int, margin: int) -> Array:
    """The middle of a tile, `size` across, sampled at `shift` [2, N], |shift| ≤ margin."""
    cut = (tile.shape[0] - size) // 2 - margin
    if cut:
        tile = tile[cut:-cut, cut:-cut]
    reach = jnp.arange(-margin, margin + 1, dtype=jnp.float32)
    across, down = (jnp.maximum(0, 1 - jnp.abs(shift[k] - reach[:, None])) for k in (0, 1))

    def blend(lines: Any, weights: Array) -> Array:
        return functools.reduce(jnp.add, (x * w for x, w in zip(lines, weights, strict=True)))

    steps = range(2 * margin + 1)
    rows = by_rows(lambda row: blend([row[k : k + size] for k in steps], across), tile)
    return by_rows(lambda *near: blend(near, down), *(rows[k : k + size] for k in steps))


def tile_slopes(patch: Array) -> tuple[Array, Array]:
    """Central differences across and down of a tile, without its border."""

    def differences(above: Array, row: Array, below: Array) -> tuple[Array, Array]:
        return (row[2:] - row[:-2]) / 2, (below[1:-1] - above[1:-1]) / 2

    return by_rows(differences, patch[:-2], patch[1:-1], patch[2:])


def gaussian_weights(size: int) -> Array:
    """Weights of the pixels of a tile, [size, size, 1], which sum to 1."""
    reach = (np.arange(size) - size // 2) / (size // 2 + 1)
    weight = np.exp(-(reach[:, None] ** 2 + reach[None, :] ** 2))
    return jnp.asarray(weight[..., None] / weight.sum(), jnp.float32)


def by_rows(function: Callable[..., Any], *tiles: Array) -> Any:
    """`function` of each row of the tiles, stacked."""
    return jax.lax.scan(lambda _, rows: (None, function(*rows)), None, tiles)[1]


def row_sums(function: Callable[..., tuple[Array, ...]], *tiles: Array) -> tuple[Array, ...]:
    """Sums over the rows of what `function` makes of each row of the tiles."""
    first = function(*(tile[0] for tile in tiles))

    def add(total: tuple[Array, ...], rows: tuple[Array, ...]):
        return tuple(t + x for t, x in zip(total, function(*rows), strict=True)), None

    total, _ = jax.lax.scan(add, first, tuple(tile[1:] for tile in tiles))
    return total


def pixel_sums(function: Callable[..., tuple[Array, ...]], *tiles: Array) -> list[Array]:
    """Sums over the pixels of what `function` makes of each row of the tiles, [N] each."""
    return [jnp.sum(t, 0) for t in row_sums(function, *tiles)]
