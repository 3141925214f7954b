"""The walk over pairs of boxes: far ones are translated, near leaves are summed directly.

Pairs are taken from a stack, some at a time (Dehnen, J. Comput. Phys. 179, 27, 2002): a pair that
is far apart is translated, a pair of near leaves is summed directly, and of any other the larger
box is split. What was split more often lies higher on the stack, and no pair is split more often
than twice the depth of the tree, so the stack's length is bounded beforehand. Nothing else has a
capacity, and no pair can be lost.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.common import tree_sum
from vidparticles.dynamics.interactions.multipole.tree import Grid, Tree, least, take

# Two discs are far apart where the sum of their radii is less than this of their distance.
OPENING = 0.7
# Pairs that are looked at, translated and summed directly at once; sources a turn.
LOOK, TRANSLATE, DIRECT, SOURCES = 16384, 1024, 1024, 8


def walk(
    grid: Grid,
    tree: Tree,
    translate: Callable[[Array, Array], Array],
    pair: Callable[[Any, Any], Array],
    table: Any,
    coefficients: Array,
) -> tuple[Array, Array]:
    """What far boxes and near particles send to each other.

    Args:
        translate: `translate(targets [B], sources [B])` → [B, P], what goes from box to box.
        pair: `pair(here, there)` → what a source does to a target; 0 where that is nothing.
        table: a pytree of arrays [leaves, size] of the particles, given to `pair`.
        coefficients: [boxes, P], an array that is like what is translated.

    Returns:
        Sums [boxes, P] over the far boxes of each, and [leaves, size] over the near particles.
    """
    root, inner = grid.root, grid.inner
    look = min(LOOK, 1 << max(8, (4 * grid.leaves).bit_length()))
    # Of the pairs that are as often split, at most four for each looked at are there at a time.
    room = max(root**2, look) + 4 * look * (2 * grid.levels + 1)
    point = 2 * least(tree.radius.dtype)
    lane = lax.iota(jnp.int32, look)
    # One that varies over devices as the positions do.
    zero = jnp.zeros_like(tree.radius[0], dtype=jnp.int32)
    children = lax.iota(jnp.int32, 4)

    def top(stack: Array, count: Array) -> tuple[Array, Array, Array]:
        begin = jnp.maximum(count - look, 0)
        return begin, count - begin, lax.dynamic_slice(stack, (zero, begin), (2, look))

    def turn(carry: Any) -> Any:
        # The top of the stack is fetched a turn before: what reads and writes a stack in the same
        # turn makes XLA copy all of it.
        stack, (begin, some, (target, source)), far, near = carry
        between = take(tree.center, target) - take(tree.center, source)
        square = between.real**2 + between.imag**2
        reach = [take(tree.radius, b) for b in (target, source)]
        both = reach[0] + reach[1]
        there = (lane < some) & (reach[0] >= 0) & (reach[1] >= 0)
        # All particles of two points in one place are, and exert nothing.
        there &= (both > point) | (square > 0)
        apart = there & (both**2 < OPENING**2 * square)
        leaf = [b >= inner for b in (target, source)]
        direct = there & ~apart & leaf[0] & leaf[1]
        split = there & ~apart & ~direct

        def added(
            chosen: Array, size: int, term: Callable[[Array, Array], Array], to: Array, first: int
        ) -> Array:
            size = min(size, look)
            (targets, sources), many = _chosen(chosen, target - first, source - first)

            def some_pairs(i: Array, to: Array) -> Array:
                t, s = (lax.dynamic_slice(b, (i * size,), (size,)) for b in (targets, sources))
                valid = i * size + lax.iota(jnp.int32, size) < many
                return to.at[jnp.where(valid, t, len(to))].add(term(t, s), mode="drop")

            return lax.fori_loop(0, (many + size - 1) // size, some_pairs, to)

        def directly(t: Array, s: Array) -> Array:
            here = jax.tree.map(lambda v: take(v, t), table)
            # Lanes are targets; a source is one number for them all, fetched beforehand.
            there = jax.tree.map(lambda v: take(v, s).T[..., None], table)
            here, there = lax.optimization_barrier((here, there))

            def sources(k: Array, total: Array) -> Array:
                block = jax.tree.map(
                    lambda v: lax.dynamic_slice_in_dim(v, k * SOURCES, SOURCES), there
                )
                each = [jax.tree.map(operator.itemgetter(u), block) for u in range(SOURCES)]
                return total + tree_sum([pair(here, source) for source in each])

            total = jnp.zeros_like(take(near, t))
            return lax.fori_loop(0, grid.size // SOURCES, sources, total)

        far = added(apart, TRANSLATE, translate, far, 0)
        near = added(direct, DIRECT, directly, near, inner)
        (target, source), many = _chosen(split, target, source)
        # The larger box of two, unless it is a leaf.
        larger = take(tree.radius, target) >= take(tree.radius, source)
        larger = (target < inner) & (larger | (source >= inner))
        target, source = (
            jnp.where(cut[:, None], root + 4 * b[:, None] + children, b[:, None]).reshape(-1)
            for b, cut in ((target, larger), (source, ~larger))
        )
        stack = lax.dynamic_update_slice(stack, jnp.stack([target, source]), (zero, begin))
        return stack, top(stack, begin + 4 * many), far, near

    first = zero + lax.iota(jnp.int32, room) % root**2
    stack = jnp.stack([first // root, first % root])
    far = jnp.zeros_like(coefficients)
    near = jnp.zeros_like(pair(table, table))
    carry = (stack, top(stack, zero + root**2), far, near)
    return lax.while_loop(lambda carry: carry[1][1] > 0, turn, carry)[2:]


def _chosen(mask: Array, *lists: Array) -> tuple[list[Array], Array]:
    """What is masked of the lists [B], moved to the front, and how many these are."""
    upto = jnp.cumsum(mask, dtype=jnp.int32)
    place = jnp.where(mask, upto - 1, len(mask))
    return [jnp.zeros_like(b).at[place].set(b, mode="drop") for b in lists], upto[-1]
