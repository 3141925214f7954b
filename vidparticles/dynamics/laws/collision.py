"""Collision: soft spheres that push back while they overlap."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.laws.central import central
from vidparticles.numerics import safe_divide, safe_norm, safe_sqrt


@central
def collision(square: Array, *, stiffness: ArrayLike, diameter: ArrayLike) -> Array:
    """Force on a away from b while they overlap: κ (σ − r) r̂ for r < σ, else 0.

    The harmonic soft sphere (O'Hern et al., Phys. Rev. E 68, 011306, 2003); jax-md's
    `soft_sphere` with alpha = 2, sigma = σ and epsilon = κ σ². Called
    `collision(dr, fa, fb, *, stiffness, diameter)`.

    Args:
        square: |dr|² [...] of dr [..., D] from b to a.
        stiffness: κ ≥ 0, force per length of overlap; broadcasts against [...].
        diameter: σ > 0, the distance of contact; broadcasts against [...].

    Returns:
        Force per distance [...], and [..., D] of the law; continuous at contact, zero for
        coincident particles.

    Example:
        >>> force = collision(jnp.array([0.5, 0.0]), None, None, stiffness=2.0, diameter=1.0)
        >>> force.tolist()
        [1.0, 0.0]
    """
    r = safe_sqrt(square)
    return safe_divide(jnp.maximum(diameter - r, 0) * stiffness, r)


def collision_energy(
    dr: Array, fa: Array, fb: Array, *, stiffness: ArrayLike, diameter: ArrayLike
) -> Array:
    """Potential of `collision`: ½ κ (σ − r)² for r < σ, else 0; [...].

    Example:
        >>> dr = jnp.array([0.5, 0.0])
        >>> float(collision_energy(dr, None, None, stiffness=2.0, diameter=1.0))
        0.25
    """
    return 0.5 * jnp.maximum(diameter - safe_norm(dr), 0) ** 2 * stiffness
