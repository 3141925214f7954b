"""Boxes of a picture at one size, and the way back to its pixels.

Both ways are products with matrices whose lines are hat functions: linear between samples, and as
wide as a sample where those are farther apart than what they are taken of.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def grown(box: Array, margin: float) -> Array:
    """Boxes [..., 4] with their surroundings, `margin` sides wide."""
    sides = margin * (box[..., 2:] - box[..., :2])
    return jnp.concatenate([box[..., :2] - sides, box[..., 2:] + sides], -1)


def read(image: Array, box: Array, size: int) -> Array:
    """Boxes of an image, all at one size, low-passed where they shrink; edges are repeated.

    Args:
        image: [H, W, C].
        box: [N, 4] left, top, right, bottom, frame heights.
        size: S.

    Returns:
        [N, S, S, C].

    Example:
        >>> ramp = jnp.tile(jnp.arange(4.0)[:, None], (4, 1, 1))
        >>> read(ramp, jnp.array([[0.0, 0.5, 0.5, 1.0]]), 2)[0, :, :, 0].tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """
    height, width = image.shape[:2]
    at = box * height
    down = _samples(at[:, 1], at[:, 3], size, height)
    across = _samples(at[:, 0], at[:, 2], size, width)
    lines = jnp.einsum("nsh,hwc->nswc", down, image)
    return jnp.einsum("ntw,nswc->nstc", across, lines)


def _samples(first: Array, last: Array, size: int, length: int) -> Array:
    """What each of `length` pixels counts for each of `size` samples, [N, size, length]."""
    step = (last - first)[:, None] / size
    at = jnp.clip(first[:, None] + (jnp.arange(size) + 0.5) * step, 0.5, length - 0.5)
    off = jnp.abs(jnp.arange(length) + 0.5 - at[..., None])
    weight = jnp.maximum(1 - off / jnp.maximum(step, 1)[..., None], 0)
    return weight / jnp.sum(weight, -1, keepdims=True)


def to_pixels(first: Array, last: Array, size: int, length: int) -> Array:
    """What each sample of a stretch counts for each pixel of a line that it lies in.

    Args:
        first, last: [] its ends, pixels.
        size: samples.
        length: pixels.

    Returns:
        [length, size], 0 for pixels outside.

    Example:
        >>> to_pixels(jnp.array(1.0), jnp.array(3.0), 2, 4).tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    step = (last - first) / size
    at = (jnp.arange(length) + 0.5 - first) / step - 0.5
    wide = jnp.maximum(1 / step, 1)  # samples a pixel
    off = jnp.abs(at[:, None] - jnp.arange(size))
    return jnp.maximum(1 - off / wide, 0) / wide
