"""What every way of summing does first: look at shapes, lift a displacement, blank out the dead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.laws.split import SplitLaw
from vidparticles.dynamics.space import DisplacementFn

Law = Callable[..., Array]


def lift(displacement_fn: DisplacementFn, Ra: Array, Rb: Array) -> Array:
    """displacement_fn, which may be written for single points (jax-md's are), on [..., D]."""
    shape = jnp.broadcast_shapes(Ra.shape, Rb.shape)
    for _ in shape[:-1]:
        displacement_fn = jax.vmap(displacement_fn)
    return displacement_fn(jnp.broadcast_to(Ra, shape), jnp.broadcast_to(Rb, shape))


def check_shapes(position: Array, feature: Array | None, alive: Array | None) -> None:
    """See to it that there is a feature, and a sign of life, for each position.

    Raises:
        ValueError: there is not.
    """
    shape = jnp.shape(position)
    if len(shape) < 2:
        raise ValueError(f"positions have shape {shape}; expected [..., N, D].")
    if feature is not None and jnp.shape(feature)[:-1] != shape[:-1]:
        raise ValueError(
            f"features have shape {jnp.shape(feature)} and positions {shape}; expected "
            f"{(*shape[:-1], 'F')}."
        )
    if alive is not None and jnp.shape(alive) != shape[:-1]:
        raise ValueError(
            f"alive has shape {jnp.shape(alive)} and positions {shape}; expected {shape[:-1]}."
        )


def complete(
    position: Array, feature: Array | None, alive: Array | None
) -> tuple[Array, Array, Array]:
    """Position, feature and alive, with zeros wherever a particle is dead.

    What a dead particle holds may be NaN, which masking the result alone would let into the
    gradient.
    """
    lead = position.shape[:-1]
    if feature is None:
        feature = jnp.zeros((*lead, 0), position.dtype)
    if alive is None:
        return position, feature, jnp.ones(lead, bool)
    living = alive[..., None]
    return jnp.where(living, position, 0), jnp.where(living, feature, 0), alive


def prepare(law: Law, feature: Array, params: Mapping[str, Any]) -> tuple[Law, Any]:
    """A law of three arguments, and what it is given of the particles in the place of features.

    That is a pytree of arrays [..., N, ·]: the features themselves, or what a `SplitLaw` makes
    of them once for each particle.
    """
    if isinstance(law, SplitLaw):
        return functools.partial(law.pair, **params), law.each(feature, **params)
    return functools.partial(law, **params), feature
