"""Attraction and repulsion: the founding law, by what it does.

The founding document gives F_ij = k (p_i − p_j) / |p_i − p_j|² and calls it attraction; as
printed it pushes i away from j when k > 0. Here `repulsion` is that formula and `attraction`
its opposite: with a positive strength, each does what its name says.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.laws.central import central
from vidparticles.numerics import safe_reciprocal, tiny


@central
def repulsion(square: Array, *, strength: ArrayLike, softening: ArrayLike = 0.0) -> Array:
    """Force on a away from b, falling with distance: k dr / (|dr|² + ε²).

    The law of the founding document (section 4.2, there called attraction), which is the
    Coulomb force of two dimensions. Called `repulsion(dr, fa, fb, *, strength, softening=0.0)`.

    Args:
        square: |dr|² [...] of dr [..., D] from b to a.
        strength: k, broadcasts against [...]; negative attracts.
        softening: ε, a distance; 0 for the bare law.

    Returns:
        Force per distance [...], and [..., D] of the law; zero where dr and softening are.

    Example:
        >>> repulsion(jnp.array([2.0, 0.0]), None, None, strength=1.0).tolist()
        [0.5, 0.0]
    """
    return jnp.multiply(strength, safe_reciprocal(square + softening * softening))


@central
def attraction(square: Array, *, strength: ArrayLike, softening: ArrayLike = 0.0) -> Array:
    """Force on a towards b, falling with distance: −k dr / (|dr|² + ε²).

    Called `attraction(dr, fa, fb, *, strength, softening=0.0)`.

    Args:
        square: |dr|² [...] of dr [..., D] from b to a.
        strength: k, broadcasts against [...]; negative repels.
        softening: ε, a distance; 0 for the bare law.

    Returns:
        Force per distance [...], and [..., D] of the law; zero where dr and softening are.

    Example:
        >>> attraction(jnp.array([2.0, 0.0]), None, None, strength=1.0).tolist()
        [-0.5, -0.0]
    """
    return -repulsion.profile(square, strength=strength, softening=softening)


def repulsion_energy(
    dr: Array, fa: Array, fb: Array, *, strength: ArrayLike, softening: ArrayLike = 0.0
) -> Array:
    """Potential of `repulsion`: −½ k log(|dr|² + ε²), [...]; 0 where dr and softening are 0.

    Example:
        >>> float(repulsion_energy(jnp.array([1.0, 0.0]), None, None, strength=1.0)) == 0
        True
    """
    square = jnp.sum(dr * dr, axis=-1) + softening * softening
    return -0.5 * jnp.log(jnp.where(square < tiny(square.dtype), 1, square)) * strength


def attraction_energy(
    dr: Array, fa: Array, fb: Array, *, strength: ArrayLike, softening: ArrayLike = 0.0
) -> Array:
    """Potential of `attraction`: ½ k log(|dr|² + ε²), [...]; 0 where dr and softening are 0.

    Example:
        >>> float(attraction_energy(jnp.array([1.0, 0.0]), None, None, strength=1.0)) == 0
        True
    """
    return -repulsion_energy(dr, fa, fb, strength=strength, softening=softening)
