"""Cut-off laws: every particle acts on all within a distance, in time and memory O(N).

    F_i = Σ_j law(d_ij, f_i, f_j) over j with 0 ≤ |d_ij| < r_c, j ≠ i

There is nothing to allocate, to update or to overflow: the particles are sorted into cells in
each call (`grid`), and loops are as long as the fullest column needs. So it runs as it is
under `jit`, `vmap`, `grad` and `shard_map`, in free and in periodic space.

Derivatives are first derivatives, in reverse (`central`, `general`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, check_shapes, complete, prepare
from vidparticles.dynamics.interactions.cutoff.central import Box, central_sum
from vidparticles.dynamics.interactions.cutoff.general import pair_sum
from vidparticles.dynamics.interactions.cutoff.grid import arrange
from vidparticles.dynamics.laws.central import CentralLaw


def cutoff(
    law: Law, cutoff: float, /, *, box: float | Sequence[float] | None = None, **defaults: Any
) -> ForceFn:
    """A pair law summed over all others nearer than a cut-off, and cut off there.

    Args:
        law: `law(dr [..., D], fa [..., F], fb [..., F], **params)` → [..., D].
        cutoff: the distance from which on particles do not act on each other.
        box: None for free space (or one with walls); for a periodic box its side, a number or
            one for each of D, as given to `periodic`; at least twice the cut-off.
        **defaults: parameters of the law, unless given at the call; one of a central law that
            differs from batch entry to batch entry has shape [..., 1] against positions
            [..., N, D], others are the same for all.

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, D], D = 1, 2 or
        3. Time and memory O(N) while the number of neighbors is bounded; where particles
        crowd, the time grows with the pairs that there are. NaN for all, where a position of
        those alive is not finite.

    Raises:
        ValueError: the cut-off is not positive, the box is smaller than twice that, or, when
            called, shapes do not fit.

    Example:
        >>> from vidparticles.dynamics import repulsion
        >>> force_fn = cutoff(repulsion, 3.0, strength=1.0)
        >>> force_fn(jnp.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])).tolist()
        [[-0.5, 0.0], [0.0, 0.0], [0.5, 0.0]]
    """
    cutoff = float(cutoff)
    if not 0 < cutoff < math.inf:
        raise ValueError(f"the cut-off is {cutoff}; expected a positive, finite distance.")
    sides = None if box is None else tuple(np.atleast_1d(np.asarray(box, float)).tolist())
    if sides is not None and not 2 * cutoff <= min(sides):
        raise ValueError(
            f"the box is {box} and the cut-off {cutoff}; a side is at least twice the cut-off, "
            "or a particle would meet two images of another: use a smaller cut-off."
        )

    def force_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        position, feature, alive = jax.tree.map(jnp.asarray, (position, feature, alive))
        _check(position.shape, sides)
        check_shapes(position, feature, alive)
        if position.size == 0:
            return jnp.zeros_like(position)
        dim, lead = position.shape[-1], position.shape[:-2]
        across = None if sides is None else sides * (dim // len(sides))
        one = functools.partial(_one, law, cutoff, across)
        shared, own = _by_system(law, {**defaults, **params}, lead)
        if not lead:
            return one(position, feature, alive, {**shared, **own})

        def flat(x: Array) -> Array:
            return x.reshape(-1, *x.shape[len(lead) :])

        whole = jax.tree.map(flat, (position, feature, alive, own))
        force = jax.vmap(lambda r, f, a, own: one(r, f, a, {**shared, **own}))(*whole)
        return force.reshape(position.shape)

    return force_fn


def _check(shape: tuple[int, ...], sides: Box) -> None:
    if len(shape) < 2 or shape[-1] not in (1, 2, 3):
        raise ValueError(f"positions have shape {shape}; expected [..., N, D] with D = 1, 2 or 3.")
    if sides is not None and len(sides) not in (1, shape[-1]):
        raise ValueError(
            f"the box has {len(sides)} sides and positions {shape[-1]} components; give one "
            "side, or one for each component."
        )


def _by_system(
    law: Law, params: Mapping[str, Any], lead: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters that all systems share, and those [*lead, ·] that each has its own of."""
    if not isinstance(law, CentralLaw):
        return dict(params), {}
    shared: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in params.items():
        value = jnp.asarray(value)
        rest = 1 if name in law.vectors else 0
        before, last = value.shape[: value.ndim - rest], value.shape[value.ndim - rest :]
        if not before:
            shared[name] = value
        elif before[-1] == 1 and len(before) <= len(lead) + 1:
            each = jnp.broadcast_to(value.reshape(*before[:-1], *last), (*lead, *last))
            (own if lead else shared)[name] = each
        else:
            raise ValueError(
                f"{name} has shape {value.shape} for positions {(*lead, 'N', 'D')}; a cut-off "
                f"law takes one for all, or {(*lead, 1, *last)}: give what differs from "
                "particle to particle as a feature."
            )
    return shared, own


def _one(
    law: Law,
    cutoff: float,
    box: Box,
    position: Array,
    feature: Array | None,
    alive: Array | None,
    params: Mapping[str, Any],
) -> Array:
    """The force of one system [N, D]."""
    position, feature, living = complete(position, feature, alive)
    dtype = jnp.promote_types(position.dtype, jnp.float32)
    x = position.astype(dtype)
    if box is not None:
        side = jnp.asarray(box, dtype)
        # Also what is many boxes away then has digits left to be told apart by.
        x = x - lax.stop_gradient(side * jnp.floor(x / side))
    fixed = lax.stop_gradient(x)
    columns = arrange(list(fixed.T), None if alive is None else living, cutoff, box)
    if isinstance(law, CentralLaw) and _is_closed(law, params, x):
        # One number, which varies over devices as the positions do.
        zero = jnp.zeros_like(x[0, 0])
        values = jax.tree.map(lambda v: jnp.asarray(v, dtype) + zero, law.apart(params))
        force = central_sum(law, cutoff, box, columns, x, values)
    else:
        pair, brought = prepare(law, feature, params)
        force = pair_sum(pair, cutoff, box, columns, x, brought)
    chex.assert_equal_shape([force, position])
    fine = jnp.all(jnp.isfinite(fixed))
    force = jnp.where(fine, force, jnp.nan).astype(position.dtype)
    return jnp.where(living[:, None], force, 0)


def _is_closed(law: CentralLaw, params: Mapping[str, Any], x: Array) -> bool:
    """Whether the law closes over nothing that a derivative in closed form would not reach."""
    apart = jax.tree.map(lambda v: jnp.zeros((), x.dtype), law.apart(params))
    return not jax.closure_convert(lambda square, p: law.profile(square, **p), x[0, 0], apart)[1]
