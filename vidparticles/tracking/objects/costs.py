"""How unlikely each pair of an object and a box is: negative log-likelihoods, in nats.

The place has two predictions. The object went on as it went; or it met something: it is near where
it was, and its velocity is another one, as of a ball at a kick. Where the observer says from where
a box came, that is compared with where the object was instead, as in CenterTrack (Zhou et al.
2020). Each is a normal density whose logarithm of the determinant counts, over that of one tenth of
a size: without it, an object whose place is not known wins against a sure one.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import safe_norm
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.state import Slots, is_classless


class Pairs(NamedTuple):
    """What is to be said of each object with each box, all [N, K].

    Attributes:
        cost: of the pair, infinity where it is out of the question.
        contact: whether the place is likelier after a contact.
        fits: whether the object was told to be of the box's kind, or of one confused with it.
        unlike: 1 − similarity of appearance.
        areas: logarithm of the ratio of areas, box to object.
    """

    cost: Array
    contact: Array
    fits: Array
    unlike: Array
    areas: Array


def pairs(slots: Slots, seen: Observations, alike: Array, dt: Array, config: ObjectConfig) -> Pairs:
    """The costs of all pairs.

    Args:
        slots: where objects are expected, from `predict`.
        seen: boxes of the frame.
        alike: [C, C] bool, which kinds are confused.
        dt: seconds [] since the frame before.
        config: how things are followed.
    """
    extent = jnp.maximum(slots.extent[:, None], seen.extent)
    size = 2 * jnp.max(extent, -1)
    least = (config.contact_reach * size + config.blur) ** 2
    way = seen.position - slots.position[:, None]
    spread = slots.covariance[:, :1] + (config.rough * size + config.blur) ** 2
    onward = 0.5 * jnp.sum(way**2, -1) / spread + jnp.log(spread / least)
    from_last = seen.position - slots.last[:, None]
    speed = config.contact_speed * safe_norm(slots.velocity)[:, None] + config.contact_pace * size
    wide = least + (speed * slots.unseen[:, None]) ** 2
    turned = 0.5 * jnp.sum(from_last**2, -1) / wide + jnp.log(wide / least) + config.contact
    shift, said = seen.shift
    came = (config.came * size + config.blur) ** 2
    apart = jnp.sum((from_last - shift) ** 2, -1)
    told = 0.5 * apart / came + jnp.log(came / least) + config.contact_told
    # Of who was not seen in the frame before it says nothing.
    turned = jnp.where(said & (slots.unseen < 1.5 * dt)[:, None], told, turned)

    areas = jnp.log(jnp.prod(seen.extent, -1) + 1e-9) - jnp.log(
        jnp.prod(slots.extent, -1) + 1e-9
    ).reshape(-1, 1)
    fits = (slots.kind @ alike.astype(slots.kind.dtype))[:, seen.kind] > 0
    similarity = jnp.einsum("nvf,kf->nvk", slots.view, seen.feature)
    known = slots.view_weight[..., None] > 0
    best = jnp.max(jnp.where(known, similarity, -jnp.inf), 1)
    # Without features, all look alike.
    unlike = jnp.where(jnp.any(known, 1) & (config.features > 0), 1 - best, 0)
    cost = jnp.minimum(onward, turned)
    cost = cost + jnp.log1p(0.5 * (areas / config.sides) ** 2)
    cost = cost + config.appearance * unlike + jnp.where(fits, 0, config.other_kind)
    cost = cost + config.young / (1 + slots.evidence / config.known)[:, None]
    # What has no class goes on with what has none: a part of a person moves too, and a person who
    # was lost is known again by its appearance, not taken for what moved meanwhile.
    classless = is_classless(seen.kind, config)
    unknown = is_classless(jnp.argmax(slots.kind, -1), config)[:, None]
    allowed = slots.used[:, None] & seen.valid & (fits | (unknown == classless))
    return Pairs(jnp.where(allowed, cost, jnp.inf), turned < onward, fits, unlike, areas)
