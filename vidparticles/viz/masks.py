"""Masks over a picture: each in the color of its number, its boundary drawn."""

from __future__ import annotations

import dataclasses
import functools
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import to_bytes
from vidparticles.viz import draw

MaskArray = TypeVar("MaskArray", Array, np.ndarray)


@dataclasses.dataclass(frozen=True)
class MaskStyle:
    """How masks are drawn.

    Attributes:
        tint: opacity within.
        edge: opacity of the boundary, where a mask is one half.
    """

    tint: float = 0.4
    edge: float = 0.9


@functools.partial(jax.jit, static_argnames="style")
def tinted(picture: Array, mask: Array, label: Array, style: MaskStyle | None = None) -> Array:
    """A picture with masks over it, each in the color of its label.

    Args:
        picture: [H, W, 3] uint8.
        mask: [K, H, W] in [0, 1], at each pixel at most 1 together; of another size than the
            picture, they are stretched to it.
        label: [K] int, from 1, by which colors are told; see `draw.label_color`.
        style: how they are drawn; default `MaskStyle()`.

    Returns:
        [H, W, 3] uint8.

    Example:
        >>> gray = jnp.full((2, 2, 3), 100, jnp.uint8)
        >>> half = jnp.array([[[1.0, 0.0], [1.0, 0.0]]])
        >>> told = tinted(gray, half, jnp.array([1]))
        >>> told[0, 1].tolist(), bool((told[0, 0] != gray[0, 0]).any())
        ([100, 100, 100], True)
    """
    style = style or MaskStyle()
    mask = jax.image.resize(mask, (len(mask), *picture.shape[:2]), "linear")
    opacity = mask_cover(mask, style)
    opacity = opacity / jnp.maximum(jnp.sum(opacity, 0), 1)
    color = 255 * draw.label_color(label)
    over = jnp.einsum("khw,kc->hwc", opacity, color)
    rest = 1 - jnp.sum(opacity, 0)[..., None]
    return to_bytes(rest * picture.astype(jnp.float32) + over)


def mask_cover(mask: MaskArray, style: MaskStyle | None = None) -> MaskArray:
    """The opacity of what is drawn of a mask, a tint within and a line where it is one half.

    Args:
        mask: in [0, 1].
        style: how it is drawn; default `MaskStyle()`.

    Example:
        >>> mask_cover(np.array([0.0, 0.5, 1.0])).round(2).tolist()
        [0.0, 0.9, 0.4]
    """
    style = style or MaskStyle()
    edge = 4 * mask * (1 - mask)  # 0 where a mask is 0 or 1, and 1 at one half
    return style.tint * mask + (style.edge - style.tint / 2) * edge
