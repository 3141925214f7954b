"""Sums of any pair law within the cut-off, each turn computed again on the way back.

Memory stays O(N), forward and backward: what a turn needs for its derivative is not kept but
recomputed, also inside a learned law.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.cutoff.central import Box, apart, over_sources, returned
from vidparticles.dynamics.interactions.cutoff.grid import Columns


def pair_sum(
    pair: Callable[[Array, Any, Any], Array],
    cutoff: float,
    box: Box,
    columns: Columns,
    x: Array,
    brought: Any,
) -> Array:
    """Σ_j pair(d_ij, b_i, b_j) over those alive j ≠ i within the cut-off, for those alive.

    Args:
        pair: `pair(dr [P, D], a, b)` → [P, D]; what it closes over is differentiated too.
        brought: b, a pytree of arrays [N, ·].
        cutoff, box, columns, x: as of `central_sum`.

    Raises:
        ValueError: the law did not return a force for each pair.
    """
    lanes = columns.slot[0].size
    like = jax.tree.map(lambda t: jnp.zeros((lanes, *t.shape[1:]), t.dtype), (x, brought, brought))
    pair, closed = jax.closure_convert(pair, *like)
    got = jax.eval_shape(pair, *like, *closed).shape
    if got != like[0].shape:
        raise ValueError(
            f"the law returned shape {got} for pairs {like[0].shape}; a cut-off law takes its "
            "parameters the same for all pairs and returns a force for each."
        )
    # Varying over devices as the positions do.
    zero = jnp.zeros_like(x[0, 0])
    brought, closed = jax.tree.map(lambda t: t + zero.astype(t.dtype), (brought, closed))
    return _pair_sum(pair, cutoff, box, columns, (x, brought), closed)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _pair_sum(
    pair: Callable[..., Array], cutoff: float, box: Box, columns: Columns, table: Any, closed: Any
) -> Array:
    def turn(carry: Any, here: Any, there: Any, valid: Array, place: Array) -> Any:
        total, _ = carry
        return total + _pairs(pair, cutoff, box, here, there, closed, valid), ()

    totals, _ = over_sources(columns, table, turn, lambda here: jnp.zeros_like(here[0]), (), 1)
    return returned(totals, columns, table[0])


def _pairs(
    pair: Callable[..., Array],
    cutoff: float,
    box: Box,
    here: Any,
    there: Any,
    closed: Any,
    valid: Array,
) -> Array:
    """The forces of one source a column [1, C, ·] on the targets [LANES, C, ·]."""
    lead = here[0].shape[:-1]
    there = jax.tree.map(lambda t: jnp.broadcast_to(t, (*lead, *t.shape[2:])), there)
    pairs = lead[0] * lead[1]
    (r, a), (s, b) = jax.tree.map(lambda t: t.reshape(pairs, *t.shape[2:]), (here, there))
    target, source = (list(lax.stop_gradient(t).T) for t in (r, s))
    near = apart(target, source, valid.reshape(-1), cutoff, box)[2][:, None]
    dr = r - s
    if box is not None:
        side = jnp.asarray(box, dr.dtype)
        dr = dr - lax.stop_gradient(side * jnp.round(dr / side))
    # An excluded pair is given some distance, since a law may divide by it.
    force = jnp.where(near, pair(jnp.where(near, dr, 1), a, b, *closed), 0)
    return force.astype(dr.dtype).reshape(*lead, -1)


def _pair_forward(
    pair: Callable[..., Array], cutoff: float, box: Box, columns: Columns, table: Any, closed: Any
) -> tuple[Array, Any]:
    force = _pair_sum(pair, cutoff, box, columns, table, closed)
    return force, (columns, table, closed)


def _pair_backward(
    pair: Callable[..., Array], cutoff: float, box: Box, kept: Any, u: Array
) -> tuple[None, Any, Any]:
    columns, table, closed = kept

    def turn(carry: Any, here: Any, there: Any, valid: Array, place: Array) -> Any:
        (here, u), (there, _) = here, there
        total, (of_sources, of_closed) = carry
        run = functools.partial(_pairs, pair, cutoff, box, valid=valid)
        _, back = jax.vjp(run, here, there, closed)
        a, b, c = back(u)
        of_sources = jax.tree.map(lambda t, b: t.at[place].add(b), of_sources, b)
        add = functools.partial(jax.tree.map, jnp.add)
        return add(total, a), (of_sources, add(of_closed, c))

    zero = jax.tree.map(jnp.zeros_like, (table, closed))
    totals, (of_sources, of_closed) = over_sources(
        columns, (table, u), turn, lambda here: jax.tree.map(jnp.zeros_like, here[0]), zero, 1
    )

    def joined(target: Array, source: Array, like: Array) -> Array:
        who = jnp.where(jnp.arange(len(like)) < columns.living, columns.order, len(like))
        return returned(target, columns, like).at[who].add(source, mode="drop")

    return None, jax.tree.map(joined, totals, of_sources, table), of_closed


_pair_sum.defvjp(_pair_forward, _pair_backward)
