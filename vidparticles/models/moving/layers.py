"""Sums over neighbors that a CPU does fast, forward and backward.

XLA's gradient of a convolution with respect to its weights is slow on a CPU, inside a scan very
slow; here it is nine products of matrices. Correlations are products of rows, and what flow
carries is a product with a matrix of hat functions, without a gather.
"""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

HE = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv3(x: Array, weights: Array, dilation: int = 1) -> Array:
    """A convolution of 3 × 3, zeros around the picture.

    Args:
        x: [N, h, w, C].
        weights: [3, 3, C, M].
        dilation: cells between its taps.

    Returns:
        [N, h, w, M].

    Example:
        >>> middle = jnp.zeros((3, 3, 1, 1)).at[1, 1].set(2.0)
        >>> conv3(jnp.ones((1, 2, 2, 1)), middle).ravel().tolist()
        [2.0, 2.0, 2.0, 2.0]
    """
    d = (dilation, dilation)
    return lax.conv_general_dilated(
        x, weights, (1, 1), (d, d), rhs_dilation=d, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _forward(x: Array, weights: Array, dilation: int) -> tuple[Array, tuple[Array, Array]]:
    return conv3(x, weights, dilation), (x, weights)


def _backward(dilation: int, kept: tuple[Array, Array], ct: Array) -> tuple[Array, Array]:
    x, weights = kept
    d, (_, h, w, _) = dilation, x.shape
    of_x = conv3(ct, jnp.flip(weights, (0, 1)).swapaxes(2, 3), d)
    padded = jnp.pad(x, ((0, 0), (d, d), (d, d), (0, 0)))
    flat = ct.reshape(-1, ct.shape[-1])
    taps = [
        padded[:, i * d : i * d + h, j * d : j * d + w].reshape(-1, x.shape[-1]).T @ flat
        for i in range(3)
        for j in range(3)
    ]
    return of_x, jnp.stack(taps).reshape(weights.shape)


conv3.defvjp(_forward, _backward)


class Conv3(nn.Module):
    """`conv3` with weights and a bias.

    Attributes:
        features: M.
        dilation: cells between its taps.
    """

    features: int
    dilation: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[N, h, w, C] → [N, h, w, M]."""
        weights = self.param("kernel", HE, (3, 3, x.shape[-1], self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return conv3(x, weights, self.dilation) + bias


def correlation(a: Array, b: Array, radius: int) -> Array:
    """How alike each cell of a picture and those around it in another are.

    Args:
        a, b: [N, h, w, C].
        radius: r, cells.

    Returns:
        [N, h, w, (2 r + 1)²], ⟨a(x), b(x + d)⟩ for all d, rows of d first; 0 outside of b.

    Example:
        >>> x = jnp.eye(3)[None, None]
        >>> correlation(x, x, 1)[0, 0, :, 3:6].tolist()
        [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
    """
    n, h, w, _ = a.shape
    side, wide = 2 * radius + 1, w + 2 * radius
    padded = jnp.pad(b, ((0, 0), (radius, radius), (radius, radius), (0, 0)))
    rows = []
    for dy in range(side):
        # All products of a row with a row; those that are wanted lie on a band, which a row
        # that is one longer makes a column.
        every = jnp.einsum("nyxc,nyzc->nyxz", a, padded[:, dy : dy + h]).reshape(n, h, w * wide)
        sheared = jnp.pad(every, ((0, 0), (0, 0), (0, w))).reshape(n, h, w, wide + 1)
        rows.append(sheared[..., :side])
    return jnp.concatenate(rows, -1)


def displacements(radius: int) -> Array:
    """[(2 r + 1)², 2] the d = (x, y) of `correlation`, cells."""
    reach = jnp.arange(-radius, radius + 1, dtype=jnp.float32)
    y, x = jnp.meshgrid(reach, reach, indexing="ij")
    return jnp.stack([x, y], -1).reshape(-1, 2)


def carried(maps: Array, flow: Array) -> Array:
    """Maps moved along a flow: what is now at x was at x − flow(x).

    Args:
        maps: [N, h, w, C].
        flow: [N, h, w, 2] cells, x right and y down; no gradient goes through it.

    Returns:
        [N, h, w, C], between cells bilinear, beyond the border that at the border.

    Example:
        >>> maps = jnp.arange(3.0).reshape(1, 1, 3, 1)
        >>> carried(maps, jnp.full((1, 1, 3, 2), 0.5)).ravel().tolist()
        [0.0, 0.5, 1.5]
    """
    n, h, w, c = maps.shape
    y, x = jnp.meshgrid(jnp.arange(h), jnp.arange(w), indexing="ij")
    at_x = jnp.clip(x - flow[..., 0], 0, w - 1).reshape(n, h * w, 1)
    at_y = jnp.clip(y - flow[..., 1], 0, h - 1).reshape(n, h * w, 1)
    along = jnp.maximum(0, 1 - jnp.abs(at_x - jnp.arange(w)))
    down = jnp.maximum(0, 1 - jnp.abs(at_y - jnp.arange(h)))
    weights = (down[..., :, None] * along[..., None, :]).reshape(n, h * w, h * w)
    moved = jnp.einsum("npq,nqc->npc", lax.stop_gradient(weights), maps.reshape(n, h * w, c))
    return moved.reshape(n, h, w, c)


def standardized(x: Array) -> Array:
    """Channels of mean square 1."""
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-5)


def unit(x: Array) -> Array:
    """Vectors of length 1."""
    return x * lax.rsqrt(jnp.sum(x * x, -1, keepdims=True) + 1e-4)
