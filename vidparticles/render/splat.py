"""Particles as Gaussian spots: the differentiable way from a state to a picture."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vidparticles.particles import Particles


def splat(
    particles: Particles,
    *,
    height: int,
    width: int,
    radius: Array | float = 0.01,
    color: Array | None = None,
) -> Array:
    """A picture of the particles: each adds a Gaussian spot of its color.

    picture(x) = Σᵢ colorᵢ exp(−|x − pᵢ|² / 2 rᵢ²) over the active. The Gaussian of two
    dimensions is a product of two of one, so the sum is one matrix product, and exact.

    Args:
        particles: [..., N, 2] in frame heights.
        height: H, pixels; a frame height is H pixels.
        width: W, pixels.
        radius: standard deviation of a spot in frame heights, one or [..., N].
        color: [..., N, C]; default white, C = 3.

    Returns:
        [..., H, W, C]. It has finite gradients in position, radius and color.

    Example:
        >>> from vidparticles.particles import particles
        >>> p = particles(jnp.array([[0.5, 0.5]]))
        >>> splat(p, height=9, width=9, radius=0.1).argmax().item() // 3
        40
    """
    if particles.dim != 2:
        raise ValueError(f"particles have {particles.dim} dimensions; a picture has 2.")
    position = particles.position
    if color is None:
        color = jnp.ones((*position.shape[:-1], 3), position.dtype)
    radius = jnp.broadcast_to(jnp.asarray(radius, position.dtype), position.shape[:-1])

    def spots(pixels: int, along: Array) -> Array:
        center = (jnp.arange(pixels) + 0.5) / height
        away = (center[:, None] - along[..., None, :]) / radius[..., None, :]
        return jnp.exp(-0.5 * away * away)

    color = jnp.where(particles.alive[..., None], color, 0)
    # What an inactive particle holds may be anything, NaN too: 0 · NaN is not 0.
    position = jnp.where(particles.alive[..., None], position, 0)
    return jnp.einsum(
        "...hn,...nc,...wn->...hwc",
        spots(height, position[..., 1]),
        color,
        spots(width, position[..., 0]),
    )
