"""Central laws over all pairs, forward and backward in closed form.

    F_i = Σ_j φ(|d_ij|²) d_ij,    d_ij = displacement(p_i, p_j)

The way back is a sum of the same kind. With Newton's third law, the cotangent of p_i is

    Σ_j [φ Δu + 2 φ' (d_ij · Δu) d_ij],    Δu = u_i − u_j

so both keep O(N) in memory, and neither holds a tape. Only the positions are kept for it. How
the sum is taken depends on the platform: by a loop (`loop`) or on a GPU by a kernel (`kernel`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.interactions.common import dot
from vidparticles.dynamics.interactions.pairs import loop
from vidparticles.dynamics.space import DisplacementFn, straight

# φ(square, params)
Profile = Callable[[Array, Any], Array]
# (pair, particles, params, *, terms) → Σ over sources, see `loop.over_sources`
OverSources = Callable[..., list[Array]]


def central_sum(
    profile: Profile,
    displacement_fn: DisplacementFn,
    position: Array,
    alive: Array | None,
    params: Any,
    *,
    over_sources: OverSources = loop.over_sources,
) -> Array:
    """Σ_j φ(|d_ij|²; params) d_ij, the sum over those alive, for those alive.

    Args:
        profile: `profile(square, params)` → like square; finite, with a finite derivative,
            where square is 0, so that no particle acts on itself.
        displacement_fn: of a space; antisymmetric.
        position: [..., N, D]; inactive ones hold anything finite.
        alive: [..., N] or None, all of them.
        params: a pytree whose leaves broadcast against [..., N], equal along N.
        over_sources: how the sum is taken.

    Returns:
        [..., N, D]. Time O(N²), memory O(N), forward and backward.
    """
    if position.shape[-2] == 0:
        return jnp.zeros_like(position)
    dtype = jnp.promote_types(position.dtype, jnp.float32)
    x = tuple(position[..., d].astype(dtype) for d in range(position.shape[-1]))
    weight = None if alive is None else alive.astype(dtype)
    # One number a system, which varies over devices as the positions do.
    zero = jnp.zeros_like(x[0][..., :1])
    params = jax.tree.map(lambda v: jnp.broadcast_to(v, zero.shape).astype(dtype) + zero, params)
    force = _sum(profile, displacement_fn, over_sources, x, weight, params)
    return jnp.stack(force, axis=-1).astype(position.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _sum(
    profile: Profile,
    displacement_fn: DisplacementFn,
    over_sources: OverSources,
    x: tuple[Array, ...],
    weight: Array | None,
    params: Any,
) -> tuple[Array, ...]:
    """The sum of components apart: x D × [..., N], weight [..., N] of 0 and 1, or None.

    The leaves of params are [..., 1].
    """

    def pair(target: Any, source: Any, params: Any) -> list[Array]:
        dr, _ = _between(displacement_fn, target["x"], source["x"])
        size = profile(dot(dr, dr), params)
        size = size if weight is None else size * source["weight"]
        return [size * d for d in dr]

    particles = {"x": x, "weight": weight}
    return _weighted(over_sources(pair, particles, params, terms=len(x)), weight)


def _forward(
    profile: Profile,
    displacement_fn: DisplacementFn,
    over_sources: OverSources,
    x: tuple[Array, ...],
    weight: Array | None,
    params: Any,
) -> tuple[tuple[Array, ...], Any]:
    force = _sum(profile, displacement_fn, over_sources, x, weight, params)
    return force, (x, weight, params)


def _backward(
    profile: Profile,
    displacement_fn: DisplacementFn,
    over_sources: OverSources,
    kept: Any,
    cotangent: tuple[Array, ...],
) -> tuple[Any, ...]:
    x, weight, params = kept
    particles = {"x": x, "u": _weighted(cotangent, weight), "weight": weight}

    def moved(target: Any, source: Any, params: Any) -> list[Array]:
        dr, back = _between(displacement_fn, target["x"], source["x"])
        du = [a - b for a, b in zip(target["u"], source["u"], strict=True)]
        square = dot(dr, dr)
        one = jnp.ones_like(square)
        size, slope = jax.jvp(lambda square: profile(square, params), (square,), (one,))
        along = 2 * slope * dot(dr, du)
        if weight is not None:
            size, along = size * source["weight"], along * source["weight"]
        return back([size * a + along * b for a, b in zip(du, dr, strict=True)])

    leaves, form = jax.tree.flatten(params)

    def of_params(target: Any, source: Any, leaves: Any) -> list[Array]:
        # ½ Σ_ij (d_ij · Δu) ∂φ, with a copy of each parameter for each pair.
        dr, _ = _between(displacement_fn, target["x"], source["x"])
        pull = 0.5 * dot(dr, [a - b for a, b in zip(target["u"], source["u"], strict=True)])
        if weight is not None:
            pull = pull * target["weight"] * source["weight"]
        square = dot(dr, dr)
        lanes = [jnp.broadcast_to(leaf, square.shape) for leaf in leaves]
        _, back = jax.vjp(lambda lanes: profile(square, jax.tree.unflatten(form, lanes)), lanes)
        return list(back(pull)[0])

    of_x = _weighted(over_sources(moved, particles, params, terms=len(x)), weight)
    of_weight = None if weight is None else jnp.zeros_like(weight)
    sums = over_sources(of_params, particles, leaves, terms=len(leaves)) if leaves else []
    of_leaves = [jnp.sum(s, axis=-1, keepdims=True) for s in sums]
    return of_x, of_weight, jax.tree.unflatten(form, of_leaves)


_sum.defvjp(_forward, _backward)


def _weighted(parts: Sequence[Array], weight: Array | None) -> tuple[Array, ...]:
    return tuple(parts if weight is None else (part * weight for part in parts))


def _between(
    displacement_fn: DisplacementFn, x: Sequence[Array], s: Sequence[Array]
) -> tuple[list[Array], Callable[[Sequence[Array]], list[Array]]]:
    """Displacements from a source s, and the transposed derivative of them by x."""
    if displacement_fn is straight:
        return [a - b for a, b in zip(x, s, strict=True)], list
    points, source = jnp.stack(x), jnp.stack(s)
    lifted: Any = displacement_fn
    for _ in points.shape[1:]:
        lifted = jax.vmap(lifted, in_axes=(1, 1), out_axes=1)
    source = jnp.broadcast_to(source, points.shape)
    dr, back = jax.vjp(lambda points: lifted(points, source), points)
    return list(dr), lambda cotangent: list(back(jnp.stack(cotangent))[0])
