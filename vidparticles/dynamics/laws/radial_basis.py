"""Radial basis: a force curve over distance, learned weight by weight."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.laws.central import central, entries
from vidparticles.numerics import safe_divide, safe_norm, safe_sqrt


def _weighted(
    bump: Callable[[Array], Array], r: Array, weights: tuple[Array, ...], cutoff: ArrayLike
) -> tuple[Array, Array]:
    """Σ_m w_m bump(t_m) over the M bumps, and the spacing Δ of their centers.

    Bump m is centered at (m + 2) Δ and reaches 2 Δ to either side, with Δ = cutoff / (M + 3):
    the first starts at r = 0 and the last ends at the cut-off. A sum of M terms, not a
    reduction over an axis of M: XLA fuses the one and trips over the other.
    """
    count = len(weights)
    spacing = jnp.asarray(cutoff, r.dtype) / (count + 3)
    value = jnp.zeros_like(r)
    for m in range(count):
        t = jnp.clip((r / spacing - (m + 2)) / 2, -1, 1)
        value = value + weights[m] * bump(t)
    return value, spacing


@central(vectors=("weights",))
def radial_basis(square: Array, *, weights: tuple[Array, ...], cutoff: ArrayLike) -> Array:
    """Force on a along r̂ that follows a curve of the distance: Σ_m w_m φ_m(r) r̂.

    φ_m(r) = 35/64 (1 − t²)³ with t = (r − r_m) / 2Δ in [−1, 1]: bumps with two continuous
    derivatives, evenly spaced between 0 and the cut-off. Between the ends they add to one
    within 1 %, so that w_m is the force near r_m: positive pushes a away, negative pulls.

    Args:
        square: |dr|² [...] of dr [..., D] from b to a.
        weights: [..., M], a force each; leading axes broadcast against [...].
        cutoff: the distance at and beyond which the force is zero.

    Returns:
        Force per distance [...], and [..., D] of the law; zero for coincident particles, smooth
        everywhere.

    Example:
        >>> force = radial_basis(jnp.array([0.5, 0.0]), None, None, weights=jnp.ones(5), cutoff=1.0)
        >>> round(float(force[0]), 1)
        1.0
    """
    r = safe_sqrt(square)
    push, _ = _weighted(lambda t: 35 / 64 * (1 - t * t) ** 3, r, weights, cutoff)
    return safe_divide(push, r)


def radial_basis_energy(
    dr: Array, fa: Array, fb: Array, *, weights: Array, cutoff: ArrayLike
) -> Array:
    """Potential of `radial_basis`, 0 at and beyond the cut-off; [...].

    Each bump integrated from t to 1: ∫ (1 − t²)³ dt = (1 − t)⁴ (16 + 29 t + 20 t² + 5 t³) / 35.

    Example:
        >>> dr = jnp.array([1.5, 0.0])
        >>> float(radial_basis_energy(dr, None, None, weights=jnp.ones(5), cutoff=1.0))
        0.0
    """

    def rest(t: Array) -> Array:
        return (1 - t) ** 4 * (16 + 29 * t + 20 * t**2 + 5 * t**3) / 64

    value, spacing = _weighted(rest, safe_norm(dr), entries(weights), cutoff)
    return 2 * spacing * value
