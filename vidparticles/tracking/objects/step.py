"""One frame more: expect, look, assign, update, spawn, number, find again, give up."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.tracking.blobs.pairs import cheapest_pairs
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import Pairs, pairs
from vidparticles.tracking.objects.observations import Observations, intersection, without_doubles
from vidparticles.tracking.objects.predict import predict
from vidparticles.tracking.objects.reidentify import merged, returned
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
    """

    box: Array
    kind: Array
    score: Array
    unseen: Array
    existence: Array


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
    told = pairs(slots, seen, alike, config)
    high = seen.score >= config.high
    agree = agreeing(slots, told, high, config)
    _, inside = intersection(seen.box, seen.box)
    same = alike[seen.kind[:, None], seen.kind]
    free = jnp.ones_like(high)
    mate = jnp.full(config.count, -1, jnp.int32)
    near = slots.unseen <= config.active + dt
    stages = (
        (slots.confirmed & near, high, config.alone),
        (slots.confirmed & near, ~high, config.alone_low),
        (None, high, 0.0),
        (slots.used & ~slots.confirmed, free, config.alone),
    )
    for rows, columns, alone in stages:
        if rows is None:
            pair = returned(slots, seen, columns & free, told, width, config)
        else:
            # A faint box that lies in one that is someone's already may be of either.
            someones = jnp.any((inside > config.low_crowd) & same & ~free, -1)
            clear = high | ~someones
            allowed = (rows & (mate < 0))[:, None] & columns & free & agree & clear
            pair = cheapest_pairs(jnp.where(allowed, told.cost, jnp.inf), alone=alone)
        mate = jnp.where((mate < 0) & (pair >= 0), pair, mate)
        free = free.at[jnp.where(pair >= 0, pair, len(free))].set(False, mode="drop")
    slots = update(slots, seen, mate, told.contact, dt, config)
    slots = spawn(slots, seen, free & seen.valid, told, config)
    slots, confirmed = confirm(slots, confirmed, config)
    slots = merged(slots, alike, width, config)
    return retire(slots, config), confirmed


def agreeing(slots: Slots, told: Pairs, high: Array, config: ObjectConfig) -> Array:
    """Which pairs [N, K] are not out of the question; a box below `high` must agree better."""
    size = jnp.abs(told.areas)
    small = (slots.size < config.small)[:, None]
    unlike = jnp.where(high, config.unlike, config.low_unlike)
    areas = jnp.where(high | small, config.areas, config.low_areas)
    return ((told.unlike <= unlike) | small) & (size <= areas)


def report(slots: Slots, config: ObjectConfig) -> ObjectReport:
    """What is told of the slots."""
    kind = jnp.argmax(slots.kind * told_share(config), -1).astype(jnp.int32)
    return ObjectReport(slots.box, kind, slots.score, slots.unseen, existence(slots, config))


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
