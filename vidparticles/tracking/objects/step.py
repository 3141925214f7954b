"""One frame more: expect, look, assign, update, spawn, number, find again, give up."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.tracking.objects.assign import assign
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import pairs
from vidparticles.tracking.objects.observations import Observations, without_doubles
from vidparticles.tracking.objects.predict import predict
from vidparticles.tracking.objects.reidentify import merged
from vidparticles.tracking.objects.spawn import confirm, retire, spawn
from vidparticles.tracking.objects.state import Slots, existence, no_slots
from vidparticles.tracking.objects.update import update


class ObjectReport(NamedTuple):
    """What is told of each slot beside the particles.

    Attributes:
        box: [N, 4] left, top, right, bottom, frame heights; expected where it is hidden.
        kind: [N] int32, which it was told to be most of all.
        score: [N] of the box it was observed in last.
        unseen: [N] seconds since it was observed.
        existence: [N] how probable it is that it is still there.
        began: [N, 2] where it was observed first, carried along with the camera since.
    """

    box: Array
    kind: Array
    score: Array
    unseen: Array
    existence: Array
    began: Array


def advance(
    slots: Slots,
    confirmed: Array,
    seen: Observations,
    camera: Similarity,
    dt: Array,
    cut: Array,
    width: Array,
    config: ObjectConfig,
) -> tuple[Slots, Array]:
    """The slots after one frame more; pictures are not needed.

    Args:
        slots: what is known.
        confirmed: [] int32, how many objects have had a number.
        seen: what was observed in the frame.
        camera: how the picture moved into it.
        dt: seconds [] since the frame before.
        cut: [] bool, whether a shot begins with it: all that was known ends.
        width: [] of the frame, frame heights.
        config: how things are followed.

    Returns:
        The slots, and how many objects have had a number.
    """
    alike = jnp.asarray(confusion(config))
    slots = jax.tree.map(lambda a, b: jnp.where(cut, a, b), no_slots(config), slots)
    seen = without_doubles(
        dataclasses.replace(seen, valid=seen.valid & (seen.score >= config.least)),
        alike,
        overlap=config.overlap,
        contained=config.contained,
        weaker=config.weaker,
    )
    slots = predict(slots, dt, camera, config)
    told = pairs(slots, seen, alike, dt, config)
    mate, free = assign(slots, seen, told, alike, dt, width, config)
    slots = update(slots, seen, mate, told.contact, dt, config)
    slots = spawn(slots, seen, free & seen.valid, told, dt, config)
    slots, confirmed = confirm(slots, confirmed, config)
    slots = merged(slots, alike, width, config)
    return retire(slots, config), confirmed


def report(slots: Slots, config: ObjectConfig) -> ObjectReport:
    """What is told of the slots."""
    kind = jnp.argmax(slots.kind * told_share(config), -1).astype(jnp.int32)
    certain = existence(slots, config)
    return ObjectReport(slots.box, kind, slots.score, slots.unseen, certain, slots.first)


def told_share(config: ObjectConfig) -> np.ndarray:
    """[C] what a kind weighs when it is told what an object is."""
    share = np.ones(config.kinds, np.float32)
    share[list(config.classless)] = config.classless_share
    return share


def confusion(config: ObjectConfig) -> np.ndarray:
    """[C, C] bool, which kinds are confused with each other; each with itself."""
    alike = np.eye(config.kinds, dtype=bool)
    for group in config.confused:
        alike[np.ix_(group, group)] = True
    return alike
