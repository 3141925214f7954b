"""Body laws: what befalls one particle alone, law(r, v, f, **params)."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


def drag(r: Array, v: Array, f: Array, *, rate: ArrayLike) -> Array:
    """Force against the motion: −γ v (Stokes).

    Args:
        r: [..., D], not used.
        v: [..., D] velocity.
        f: [..., F], not used.
        rate: γ, force per velocity; broadcasts against [...].

    Returns:
        [..., D].

    Raises:
        ValueError: no velocity was given, as when jax-md's integrators call it.

    Example:
        >>> drag(None, jnp.array([1.0, -2.0]), None, rate=0.5).tolist()
        [-0.5, 1.0]
    """
    if v is None:
        raise ValueError("drag needs a velocity; call the force with velocity=[..., N, D].")
    return -jnp.asarray(rate, v.dtype)[..., None] * v


def uniform(r: Array, v: Array, f: Array, *, force: ArrayLike) -> Array:
    """The same force on every particle, as of a wind or of gravity on equal masses.

    Args:
        r: [..., D] position.
        v: [..., D], not used.
        f: [..., F], not used.
        force: [..., D], broadcasts against r.

    Returns:
        [..., D].

    Example:
        >>> uniform(jnp.zeros((2, 2)), None, None, force=jnp.array([0.0, 9.5])).tolist()
        [[0.0, 9.5], [0.0, 9.5]]
    """
    return jnp.broadcast_to(jnp.asarray(force, r.dtype), r.shape)
