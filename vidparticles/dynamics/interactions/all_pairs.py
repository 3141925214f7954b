"""All pairs: every particle acts on every other.

A loop over sources, each acting on all targets at once: memory stays O(N), forward and, since
each turn is recomputed on the way back, backward. There is no reduction over a tile of pairs,
which XLA compiles badly on a CPU, and worse under `vmap`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.force import ForceFn
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


@dataclasses.dataclass(frozen=True, eq=False)
class AllPairs:
    """A law over all pairs; its parts are open, so that `total` can share one loop."""

    law: Law
    displacement_fn: DisplacementFn
    defaults: Mapping[str, Any]

    def __call__(
        self,
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        """The force, as `all_pairs` describes it."""
        return sum_over_sources(
            [self.term(params)], self.displacement_fn, position, feature, alive, vector=True
        )

    def term(self, params: Mapping[str, Any]) -> Term:
        """The law and all its parameters."""
        return self.law, {**self.defaults, **params}


def all_pairs(law: Law, displacement_fn: DisplacementFn, **defaults: Any) -> ForceFn:
    """A pair law summed over all others: F_i = Σ_{j ≠ i} law(p_i − p_j, f_i, f_j).

    Args:
        law: `law(dr [..., D], fa [..., F], fb [..., F], **params)` → [..., D].
        displacement_fn: of a space, ours or jax-md's.
        **defaults: parameters of the law, unless given at the call; one that differs from
            batch entry to batch entry has shape [..., 1] against positions [..., N, D].

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, D]. Time O(N²),
        memory O(N), forward and backward.

    Example:
        >>> from vidparticles.dynamics import free, repulsion
        >>> force_fn = all_pairs(repulsion, free()[0], strength=1.0)
        >>> force_fn(jnp.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
        [[-0.5, 0.0], [0.5, 0.0]]
    """
    return AllPairs(law, displacement_fn, defaults)


def potential(
    law_energy: Law, displacement_fn: DisplacementFn, **defaults: Any
) -> Callable[..., Array]:
    """A pair potential summed over all pairs: U = Σ_{i < j} law_energy(p_i − p_j, f_i, f_j).

    Args:
        law_energy: `law_energy(dr, fa, fb, **params)` → [...], the same for (a, b) and (b, a).
        displacement_fn: of a space, ours or jax-md's.
        **defaults: parameters, unless given at the call.

    Returns:
        `energy_fn(position, *, feature=None, alive=None, **params)` → [...]; accepted wherever
        a force is, here and in jax-md.

    Example:
        >>> from vidparticles.dynamics import free, spring_energy
        >>> energy_fn = potential(spring_energy, free()[0], stiffness=2.0)
        >>> float(energy_fn(jnp.array([[0.0, 0.0], [3.0, 0.0]])))
        9.0
    """

    def energy_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        each = sum_over_sources(
            [(law_energy, {**defaults, **params})],
            displacement_fn,
            position,
            feature,
            alive,
            vector=False,
        )
        return 0.5 * jnp.sum(each, axis=-1)

    return energy_fn
