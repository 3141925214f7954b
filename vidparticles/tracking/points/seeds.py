"""Where particles are born: the most textured place of each empty cell of a grid.

Texture is the smaller eigenvalue of the structure tensor (Shi & Tomasi 1994), what the noise
of the picture adds to it taken off; noise is what second differences leave of smooth pictures
(Immerkær 1996), in the calmest quarter of the cells.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vidparticles.image.resample import box, highest

MIN_TEXTURE = 4e-5  # smaller eigenvalue of the structure tensor, (luma / pixel)²
OVER_NOISE = 2.5  # × variance of the noise that texture must have besides
MARGIN = 3  # pixels at the border where nothing is born: a patch needs something around it
PEAK = 3  # pixels around a place of which it must be the most textured
REACH = 3  # of the window over which the tensor is averaged


def grid(height: int, width: int, count: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells, at most `count` in all.

    Example:
        >>> grid(90, 160, 128)
        (8, 16)
    """
    rows = max(1, min(count, int((count * height / width) ** 0.5)))
    return rows, max(1, count // rows)


def _cell_size(height: int, width: int, count: int) -> tuple[int, int]:
    # Cells of equal size; the few lines left over narrow the last row and column.
    rows, cols = grid(height, width, count)
    return -(-height // rows), -(-width // cols)


def texture(luma: Array) -> Array:
    """The smaller eigenvalue of the structure tensor around each pixel [H, W]."""
    padded = jnp.pad(luma, 1, mode="edge")
    gx = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    gy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    a, b, c = box(jnp.stack([gx * gx, gx * gy, gy * gy], -1), REACH).transpose(2, 0, 1)
    return (a + c) / 2 - jnp.sqrt(((a - c) / 2) ** 2 + b * b)


def _cells(image: Array, count: int) -> Array:
    """The pixels of each cell, [rows · cols, ·], zeros where a cell leaves the picture."""
    height, width = image.shape
    (rows, cols), (ch, cw) = grid(height, width, count), _cell_size(height, width, count)
    padded = jnp.pad(image, ((0, rows * ch - height), (0, cols * cw - width)))
    return padded.reshape(rows, ch, cols, cw).transpose(0, 2, 1, 3).reshape(rows * cols, -1)


def noise_of(luma: Array, count: int) -> Array:
    """Variance of the noise of the luma [H, W], measured in `count` cells."""
    second = luma
    for axis in (0, 1):
        second = jnp.moveaxis(second, axis, 0)
        second = jnp.moveaxis(second[:-2] - 2 * second[1:-1] + second[2:], 0, axis)
    # E|x| = √(2/π) σ, and the coefficients of the difference have the norm 6.
    deviation = jnp.quantile(jnp.mean(_cells(jnp.abs(second), count), -1), 0.25)
    return (deviation / 6) ** 2 * (jnp.pi / 2)


def seeds(luma: Array, noise: Array, count: int) -> tuple[Array, Array]:
    """The most textured place of each cell, pixels [cells, 2], and whether it can be followed.

    Args:
        luma: [H, W] in [0, 1].
        noise: its variance.
        count: cells wanted; `grid` says how many there are.
    """
    height, width = luma.shape
    _, cols = grid(height, width, count)
    ch, cw = _cell_size(height, width, count)
    inside = jnp.zeros((height, width), bool).at[MARGIN:-MARGIN, MARGIN:-MARGIN].set(True)
    score = texture(luma)
    # Peaks alone: the best place of a cell may be the slope of a peak in the next.
    cells = _cells(jnp.where(inside & (score >= highest(score, PEAK)), score, 0), count)
    best = jnp.argmax(cells, axis=1)
    cell = jnp.arange(len(cells))
    x = (cell % cols) * cw + best % cw + 0.5
    y = (cell // cols) * ch + best // cw + 0.5
    score = jnp.max(cells, axis=1) - OVER_NOISE * noise
    return jnp.stack([x, y], -1).astype(jnp.float32), jnp.where(score > MIN_TEXTURE, score, 0)


def cell_of(xy: Array, height: int, width: int, count: int) -> Array:
    """[N] int32, the cell that places [N, 2] in pixels lie in."""
    (rows, cols), (ch, cw) = grid(height, width, count), _cell_size(height, width, count)
    row = jnp.clip(xy[:, 1] // ch, 0, rows - 1)
    return (row * cols + jnp.clip(xy[:, 0] // cw, 0, cols - 1)).astype(jnp.int32)
