"""Work on the particles that there are, not on the slots for them.

New particles take the first free slots, so that the followed are mostly at the front; what reads
the picture for each particle goes through as many blocks as reach to the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax


def by_blocks(function: Callable[[Any], Any], among: Array, tree: Any, *, block: int = 128) -> Any:
    """`function` of the particles up to the last of some; zeros behind.

    Args:
        function: of a tree of arrays [..., n] to another; each particle by itself.
        among: [N] bool, who counts.
        tree: arrays [..., N].
        block: particles at a time: enough for full-width arithmetic, few enough for the cache.

    Example:
        >>> squares = by_blocks(lambda x: x * x, jnp.arange(300) < 2, jnp.arange(300))
        >>> squares[jnp.array([3, 200])].tolist()
        [9, 0]
    """
    count = len(among)
    size = min(block, count)

    def part(number: Array) -> Any:
        # The last block begins where it fits, here and below: a start that is too late is moved.
        return jax.tree.map(
            lambda x: lax.dynamic_slice_in_dim(x, number * size, size, axis=-1), tree
        )

    def add(number: Array, out: Any) -> Any:
        return jax.tree.map(
            lambda whole, made: lax.dynamic_update_slice_in_dim(
                whole, made, number * size, axis=-1
            ),
            out,
            function(part(number)),
        )

    shapes = jax.eval_shape(lambda: function(part(jnp.zeros((), jnp.int32))))
    nothing = jax.tree.map(lambda s: jnp.zeros((*s.shape[:-1], count), s.dtype), shapes)
    reach = jnp.max(jnp.where(among, jnp.arange(count) + 1, 0))
    return lax.fori_loop(0, -(-reach // size), add, nothing)


def by_some(
    function: Callable[[Any], Any], among: Array, tree: Any, out: Any, *, block: int = 32
) -> Any:
    """`out`, with `function` of some particles in their places.

    Args:
        function: of a tree of arrays [..., n] to one like `out`; each particle by itself or with
            others of its block, in which some may be there twice.
        among: [N] bool, who; few of them, anywhere.
        tree: arrays [..., N].
        out: arrays [..., N].
        block: particles at a time.

    Example:
        >>> among = jnp.array([False, True, False, True])
        >>> by_some(lambda x: -x, among, jnp.arange(4), jnp.zeros(4, int)).tolist()
        [0, -1, 0, -3]
    """
    return in_blocks(function, *some(among), tree, out, block=block)


def some(among: Array) -> tuple[Array, Array]:
    """Indices [N] of some first, [N] bool, and how many they are, []."""
    return jnp.argsort(~among, stable=True), jnp.sum(among)


def up_to_last(among: Array) -> Array:
    """How many there are up to the last of some, [N] bool."""
    return jnp.max(jnp.where(among, jnp.arange(len(among)) + 1, 0))


def in_blocks(
    function: Callable[[Any], Any],
    order: Array,
    total: Array,
    tree: Any,
    out: Any,
    *,
    block: int = 128,
) -> Any:
    """`out`, with `function` of the first particles of an order in their places.

    Args:
        function: as that of `by_some`.
        order: [N] indices.
        total: [] how many of them.
        tree, out, block: as those of `by_some`.
    """
    size = min(block, len(order))

    def change(number: Array, out: Any) -> Any:
        place = number * size + jnp.arange(size)
        at = order[jnp.minimum(place, total - 1)]
        # Neighbors are taken at once: to gather them costs more than many a function.
        part = lax.cond(
            jnp.all(at == at[0] + jnp.arange(size)),
            lambda: jax.tree.map(lambda x: lax.dynamic_slice_in_dim(x, at[0], size, axis=-1), tree),
            lambda: jax.tree.map(lambda x: x[..., at], tree),
        )
        made = function(part)
        return jax.tree.map(lambda whole, part: whole.at[..., at].set(part), out, made)

    return lax.fori_loop(0, -(-total // size), change, out)
