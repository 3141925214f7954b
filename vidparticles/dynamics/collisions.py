"""Hard discs: the collision of two as an event at one moment, not as a force.

A force that turns a disc round within a frame is too stiff for steps of a frame; the moment of
contact of two that fly straight is known in closed form (Alder & Wainwright, J. Chem. Phys. 31,
1959).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.numerics import safe_divide, safe_norm, safe_sqrt
from vidparticles.particles import Particles


def bounce(p: Particles, *, diameter: ArrayLike, dt: ArrayLike) -> tuple[Array, Array]:
    """How far discs go in a step in which they collide without loss, and how fast they are then.

    At contact two exchange momentum along the line n of their centers,
    Δv = −2 m′ / (m + m′) (w · n) n, where w is their relative velocity; those that overlap
    already do so at once, if they approach. Exact for at most one collision a disc and step; of
    several the changes add.

    Args:
        p: [..., N, ·] with D dimensions; inactive particles collide with none.
        diameter: σ > 0, the distance of contact, frame heights.
        dt: seconds a step, > 0.

    Returns:
        displacement and velocity, both [..., N, D], frame heights and frame heights per second;
        of an inactive particle, zero and as it was.

    Example:
        >>> from vidparticles.particles import particles
        >>> x, v = jnp.array([[0.3, 0.5], [0.6, 0.5]]), jnp.array([[0.2, 0.0], [0.0, 0.0]])
        >>> way, v = bounce(particles(x, velocity=v), diameter=0.2, dt=1.0)
        >>> [[round(float(d), 2) for d in x[:, 0]] for x in (way, v)]
        [[0.1, 0.1], [0.0, 0.2]]
    """
    living = p.alive[..., None]
    # What an inactive particle holds may be anything, NaN too: 0 · NaN is not 0.
    x, v = jnp.where(living, p.position, 0), jnp.where(living, p.velocity, 0)
    mass = jnp.where(p.alive, p.mass, 1)
    r, w = x[..., :, None, :] - x[..., None, :, :], v[..., :, None, :] - v[..., None, :, :]
    towards = -jnp.sum(r * w, axis=-1)
    outside = jnp.sum(r * r, axis=-1) - jnp.asarray(diameter) ** 2
    root = towards**2 - jnp.sum(w * w, axis=-1) * outside
    pair = living & p.alive[..., None, :] & ~jnp.eye(x.shape[-2], dtype=bool)
    meet = pair & (towards > 0) & (root > 0)
    # The smaller root of |r + w t| = σ, in the form that does not cancel.
    time = jnp.maximum(safe_divide(outside, towards + safe_sqrt(jnp.where(meet, root, 0))), 0)
    meet &= time < dt
    time = jnp.where(meet, time, 0)
    apart = r + w * time[..., None]
    normal = safe_divide(apart, safe_norm(apart, keepdims=True))
    share = 2 * mass[..., None, :] / (mass[..., :, None] + mass[..., None, :])
    along = jnp.sum(w * normal, axis=-1)
    change = jnp.where(meet, -share * along, 0)[..., None] * normal
    way = v * dt + jnp.sum(change * (dt - time)[..., None], axis=-2)
    after = jnp.where(living, v + jnp.sum(change, axis=-2), p.velocity)
    return jnp.where(living, way, 0), after
