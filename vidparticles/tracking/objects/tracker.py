"""The tracker of what a detector finds: persons, animals, balls, each with one number.

    tracker = object_tracker(observer)
    tracks = scan(tracker, params, frames, times, cuts)

Each frame (`step.advance`): objects go on as they went, with the camera (`predict`); each pair of
an object and a box has a cost, the negative logarithm of how likely it is (`costs`); boxes with a
high score are assigned exactly, then those with a low one; what is left may be someone lost
(`reidentify`) or someone new (`spawn`). Objects out of sight are neither drawn nor found by their
place for long, but by their appearance. The tracker has no parameters of its own: `params` are
those of the observer.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.flow.global_motion import GlobalMotionConfig, global_motion
from vidparticles.image.resample import gray, resize
from vidparticles.tracking.base import Tracker, one_by_one
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import Observer
from vidparticles.tracking.objects.state import ObjectState, Slots, no_slots, shown
from vidparticles.tracking.objects.step import ObjectReport, advance, report


def object_tracker(observer: Observer, config: ObjectConfig | None = None) -> Tracker:
    """A tracker of what is observed in boxes.

    Args:
        observer: finds boxes in frames; `features` and `kinds` of the config are its.
        config: how things are followed; default `ObjectConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> from vidparticles.models.published import nanodet
        >>> from vidparticles.tracking.objects.observers import stateless
        >>> if weights.status("nanodet").state == "there":
        ...     params = nanodet.parameters(weights.load("nanodet"))
        ...     tracker = object_tracker(stateless(nanodet.observe()), nanodet.object_config())
        ...     state = tracker.init_fn(params, jnp.zeros((90, 160, 3), jnp.uint8), 0.0)
    """
    config = config or ObjectConfig()

    def init(params: Any, frame: Array, time: Array) -> ObjectState:
        slots = no_slots(config)
        return ObjectState(
            particles=shown(slots, config),
            identity=slots.number,
            cut=jnp.zeros((), bool),
            time=time,
            slots=slots,
            before=jnp.zeros(_small(frame, config)),
            camera=rest(),
            confirmed=jnp.zeros((), jnp.int32),
            observer=observer.init_fn(params, frame),
        )

    def step(
        params: Any, state: ObjectState, frame: Array, time: Array, cut: Array
    ) -> tuple[ObjectState, ObjectReport]:
        dt = jnp.maximum(time - state.time, 0)
        luma, camera = state.before, state.camera
        if config.motion_rows is not None:
            luma = resize(gray(frame), *_small(frame, config))
            first = jnp.all(state.before == 0)
            camera = camera_of(state.before, luma, state.camera, cut | first)
        observed = jax.tree.map(
            lambda new, old: jnp.where(cut, new, old),
            observer.init_fn(params, frame),
            state.observer,
        )
        observed, seen = observer.observe_fn(params, observed, frame, camera, dt)
        width = jnp.asarray(frame.shape[1] / frame.shape[0], jnp.float32)
        slots, confirmed = advance(
            state.slots, state.confirmed, seen, camera, dt, cut, width, config
        )
        state = ObjectState(
            particles=shown(slots, config),
            identity=slots.number,
            cut=cut,
            time=time,
            slots=slots,
            before=luma,
            camera=camera,
            confirmed=confirmed,
            observer=observed,
        )
        return state, report(slots, config)

    return one_by_one(init, step)


def camera_of(before: Array, luma: Array, last: Similarity, unknown: Array) -> Similarity:
    """How the picture moved; rest, where that is unknown or most of it does not agree.

    Args:
        before, luma: [h, w] small pictures.
        last: how it moved before.
        unknown: [] bool, the frame before is of another shot, or there is none.
    """
    config = GlobalMotionConfig()
    motion, share = global_motion(before, luma, last, config)
    believed = ~unknown & (share >= config.least_share)
    return jax.tree.map(lambda a, b: jnp.where(believed, a, b), motion, rest())


def rest() -> Similarity:
    """No motion."""
    return Similarity(jnp.asarray([1.0, 0.0]), jnp.zeros(2))


def _small(frame: Array, config: ObjectConfig) -> tuple[int, int]:
    rows = min(config.motion_rows or 1, frame.shape[0])
    return rows, max(1, round(rows * frame.shape[1] / frame.shape[0]))


def follow(
    seen: Observations,
    camera: Similarity,
    times: Array,
    cuts: Array,
    width: Array | float,
    config: ObjectConfig,
) -> tuple[Array, Array, ObjectReport]:
    """A clip of which all has been observed already: as `scan`, without its pictures.

    Args:
        seen: fields [T, K, ·].
        camera: fields [T, 2], how the picture moved into each frame.
        times: [T] seconds, rising.
        cuts: [T] bool, the frames that begin another shot.
        width: of the frames, frame heights.
        config: how things are followed.

    Returns:
        The numbers [T, N], −1 for none; which are there [T, N]; and what is told of them.

    Example:
        >>> box = jnp.broadcast_to(jnp.array([0.1, 0.1, 0.3, 0.5]), (5, 1, 4))
        >>> ones, no = jnp.ones((5, 1)), jnp.zeros(5, bool)
        >>> seen = Observations(box, ones, jnp.zeros((5, 1), int), jnp.ones((5, 1, 1)), ones > 0)
        >>> still = Similarity(jnp.tile(jnp.array([1.0, 0.0]), (5, 1)), jnp.zeros((5, 2)))
        >>> config = ObjectConfig(count=2, kinds=1, features=1)
        >>> number, _, _ = follow(seen, still, jnp.arange(5) / 25, no, 1.6, config)
        >>> number[:, 0].tolist()
        [-1, -1, 0, 0, 0]
    """
    start = no_objects(config)
    return follow_from(start, seen, camera, times, cuts, width, config)[1]


@functools.partial(jax.jit, static_argnames="config")
def follow_from(
    start: tuple[Slots, Array],
    seen: Observations,
    camera: Similarity,
    times: Array,
    cuts: Array,
    width: Array | float,
    config: ObjectConfig,
) -> tuple[tuple[Slots, Array], tuple[Array, Array, ObjectReport]]:
    """As `follow`, from what is known already.

    Args:
        start: the slots and how many objects have had a number, as from `seed.seeded_from`.
        seen, camera, times, cuts, width, config: as those of `follow`.

    Returns:
        The slots and how many objects have had a number, after the last frame; and what `follow`
        gives.
    """
    times = jnp.asarray(times, jnp.float32)
    steps = jnp.diff(times, prepend=times[:1])
    wide = jnp.asarray(width, jnp.float32)

    def one(carry: tuple[Slots, Array], item: Any) -> tuple[tuple[Slots, Array], Any]:
        observed, moved, dt, cut = item
        slots, confirmed = advance(*carry, observed, moved, dt, cut, wide, config)
        told = slots.number, shown(slots, config).alive, report(slots, config)
        return (slots, confirmed), told

    return jax.lax.scan(one, start, (seen, camera, steps, jnp.asarray(cuts)))


def no_objects(config: ObjectConfig) -> tuple[Slots, Array]:
    """Nothing is known, and no object has had a number."""
    return no_slots(config), jnp.zeros((), jnp.int32)
