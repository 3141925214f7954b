"""Work on the particles that there are, not on the places for them.

Births take the first free places, so that the followed are mostly at the front; what looks at
the picture for each particle goes through as many blocks as reach to the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

BLOCK = 128  # particles: enough for full-width arithmetic, few enough for the cache


def by_blocks(function: Callable[[Any], Any], among: Array, tree: Any) -> Any:
    """`function` of the particles up to the last of some; zeros behind.

    Args:
        function: of a tree of arrays [..., n] to another; each particle by itself.
        among: [N] bool, who counts.
        tree: arrays [..., N].

    Example:
        >>> squares = by_blocks(lambda x: x * x, jnp.arange(300) < 2, jnp.arange(300))
        >>> squares[jnp.array([3, 200])].tolist()
        [9, 0]
    """
    count = len(among)
    size = min(BLOCK, count)

    def part(block: Array) -> Any:
        # The last block begins where it fits, here and below: a start that is too late is moved.
        return jax.tree.map(
            lambda x: lax.dynamic_slice_in_dim(x, block * size, size, axis=-1), tree
        )

    def add(block: Array, out: Any) -> Any:
        return jax.tree.map(
            lambda whole, made: lax.dynamic_update_slice_in_dim(whole, made, block * size, axis=-1),
            out,
            function(part(block)),
        )

    shapes = jax.eval_shape(lambda: function(part(jnp.zeros((), jnp.int32))))
    nothing = jax.tree.map(lambda s: jnp.zeros((*s.shape[:-1], count), s.dtype), shapes)
    reach = jnp.max(jnp.where(among, jnp.arange(count) + 1, 0))
    return lax.fori_loop(0, -(-reach // size), add, nothing)
