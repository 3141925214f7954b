"""Who is lost and comes back is known by its appearance."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import safe_norm
from vidparticles.tracking.blobs.pairs import cheapest_pairs
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import Pairs
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.state import Slots, no_slots, where


def return_costs(
    slots: Slots, seen: Observations, told: Pairs, width: Array, config: ObjectConfig
) -> Array:
    """What it costs that a lost object shows again in a box: by appearance and distance.

    Args:
        slots: where objects are expected.
        seen: boxes of the frame.
        told: of all pairs.
        width: [] of the frame, frame heights.
        config: how things are followed.

    Returns:
        [N, K], infinity where it is out of the question; to be weighed against `config.again`.
    """
    away = safe_norm(seen.position - slots.position[:, None])
    over = _at_border(slots.box, width, config)[:, None] & _at_border(seen.box, width, config)
    reach = config.reach + config.reach_speed * slots.unseen[:, None]
    reach = jnp.where(over, jnp.maximum(reach, config.reach_border), reach)
    lost = slots.confirmed & (slots.unseen > config.lost)
    allowed = lost[:, None] & seen.valid & told.fits & (away < reach)
    allowed &= jnp.abs(told.areas) < config.again_area
    cost = told.unlike + config.again_distance * away
    return jnp.where(allowed, cost, jnp.inf)


def merged(slots: Slots, alike: Array, width: Array, config: ObjectConfig) -> Slots:
    """New objects that turn out to be lost ones get their numbers back.

    Args:
        slots: after `confirm`.
        alike: [C, C] bool, which kinds are confused.
        width: [] of the frame, frame heights.
        config: how things are followed.
    """
    young = slots.confirmed & (slots.age < config.again_young) & (slots.unseen == 0)
    lost = slots.confirmed & (slots.unseen > config.lost)
    # The lost one was gone, but for two frames, when the young one began.
    after = slots.age[:, None] <= slots.unseen + config.lost
    likeness = jnp.einsum("nvf,muf->nmvu", slots.view, slots.view)
    known = slots.view_weight > 0
    both = known[:, None, :, None] & known[None, :, None, :]
    unlike = 1 - jnp.max(jnp.where(both, likeness, -1), (-2, -1))
    kind = slots.kind @ alike.astype(slots.kind.dtype)
    fits = kind @ slots.kind.T > 0
    away = safe_norm(slots.position[:, None] - slots.position)
    gone = slots.unseen - slots.age[:, None]
    reach = config.reach + config.reach_speed * jnp.maximum(gone, 0)
    border = _at_border(slots.box, width, config)
    reach = jnp.where(border, jnp.maximum(reach, config.reach_border), reach)
    allowed = young[:, None] & lost & after & fits & (away < reach)
    allowed &= ~jnp.eye(config.count, dtype=bool)
    cost = jnp.where(allowed, unlike + config.again_distance * away, jnp.inf)
    mate = cheapest_pairs(cost, alone=config.again_young_cost)
    found = mate >= 0
    old = jnp.maximum(mate, 0)
    left = (
        jnp.zeros(config.count, bool)
        .at[jnp.where(found, mate, config.count)]
        .set(True, mode="drop")
    )
    slots = slots.replace(
        number=jnp.where(found, slots.number[old], slots.number),
        evidence=jnp.where(found, slots.evidence + slots.evidence[old], slots.evidence),
        kind=jnp.where(found[:, None], slots.kind + slots.kind[old], slots.kind),
        view=jnp.where(found[:, None, None], _joined(slots.view, slots.view[old]), slots.view),
        view_weight=jnp.where(
            found[:, None], _joined(slots.view_weight, slots.view_weight[old]), slots.view_weight
        ),
        age=jnp.where(found, slots.age + slots.unseen[old], slots.age),
    )
    return where(left, no_slots(config), slots)


def _joined(new: Array, old: Array) -> Array:
    """The first view of the new one, and all but the last of the old one."""
    return jnp.concatenate([new[:, :1], old[:, :-1]], 1)


def _at_border(box: Array, width: Array, config: ObjectConfig) -> Array:
    return (box[..., 0] < config.border) | (box[..., 2] > width - config.border)
