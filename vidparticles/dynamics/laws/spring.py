"""Spring: Hooke's law between two particles."""

from __future__ import annotations

from jax import Array
from jax.typing import ArrayLike

from vidparticles.numerics import safe_divide, safe_norm


def spring(
    dr: Array, fa: Array, fb: Array, *, stiffness: ArrayLike, length: ArrayLike = 0.0
) -> Array:
    """Force on a of a spring to b: −κ (r − ℓ) r̂.

    Args:
        dr: [..., D] from b to a.
        fa, fb: [..., F], not used.
        stiffness: κ, force per length; broadcasts against [...].
        length: ℓ ≥ 0, the length at rest; broadcasts against [...].

    Returns:
        [..., D]; zero for coincident particles.

    Example:
        >>> import jax.numpy as jnp
        >>> spring(jnp.array([3.0, 0.0]), None, None, stiffness=2.0, length=1.0).tolist()
        [-4.0, -0.0]
    """
    r = safe_norm(dr)
    pull = (r - length) * stiffness
    return -pull[..., None] * safe_divide(dr, r[..., None])


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
