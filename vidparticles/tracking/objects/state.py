"""The state of things that are followed in boxes: see `tracker`."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.particles import Particles
from vidparticles.tracking.objects.config import ObjectConfig


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Slots:
    """What is known of each object; lengths are frame heights.

    Attributes:
        used: [N] bool; the others are free.
        number: [N] int32, the object's; −1 as long as it is not confirmed.
        position, velocity: [N, 2], expected; velocity per second.
        covariance: [N, 3] of position, of position and velocity, of velocity, alike along x and y.
        extent: [N, 2] half the sides. A box tells no more of a shape: of pixels spread evenly over
            it the covariance is diag(extent²) / 3, and a tilt would be made up; which pixels are an
            object's, and so how they spread, is told by `masks`.
        extent_variance: [N] of the logarithm of the sides.
        last: [N, 2] where it was observed last, moved with the camera since.
        first: [N, 2] where it was spawned, moved with the camera since.
        view: [N, V, F] appearances, unit vectors, from when nothing was in front.
        view_weight: [N, V] how many frames each is made of; 0 for none.
        kind: [N, C] seconds of score with which it was told to be of each kind.
        evidence: [N] seconds, scores summed over time, forgotten slowly.
        score: [N] of the box it was observed in last.
        best: [N] of all its boxes.
        boxes: [N] int32, how many it was observed in.
        unseen: [N] seconds since it was observed.
        age: [N] seconds since it was spawned.
    """

    used: Array
    number: Array
    position: Array
    velocity: Array
    covariance: Array
    extent: Array
    extent_variance: Array
    last: Array
    first: Array
    view: Array
    view_weight: Array
    kind: Array
    evidence: Array
    score: Array
    best: Array
    boxes: Array
    unseen: Array
    age: Array

    def replace(self, **changes: Any) -> Slots:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)

    @property
    def box(self) -> Array:
        """[N, 4] left, top, right, bottom."""
        return jnp.concatenate([self.position - self.extent, self.position + self.extent], -1)

    @property
    def size(self) -> Array:
        """[N] the longer side."""
        return 2 * jnp.max(self.extent, -1)

    @property
    def confirmed(self) -> Array:
        """[N] bool, which have a number."""
        return self.used & (self.number >= 0)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ObjectState:
    """All that is carried from frame to frame.

    Attributes:
        particles: [N] of the slots; the feature is the mean appearance. Active are those with a
            number that were observed a moment ago.
        identity: [N] int32, in the order in which objects were confirmed; −1 for the others.
        cut: [] bool, the newest frame is the first of another shot.
        time: [] seconds of the newest frame.
        slots: all that is known, of objects without a number too.
        before: [h, w] luma of the newest frame, small.
        camera: how the picture moved into the newest frame.
        confirmed: [] int32, how many objects there have been.
        observer: what the observer carries from frame to frame.
    """

    particles: Particles
    identity: Array
    cut: Array
    time: Array
    slots: Slots
    before: Array
    camera: Similarity
    confirmed: Array
    observer: Any


def is_classless(kind: Array, config: ObjectConfig) -> Array:
    """Which kinds do not say what a thing is."""
    return jnp.isin(kind, jnp.asarray(config.classless, jnp.int32))


def no_slots(config: ObjectConfig) -> Slots:
    """Nothing is known of anything."""
    n = config.count

    def zeros(*shape: int) -> Array:
        return jnp.zeros((n, *shape))

    return Slots(
        used=jnp.zeros(n, bool),
        number=jnp.full(n, -1, jnp.int32),
        position=zeros(2),
        velocity=zeros(2),
        covariance=zeros(3),
        extent=zeros(2),
        extent_variance=zeros(),
        last=zeros(2),
        first=zeros(2),
        view=zeros(config.views, config.features),
        view_weight=zeros(config.views),
        kind=zeros(config.kinds),
        evidence=zeros(),
        score=zeros(),
        best=zeros(),
        boxes=jnp.zeros(n, jnp.int32),
        unseen=zeros(),
        age=zeros(),
    )


def where(mask: Array, yes: Slots, no: Slots) -> Slots:
    """Slot by slot, one or the other."""

    def choose(a: Array, b: Array) -> Array:
        return jnp.where(mask.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(choose, yes, no)


def shown(slots: Slots, config: ObjectConfig) -> Particles:
    """The slots as particles: active are those with a number, observed a moment ago."""
    weight = slots.view_weight[..., None]
    mean = jnp.sum(slots.view * weight, 1) / jnp.maximum(jnp.sum(weight, 1), 1e-6)
    return Particles(
        position=slots.position,
        velocity=slots.velocity,
        feature=mean,
        mass=jnp.ones(config.count),
        alive=slots.confirmed & (slots.unseen <= config.shown),
    )


def patience(slots: Slots, config: ObjectConfig) -> Array:
    """Seconds [N] that an object may be out of sight: the more is known of it, the longer."""
    more = config.patience_known * jnp.maximum(slots.evidence - config.patience_from, 0)
    long = jnp.minimum(config.patience + more, config.patience_most)
    return jnp.where(slots.number >= 0, long, config.unsure)


def existence(slots: Slots, config: ObjectConfig) -> Array:
    """How probable it is [N] that an object is still there.

    By what speaks for it, e / (e + e₀), and the share of its patience that is left.
    """
    left = jnp.clip(1 - slots.unseen / patience(slots, config), 0, 1)
    return jnp.where(slots.used, left * slots.evidence / (slots.evidence + config.known), 0)
