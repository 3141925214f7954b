"""What several published networks have in common, as it costs least on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array


def each_channel(
    x: Array, kernel: Array, bias: Array, *, stride: int, ends: Sequence[tuple[int, int]]
) -> Array:
    """A convolution of each channel by itself, as a sum of shifted products.

    XLA's own, by `feature_group_count`, takes four times as long on a CPU.

    Args:
        x: [B, H, W, C].
        kernel: [s, s, C].
        bias: [C].
        stride: pixels from one place to the next.
        ends: pixels that are added before and after, of rows and of columns.

    Example:
        >>> x, ones = jnp.ones((1, 2, 4, 5)), jnp.ones((3, 3, 5))
        >>> each_channel(x, ones, jnp.zeros(5), stride=2, ends=[(1, 1), (1, 1)])[0, :, :, 0]
        Array([[4., 6.]], dtype=float32)
    """
    size = len(kernel)
    x = jnp.pad(x, [(0, 0), *ends, (0, 0)])
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:3])
    shifted = (
        x[:, i::stride, j::stride][:, :rows, :columns] * kernel[i, j]
        for i in range(size)
        for j in range(size)
    )
    return sum(shifted, start=bias)
