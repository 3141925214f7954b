"""Bonds: a law over a fixed list of neighbors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, check_shapes, complete, lift, prepare
from vidparticles.dynamics.space import DisplacementFn


def bonds(law: Law, displacement_fn: DisplacementFn, **defaults: Any) -> ForceFn:
    """A pair law over a fixed list of neighbors: F_i = Σ_k law(p_i − p_j, f_i, f_j), j = n[i, k].

    What acts on i is what i's own list holds: for Newton's third law list both directions.

    Args:
        law: `law(dr, fa, fb, **params)` → [..., D].
        displacement_fn: of a space, ours or jax-md's.
        **defaults: parameters of the law, unless given at the call; they broadcast against
            [..., N, K], so that each bond can have its own.

    Returns:
        `force_fn(position, *, feature=None, alive=None, index, bonded, **params)`
        → [..., N, D], where index [..., N, K] holds indices below N, and bonded [..., N, K]
        says which of them are bonds and which padding. In their place it takes `neighbor=`, a
        neighbor list of jax-md's in any of its formats, for positions [N, D]; as that list's
        own energies do, it lets those act that the list holds, also in the skin beyond the
        cut-off. NaN for all, where the list says that it overflowed (`cutoff` needs none).

    Raises:
        ValueError: when called, with neither or both; shapes do not fit.

    Example:
        >>> from vidparticles.dynamics import free, spring
        >>> force_fn = bonds(spring, free()[0], stiffness=1.0, length=1.0)
        >>> chain = {"index": jnp.array([[1], [0]]), "bonded": jnp.ones((2, 1), bool)}
        >>> force_fn(jnp.array([[0.0], [3.0]]), **chain).tolist()
        [[2.0], [-2.0]]
    """

    def force_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        index: Array | None = None,
        bonded: Array | None = None,
        neighbor: Any = None,
        **params: Any,
    ) -> Array:
        check_shapes(position, feature, alive)
        position, feature, alive = complete(position, feature, alive)
        if neighbor is not None and index is None and bonded is None:
            every = {**defaults, **params}
            return _listed(law, displacement_fn, neighbor, position, feature, alive, every)
        if neighbor is not None or index is None or bonded is None:
            raise ValueError(
                "bonds are given as index=[..., N, K] and bonded=[..., N, K], or as a "
                "neighbor list of jax-md's, neighbor=; expected one of the two."
            )
        lead, (count, most) = position.shape[:-2], index.shape[-2:]
        flat = jnp.broadcast_to(index, (*lead, count, most)).reshape(*lead, count * most)

        def gather(x: Array) -> Array:
            taken = jnp.take_along_axis(x, flat[..., None], axis=-2)
            return taken.reshape(*lead, count, most, x.shape[-1])

        valid = (bonded & alive[..., None] & gather(alive[..., None])[..., 0])[..., None]
        dr = lift(displacement_fn, position[..., None, :], gather(position))
        pair, brought = prepare(law, feature, {**defaults, **params})
        here = jax.tree.map(lambda x: x[..., None, :], brought)
        value = pair(jnp.where(valid, dr, 1), here, jax.tree.map(gather, brought))
        return jnp.sum(jnp.where(valid, value, 0), axis=-2).astype(position.dtype)

    return force_fn


def _listed(
    law: Law,
    displacement_fn: DisplacementFn,
    neighbor: Any,
    position: Array,
    feature: Array,
    alive: Array,
    params: Mapping[str, Any],
) -> Array:
    """The sum over a neighbor list of jax-md's: pairs (i, j), padded with N."""
    count, form = len(position), neighbor.format.name
    if form == "Dense":
        j = neighbor.idx.reshape(-1)
        i = jnp.repeat(jnp.arange(count), neighbor.idx.shape[1], total_repeat_length=j.size)
    else:
        i, j = neighbor.idx
    valid = (i < count) & (j < count)
    i, j = jnp.minimum(i, count - 1), jnp.minimum(j, count - 1)
    valid = (valid & (i != j) & alive[i] & alive[j])[:, None]
    dr = jnp.where(valid, lift(displacement_fn, position[i], position[j]), 1)
    pair, brought = prepare(law, feature, params)
    a, b = (jax.tree.map(lambda x, k=k: x[k], brought) for k in (i, j))
    force = jnp.zeros_like(position).at[i].add(jnp.where(valid, pair(dr, a, b), 0))
    if form == "OrderedSparse":  # Each pair is listed once.
        force = force.at[j].add(jnp.where(valid, pair(-dr, b, a), 0))
    return jnp.where(neighbor.did_buffer_overflow, jnp.nan, force)
