"""The nearest particles of each, for forces on a fixed list (`bonds`)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array


def nearest_neighbors(position: Array, alive: Array, *, k: int) -> tuple[Array, Array]:
    """The k nearest active particles of each, the nearest first.

    Args:
        position: [..., N, D].
        alive: [..., N] bool.
        k: how many, at most N − 1 are found.

    Returns:
        index [..., N, K] int32 and bonded [..., N, K] bool, false where either is inactive. Memory
        is O(N²).

    Example:
        >>> index, _ = nearest_neighbors(jnp.array([[0.0], [1.0], [5.0]]), jnp.ones(3, bool), k=1)
        >>> index.tolist()
        [[1], [0], [1]]
    """
    square = jnp.sum((position[..., :, None, :] - position[..., None, :, :]) ** 2, -1)
    own = jnp.eye(position.shape[-2], dtype=bool)
    square = jnp.where(own | ~alive[..., None, :], jnp.inf, square)
    nearest, index = jax.lax.top_k(-square, min(k, position.shape[-2]))
    return index.astype(jnp.int32), jnp.isfinite(nearest) & alive[..., :, None]
