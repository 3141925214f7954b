"""Central laws over all pairs: one loop over sources, forward and backward in closed form.

    F_i = Σ_j φ(|d_ij|²) d_ij,    d_ij = displacement(p_i, p_j)

The way back is a loop of the same kind. With Newton's third law, the cotangent of p_i is

    Σ_j [φ Δu + 2 φ' (d_ij · Δu) d_ij],    Δu = u_i − u_j

so both keep O(N) in memory, and neither holds a tape. Only the positions are kept for it.

How it is written is how XLA compiles it well on a CPU: components apart, lanes along targets;
some sources a turn, their terms added as a tree (which also keeps digits) into one accumulator,
so that a turn is a single fused loop that stores nothing else. Two components share one complex
accumulator for the same reason. There is no reduction over a tile of pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.space import DisplacementFn

# φ(square, params)
Profile = Callable[[Array, Any], Array]
# Sources a turn, and operations a turn, at most: more spare time, fewer spare compile time.
MOST = 32
OPERATIONS = 1024


def central_sum(
    profile: Profile,
    displacement_fn: DisplacementFn,
    position: Array,
    alive: Array | None,
    params: Any,
) -> Array:
    """Σ_j φ(|d_ij|²; params) d_ij, the sum over the living, for the living.

    Args:
        profile: `profile(square, params)` → like square; finite, with a finite derivative,
            where square is 0, so that no particle acts on itself.
        displacement_fn: of a space; antisymmetric.
        position: [..., N, D]; dead ones hold anything finite.
        alive: [..., N] or None, all of them.
        params: a pytree whose leaves broadcast against [..., N], equal along N.

    Returns:
        [..., N, D]. Time O(N²), memory O(N), forward and backward.
    """
    if position.shape[-2] == 0:
        return jnp.zeros_like(position)
    dtype = jnp.promote_types(position.dtype, jnp.float32)
    x = jnp.moveaxis(position.astype(dtype), -1, 0)
    weight = None if alive is None else alive.astype(dtype)
    # One number a system, which varies over devices as the positions do.
    zero = jnp.zeros_like(x[0, ..., :1])
    params = jax.tree.map(lambda v: jnp.broadcast_to(v, zero.shape).astype(dtype) + zero, params)
    force = _sum(profile, displacement_fn, x, weight, params)
    return jnp.moveaxis(force, 0, -1).astype(position.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _sum(
    profile: Profile, displacement_fn: DisplacementFn, x: Array, weight: Array | None, params: Any
) -> Array:
    """The sum for components in front: x [D, ..., N], weight [..., N] of 0 and 1, or None.

    The leaves of params are [..., 1].
    """

    def pair(source: Any) -> list[Array]:
        s, w = source
        dr = _apart(displacement_fn, x, s)
        size = profile(_square(dr), params)
        size = size if w is None else size * w
        return _pack([size * d for d in dr])

    total = _over_sources(pair, (x, weight), zero=_pack(list(jnp.zeros_like(x))))
    force = _unpack(total, len(x))
    return force if weight is None else force * weight


def _forward(
    profile: Profile, displacement_fn: DisplacementFn, x: Array, weight: Array | None, params: Any
) -> tuple[Array, Any]:
    return _sum(profile, displacement_fn, x, weight, params), (x, weight, params)


def _backward(
    profile: Profile, displacement_fn: DisplacementFn, kept: Any, u: Array
) -> tuple[Any, ...]:
    x, weight, params = kept
    u = u if weight is None else u * weight

    def pair(source: Any) -> list[Array]:
        s, us, w = source
        dr, back = jax.vjp(lambda x: _apart(displacement_fn, x, s), x)
        du = [a - b for a, b in zip(u, us, strict=True)]
        square = _square(dr)
        one = jnp.ones_like(square)
        size, slope = jax.jvp(lambda square: profile(square, params), (square,), (one,))
        along = 2 * slope * _dot(dr, du)
        if w is not None:
            size, along = size * w, along * w
        (moved,) = back(jnp.stack([size * a + along * b for a, b in zip(du, dr, strict=True)]))
        return _pack(list(moved))

    zero = _pack(list(jnp.zeros_like(x)))
    moved = _unpack(_over_sources(pair, (x, u, weight), zero=zero), len(x))
    if weight is not None:
        moved = moved * weight
    no_weight = None if weight is None else jnp.zeros_like(weight)
    return moved, no_weight, _of_params(profile, displacement_fn, kept, u)


def _of_params(profile: Profile, displacement_fn: DisplacementFn, kept: Any, u: Array) -> Any:
    """The cotangent of the parameters: ½ Σ_ij (d_ij · Δu) ∂φ, summed over j lane by lane."""
    x, weight, params = kept
    leaves, form = jax.tree.flatten(params)
    lanes = [jnp.broadcast_to(leaf, x.shape[1:]) for leaf in leaves]

    def pair(source: Any) -> list[Array]:
        s, us, w = source
        dr = _apart(displacement_fn, x, s)
        pull = 0.5 * _dot(dr, [a - b for a, b in zip(u, us, strict=True)])
        pull = pull if w is None else pull * w * weight
        square = _square(dr)
        _, back = jax.vjp(lambda lanes: profile(square, jax.tree.unflatten(form, lanes)), lanes)
        return list(back(pull)[0])

    totals = _over_sources(pair, (x, u, weight), zero=[jnp.zeros_like(x[0]) for _ in lanes])
    return jax.tree.unflatten(form, [jnp.sum(t, axis=-1, keepdims=True) for t in totals])


_sum.defvjp(_forward, _backward)


def _over_sources(
    pair: Callable[[Any], list[Array]], sources: Any, *, zero: list[Array]
) -> list[Array]:
    """Σ over sources of what `pair` gives for one of them: a pytree of arrays [..., 1]."""
    count = jax.tree.leaves(sources)[0].shape[-1]
    some = _unrolled(count, pair, sources)
    turns, rest = divmod(count, some)
    inner = math.isqrt(turns)
    outer, last = divmod(turns, inner)

    def add(total: list[Array], first: Any, some: int) -> list[Array]:
        block = jax.tree.map(lambda s: lax.dynamic_slice_in_dim(s, first, some, -1), sources)
        split = jax.tree.map(lambda b: jnp.split(b, some, axis=-1), block)
        form = jax.tree.structure(block)
        terms = [pair(s) for s in jax.tree.transpose(form, None, split)]
        return [t + _tree_sum(parts) for t, *parts in zip(total, *terms, strict=True)]

    def turn(t: Any, total: list[Array]) -> list[Array]:
        return add(total, t * some, some)

    # Sums of sums: the rounding error grows with the turns of one loop, not of all.
    def round_(r: Any, total: list[Array]) -> list[Array]:
        part = lax.fori_loop(0, inner, lambda t, part: turn(r * inner + t, part), zero)
        return [t + p for t, p in zip(total, part, strict=True)]

    total = lax.fori_loop(0, outer, round_, zero) if outer > 1 else round_(0, zero)
    if last:
        total = lax.fori_loop(outer * inner, turns, turn, total)
    return add(total, count - rest, rest) if rest else total


def _unrolled(count: int, pair: Callable[[Any], list[Array]], sources: Any) -> int:
    """Sources a turn: as many as make a program of bounded size, such that few are left over,
    and two turns at least: what is not inside a loop of several turns is fused with what
    surrounds it, and is no longer vectorised.
    """
    one = jax.tree.map(lambda s: s[..., :1], sources)
    operations = len(jax.make_jaxpr(pair)(one).eqns)
    most = max(1, min(MOST, OPERATIONS // operations))
    if count < 2 * most:
        return max(count // 2, 1)
    return min(range(most, most // 2, -1), key=lambda some: count % some)


def _tree_sum(terms: Sequence[Array]) -> Array:
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + list(terms[len(pairs) * 2 :])
    return terms[0]


def _apart(displacement_fn: DisplacementFn, x: Array, s: Array) -> Array:
    """displacement_fn between x [D, ..., N] and one source s [D, ..., 1]: [D, ..., N]."""
    for _ in x.shape[1:]:
        displacement_fn = jax.vmap(displacement_fn, in_axes=(1, 1), out_axes=1)
    return displacement_fn(x, jnp.broadcast_to(s, x.shape))


def _square(dr: Array) -> Array:
    return _dot(dr, dr)


def _dot(a: Any, b: Any) -> Array:
    """Σ over components, written out: a reduction would break the fused loop."""
    return functools.reduce(jnp.add, [a[d] * b[d] for d in range(len(a))])


def _pack(parts: list[Array]) -> list[Array]:
    """D real components as ⌈D/2⌉ accumulators."""
    twos = [lax.complex(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
    return twos + parts[2 * len(twos) :]


def _unpack(totals: list[Array], dim: int) -> Array:
    parts = [p for t in totals[: dim // 2] for p in (t.real, t.imag)] + totals[dim // 2 :]
    return jnp.stack(parts)
