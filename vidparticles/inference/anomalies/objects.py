"""How far the objects of a clip are from where their dynamics expect them, moment by moment.

The filter of `tracking.objects` expects each object somewhere, as large as something, with a
variance; what is observed is off by the innovation, whose square over its variance (Bar-Shalom, Li
& Kirubarajan 2001, §5.4) is large where someone starts, falls, is pushed or lets go. Beside it:
objects that come and go where nothing hides them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.inference import objects as following
from vidparticles.inference.searching.look import small
from vidparticles.inference.understanding.moments import Moment
from vidparticles.tracking.objects.predict import predict
from vidparticles.tracking.objects.state import Slots

COLUMNS = 2  # place, shape
RATE = 10.0  # frames a second in which objects are followed


class Frames(NamedTuple):
    """Objects in the T frames in which they are followed, of N slots.

    Attributes:
        times: [T] seconds.
        known: [T, N] bool, expected from the frame before and observed.
        place: [T, N] squared innovation over its variance, of two coordinates.
        shape: [T, N] the same of the logarithms of the sides.
    """

    times: np.ndarray
    known: np.ndarray
    place: np.ndarray
    shape: np.ndarray


def no_frames() -> Frames:
    """Of a clip in which no objects were looked for."""
    none = np.zeros((0, 0))
    return Frames(np.zeros(0), none.astype(bool), none, none)


def object_frames(params: Any, frames: Iterator[Moment], *, rate: float = RATE) -> Frames:
    """What the objects of a clip do; uses its frames up.

    Args:
        params: of NanoDet.
        frames: of the clip, in order.
        rate: frames a second in which objects are followed.
    """
    rows = []
    before: tuple[Slots, float] | None = None
    for one in following.followed(params, small(frames, 1 / rate)):
        slots = one.state.slots
        nothing = np.zeros(len(slots.used))
        told = nothing.astype(bool), nothing, nothing
        if before is not None and not one.cut:
            dt = jnp.float32(one.time - before[1])
            told = jax.tree.map(np.asarray, innovations(before[0], slots, one.state.camera, dt))
        before = slots, float(one.time)
        known, place, shape = told
        numbered = np.asarray(slots.used & (slots.number >= 0) & (slots.unseen == 0))
        rows.append((float(one.time), known & numbered, place, shape))
    if not rows:
        return no_frames()
    times, known, place, shape = map(np.stack, zip(*rows, strict=True))
    return Frames(times, known, place, shape)


@jax.jit
def innovations(
    before: Slots, after: Slots, camera: Similarity, dt: Array
) -> tuple[Array, Array, Array]:
    """Which slots were expected and observed, and both squared innovations, [N] each.

    Of the place it is |ν|² / S with S the predicted variance and that of the box; an observed side
    follows from the sides before and after the update.
    """
    config = following.object_config()
    expected = predict(before, dt, camera, config)
    known = before.used & after.used & (after.boxes == before.boxes + 1)
    known &= expected.unseen <= config.active
    rough = jnp.where(after.score < config.high, config.weak, 1)
    noise = (rough * (config.rough * 2 * jnp.max(after.extent, -1) + config.blur)) ** 2
    off = jnp.sum((after.last - expected.position) ** 2, -1)
    variance = expected.extent_variance + (rough * config.rough_sides) ** 2
    share = expected.extent_variance / variance
    sides = [jnp.log(jnp.maximum(x.extent, 1e-4)) for x in (after, expected)]
    grown = (sides[0] - sides[1]) / share[:, None]
    return known, off / (expected.covariance[:, 0] + noise), jnp.sum(grown**2, -1) / variance


def departures(told: Frames, edges: np.ndarray) -> np.ndarray:
    """How far objects are from what is expected of them, in cells of time.

    Args:
        told: what they do.
        edges: [C + 1] seconds, where cells begin and end.

    Returns:
        [C, 2]: of the object for which it is largest in a frame, the mean over frames, the squared
        innovations of place and of shape. NaN where no object is known.
    """
    count = len(edges) - 1
    which = np.clip(np.searchsorted(edges, told.times, side="right") - 1, 0, count - 1)
    found = np.full((count, COLUMNS), np.nan)
    there = told.known.any(-1) if len(told.times) else np.zeros(0, bool)
    for k, values in enumerate((told.place, told.shape)):
        largest = np.where(told.known, values, -np.inf)[there].max(-1, initial=-np.inf)
        for cell in np.unique(which[there]):
            found[cell, k] = largest[which[there] == cell].mean()
    return found
