"""A network that tells what moves against the ground, whatever it is.

It is given a frame, the cues of `tracking.objects` (what differs from the frame before and from
the ground behind, moved with the camera) and how the camera moved; and for each cell it says
whether an object is there, whether its middle is, how far away that is, how large the object is,
how it moves and, from the picture alone, what it looks like. What it remembers, of things that
rest, is a picture of its own that moves along with the flow that it estimates itself.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.models.moving.layers import (
    HE,
    Conv3,
    carried,
    conv3,
    correlation,
    displacements,
    standardized,
    unit,
)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        channels: C, of most maps.
        matching: channels in which frames are compared.
        radius: cells, how far a cell is looked for.
        lag: frames back, of the second frame that one is compared with.
        hidden: channels of what is remembered.
        appearance: F, numbers by which objects are told apart.
    """

    channels: int = 48
    matching: int = 32
    radius: int = 4
    lag: int = 4
    hidden: int = 48
    appearance: int = 16


CELL = 4  # pixels of a cell's side
CUE_CELL = 2  # of a cell of the cues
CUES = 7  # differences from the frame before (3) and from the ground (3), and how new that is


class NetworkState(NamedTuple):
    """What is carried from frame to frame.

    Attributes:
        before: [B, L, h, w, M] what the last L frames are compared by, the newest last.
        filled: [B] float, 0 before the first frame.
        memory: [B, h, w, C] hidden.
    """

    before: Array
    filled: Array
    memory: Array


class Maps(NamedTuple):
    """What is told of each cell [B, T, h, w, ·]; lengths are cells, velocities cells a frame.

    Attributes:
        mask: logit, an object covers it.
        center: logit, the middle of an object is in it.
        offset: 2, from the middle of the cell to that of its object.
        extent: 3, logarithms of the standard deviations of its pixels along x and y, and their
            correlation before a tanh.
        velocity: 2, of its object.
        appearance: F, a unit vector.
        flow: 2, how what is there came since the frame before.
        matching: (2 r + 1)², logits of where it was.
    """

    mask: Array
    center: Array
    offset: Array
    extent: Array
    velocity: Array
    appearance: Array
    flow: Array
    matching: Array


def no_frames(batch: int, shape: tuple[int, int], config: NetworkConfig) -> NetworkState:
    """The state before the first of frames that are `shape` cells."""
    return NetworkState(
        jnp.zeros((batch, config.lag, *shape, config.matching)),
        jnp.zeros(batch),
        jnp.zeros((batch, *shape, config.hidden)),
    )


