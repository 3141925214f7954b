"""Where objects are expected a moment later: each goes on as it went, all move with the camera.

A Kalman filter of position and velocity, alike along x and y (`tracking.kalman`), in sizes
of the object: what is near moves more pixels. An object out of sight comes to rest.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.tracking.kalman import predicted_covariance
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.state import Slots


def predict(slots: Slots, dt: Array, camera: Similarity, config: ObjectConfig) -> Slots:
    """The slots a time later, before anything is observed.

    Args:
        slots: what is known.
        dt: seconds [].
        camera: how the picture moved meanwhile.
        config: how things are followed.
    """
    turned = Similarity(camera.turn, jnp.zeros_like(camera.shift))
    unseen = slots.unseen + dt
    slower = jnp.where(unseen > config.held, jnp.exp(-dt / config.slowing), 1)
    velocity = slots.velocity * slower[:, None]
    square = slots.size**2
    covariance = predicted_covariance(slots.covariance, dt, density=config.drift * square)
    covariance = covariance.at[:, 0].add(config.jitter * square * dt)
    return slots.replace(
        position=camera(slots.position + velocity * dt),
        velocity=turned(velocity),
        covariance=covariance,
        extent=slots.extent * camera.scale,
        extent_variance=slots.extent_variance + config.growth * dt,
        last=camera(slots.last),
        first=camera(slots.first),
        unseen=unseen,
        age=slots.age + dt,
        evidence=slots.evidence * jnp.exp(-dt / config.evidence_time),
    )
