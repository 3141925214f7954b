"""Spring: Hooke's law between two particles."""

from __future__ import annotations

from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.laws.central import central
from vidparticles.numerics import safe_divide, safe_norm, safe_sqrt


@central
def spring(square: Array, *, stiffness: ArrayLike, length: ArrayLike = 0.0) -> Array:
    """Force on a of a spring to b: −κ (r − ℓ) r̂.

    Called `spring(dr, fa, fb, *, stiffness, length=0.0)`.

    Args:
        square: |dr|² [...] of dr [..., D] from b to a.
        stiffness: κ, force per length; broadcasts against [...].
        length: ℓ ≥ 0, the length at rest; broadcasts against [...].

    Returns:
        Force per distance [...], and [..., D] of the law; zero for coincident particles.

    Example:
        >>> import jax.numpy as jnp
        >>> spring(jnp.array([3.0, 0.0]), None, None, stiffness=2.0, length=1.0).tolist()
        [-4.0, -0.0]
    """
    r = safe_sqrt(square)
    return -safe_divide((r - length) * stiffness, r)


def spring_energy(
    dr: Array, fa: Array, fb: Array, *, stiffness: ArrayLike, length: ArrayLike = 0.0
) -> Array:
    """Potential of `spring`: ½ κ (r − ℓ)²; [...].

    Example:
        >>> import jax.numpy as jnp
        >>> float(spring_energy(jnp.array([3.0, 0.0]), None, None, stiffness=2.0, length=1.0))
        4.0
    """
    return 0.5 * (safe_norm(dr) - length) ** 2 * stiffness
