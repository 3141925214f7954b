"""A central pair law: a force along the line between two particles that only distance sets.

    F_ab = φ(|dr|²) dr

Every way of summing can exploit this form: one number a pair, Newton's third law, and a
derivative that is known in closed form, d F = φ du + 2 φ' (dr · du) dr.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array


class CentralLaw:
    """law(dr, fa, fb) = profile(|dr|²) dr: called like any law.

    Attributes:
        profile: `profile(square [...], **params)` → [...], force per distance; it and its
            derivative are finite where square is 0. Parameters broadcast against [...].
        vectors: names of the parameters that have an axis of their own behind [...]; the
            profile gets each as the tuple of its entries.
    """

    def __init__(self, profile: Callable[..., Array], vectors: tuple[str, ...] = ()):
        functools.update_wrapper(self, profile)
        self.profile = profile
        self.vectors = vectors

    def __call__(self, dr: Array, fa: Any = None, fb: Any = None, **params: Any) -> Array:
        """The force on a due to b."""
        square = jnp.sum(dr * dr, axis=-1)
        return self.profile(square, **self.apart(params))[..., None] * dr

    def apart(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as the profile gets them."""
        return {k: entries(v) if k in self.vectors else v for k, v in params.items()}


def entries(vector: Array) -> tuple[Array, ...]:
    """The entries of a vector [..., M], M times [...]."""
    return tuple(vector[..., m] for m in range(jnp.shape(vector)[-1]))


def central(profile: Callable[..., Array] | None = None, *, vectors: tuple[str, ...] = ()) -> Any:
    """Make a law of its profile, the force per distance as a function of the squared distance.

    Args:
        profile: as of `CentralLaw`; without it, a decorator with these `vectors` is returned.
        vectors: as of `CentralLaw`.

    Example:
        >>> @central
        ... def gravity(square, *, strength):
        ...     return -strength / square
        >>> gravity(jnp.array([2.0, 0.0]), None, None, strength=1.0).tolist()
        [-0.5, -0.0]
    """
    if profile is None:
        return lambda profile: CentralLaw(profile, vectors)
    return CentralLaw(profile, vectors)
