"""Sums over who is within the cut-off, column by column, forward and backward.

A central law, F_i = Σ_j φ(|d_ij|²) d_ij, is differentiated in closed form. With Newton's third
law the cotangent of p_i is a sum of the same kind, and nothing has to be handed to others,

    Σ_j [φ Δu + 2 φ' (d_ij · Δu) d_ij],    Δu = u_i − u_j

Memory is O(N). Lanes are targets, and a turn is one fused loop over them, for the reasons that
`pairs.loop` gives.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.common import dot, pack, tree_sum, unpack
from vidparticles.dynamics.interactions.cutoff.grid import Columns
from vidparticles.dynamics.laws.central import CentralLaw

Box = tuple[float, ...] | None
# Sources a turn of a central law: more gain nothing, and take the compiler longer.
SOURCES = 8


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def central_sum(
    law: CentralLaw, cutoff: float, box: Box, columns: Columns, x: Array, params: Any
) -> Array:
    """Σ_j φ(|d_ij|²; params) d_ij over those alive within the cut-off, for those alive.

    Args:
        law: gives φ; that is finite where square is 0, so that no particle acts on itself.
        cutoff: from which distance on particles do not act.
        box: sides of a periodic box, or None.
        columns: of `arrange`, for the same positions, cut-off and box.
        x: [N, D] positions, in the box.
        params: of the law, numbers or (`apart`) tuples of numbers.

    Returns:
        [N, D]; 0 for the inactive.
    """

    def pair(here: Any, there: Any, valid: Array) -> list[Array]:
        dr, square, near = apart(here, there, valid, cutoff, box)
        size = jnp.where(near, law.profile(square, **params), 0)
        return pack([size * d for d in dr])

    return _vectors(_sum_central(columns, list(x.T), pair), columns, x)


def _central_forward(
    law: CentralLaw, cutoff: float, box: Box, columns: Columns, x: Array, params: Any
) -> tuple[Array, Any]:
    return central_sum(law, cutoff, box, columns, x, params), (columns, x, params)


def _central_backward(
    law: CentralLaw, cutoff: float, box: Box, kept: Any, u: Array
) -> tuple[None, Array, Any]:
    columns, x, params = kept
    dim = x.shape[1]
    table = [*x.T, *u.T]
    leaves, form = jax.tree.flatten(params)

    def differences(here: Any, there: Any) -> list[Array]:
        return [a - b for a, b in zip(here[dim:], there[dim:], strict=True)]

    def moved(here: Any, there: Any, valid: Array) -> list[Array]:
        dr, square, near = apart(here[:dim], there[:dim], valid, cutoff, box)
        du = differences(here, there)
        one = jnp.ones_like(square)
        size, slope = jax.jvp(lambda square: law.profile(square, **params), (square,), (one,))
        size, along = jnp.where(near, size, 0), jnp.where(near, 2 * slope * dot(dr, du), 0)
        return pack([size * a + along * b for a, b in zip(du, dr, strict=True)])

    # ½ Σ_ij (d_ij · Δu) ∂φ, a lane at a time.
    def changed(here: Any, there: Any, valid: Array) -> list[Array]:
        dr, square, near = apart(here[:dim], there[:dim], valid, cutoff, box)
        pull = jnp.where(near, 0.5 * dot(dr, differences(here, there)), 0)
        lanes = [jnp.broadcast_to(leaf, square.shape) for leaf in leaves]
        _, back = jax.vjp(
            lambda lanes: law.profile(square, **jax.tree.unflatten(form, lanes)), lanes
        )
        return [jnp.where(near, b, 0) for b in back(pull)[0]]

    living = columns.slot < columns.living
    totals = _sum_central(columns, table, changed) if leaves else []
    of_params = [jnp.sum(jnp.where(living, t, 0)) for t in totals]
    of_x = _vectors(_sum_central(columns, table, moved), columns, x)
    return None, of_x, jax.tree.unflatten(form, of_params)


central_sum.defvjp(_central_forward, _central_backward)


def over_sources(
    columns: Columns,
    table: Any,
    turn: Callable[..., Any],
    zero: Callable[[Any], Any],
    shared: Any,
    some: int,
) -> tuple[Any, Any]:
    """A loop over the sources of each group of columns, some a turn.

    Args:
        table: a pytree of arrays [N, ...], of targets and sources alike.
        turn: `turn((total, shared), here [LANES, C, ...], there [some, C, ...], valid [..., C],
            place [some, C])` → (total, shared), where valid says whether a source is one and
            not, of one a turn, the target itself, and place is where sources lie in `order`.
        zero: of what is here, the total that a group starts with.
        shared: carried from group to group.

    Returns:
        The totals [G, LANES, C, ...], and shared.
    """
    living, last = columns.living, len(columns.order) - 1
    table = jax.tree.map(lambda t: _take(t, columns.order), table)

    def group(shared: Any, columns: Any) -> tuple[Any, Any]:
        slot, base, upto = columns
        here = jax.tree.map(lambda t: _take(t, jnp.minimum(slot, last)), table)

        def one_turn(k: Array, carry: Any) -> Any:
            number = k * some + jnp.arange(some, dtype=jnp.int32)[:, None]
            place = number + base[0]
            for before, there in zip(upto, base[1:], strict=False):
                place = jnp.where(number >= before, number + there, place)
            # Once round the ring, at most.
            place = place + jnp.where(place < 0, living, 0) - jnp.where(place >= living, living, 0)
            place = jnp.clip(place, 0, last)
            # Fetched once for a column, not fused into what runs for each of its lanes.
            there, valid = lax.optimization_barrier(
                (jax.tree.map(lambda t: _take(t, place), table), number < upto[-1])
            )
            return turn(carry, here, there, valid & (slot != place) if some == 1 else valid, place)

        turns = (jnp.max(upto[-1]) + some - 1) // some
        total, shared = lax.fori_loop(0, turns, one_turn, (zero(here), shared))
        return shared, total

    shared, totals = lax.scan(group, shared, (columns.slot, columns.base, columns.upto))
    return totals, shared


def _sum_central(
    columns: Columns, table: list[Array], pair: Callable[[Any, Any, Array], list[Array]]
) -> list[Array]:
    """Σ over sources of what `pair` gives for one of them, [G, LANES, C] each.

    Numbers [N] of the particles travel in pairs, as complex ones; that is what makes the loop
    fast, more than twice as fast as with real ones.
    """
    count = len(table)

    def turn(carry: Any, here: Any, there: Any, valid: Array, place: Array) -> Any:
        total, _ = carry
        here = unpack(here, count)
        terms = [pair(here, unpack([t[u] for t in there], count), valid[u]) for u in range(SOURCES)]
        return [t + tree_sum(p) for t, *p in zip(total, *terms, strict=True)], ()

    def zero(here: Any) -> list[Array]:
        one = unpack(here, count)
        form = jax.eval_shape(pair, one, [t[0] for t in one], one[0][0] == 0)
        return [jnp.zeros_like(one[0], dtype=f.dtype) for f in form]

    return over_sources(columns, pack(table), turn, zero, (), SOURCES)[0]


def apart(
    here: list[Array], there: list[Array], valid: Array, cutoff: float, box: Box
) -> tuple[list[Array], Array, Array]:
    """The displacement's components, its square, and whether that is within the cut-off."""
    dr = [a - b for a, b in zip(here, there, strict=True)]
    if box is not None:
        dr = [d - side * jnp.round(d * (1 / side)) for d, side in zip(dr, box, strict=True)]
    square = dot(dr, dr)
    return dr, square, valid & (square < cutoff**2)


def _vectors(totals: list[Array], columns: Columns, x: Array) -> Array:
    """Totals of the components, packed, as [N, D]."""
    totals = [returned(t, columns, x[:, 0]) for t in totals]
    return jnp.stack(unpack(totals, x.shape[1]), axis=-1)


def returned(totals: Array, columns: Columns, like: Array) -> Array:
    """Totals [G, LANES, C, ...] as [N, ...] in the order of the particles."""
    last = len(columns.order) - 1
    who = _take(columns.order, jnp.minimum(columns.slot, last))
    who = jnp.where(columns.slot < columns.living, who, last + 1)
    return jnp.zeros_like(like, dtype=totals.dtype).at[who].set(totals, mode="drop")


def _take(table: Array, index: Array) -> Array:
    return table.at[index].get(mode="promise_in_bounds")
