"""Where new objects begin, when they have a number, and when they are given up."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import safe_norm
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import Pairs
from vidparticles.tracking.objects.observations import Observations, intersection
from vidparticles.tracking.objects.state import (
    Slots,
    existence,
    is_classless,
    no_slots,
    patience,
    where,
)


def spawn(
    slots: Slots,
    seen: Observations,
    free: Array,
    told: Pairs,
    dt: Array,
    config: ObjectConfig,
) -> Slots:
    """New objects from boxes that are no one's, in slots that are free.

    None is spawned where a living object already is, nor within one of its own kind. Where no slot
    is free, a new object takes that of the one whose existence is the least probable, if its own
    is more so.

    Args:
        slots: after `update`.
        seen: boxes of the frame, the highest score first, as they get slots.
        free: [K] bool, the boxes that are no one's.
        told: of all pairs.
        dt: seconds [] since the frame before.
        config: how things are followed.
    """
    iou, inside = intersection(slots.box, seen.box)
    living = (slots.used & (slots.unseen <= config.held))[:, None]
    classless = is_classless(seen.kind, config)
    unknown = is_classless(jnp.argmax(slots.kind, -1), config)[:, None]
    # What has no class is spawned nowhere near others, and is in no one's way.
    near = jnp.where(classless, True, told.fits & ~unknown) & (inside > config.spawn_contained)
    same = (iou > config.spawn_overlap) & (classless | ~unknown)
    taken = same | near
    born = free & (seen.score >= config.spawn) & ~jnp.any(living & taken, 0)
    # The k-th of the boxes goes into the k-th of the slots, free ones first.
    certain = jnp.where(slots.used, existence(slots, config), -1)
    order = jnp.argsort(certain, stable=True)
    rank = jnp.cumsum(born) - 1
    slot = order[jnp.clip(rank, 0, config.count - 1)]
    evidence = config.tick * seen.score
    fits = born & (rank < config.count) & (certain[slot] < evidence / (evidence + config.known))
    target = jnp.where(fits, slot, config.count)
    which = jnp.full(config.count, -1, jnp.int32)
    which = which.at[target].set(jnp.arange(len(born), dtype=jnp.int32), mode="drop")
    k = jnp.maximum(which, 0)
    extent, score, feature = seen.extent[k], seen.score[k], seen.feature[k]
    size = 2 * jnp.max(extent, -1)
    worth = config.tick * score
    view = jnp.zeros_like(slots.view).at[:, 0].set(feature)
    new = no_slots(config).replace(
        used=jnp.ones_like(slots.used),
        position=seen.position[k],
        velocity=seen.shift[0][k] / jnp.maximum(dt, 1e-3),
        covariance=jnp.stack([(0.1 * size) ** 2, 0 * size, (4.5 * size) ** 2], -1),
        extent=extent,
        extent_variance=jnp.full(config.count, 0.04),
        last=seen.position[k],
        first=seen.position[k],
        view=view,
        view_weight=jnp.zeros_like(slots.view_weight).at[:, 0].set(1),
        kind=jax.nn.one_hot(seen.kind[k], config.kinds) * worth[:, None],
        evidence=worth,
        score=score,
        best=score,
        boxes=jnp.ones_like(slots.boxes),
    )
    return where(which >= 0, new, slots)


def confirm(slots: Slots, confirmed: Array, config: ObjectConfig) -> tuple[Slots, Array]:
    """Numbers for those that had boxes enough.

    Args:
        slots: after `spawn`.
        confirmed: [] int32, how many have had one.
        config: how things are followed.

    Returns:
        The slots, and how many have had one.
    """
    unknown = is_classless(jnp.argmax(slots.kind, -1), config)
    count = jnp.where(unknown, config.confirm_classless, config.confirm)
    # What differs from the ground but goes nowhere is a part of it that was not known.
    gone = safe_norm(slots.position - slots.first) > config.classless_moved * slots.size
    enough = (slots.boxes >= count) & (slots.best >= config.sure)
    new = slots.used & (slots.number < 0) & enough & (gone | ~unknown)
    number = confirmed + jnp.cumsum(new).astype(jnp.int32) - 1
    slots = slots.replace(number=jnp.where(new, number, slots.number))
    return slots, confirmed + jnp.sum(new, dtype=jnp.int32)


def retire(slots: Slots, config: ObjectConfig) -> Slots:
    """The slots of those that were out of sight for too long are free."""
    gone = slots.used & (slots.unseen > patience(slots, config))
    return where(gone, no_slots(config), slots)
