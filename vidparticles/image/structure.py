"""Local structure of a picture: slopes, what they say together in a window, and its noise.

The structure tensor of a window is ⟨g gᵀ⟩, g the slope of the luma. It is the matrix of Lucas and
Kanade's equation for the displacement of the window; its smaller eigenvalue tells whether that has
a solution, which is texture in two directions (Shi & Tomasi 1994).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vidparticles.image.linear import Symmetric
from vidparticles.image.resample import box


def slopes(pictures: Array) -> tuple[Array, Array]:
    """Central differences along x and y; edges are repeated.

    Args:
        pictures: [..., H, W].

    Returns:
        Both [..., H, W], per pixel.

    Example:
        >>> across, down = slopes(jnp.array([[0.0, 2.0, 4.0]]))
        >>> across.tolist(), down.tolist()
        ([[1.0, 2.0, 1.0]], [[0.0, 0.0, 0.0]])
    """
    rest = [(0, 0)] * (pictures.ndim - 2)
    padded = jnp.pad(pictures, [*rest, (1, 1), (1, 1)], mode="edge")
    return (
        (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2,
        (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2,
    )


def smaller_eigenvalue(tensor: Symmetric) -> Array:
    """Of symmetric 2 × 2 matrices given by their entries a, b, c.

    Example:
        >>> float(smaller_eigenvalue((jnp.array(5.0), jnp.array(0.0), jnp.array(2.0))))
        2.0
    """
    a, b, c = tensor
    return (a + c) / 2 - jnp.sqrt(((a - c) / 2) ** 2 + b * b)


def texture(luma: Array, *, radius: int) -> Array:
    """The smaller eigenvalue of the structure tensor around each pixel.

    Args:
        luma: [H, W] in [0, 1].
        radius: pixels of the window over which the tensor is averaged.

    Returns:
        [H, W] (luma / pixel)², 0 where the picture is flat or an edge without corners.

    Example:
        >>> edge = jnp.zeros((16, 16)).at[:, 8:].set(1.0)
        >>> bool(texture(edge, radius=3)[8, 8] < 1e-6)
        True
    """
    gx, gy = slopes(luma)
    a, b, c = box(jnp.stack([gx * gx, gx * gy, gy * gy], -1), radius).transpose(2, 0, 1)
    return smaller_eigenvalue((a, b, c))


def grid(height: int, width: int, count: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells, at most `count` in all.

    Example:
        >>> grid(90, 160, 128)
        (8, 16)
    """
    rows = max(1, min(count, int((count * height / width) ** 0.5)))
    return rows, max(1, count // rows)


def cells_of(image: Array, rows: int, columns: int) -> Array:
    """The pixels [rows · columns, ·] of each cell of a grid; zeros where a cell leaves the picture.

    Args:
        image: [H, W].
        rows, columns: of cells, all of `cell_size`; the last ones may be narrower.
    """
    height, width = image.shape
    high, wide = cell_size(height, width, rows, columns)
    padded = jnp.pad(image, ((0, rows * high - height), (0, columns * wide - width)))
    cells = padded.reshape(rows, high, columns, wide).transpose(0, 2, 1, 3)
    return cells.reshape(rows * columns, -1)


def cell_size(height: int, width: int, rows: int, columns: int) -> tuple[int, int]:
    """Height and width in pixels of the cells of a grid over a picture."""
    return -(-height // rows), -(-width // columns)


def noise_variance(luma: Array, cells: int) -> Array:
    """Variance of the noise of the luma: what second differences leave of smooth pictures.

    Immerkær (1996), in the calmest quarter of the cells of a grid, so that texture elsewhere does
    not count as noise.

    Args:
        luma: [H, W] in [0, 1].
        cells: of the grid, at most.

    Example:
        >>> ramp = jnp.linspace(0, 1, 64)[:, None] + jnp.linspace(0, 1, 64)
        >>> bool(noise_variance(ramp, 16) < 1e-9)
        True
    """
    second = luma
    for axis in (0, 1):
        second = jnp.moveaxis(second, axis, 0)
        second = jnp.moveaxis(second[:-2] - 2 * second[1:-1] + second[2:], 0, axis)
    # E|x| = √(2/π) σ, and the coefficients of the difference have the norm 6.
    spread = jnp.mean(cells_of(jnp.abs(second), *grid(second.shape[0], second.shape[1], cells)), -1)
    return (jnp.quantile(spread, 0.25) / 6) ** 2 * (jnp.pi / 2)
