"""Position and velocity in seconds: what the laws predict, and how sure of it a filter is.

A Kalman filter (Trans. ASME J. Basic Eng. 82, 1960) with a state (x, v) for each object, alike
along x and y. Between frames the velocity is disturbed by white acceleration noise of spectral
density q; over dt it adds q [dt³/3, dt²/2; dt²/2, dt] to the covariance (Bar-Shalom, Li &
Kirubarajan, Estimation with Applications, 2001, §6.2), so that two steps of dt / 2 are one of dt.
Lengths are in frame heights.
"""

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


def predicted_covariance(
    covariance: Array, dt: Array, *, density: Array, impulse: Array | float = 0.0
) -> Array:
    """How unsure objects are dt later.

    Args:
        covariance: [..., K, 3]: of position, of position and velocity, of velocity.
        dt: seconds, [...] or what broadcasts to [..., K].
        density: q of the acceleration noise, in squared frame heights per s³, of all or [..., K].
        impulse: variance of one change of velocity at an unknown moment of the step, as in a
            collision, of all or [..., K].

    Example:
        >>> start, density = jnp.array([[0.0, 0.0, 1.0]]), jnp.array(3.0)
        >>> predicted_covariance(start, jnp.array(1.0), density=density).tolist()
        [[2.0, 2.5, 4.0]]
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    added = density * dt + impulse
    return jnp.stack(
        [xx + dt * (2 * xv + dt * (vv + added / 3)), xv + dt * (vv + added / 2), vv + added],
        axis=-1,
    )


def gain(covariance: Array, noise: Array) -> tuple[Array, Array, Array]:
    """Kalman's gains and the covariance after a position was measured.

    Args:
        covariance: [..., K, 3], as of `predicted_covariance`.
        noise: [..., K] variance of the position measured; infinite measures nothing.

    Returns:
        Gains of position and of velocity (1 / s), both [..., K], and the covariance [..., K, 3].

    Example:
        >>> of_position, of_velocity, _ = gain(jnp.array([[3.0, 1.0, 1.0]]), jnp.array([1.0]))
        >>> of_position.tolist(), of_velocity.tolist()
        ([0.75], [0.25])
    """
    xx, xv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    of_position, of_velocity = xx / (xx + noise), xv / (xx + noise)
    after = [(1 - of_position) * xx, (1 - of_position) * xv, vv - of_velocity * xv]
    return of_position, of_velocity, jnp.stack(after, axis=-1)
