"""Any law over all pairs: a loop over sources, each turn computed again on the way back.

Each source acts on all targets at once. Memory stays O(N), forward and backward: what a turn
needs for its derivative is not kept but recomputed, also inside a learned law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.common import Law, complete, lift, prepare
from vidparticles.dynamics.space import DisplacementFn

Term = tuple[Law, Mapping[str, Any]]


def sum_over_sources(
    terms: Sequence[Term],
    displacement_fn: DisplacementFn,
    position: Array,
    feature: Array | None,
    alive: Array | None,
    *,
    vector: bool,
) -> Array:
    """Σ law(dr_ij, f_i, f_j) over terms and others j: [..., N, D], or [..., N] if not vector."""
    position, feature, alive = complete(position, feature, alive)
    count = position.shape[-2]
    index = jnp.arange(count)
    laws, brought = zip(*(prepare(law, feature, params) for law, params in terms), strict=True)

    def add(total: Array, source: tuple[Array, Array, Array, Any]) -> tuple[Array, None]:
        j, r, living, brings = source
        valid = alive & living[..., None] & (index != j)
        dr = lift(displacement_fn, position, r[..., None, :])
        # An excluded pair is given some distance, since a law may divide by it.
        dr = jnp.where(valid[..., None], dr, 1)
        mask = valid[..., None] if vector else valid
        brings = jax.tree.map(lambda x: x[..., None, :], brings)
        for law, a, b in zip(laws, brought, brings, strict=True):
            total = total + jnp.where(mask, law(dr, a, b), 0).astype(total.dtype)
        return total, None

    sources = (
        index,
        jnp.moveaxis(position, -2, 0),
        jnp.moveaxis(alive, -1, 0),
        jax.tree.map(lambda x: jnp.moveaxis(x, -2, 0), brought),
    )
    # Zeros like the positions, not of their shape: so they vary over devices as those do.
    zero = jnp.zeros_like(position if vector else position[..., 0])
    # The barrier that jax.checkpoint puts against merging is not needed inside a scan.
    return lax.scan(jax.checkpoint(add, prevent_cse=False), zero, sources)[0]
