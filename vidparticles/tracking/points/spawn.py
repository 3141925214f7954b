"""Where particles are spawned: the most textured position of each empty cell of a grid."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jax import Array

from vidparticles.image.resample import highest
from vidparticles.image.structure import cell_size, cells_of, grid, texture


@dataclasses.dataclass(frozen=True)
class SpawnConfig:
    """Where particles are spawned.

    Attributes:
        least_texture: smaller eigenvalue of the structure tensor, (luma / pixel)², at least,
        least_share: or, in a picture of less contrast, this share of a good cell's,
        good_cell: the quantile of the cells that is one,
        floor: but always this.
        over_noise: × variance of the noise, before it is smoothed, that texture must have besides.
        margin: pixels at the border where nothing is spawned: a patch needs something around it.
        peak: pixels around a position of which it must be the most textured.
        window: radius in pixels of the window over which the tensor is averaged.
        crowd: of the side of a cell, to which a particle keeps others from being spawned.
    """

    least_texture: float = 4e-5
    least_share: float = 0.4
    good_cell: float = 0.75
    floor: float = 1.5e-6
    over_noise: float = 0.3
    margin: int = 3
    peak: int = 3
    window: int = 3
    crowd: float = 0.4


def seeds(luma: Array, noise: Array, count: int, config: SpawnConfig) -> tuple[Array, Array]:
    """The most textured position of each cell, pixels [cells, 2], and how much can be followed.

    Args:
        luma: [H, W] in [0, 1], smoothed once: noise is then far below texture.
        noise: its variance before.
        count: cells wanted; `grid` says how many there are.
        config: what can be followed.

    Returns:
        Positions, and their texture [cells], 0 where there is too little.
    """
    height, width = luma.shape
    rows, columns = grid(height, width, count)
    high, wide = cell_size(height, width, rows, columns)
    edge = config.margin
    inside = jnp.zeros((height, width), bool).at[edge:-edge, edge:-edge].set(True)
    score = texture(luma, radius=config.window)
    # Peaks alone: the best position of a cell may be the slope of a peak in the next. Compiled, the
    # score may be computed anew beside its maximum: a peak is then a few bits below itself.
    peak = (1 + 1e-5) * score >= highest(score, config.peak)
    score = jnp.where(inside & peak, score, 0)
    cells = cells_of(score, rows, columns)
    best = jnp.argmax(cells, axis=1)
    cell = jnp.arange(len(cells))
    x = (cell % columns) * wide + best % wide + 0.5
    y = (cell // columns) * high + best // wide + 0.5
    score = jnp.max(cells, axis=1) - config.over_noise * noise
    least = config.least_share * jnp.quantile(score, config.good_cell)
    least = jnp.clip(least, config.floor, config.least_texture)
    score = jnp.where(score > least, score, 0)
    return jnp.stack([x, y], -1).astype(jnp.float32), score


def cell_index(xy: Array, height: int, width: int, count: int) -> Array:
    """[N] int32, the cell that positions [N, 2] in pixels lie in."""
    rows, columns = grid(height, width, count)
    high, wide = cell_size(height, width, rows, columns)
    row = jnp.clip(xy[:, 1] // high, 0, rows - 1)
    return (row * columns + jnp.clip(xy[:, 0] // wide, 0, columns - 1)).astype(jnp.int32)


def spawn(
    luma: Array,
    noise: Array,
    xy: Array,
    visible: Array,
    free: Array,
    *,
    cells: int,
    config: SpawnConfig,
) -> tuple[Array, Array]:
    """Which slots take a new particle [N], and where it is, pixels [N, 2].

    The k-th free slot takes the k-th emptiest textured cell.

    Args:
        luma: [H, W] in [0, 1], smoothed once.
        noise: its variance before.
        xy: [N, 2] pixels, of those that there are.
        visible: [N] bool, they keep new ones away.
        free: [N] bool slots.
        cells: of the grid.
        config: see there.
    """
    count, (height, width) = len(visible), luma.shape
    positions, score = seeds(luma, noise, cells, config)
    # A particle holds each cell that is near, too: else its own cell, once it has left it,
    # would spawn another beside it.
    held = jnp.zeros(len(score) + 1, bool)
    for corner in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        away = config.crowd * (height * width / cells) ** 0.5 * jnp.asarray(corner, jnp.float32)
        cell = jnp.where(visible, cell_index(xy + away, height, width, cells), len(score))
        held = held.at[cell].set(True)
    held = held[:-1]
    wanted = jnp.pad(jnp.where(held, 0, score), (0, max(0, count - len(score))))
    rank = jnp.argsort(jnp.argsort(~free, stable=True), stable=True)
    chosen = jnp.argsort(-wanted, stable=True)[rank]
    return free & (wanted[chosen] > 0), positions[jnp.minimum(chosen, len(score) - 1)]


def occupants(
    xy: Array, visible: Array, identity: Array, size: tuple[int, int], *, cells: int
) -> tuple[Array, Array, int]:
    """The oldest particle of each cell or N [cells], the cell of each [N], cells in a row."""
    count = len(visible)
    rows, columns = grid(*size, cells)
    cell = cell_index(xy, *size, cells)
    none = jnp.iinfo(jnp.int32).max
    numbers = jnp.where(visible, identity, none)
    oldest = jnp.full(rows * columns, none).at[cell].min(numbers)
    first = visible & (identity == oldest[cell])
    slot = jnp.where(first, jnp.arange(count), count)
    return jnp.full(rows * columns, count).at[cell].min(slot), cell, columns


def beside(cell: Array, columns: int) -> Array:
    """The cells on the four sides of each, [N, 4]; some may lie beyond the grid."""
    return cell[:, None] + jnp.asarray([1, -1, columns, -columns])
