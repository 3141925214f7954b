"""The particles of a clip that streams by: one frame in, one state out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import gray, resize, shrink_size
from vidparticles.tracking.points import tracker as tracks
from vidparticles.tracking.points.tracker import TrackState

COUNT = 320  # particles; of one number, so that verbs share a compiled program
LONGEST = 320  # pixels of the longer side of what is followed
DIFFERENT = 0.18  # mean difference of luma between frames that share nothing


@jax.jit
def _small(frame: Array) -> Array:
    height, width = shrink_size(*frame.shape[:2], longest=LONGEST)
    # The tracker needs 16 pixels each way; a thinner picture is stretched for it.
    return resize(frame.astype(jnp.float32) / 255, max(16, height), max(16, width))


@jax.jit
def _unlike(before: Array, after: Array) -> Array:
    """Whether two small frames differ as a whole, apart from overall brightness."""
    one, two = gray(before), gray(after)
    return jnp.mean(jnp.abs((one - one.mean()) - (two - two.mean()))) > DIFFERENT


def following(
    frames: Iterator[tuple[Fraction, np.ndarray]], *, count: int = COUNT
) -> Iterator[tuple[Fraction, np.ndarray, TrackState, bool]]:
    """Frames with the state of the particles in them.

    Args:
        frames: (seconds, uint8 [H, W, 3]).
        count: places for particles.

    Returns:
        (seconds, frame, state, cut): cut tells that the frame begins a new shot.
    """
    state: TrackState | None = None
    last: Array | None = None
    for time, frame in frames:
        small, seconds = _small(frame), float(time)
        cut = False
        if state is None or last is None:
            state = tracks.start(small, seconds, count=count)
        else:
            followed = tracks.step(state, small, seconds)
            cut = bool(followed.cut) or bool(_unlike(last, small))
            state = tracks.start(small, seconds, count=count) if cut else followed
        last = small
        yield time, frame, state, cut
