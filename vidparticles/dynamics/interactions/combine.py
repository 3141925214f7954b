"""Combine: several named forces added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.force import ForceFn, canonicalize_force
from vidparticles.dynamics.interactions.pairs.all_pairs import AllPairs, Method, sum_pairs
from vidparticles.dynamics.space import DisplacementFn
from vidparticles.errors import nearest


def combine(**terms: Callable[..., Array]) -> ForceFn:
    """The sum of named forces (or energies), each with parameters under its own name.

    Pair laws over all pairs of one space share one loop.

    Args:
        **terms: name → force or energy, as of `all_pairs`, `external`, `bonds` or jax-md.

    Returns:
        `force_fn(position, *, velocity=None, feature=None, mass=None, alive=None, **params)`
        → [..., N, D], where params are `name={parameter: value}`.

    Raises:
        ValueError: when called, a parameter bears the name of no term.

    Example:
        >>> from vidparticles.dynamics import all_pairs, attraction, collision, free
        >>> displacement_fn, _ = free()
        >>> force_fn = combine(
        ...     attraction=all_pairs(attraction, displacement_fn, strength=1.0),
        ...     collision=all_pairs(collision, displacement_fn, diameter=1.0),
        ... )
        >>> R = jnp.array([[0.0, 0.0], [0.5, 0.0]])
        >>> force_fn(R, collision={"stiffness": 4.0}).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """
    shared: dict[tuple[DisplacementFn, Method], dict[str, AllPairs]] = {}
    single: dict[str, ForceFn] = {}
    for name, term in terms.items():
        if isinstance(term, AllPairs):
            shared.setdefault((term.displacement_fn, term.method), {})[name] = term
        else:
            single[name] = canonicalize_force(term)

    def force_fn(
        position: Array,
        *,
        velocity: Array | None = None,
        feature: Array | None = None,
        mass: Array | None = None,
        alive: Array | None = None,
        **params: Mapping[str, Any],
    ) -> Array:
        for name in params:
            if name not in terms:
                raise ValueError(f"no force is called {name!r}.{nearest(name, terms)}")
        force = jnp.zeros_like(position)
        for (displacement_fn, method), group in shared.items():
            bound = [term.term(params.get(name, {})) for name, term in group.items()]
            force = force + sum_pairs(
                bound, displacement_fn, position, feature, alive, method=method
            )
        state = {"velocity": velocity, "feature": feature, "mass": mass, "alive": alive}
        for name, term in single.items():
            force = force + term(position, **state, **params.get(name, {}))
        return force

    return force_fn
