"""What a box says of the object that it was assigned to."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.tracking.kalman import gain
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations, intersection
from vidparticles.tracking.objects.state import Slots, where


def update(
    slots: Slots, seen: Observations, mate: Array, contact: Array, dt: Array, config: ObjectConfig
) -> Slots:
    """The slots after what was observed.

    An object that met something is where its box is, with the velocity that brought it there; one
    that was out of sight for long is where its box is, at rest.

    Args:
        slots: where objects are expected, from `predict`.
        seen: boxes of the frame.
        mate: [N] int32, the box of each; −1 for none.
        contact: [N, K] whether a pair is likelier after a contact.
        dt: seconds [] since the frame before.
        config: how things are followed.
    """
    found = slots.used & (mate >= 0)
    k = jnp.maximum(mate, 0)
    position, extent, score = seen.position[k], seen.extent[k], seen.score[k]
    rough = jnp.where(score < config.high, config.weak, 1)
    size = 2 * jnp.max(extent, -1)
    noise = (rough * (config.rough * size + config.blur)) ** 2

    met = jnp.take_along_axis(contact, k[:, None], 1)[:, 0] & (slots.boxes > 3)
    late = slots.unseen > config.active
    turned = config.contact_kept * (position - slots.last)
    turned = turned / jnp.maximum(slots.unseen, config.tick)[:, None]
    shift, said = seen.shift
    turned = jnp.where(said[k, None], shift[k] / jnp.maximum(dt, 1e-3), turned)
    # After a contact, or long out of sight: as new, but for the velocity of a contact.
    fresh = jnp.stack([noise, jnp.zeros_like(noise), (1.5 * size) ** 2], -1)
    of_position, of_velocity, covariance = gain(slots.covariance, noise)
    off = position - slots.position
    again = (met | late)[:, None]
    new = slots.replace(
        position=jnp.where(again, position, slots.position + of_position[:, None] * off),
        velocity=jnp.where(
            late[:, None],
            0,
            jnp.where(met[:, None], turned, slots.velocity + of_velocity[:, None] * off),
        ),
        covariance=jnp.where(again, fresh, covariance),
        last=position,
    )
    variance = (rough * config.rough_sides) ** 2
    share = jnp.where(late, 1, slots.extent_variance / (slots.extent_variance + variance))
    grown = jnp.log(jnp.maximum(extent, 1e-4)) - jnp.log(jnp.maximum(slots.extent, 1e-4))
    worth = jnp.clip(dt, 0, config.tick) * score
    told = jax.nn.one_hot(seen.kind[k], config.kinds) * worth[:, None]
    view, weight = _views(slots, seen, k, score, config)
    new = new.replace(
        extent=slots.extent * jnp.exp(share[:, None] * grown),
        extent_variance=(1 - share) * slots.extent_variance + 0.01 * variance,
        view=view,
        view_weight=weight,
        kind=slots.kind + told,
        evidence=slots.evidence + worth,
        score=score,
        best=jnp.maximum(slots.best, score),
        boxes=slots.boxes + 1,
        unseen=jnp.zeros_like(slots.unseen),
    )
    return where(found, new, slots)


def _views(
    slots: Slots, seen: Observations, k: Array, score: Array, config: ObjectConfig
) -> tuple[Array, Array]:
    """The views with what a box shows in them, unless something may be in front of it.

    It goes into the view that is most like it, or, unlike all, into one that is free, or that is
    made of the fewest frames.
    """
    iou, _ = intersection(seen.box, seen.box)
    others = seen.valid & ~jnp.eye(len(seen.score), dtype=bool)
    crowd = jnp.max(jnp.where(others, iou, 0), -1)[k]
    clear = (score >= config.view_score) & (crowd < config.view_clear)
    feature = seen.feature[k]
    likeness = jnp.einsum("nvf,nf->nv", slots.view, feature)
    likeness = jnp.where(slots.view_weight > 0, likeness, -1)
    other = jnp.max(likeness, -1) < config.new_view
    place = jnp.where(other, jnp.argmin(slots.view_weight, -1), jnp.argmax(likeness, -1))
    chosen = jax.nn.one_hot(place, config.views, dtype=bool) & clear[:, None]
    rate = jnp.maximum(config.view_rate, 1 / (1 + slots.view_weight))
    rate = jnp.where(other[:, None], 1, rate)[..., None]
    mixed = slots.view + rate * (feature[:, None] - slots.view)
    mixed = mixed / jnp.maximum(jnp.linalg.norm(mixed, axis=-1, keepdims=True), 1e-6)
    weight = jnp.where(other[:, None], 0, slots.view_weight) + 1
    return (
        jnp.where(chosen[..., None], mixed, slots.view),
        jnp.where(chosen, weight, slots.view_weight),
    )
