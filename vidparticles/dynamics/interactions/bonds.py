"""Bonds: a law over a fixed list of neighbours."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, complete, lift, prepare
from vidparticles.dynamics.space import DisplacementFn


def bonds(law: Law, displacement_fn: DisplacementFn, **defaults: Any) -> ForceFn:
    """A pair law over a fixed list of neighbours: F_i = Σ_k law(p_i − p_j, f_i, f_j), j = n[i, k].

    What acts on i is what i's own list holds: for Newton's third law list both directions.

    Args:
        law: `law(dr, fa, fb, **params)` → [..., D].
        displacement_fn: of a space, ours or jax-md's.
        **defaults: parameters of the law, unless given at the call; they broadcast against
            [..., N, K], so that each bond can have its own.

    Returns:
        `force_fn(position, *, feature=None, alive=None, neighbour, bonded, **params)`
        → [..., N, D], where neighbour [..., N, K] holds indices below N, and bonded [..., N, K]
        says which of them are bonds and which padding.

    Example:
        >>> from vidparticles.dynamics import free, spring
        >>> force_fn = bonds(spring, free()[0], stiffness=1.0, length=1.0)
        >>> chain = {"neighbour": jnp.array([[1], [0]]), "bonded": jnp.ones((2, 1), bool)}
        >>> force_fn(jnp.array([[0.0], [3.0]]), **chain).tolist()
        [[2.0], [-2.0]]
    """

    def force_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        neighbour: Array,
        bonded: Array,
        **params: Any,
    ) -> Array:
        position, feature, alive = complete(position, feature, alive)
        lead, (count, most) = position.shape[:-2], neighbour.shape[-2:]
        flat = jnp.broadcast_to(neighbour, (*lead, count, most)).reshape(*lead, count * most)

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
