"""Particle initialization: each frame becomes a particle of learned planes.

The second step of the founding definition. A particle has a position in a learned plane, a
velocity and a feature. A clip has G such planes side by side, as a transformer has heads: the
planes do not see each other, and each is 2-D, so that it can be drawn.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vidparticles.models.frame_particles.encoder import FrameEncoder, preprocess
from vidparticles.particles import Particles

HARMONICS = (1, 2, 4)  # of the clip's length, in which `clock` tells the time
CLOCK = 1 + 2 * len(HARMONICS)  # numbers that `clock` gives


def clock(time: Array) -> Array:
    """Where in the clip each frame stands: [B, T] seconds to [B, T, CLOCK].

    The progress from −1 (first frame) to 1 (last), and sines and cosines of it, so that a
    law can tell near in time from far.
    """
    start, end = time[:, :1], time[:, -1:]
    span = jnp.maximum(end - start, 1e-6)
    progress = 2 * (time - start) / span - 1
    waves = [f(math.pi * k * progress) for k in HARMONICS for f in (jnp.sin, jnp.cos)]
    return jnp.stack([progress, *waves], axis=-1)


def velocities(position: Array, time: Array) -> Array:
    """Central differences of positions in time, one-sided at the ends.

    Args:
        position: [B, G, T, 2] plane units.
        time: [B, T] seconds, not decreasing.

    Returns:
        [B, G, T, 2] plane units per second; zero where no time passes.
    """
    if position.shape[2] < 2:
        return jnp.zeros_like(position)
    ahead = jnp.concatenate([position[:, :, 1:], position[:, :, -1:]], axis=2)
    behind = jnp.concatenate([position[:, :, :1], position[:, :, :-1]], axis=2)
    late = jnp.concatenate([time[:, 1:], time[:, -1:]], axis=1)
    early = jnp.concatenate([time[:, :1], time[:, :-1]], axis=1)
    passed = (late - early)[:, None, :, None]
    return jnp.where(passed > 0, (ahead - behind) / jnp.where(passed > 0, passed, 1), 0)


class ParticlePlanes(nn.Module):
    """Particle initialization: frames to particles of G learned planes.

    Attributes:
        planes: G.
        charge: size of the learned part of a particle's feature, per plane.
        encoder: widths of the frame encoder's convolutions.
    """

    planes: int = 8
    charge: int = 8
    encoder: tuple[int, ...] = (16, 32, 32)

    @nn.compact
    def __call__(self, video: Array, time: Array) -> Particles:
        """Particles of [B, G, T, ·], one for each frame.

        Args:
            video: [B, T, H, W, 3] uint8.
            time: [B, T] seconds.
        """
        batch, frames = video.shape[:2]
        h = nn.LayerNorm()(FrameEncoder(self.encoder)(preprocess(video)))

        def in_planes(x: Array) -> Array:
            return x.reshape(batch, frames, self.planes, -1).transpose(0, 2, 1, 3)

        position = in_planes(nn.Dense(self.planes * 2)(h))
        charge = in_planes(jnp.tanh(nn.Dense(self.planes * self.charge)(h)))
        when = clock(time)[:, None]
        when = jnp.broadcast_to(when, (batch, self.planes, *when.shape[2:]))
        return Particles(
            position=position,
            velocity=velocities(position, time),
            feature=jnp.concatenate([charge, when], axis=-1),
            mass=jnp.ones(position.shape[:-1]),
            alive=jnp.ones(position.shape[:-1], bool),
        )