class _Remember(nn.Module):
    """One frame more: a convolutional GRU whose memory moves along with the flow."""

    hidden: int

    @nn.compact
    def __call__(self, memory: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        given, flow = inputs
        memory, c = carried(memory, flow), self.hidden
        start = nn.initializers.lecun_normal()
        of_gates = self.param("gates", start, (3, 3, c, 2 * c))
        of_new = self.param("new", start, (3, 3, c, c))
        gates = nn.sigmoid(given[..., : 2 * c] + conv3(memory, of_gates))
        keep, reset = gates[..., :c], gates[..., c:]
        new = jnp.tanh(given[..., 2 * c :] + conv3(reset * memory, of_new))
        memory = keep * memory + (1 - keep) * new
        return memory, memory


class MovingNetwork(nn.Module):
    """The network; see the module.

    Attributes:
        config: its sizes.
    """

    config: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)

    @nn.compact
    def __call__(
        self, video: Array, cues: Array, camera: Array, state: NetworkState
    ) -> tuple[Maps, NetworkState]:
        """Some frames more.

        Args:
            video: [B, T, H, W, 3] uint8.
            cues: [B, T, H / 2, W / 2, 7], differences in sixty-fourths of 255.
            camera: [B, T, h, w, 2], how a cell of the ground moved into the frame, cells.
            state: before them.

        Returns:
            Maps of h × w cells, and the state after them.
        """
        b, t, high, wide, _ = video.shape
        h, w, config = high // CELL, wide // CELL, self.config
        c = config.channels
        pixels = video.reshape(b * t, high, wide, 3).astype(jnp.float32) / 64 - 2
        # Pairs of pixels as channels: a stem of stride 2 without a strided convolution.
        pairs = pixels.reshape(b * t, high // 2, 2, wide // 2, 2, 3)
        pairs = pairs.transpose(0, 1, 3, 2, 4, 5).reshape(b * t, high // 2, wide // 2, 12)
        fine = nn.relu(Conv3(24, name="stem")(pairs))
        picture = standardized(
            nn.relu(nn.Conv(c, (3, 3), (2, 2), kernel_init=HE, name="picture")(fine))
        )
        picture = standardized(picture + nn.relu(Conv3(c)(picture)))

        # Where was it? Compared with the frame before, and with one `lag` back.
        compared = nn.Dense(config.matching, name="compare")(picture)
        compared = unit(compared - jnp.mean(compared, (1, 2), keepdims=True))
        compared = compared.reshape(b, t, h, w, -1)
        first = jnp.repeat(compared[:, :1], config.lag, 1)
        before = jnp.where(state.filled[:, None, None, None, None] > 0, state.before, first)
        row = jnp.concatenate([before, compared], 1)
        near = correlation(_frames(compared), _frames(row[:, config.lag - 1 : -1]), config.radius)
        far = correlation(
            *lax.stop_gradient((_frames(compared), _frames(row[:, : -config.lag]))), config.radius
        )
        sharp = jnp.exp(self.param("sharpness", nn.initializers.constant(2.3), (2,)))
        logits, logits_far = near * sharp[0], far * sharp[1]
        reach = displacements(config.radius)
        moved = -jax.nn.softmax(logits) @ reach
        moved_far = -jax.nn.softmax(logits_far) @ reach

        camera = _frames(camera).astype(jnp.float32)
        differences = cues.reshape(b * t, high // 2, wide // 2, CUES).astype(jnp.float32)
        sizes = [jnp.mean(jnp.abs(differences[..., s : s + 3]), -1, keepdims=True) for s in (0, 3)]
        given = jnp.concatenate([differences, *sizes, 0.5 * fine], -1)
        told = nn.relu(nn.Conv(c, (4, 4), (2, 2), kernel_init=HE, name="cues")(given))
        told = standardized(told + nn.relu(Conv3(c)(told)))
        apart = moved - camera
        speed = jnp.sqrt(jnp.sum(lax.stop_gradient(apart) ** 2, -1, keepdims=True) + 1e-6)
        motion = nn.relu(nn.Dense(48)(jnp.concatenate([9 * jax.nn.softmax(logits), near, far], -1)))
        motion = jnp.concatenate([motion, apart, moved_far - config.lag * camera, speed, told], -1)
        motion = standardized(nn.relu(Conv3(48)(motion)))
        flow = moved + nn.Dense(2, kernel_init=nn.initializers.zeros, name="flow")(motion)

        seen = jnp.concatenate(
            [picture, told, motion, moved, flow - camera, jnp.tanh(3 * apart), camera], -1
        )
        seen = standardized(nn.relu(nn.Dense(64)(seen)))
        into = nn.Dense(3 * config.hidden)(seen).reshape(b, t, h, w, -1)
        remember = nn.scan(
            _Remember,
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )(config.hidden)
        along = lax.stop_gradient(flow).reshape(b, t, h, w, 2)
        memory, memories = remember(state.memory, (into, along))

        known = jnp.concatenate([_frames(memories), seen], -1)
        scene = nn.Dense(16)(jnp.mean(known, (1, 2), keepdims=True))
        known = jnp.concatenate([known, jnp.broadcast_to(scene, (b * t, h, w, 16))], -1)
        known = standardized(nn.relu(nn.Dense(c)(known)))
        for dilation in (1, 2, 4):
            known = standardized(known + nn.relu(Conv3(c, dilation)(known)))
        last = nn.relu(nn.Dense(c)(jnp.concatenate([known, flow, flow - camera], -1)))
        out = nn.Dense(9, name="heads")(last).reshape(b, t, h, w, 9)
        appearance = nn.relu(nn.Dense(c)(picture))
        appearance = unit(nn.Dense(config.appearance, name="appearance")(appearance))

        def maps(x: Array) -> Array:
            return x.reshape(b, t, h, w, -1)

        told_of = Maps(
            mask=out[..., 0] - 2,
            center=out[..., 1] - 4,
            offset=2 * out[..., 2:4],
            extent=out[..., 4:7],
            velocity=out[..., 7:9],
            appearance=maps(appearance),
            flow=maps(flow),
            matching=maps(logits),
        )
        after = NetworkState(row[:, -config.lag :], jnp.ones_like(state.filled), memory)
        return told_of, after


def _frames(x: Array) -> Any:
    """[B, T, …] → [B T, …]."""
    return x.reshape(-1, *x.shape[2:])
