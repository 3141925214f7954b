"""What lies in boxes of a picture, as histograms by which things are told apart.

Of each of three bands, top to bottom, how often each of 3 × 4 × 4 colors occurs (CIE L*a*b*, so
that light and color are apart) in its middle columns, and how strong the edges of each of 8
directions are. The square roots of both are one unit vector: a product of two is Bhattacharyya's
coefficient, 1 for the same.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import bilinear

_BANDS = 3
_LEVELS = (3, 4, 4)  # of L*, a* and b*
_FIRST, _STEP = (0.0, -32.0, -32.0), (100 / 3, 16.0, 16.0)
# From linear sRGB to XYZ over white, IEC 61966-2-1.
_XYZ = (
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    / np.array([[0.9505], [1.0], [1.089]])
).T


@dataclasses.dataclass(frozen=True)
class AppearanceConfig:
    """How boxes are looked at.

    Attributes:
        rows, columns: of pixels that a box is read at; rows are a multiple of 3.
        margin: share of the columns, at either side, whose colors do not count.
        directions: of edges.
        edges: weight of edges against colors.
    """

    rows: int = 36
    columns: int = 24
    margin: float = 0.17
    directions: int = 8
    edges: float = 0.5

    @property
    def features(self) -> int:
        """F, how many numbers a box has."""
        return _BANDS * (int(np.prod(_LEVELS)) + self.directions)


def describe(picture: Array, box: Array, config: AppearanceConfig | None = None) -> Array:
    """Unit vectors of what lies in boxes.

    Args:
        picture: [H, W, 3] in [0, 1].
        box: [K, 4] left, top, right, bottom, frame heights.
        config: how boxes are looked at.

    Returns:
        [K, F], zero for a box without a side.

    Example:
        >>> halves = jnp.zeros((32, 64, 3)).at[:, 32:, 0].set(1.0)
        >>> boxes = jnp.array([[0.0, 0.0, 0.9, 0.9], [1.1, 0.1, 1.9, 0.9], [1.2, 0.1, 2.0, 1.0]])
        >>> told = jax.jit(describe)(halves, boxes)
        >>> (told @ told[1]).round(2).tolist()
        [0.0, 1.0, 1.0]
    """
    config = config or AppearanceConfig()
    rows, columns = config.rows, config.columns
    down = (np.arange(rows) + 0.5) / rows
    across = (np.arange(columns) + 0.5) / columns
    left, top, right, bottom = (box[:, k, None, None] for k in range(4))
    x = left + (right - left) * across
    y = top + (bottom - top) * down[:, None]
    at = jnp.stack(jnp.broadcast_arrays(x, y), -1) * picture.shape[0]
    pixels = bilinear(picture, at)  # [K, R, C, 3]
    side = round(config.margin * columns)
    colors = _colors(pixels[:, :, side : columns - side])
    luma = jnp.mean(pixels, -1)
    gx = luma[:, 1:-1, 2:] - luma[:, 1:-1, :-2]
    gy = luma[:, 2:, 1:-1] - luma[:, :-2, 1:-1]
    gx, gy = (jnp.pad(g, [(0, 0), (1, 1), (1, 1)]) for g in (gx, gy))
    # A direction has no sign: the angle is doubled.
    angle = jnp.arctan2(gy, gx) % jnp.pi / jnp.pi * config.directions
    which = jnp.floor(angle).astype(jnp.int32) % config.directions
    strength = jnp.hypot(gx, gy)[..., None] * jax.nn.one_hot(which, config.directions)
    edges = _bands(strength)
    edges = config.edges * edges / (jnp.sum(edges, -1, keepdims=True) + 1e-3)
    both = jnp.concatenate([_bands(colors), edges], -1).reshape(len(box), -1)
    told = jnp.sqrt(both)
    size = jnp.linalg.norm(told, axis=-1, keepdims=True)
    whole = jnp.all(box[:, 2:] > box[:, :2], -1, keepdims=True)
    return jnp.where(whole, told / jnp.maximum(size, 1e-6), 0)


def _colors(pixels: Array) -> Array:
    """Which color each pixel [..., 3] has, one-hot."""
    linear = jnp.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    xyz = linear @ jnp.asarray(_XYZ, pixels.dtype)
    f = jnp.where(xyz > 0.008856, jnp.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = jnp.stack(
        [
            116 * f[..., 1] - 16,
            500 * (f[..., 0] - f[..., 1]),
            200 * (f[..., 1] - f[..., 2]),
        ],
        -1,
    )
    level = jnp.floor((lab - jnp.asarray(_FIRST)) / jnp.asarray(_STEP)).astype(jnp.int32)
    level = jnp.clip(level, 0, jnp.asarray(_LEVELS) - 1)
    flat = (level[..., 0] * _LEVELS[1] + level[..., 1]) * _LEVELS[2] + level[..., 2]
    return jax.nn.one_hot(flat, int(np.prod(_LEVELS)))


def _bands(x: Array) -> Array:
    """The means of [K, R, C, B] over the pixels of each band, [K, 3, B]."""
    count, rows, columns, bins = x.shape
    return x.reshape(count, _BANDS, rows // _BANDS * columns, bins).mean(2)
