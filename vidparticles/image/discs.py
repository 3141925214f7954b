"""Particles as soft discs on a background: what a frame shows with objects of one size in it.

This is the one way from discs to pixels, for what is fitted (`cover`) and what is drawn
(`pixel_cover`). Two others really differ: a Gaussian spot is a product of one along x and one along
y, so that `render.splat` sums them by one matrix product, exactly, which no disc allows; and the
baseline of PV-5 (`models.baselines.tracker`) is plain numpy, to be read without this package.

Pixels are kept in one axis [P], P = H · W, row after row: what is summed over a picture is then a
matrix product.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


def pixels(height: int, width: int) -> Array:
    """Centers of pixels, [P, 2] in frame heights.

    Example:
        >>> pixels(1, 2).tolist()
        [[0.5, 0.5], [1.5, 0.5]]
    """
    y, x = jnp.mgrid[:height, :width]
    return (jnp.stack([x.ravel(), y.ravel()], axis=-1) + 0.5) / height


def offsets(position: Array, height: int, width: int) -> tuple[Array, Array]:
    """Where each pixel lies from each position [..., N, 2]: along x and along y, [..., N, P]."""
    center = pixels(height, width)
    return center[:, 0] - position[..., :1], center[:, 1] - position[..., 1:]


def square_distance(position: Array, height: int, width: int) -> Array:
    """From each position [..., N, 2] to each pixel, squared: [..., N, P]."""
    x = (jnp.arange(width) + 0.5) / height - position[..., :1]
    y = (jnp.arange(height) + 0.5) / height - position[..., 1:]
    square = (y * y)[..., :, None] + (x * x)[..., None, :]
    return square.reshape(*position.shape[:-1], height * width)


def inside(square: Array, radius: ArrayLike, edge: ArrayLike) -> Array:
    """How many edge widths a squared distance lies within a disc; its sigmoid is the cover.

    (r² − d²) / 2 r ε is (r − d) / ε near the edge, and smooth in the middle.
    """
    radius = jnp.asarray(radius, square.dtype)
    return (radius * radius - square) / (2 * radius * edge)


def pixel_cover(distance: Array, radius: ArrayLike) -> Array:
    """How far a disc or a stroke covers a pixel, as drawn with smooth edges, in [0, 1].

    The edge falls off linearly over one pixel, as the area that is covered does where the edge runs
    along the pixels: what is drawn for the eye or summed over. It has no gradient beyond that
    pixel; what is fitted takes `cover`.

    Args:
        distance: [...] of the pixel's center from the middle, pixels.
        radius: pixels.

    Example:
        >>> pixel_cover(jnp.array([0.0, 2.0, 4.0]), 2.0).tolist()
        [1.0, 0.5, 0.0]
    """
    return jnp.clip(radius + 0.5 - distance, 0, 1)


def cover(
    position: Array,
    alive: Array,
    *,
    radius: ArrayLike,
    edge: ArrayLike,
    height: int,
    width: int,
) -> Array:
    """How far discs cover each pixel, alone: σ((r² − d²) / 2 r ε).

    Args:
        position: [..., N, 2] in frame heights.
        alive: [..., N]; the inactive cover nothing.
        radius: r in frame heights.
        edge: ε > 0, the width of the rim in frame heights.
        height: H, pixels; a frame height is H pixels.
        width: W, pixels.

    Returns:
        [..., N, P] in [0, 1]. It has finite gradients in position, radius and edge.

    Example:
        >>> alive = jnp.ones(1, bool)
        >>> disc = cover(
        ...     jnp.array([[0.5, 0.5]]), alive, radius=0.2, edge=0.02, height=9, width=9
        ... )
        >>> (disc.reshape(9, 9)[4] > 0.5).astype(int).tolist()
        [0, 0, 0, 1, 1, 1, 0, 0, 0]
    """
    # What an inactive particle holds may be anything, NaN too: 0 · NaN is not 0.
    position = jnp.where(alive[..., None], position, 0)
    square = square_distance(position, height, width)
    return jnp.where(alive[..., None], jax.nn.sigmoid(inside(square, radius, edge)), 0)


def paint(covers: Array, color: Array, background: Array) -> Array:
    """Discs over a background; where several cover a pixel, their colors are mixed.

    Args:
        covers: [..., N, P], see `cover`.
        color: [..., N, C] of each disc.
        background: what broadcasts to [..., P, C].

    Returns:
        [..., P, C].

    Example:
        >>> half = jnp.array([[0.5, 1.0]])
        >>> paint(half, jnp.array([[1.0]]), jnp.array([[0.0]])).ravel().tolist()
        [0.5, 1.0]
    """
    total = jnp.sum(covers, axis=-2, keepdims=True)
    share = covers / jnp.maximum(total, 1)
    bare = 1 - jnp.minimum(total, 1)
    return jnp.einsum("...np,...nc->...pc", share, color) + jnp.swapaxes(bare, -1, -2) * background
