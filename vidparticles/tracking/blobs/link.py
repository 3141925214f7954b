"""Spots of one frame after another joined to paths.

Of all ways to pair the particles of a moment with the spots of the next, the likeliest for
independent diffusers is the one with the least sum of squared distances, a particle that stays
unpaired counted as the farthest allowed (Crocker & Grier 1996). It is found exactly, however many
particles are within reach of each other.

A particle that finds no spot is looked for, for a while, from where it is expected: `predict`
says where, by default where it was visible last. Any motion of the dynamics will do, which is what
`by_velocity` is the plainest of.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Protocol

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.particles import Particles
from vidparticles.tracking.blobs.pairs import cheapest_pairs


class Predict(Protocol):
    """Where particles are expected."""

    def __call__(self, particles: Particles, dt: Array, /) -> Particles:
        """Args: particles, and seconds []; returns them that much later."""


def at_rest(particles: Particles, dt: Array) -> Particles:
    """Particles expected where they are: what diffuses goes nowhere in the mean."""
    del dt
    return particles


def by_velocity(particles: Particles, dt: Array) -> Particles:
    """Particles a time dt later, going on as they went."""
    return particles.replace(position=particles.position + dt * particles.velocity)


@dataclasses.dataclass(frozen=True)
class LinkConfig:
    """When a spot is a particle's.

    Attributes:
        reach: frame heights from where a particle is expected to its spot, at most.
        memory: seconds since a particle was visible, at most, for it to be found again after
            frames without a spot: for k of them at an even rate, those of k + 1 frames. From one
            frame to the next it is looked for whenever that is.
        predict: (particles, seconds) → particles, where they are expected.
    """

    reach: float
    memory: float = 0.0
    predict: Predict = at_rest


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LinkState:
    """What linking carries from one frame to the next.

    Attributes:
        particles: those that are looked for in vain are inactive, and where they are expected.
        identity: [N] int32, a number for each particle ever spawned; −1 for a free slot.
        cut: bool, the newest frame is the first of another shot.
        hidden: [N] seconds since it was visible; 0 for the visible, infinity for free slots.
        last: [N, D] where it was visible last.
        time: seconds, of the newest frame.
        spawned: int32, particles ever spawned.
    """

    particles: Particles
    identity: Array
    cut: Array
    hidden: Array
    last: Array
    time: Array
    spawned: Array


def no_links(spots: Particles, time: Array | float) -> LinkState:
    """Before the first frame: every slot is free, so that the first step spawns all.

    Args:
        spots: for their shapes; their number of slots is that of particles.
        time: seconds.
    """
    return LinkState(
        particles=jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), spots),
        identity=jnp.full(spots.count, -1, jnp.int32),
        cut=jnp.zeros((), bool),
        hidden=jnp.full(spots.count, jnp.inf),
        last=jnp.zeros(spots.position.shape),
        time=jnp.asarray(time, jnp.float32),
        spawned=jnp.zeros((), jnp.int32),
    )


@functools.partial(jax.jit, static_argnames="config")
def link(
    state: LinkState,
    spots: Particles,
    time: Array | float,
    config: LinkConfig,
    *,
    cut: Array | bool = False,
) -> LinkState:
    """The particles found among the spots of the next frame.

    Args:
        state: from `no_links` or `link`.
        spots: of the next frame, of any order and of as many slots.
        time: seconds, later than that of the state.
        config: when a spot is a particle's.
        cut: the frame is the first of another shot: all particles end.

    Returns:
        The state at the new frame, each particle with the position and feature of its spot and
        the mean velocity since it was visible last. Spots that are no particle's are spawned, at
        rest, while there are free slots.

    Example:
        >>> from vidparticles.particles import particles
        >>> spots = particles(jnp.array([[0.2, 0.5], [0.7, 0.5]]))
        >>> config = LinkConfig(reach=0.05)
        >>> state = link(no_links(spots, 0.0), spots, 0.0, config)
        >>> other_order = particles(jnp.array([[0.71, 0.5], [0.21, 0.5]]))
        >>> state = link(state, other_order, 0.1, config)
        >>> state.identity.tolist(), [round(float(x), 2) for x in state.particles.position[:, 0]]
        ([0, 1], [0.21, 0.71])
    """
    time, cut = jnp.asarray(time, jnp.float32), jnp.asarray(cut)
    dt = jnp.maximum(time - state.time, 1e-6)
    before = jnp.where(cut, jnp.inf, state.hidden)
    # The rest is for the rounding of times and of the sums of their differences.
    known = (before == 0) | (before + dt <= (1 + 1e-4) * config.memory)
    old = state.particles
    ahead = config.predict(old.replace(alive=known), dt)
    gap = ahead.position[:, None] - spots.position
    square = jnp.sum(gap**2, axis=-1)
    allowed = known[:, None] & spots.alive & (square <= config.reach**2)
    mate = cheapest_pairs(jnp.where(allowed, square, jnp.inf), alone=config.reach**2)

    # Those whose spot was found, then new ones in the slots that are left.
    found, count = mate >= 0, old.count
    hidden = jnp.where(found, 0, before + dt)
    kept = found | (known & (hidden <= config.memory))
    taken = jnp.zeros(count + 1, bool).at[jnp.where(found, mate, count)].set(True)[:-1]
    new = spots.alive & ~taken
    free = jnp.argsort(kept, stable=True)  # the free slots first
    slot = jnp.where(new, free[jnp.cumsum(new) - 1], count)
    slot = jnp.where(jnp.cumsum(new) <= jnp.sum(~kept), slot, count)
    source = jnp.full(count + 1, -1).at[slot].set(jnp.arange(count))[:-1]
    spawned = source >= 0
    source = jnp.where(found, mate, source)

    visible = found | spawned
    hidden = jnp.where(spawned, 0, jnp.where(kept, hidden, jnp.inf))
    spot = jnp.maximum(source, 0)
    position = jnp.where(visible[:, None], spots.position[spot], ahead.position)
    velocity = (position - state.last) / (dt + before)[:, None]
    velocity = jnp.where(found[:, None], velocity, jnp.where(kept[:, None], ahead.velocity, 0))
    numbers = state.spawned + jnp.cumsum(spawned, dtype=jnp.int32) - 1
    return LinkState(
        particles=Particles(
            position=position,
            velocity=velocity,
            feature=jnp.where(visible[:, None], spots.feature[spot], old.feature),
            mass=jnp.where(visible, spots.mass[spot], old.mass),
            alive=visible,
        ),
        identity=jnp.where(spawned, numbers, jnp.where(kept, state.identity, -1)),
        cut=cut,
        hidden=hidden,
        last=jnp.where(visible[:, None], position, state.last),
        time=time,
        spawned=state.spawned + jnp.sum(spawned, dtype=jnp.int32),
    )
