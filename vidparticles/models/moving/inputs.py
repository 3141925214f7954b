"""What the network is given of a frame: its pixels, the cues and how the camera moved.

One step for all: the loss goes through clips with gates from the truth, the observer of
`observe` with what the network told of the frame before the background learned it.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity
from vidparticles.image.resample import gray, halve, pixel_centers
from vidparticles.models.moving.network import CELL
from vidparticles.tracking.objects import cues
from vidparticles.tracking.objects.cues import CueConfig, Cues, CueState
from vidparticles.tracking.objects.tracker import camera_of, rest


class Given(NamedTuple):
    """What the network is given of frames [..., H, W].

    Attributes:
        cues: [..., H / 2, W / 2, 7] differences, in fourths of 255.
        camera: [..., h, w, 2] how a cell of the ground moved into the frame, cells.
    """

    cues: Array
    camera: Array


_SCALE = 4.0  # of differences in [0, 1]


def given(seen: Cues, config: CueConfig) -> Given:
    """What a network is given of a frame that was compared with what was there before."""
    channels = seen.channels(config)
    scaled = channels * jnp.asarray([_SCALE] * 6 + [1.0])
    small = jnp.stack([halve(scaled[..., k]) for k in range(scaled.shape[-1])], -1)
    height, width = channels.shape[:2]
    centers = pixel_centers(height // CELL, width // CELL).reshape(-1, 2)
    at = centers * CELL / height
    moved = (at - seen.camera.inverse()(at)) * height / CELL
    return Given(small, moved.reshape(height // CELL, width // CELL, 2))


def learned(seen: Cues, gate: Array, dt: Array, config: CueConfig) -> CueState:
    """The background with the frame in it, but for where objects are.

    Args:
        seen: the frame, compared.
        gate: [h, w] in [0, 1], where objects are thought to be.
        dt: seconds [] since the frame before.
        config: how the background is kept.
    """
    weight = 1 - 0.95 * jnp.repeat(jnp.repeat(gate, CELL, 0), CELL, 1)
    return cues.learn(seen, dt, weight, config)


def of_clips(video: Array, gate: Array, time: Array, config: CueConfig) -> Given:
    """What a network is given of whole clips whose objects are known.

    Args:
        video: [B, T, H, W, 3] uint8, H some 64.
        gate: [B, T, h, w] in [0, 1], where objects are thought to be.
        time: [B, T] seconds.
        config: how frames are compared.

    Returns:
        Fields [B, T, ·]; no gradient goes through them.
    """
    height, width = video.shape[2:4]

    def frame(
        carry: tuple[CueState, Array, Similarity], item: tuple[Array, Array, Array]
    ) -> tuple[tuple[CueState, Array, Similarity], Given]:
        state, before, motion = carry
        picture, where, dt = item
        luma = gray(picture)
        motion = camera_of(before, luma, motion, jnp.all(before == 0))
        seen = cues.look(state, picture, motion, config)
        return (learned(seen, where, dt, config), luma, motion), given(seen, config)

    def clip(video: Array, gate: Array, time: Array) -> Given:
        start = cues.start(height, width, config), jnp.zeros((height, width)), rest()
        steps = jnp.diff(time, prepend=time[:1])
        return lax.scan(frame, start, (video, gate, steps))[1]

    return lax.stop_gradient(jax.vmap(clip)(video, gate, time))
