"""What is there in the first frame already: told by the frames after it, gone through backwards.

Whoever has a whole file need not wait until an object had boxes enough to be given a number:
a pass over the first frames from the last to the first ends in a state to begin with.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.tracking.base import Tracker
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.state import ObjectState, Slots, no_slots, shown, where
from vidparticles.tracking.objects.tracker import follow_from, no_objects, rest


def seeded(
    tracker: Tracker,
    params: Any,
    frames: Sequence[Array],
    times: Sequence[float],
    config: ObjectConfig,
) -> ObjectState:
    """The state to go through a clip from.

    Args:
        tracker: of `object_tracker`; where its step is compiled, no other program is.
        params: its parameters.
        frames: the first of the clip [H, W, 3], of one shot; four are enough.
        times: seconds of each, rising.
        config: of the tracker.

    Returns:
        The state before the first frame, which is to be given to `step_fn` like the others.
    """
    state = tracker.init_fn(params, frames[-1], jnp.float32(0))
    no = jnp.zeros((), bool)
    for frame, time in zip(frames[::-1], times[::-1], strict=True):
        state, _ = tracker.step_fn(params, state, frame, jnp.float32(times[-1] - time), cut=no)
    slots, confirmed = _turned(state.slots, config)
    camera = state.camera.inverse()
    return ObjectState(
        particles=shown(slots, config),
        identity=slots.number,
        cut=jnp.zeros((), bool),
        time=jnp.float32(times[0]),
        slots=slots,
        before=state.before,
        camera=camera,
        confirmed=confirmed,
        observer=state.observer,
    )


def seeded_from(
    seen: Observations, camera: Similarity, times: Array, width: Array | float, config: ObjectConfig
) -> tuple[Slots, Array]:
    """The same, of what has been observed already; to be given to `follow_from`.

    Args:
        seen: fields [T, K, ·] of the first frames, of one shot.
        camera: fields [T, 2], how the picture moved into each frame.
        times: [T] seconds, rising.
        width: of the frames, frame heights.
        config: how things are followed.
    """
    backwards = _backwards(seen, camera, times)
    (slots, _), _ = follow_from(no_objects(config), *backwards, width, config)
    return _turned(slots, config)


@jax.jit
def _backwards(seen: Observations, camera: Similarity, times: Array) -> tuple[Any, ...]:
    """What was observed, how the picture moved, seconds and cuts, the last frame first."""
    times = jnp.asarray(times, jnp.float32)
    back = jax.tree.map(
        lambda none, x: jnp.concatenate([none[None], x[:0:-1]]), rest(), camera.inverse()
    )
    seen = jax.tree.map(lambda x: x[::-1], seen)
    # From where a box came says nothing of where it goes.
    seen = dataclasses.replace(seen, before=jnp.full_like(seen.position, jnp.nan))
    return seen, back, times[-1] - times[::-1], jnp.zeros(len(times), bool)


@functools.partial(jax.jit, static_argnames="config")
def _turned(slots: Slots, config: ObjectConfig) -> tuple[Slots, Array]:
    """Slots that go the other way: those in sight, numbered anew."""
    there = slots.confirmed & (slots.unseen == 0)
    number = jnp.cumsum(there).astype(jnp.int32) - 1
    slots = slots.replace(
        number=number,
        velocity=-slots.velocity,
        covariance=slots.covariance * jnp.asarray([1.0, -1.0, 1.0]),
    )
    return where(there, slots, no_slots(config)), jnp.sum(there, dtype=jnp.int32)
