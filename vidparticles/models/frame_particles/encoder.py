"""Preprocessing: a frame's feature, of what is in it and where.

The first step of the founding definition: features are extracted from the frames of a clip.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

HE = nn.initializers.he_normal()


def preprocess(video: Array) -> Array:
    """Pixels beside what differs from the still background.

    Args:
        video: [B, T, H, W, 3] uint8.

    Returns:
        [B, T, H, W, 6] float32: the picture in [−1, 1], and its difference from the clip's
        mean over time, which is zero wherever nothing moves.

    Example:
        >>> x = preprocess(jnp.zeros((1, 4, 8, 8, 3), jnp.uint8))
        >>> x.shape, float(x[..., :3].max()), float(abs(x[..., 3:]).max())
        ((1, 4, 8, 8, 6), -1.0, 0.0)
    """
    pixels = video.astype(jnp.float32) / 127.5 - 1
    return jnp.concatenate([pixels, pixels - jnp.mean(pixels, axis=1, keepdims=True)], axis=-1)


def salience(difference: Array, *, stride: int) -> Array:
    """How much a place differs from the background, in logarithms; 0 where it does most.

    Args:
        difference: [M, H, W, C] from the background.
        stride: pixels of a place.

    Returns:
        [M, H / stride, W / stride] log of the mean squared difference over that of the frame's
        greatest, not below log(1e-3).
    """
    box = (1, stride, stride, 1)
    square = jnp.mean(difference**2, axis=-1, keepdims=True)
    square = jax.lax.reduce_window(square, 0.0, jax.lax.add, box, box, "SAME")[..., 0]
    most = jnp.max(square, axis=(1, 2), keepdims=True)
    return jnp.log(square / jnp.maximum(most, 1e-6) + 1e-3)


class FrameEncoder(nn.Module):
    """A frame's feature: what is in it, and where.

    Three convolutions, then K soft arg-maxima (spatial softmax, arXiv 1509.06113): each
    channel of evidence yields the place it points at and the appearance found there.

    Attributes:
        widths: channels of the convolutions; the first two halve the resolution.
        points: K.
        features: E, the size of a frame's feature.
    """

    widths: tuple[int, ...] = (16, 32, 32)
    points: int = 16
    features: int = 64

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., H, W, C] float to [..., E + 5K]."""
        lead = x.shape[:-3]
        x = x.reshape(-1, *x.shape[-3:])
        moved = salience(x[..., 3:], stride=4) if x.shape[-1] > 3 else None
        for i, width in enumerate(self.widths):
            stride = 2 if i < 2 else 1
            x = nn.relu(nn.Conv(width, (3, 3), (stride, stride), kernel_init=HE)(x))
        height, width = x.shape[1:3]
        evidence = nn.Conv(self.points, (1, 1))(x).reshape(-1, height * width, self.points)
        if moved is not None:
            gain = self.param("salience", nn.initializers.constant(2.0), (self.points,))
            evidence = evidence + gain * moved.reshape(-1, height * width, 1)
        evidence = jax.nn.softmax(evidence, axis=1)
        y, x_ = jnp.mgrid[:height, :width]
        grid = jnp.stack([(x_.ravel() + 0.5) / width, (y.ravel() + 0.5) / height], axis=-1) - 0.5
        where = 4 * jnp.einsum("bpk,pd->bkd", evidence, grid)
        # Second moments: two like things seen by one channel are told apart by their spread.
        products = 16 * jnp.stack([grid[:, 0] ** 2, grid[:, 1] ** 2, grid[:, 0] * grid[:, 1]], -1)
        spread = jnp.einsum("bpk,pd->bkd", evidence, products)
        x0, y0 = where[..., 0], where[..., 1]
        spread = spread - jnp.stack([x0 * x0, y0 * y0, x0 * y0], axis=-1)
        where = jnp.concatenate([where, spread], axis=-1).reshape(-1, 5 * self.points)
        what = jnp.einsum("bpk,bpc->bkc", evidence, x.reshape(-1, height * width, x.shape[-1]))
        what = nn.relu(nn.Dense(self.features // 2)(what.reshape(what.shape[0], -1)))
        both = nn.relu(nn.Dense(self.features)(jnp.concatenate([where, what], axis=-1)))
        return jnp.concatenate([both, where], axis=-1).reshape(*lead, -1)
