"""The particles of a clip that streams by: one frame in, one state out."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.image.resample import shrink
from vidparticles.tracking.points.state import PointConfig, PointState
from vidparticles.tracking.points.tracker import point_tracker
from vidparticles.video import Picture

COUNT = 320  # particles; of one number, so that verbs share a compiled program


@functools.partial(jax.jit, static_argnames="config")
def shrunk(frame: Array, config: PointConfig) -> Array:
    """A frame [H, W, 3] uint8 at the size at which it is followed, floats in [0, 1]."""
    picture = frame.astype(jnp.float32) / 255
    return shrink(picture, longest=config.longest, shortest=config.shortest)


def thumbnail(small: Array) -> Array:
    """What cuts are found in, of a shrunk frame."""
    return shots.thumbnail(255 * small)


def following(
    frames: Iterator[tuple[Fraction, Picture]], *, count: int = COUNT
) -> Iterator[tuple[Fraction, np.ndarray, PointState, bool]]:
    """Frames with the state of the particles in them.

    Args:
        frames: (seconds, picture).
        count: slots for particles.

    Returns:
        (seconds, uint8 [H, W, 3], state, cut): cut tells that the frame begins a new shot. Numbers
        of particles are given once in a clip.
    """
    config = PointConfig(count=count)
    tracker = point_tracker(config)
    state: PointState | None = None
    shown = ((time, picture.rgb()) for time, picture in frames)
    pictures = ((time, (frame, shrunk(frame, config))) for time, frame in shown)
    told = shots.stream(pictures, shrink=lambda picture: thumbnail(picture[1]))
    for time, (frame, small), cut in told:
        seconds = float(time)
        if state is None:
            state = tracker.init_fn((), small, seconds)
        state, _ = tracker.step_fn((), state, small, seconds, cut=jnp.asarray(cut))
        yield time, frame, state, cut
