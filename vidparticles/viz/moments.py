"""What `show` draws of each frame: particles, segments, forces and what is expected."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.editing.follow import COUNT, following
from vidparticles.editing.reel import Frames
from vidparticles.models import motion
from vidparticles.tracking.points.springs import SpringConfig, pull
from vidparticles.tracking.points.state import PointState
from vidparticles.tracking.segments import motion_segments

AHEAD, AHEAD_RATE = 0.5, 16.0  # seconds and moments a second of the path that is expected

_pull = jax.jit(functools.partial(pull, config=SpringConfig()))


@dataclasses.dataclass(frozen=True)
class Moment:
    """A frame and what is known of it.

    Attributes:
        time: seconds.
        frame: [H, W, 3] uint8.
        state: the particles.
        cut: it begins a new shot.
        label: [N] int32 numbers of motion segments, 0 for the background; None if not asked for.
        force: [N, 2] on masses of 1, frame heights per second²; None likewise.
        ahead: [M, N, 2] the path that the laws expect, frame heights; None without laws.
    """

    time: Fraction
    frame: np.ndarray
    state: PointState
    cut: bool
    label: Array | None
    force: Array | None
    ahead: Array | None


def moments(
    frames: Frames, params: motion.Params | None, *, grouped: bool, forces: bool
) -> Iterator[Moment]:
    """The moments of a clip, one at a time.

    Args:
        frames: (seconds, uint8 [H, W, 3]).
        params: laws of motion, or None.
        grouped: tell motion segments apart.
        forces: those of the laws, or without laws of the springs between neighbors.
    """
    segmenter = motion_segments()
    segments = segmenter.init_fn(COUNT)
    for time, frame, state, cut in following(frames):
        if grouped:
            points, identity = state.particles, state.identity
            segments = segmenter.step_fn(segments, points, identity, state.time)
        ahead = force = None
        if params is not None:
            ahead, force = _expected(params, state)
        elif forces:
            force = _pull(state.particles, state.springs)
        yield Moment(
            time=time,
            frame=frame,
            state=state,
            cut=cut,
            label=segments.label if grouped else None,
            force=force if forces else None,
            ahead=ahead,
        )


def _expected(params: motion.Params, state: PointState) -> tuple[Array, Array]:
    """The paths that the laws expect of what moves, and their forces at its start."""
    points = state.particles
    points = points.replace(alive=points.alive & (state.age > 0))
    path = motion.predict(params, points, seconds=AHEAD, rate=AHEAD_RATE).particles
    # By the change of velocity, so that what the laws leave out of a state is left out here.
    force = (path.velocity[1] - path.velocity[0]) * AHEAD_RATE
    return path.position, jnp.where(points.alive[:, None], force, 0)
