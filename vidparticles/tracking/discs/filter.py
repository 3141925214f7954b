"""Where the laws of motion put discs a moment later; lengths are in frame heights."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles import dynamics
from vidparticles.numerics import safe_norm
from vidparticles.particles import Particles


@dataclasses.dataclass(frozen=True)
class FilterConfig:
    """How positions are predicted.

    Attributes:
        collision_noise: standard deviation of the velocity after a collision of rigid discs, as a
            share of its change.
        stiffest: the most that stiffness × dt² of soft collisions may be: over a long gap between
            frames they are softer, or one step would throw objects out of the picture.
    """

    collision_noise: float = 0.2
    stiffest: float = 0.5


def predict(
    p: Particles,
    dt: Array,
    *,
    diameter: Array,
    stiffness: Array,
    margin: Array,
    shape: tuple[int, int],
    walls: bool,
    rigid: bool,
    config: FilterConfig,
) -> tuple[Particles, Array]:
    """Where the laws of motion put objects dt later.

    Args:
        p: fields [..., K, ·].
        dt: seconds [...], ≥ 0.
        diameter: distance of contact.
        stiffness: of soft collisions, 1 / s².
        margin: between a wall and the middle of what bounces off it.
        shape: rows and columns of cells, for the shape of the picture.
        walls: whether there are walls round the picture.
        rigid: whether collisions are events; else they are soft forces.
        config: of the filter.

    Returns:
        Particles, and by how much collisions of rigid discs changed the velocity, |Δv| [..., K].
    """
    _, shift_fn = dynamics.free()
    if walls:
        _, within = dynamics.walls(jnp.array([shape[1] / shape[0], 1.0]) - 2 * margin)

        def shift_fn(R: Array, dR: Array, **unused: Any) -> Array:
            return within(R - margin, dR) + margin

    if rigid:
        way, velocity = dynamics.bounce(p, diameter=diameter, dt=dt[..., None, None])
        change = safe_norm(velocity - p.velocity)
        position, velocity = jax.jvp(lambda R: shift_fn(R, way), (p.position,), (velocity,))
        return p.replace(position=position, velocity=velocity), change
    most = config.stiffest / jnp.maximum(dt, 1e-6) ** 2
    displacement_fn, _ = dynamics.free()
    force_fn = dynamics.all_pairs(
        dynamics.collision,
        displacement_fn,
        stiffness=jnp.minimum(stiffness, most)[..., None],
        diameter=diameter,
    )
    init_fn, apply_fn = dynamics.semi_implicit_euler(force_fn, shift_fn, 1.0)
    return apply_fn(init_fn(None, p), dt=dt).particles, jnp.zeros_like(p.mass)
