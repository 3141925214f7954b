"""A sum over sources as a loop that XLA compiles well on a CPU.

Components apart, lanes along targets; some sources a turn, their terms added as a tree (which
also keeps digits) into one accumulator, so that a turn is a single fused loop that stores
nothing else. Two components share one complex accumulator for the same reason. There is no
reduction over a tile of pairs, which XLA:CPU compiles badly, and worse under `vmap`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.common import pack, tree_sum, unpack

# pair(target, source, params) -> real terms that broadcast against [..., N]
Pair = Callable[[Any, Any, Any], list[Array]]
# Sources a turn, and operations a turn, at most: more spare time, fewer spare compile time.
MOST = 32
OPERATIONS = 1024
# So many lanes do not stay in the nearest cache: twice the sources for each time they are read.
WIDE = 8192


def over_sources(pair: Pair, particles: Any, params: Any, *, terms: int) -> list[Array]:
    """Σ_j pair(i, j) for all i.

    Args:
        pair: of elementwise operations; called with leaves [..., N] for the targets and
            [..., 1] for one source.
        particles: a pytree of arrays [..., N], targets and sources alike; N ≥ 1.
        params: a pytree of arrays [..., 1].
        terms: how many `pair` returns.

    Returns:
        As many arrays [..., N].
    """
    first = jax.tree.leaves(particles)[0]
    count = first.shape[-1]

    def packed(source: Any) -> list[Array]:
        return pack(pair(particles, source, params))

    some = _unrolled(count, packed, particles)
    turns, rest = divmod(count, some)
    inner = math.isqrt(turns)
    outer, last = divmod(turns, inner)
    zero = pack([jnp.zeros_like(first)] * terms)

    def add(total: list[Array], begin: Any, some: int) -> list[Array]:
        block = jax.tree.map(lambda s: lax.dynamic_slice_in_dim(s, begin, some, -1), particles)
        split = jax.tree.map(lambda b: jnp.split(b, some, axis=-1), block)
        sources = jax.tree.transpose(jax.tree.structure(block), None, split)
        each = [packed(source) for source in sources]
        return [t + tree_sum(parts) for t, *parts in zip(total, *each, strict=True)]

    def turn(t: Any, total: list[Array]) -> list[Array]:
        return add(total, t * some, some)

    # Sums of sums: the rounding error grows with the turns of one loop, not of all.
    def many(r: Any, total: list[Array]) -> list[Array]:
        part = lax.fori_loop(0, inner, lambda t, part: turn(r * inner + t, part), zero)
        return [t + p for t, p in zip(total, part, strict=True)]

    total = lax.fori_loop(0, outer, many, zero) if outer > 1 else many(0, zero)
    if last:
        total = lax.fori_loop(outer * inner, turns, turn, total)
    return unpack(add(total, count - rest, rest) if rest else total, terms)


def _unrolled(count: int, packed: Callable[[Any], list[Array]], particles: Any) -> int:
    """Sources a turn: as many as make a program of bounded size, such that few are left over,
    and two turns at least: what is not inside a loop of several turns is fused with what
    surrounds it, and is no longer vectorised.
    """
    one = jax.tree.map(lambda s: s[..., :1], particles)
    operations = len(jax.make_jaxpr(packed)(one).eqns)
    wide = jax.tree.leaves(particles)[0].size >= WIDE
    most = max(1, min(2 * MOST if wide else MOST, OPERATIONS // operations))
    if count < 2 * most:
        return max(count // 2, 1)
    return min(range(most, most // 2, -1), key=lambda some: count % some)
