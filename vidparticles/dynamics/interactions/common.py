"""What ways of summing share: checks of shapes, lifted displacements, masks, packed terms."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

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
    """See to it that there is one feature and one `alive` for each position.

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
    """Position, feature and alive, with zeros wherever a particle is inactive.

    What an inactive particle holds may be NaN, which masking the result alone would let into the
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


# Terms of a fused loop: lists of real arrays, a component each.


def dot(a: Sequence[Array], b: Sequence[Array]) -> Array:
    """Σ over components, written out: a reduction would break the fused loop."""
    return functools.reduce(jnp.add, [i * j for i, j in zip(a, b, strict=True)])


def tree_sum(terms: Sequence[Array]) -> Array:
    """The sum of terms, added two by two, which also keeps digits."""
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + list(terms[len(pairs) * 2 :])
    return terms[0]


def pack(parts: Sequence[Array]) -> list[Array]:
    """Real arrays as half as many complex ones, and one real where they are odd."""
    twos = [lax.complex(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
    return twos + list(parts[2 * len(twos) :])


def unpack(packed: Sequence[Array], count: int) -> list[Array]:
    """The `count` real arrays again."""
    twos = [part for t in packed[: count // 2] for part in (t.real, t.imag)]
    return twos + list(packed[count // 2 :])
