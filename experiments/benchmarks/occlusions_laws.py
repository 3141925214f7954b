"""What objects do to each other while they are followed.

`Law` is what a row of `occlusions` differs in from the others, all of it arrays, so that one
compiled program serves all rows. What objects do to each other is added to their velocities before
`tracking.objects` predicts where they are, its own steps as they are.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmarks.occlusions_clips import (
    FRAMES,
    GAPS,
    MOST,
    RATE,
    WIDTH,
    Clips,
    gap,
)
from vidparticles import dynamics
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.observe import object_config
from vidparticles.particles import Particles
from vidparticles.tracking.discs.filter import FilterConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.state import Slots
from vidparticles.tracking.objects.step import advance
from vidparticles.tracking.objects.tracker import no_objects, rest

# Those of what the network finds; and nobody is given up within the longest gap.
SHIPPED = dataclasses.replace(object_config(Moving()), features=8, count=8)
_LONG = max(GAPS) / RATE + 0.5
CONFIG = dataclasses.replace(SHIPPED, patience=_LONG, patience_most=_LONG)
_VARIED = ("held", "slowing", "contact", "patience", "patience_most")
KINDS_OF_LAWS = ("none", "repulsion", "collision", "bounce", "spring", "learned")
FASTEST = 0.5  # frame heights a second, beyond which a learned law tells speeds apart no more
DT = 1 / RATE
STIFFNESS = FilterConfig().stiffest / DT**2  # 1 / s², as of the tracker of discs


class Law(NamedTuple):
    """How objects move.

    Attributes:
        numbers: fields of `ObjectConfig`, by name.
        kind: int32, index of `KINDS_OF_LAWS`.
        strength: of repulsion, frame heights² / s²; of the spring, 1 / s².
        network: of the learned law, `dynamics.pair_network`'s.
    """

    numbers: dict[str, Array]
    kind: Array
    strength: Array
    network: Any


def no_network(key: Array, *, width: int = 16, reach: float = 0.3) -> Any:
    """A learned law that has learned nothing: of size and velocity, it pushes hardly at all."""
    return dynamics.init_pair_network(key, feature_dim=3, width=width, reach=reach, scale=0.01)


def law(kind: str = "none", *, strength: float = 0.0, network: Any = None, **numbers: float) -> Law:
    """A law by its name; numbers of `ObjectConfig` that are not given are those of `CONFIG`."""
    of_config = {name: getattr(CONFIG, name) for name in _VARIED}
    return Law(
        {name: np.float32(value) for name, value in (of_config | numbers).items()},
        np.int32(KINDS_OF_LAWS.index(kind)),
        np.float32(strength),
        no_network(jax.random.key(0)) if network is None else network,
    )


def pushed(slots: Slots, dt: Array, acting: Law) -> Slots:
    """Objects after what they do to each other within dt, before they move on."""
    radius = slots.size / 2
    bodies = Particles(
        position=slots.position,
        velocity=slots.velocity,
        feature=radius[:, None],
        mass=jnp.ones_like(radius),
        alive=slots.confirmed,
    )
    displacement_fn, _ = dynamics.free()

    def accelerated(force: Array) -> tuple[Array, Array]:
        return slots.position, slots.velocity + dt * force

    def repelled() -> tuple[Array, Array]:
        force_fn = dynamics.all_pairs(dynamics.repulsion, displacement_fn, softening=0.05)
        force = force_fn(slots.position, alive=bodies.alive, strength=acting.strength)
        return accelerated(force)

    def collided() -> tuple[Array, Array]:
        def contact(dr: Array, fa: Array, fb: Array) -> Array:
            diameter = (fa + fb)[..., 0]
            return dynamics.collision(dr, None, None, stiffness=STIFFNESS, diameter=diameter)

        force_fn = dynamics.all_pairs(contact, displacement_fn)
        return accelerated(force_fn(slots.position, feature=bodies.feature, alive=bodies.alive))

    def bounced() -> tuple[Array, Array]:
        diameter = radius[:, None] + radius
        way, velocity = dynamics.bounce(bodies, diameter=diameter, dt=jnp.maximum(dt, 1e-6))
        return slots.position + way - velocity * dt, velocity  # `predict` goes on by the latter

    def moved() -> tuple[Array, Array]:
        feature = jnp.concatenate([slots.size[:, None], jnp.tanh(slots.velocity / FASTEST)], -1)
        force_fn = dynamics.all_pairs(dynamics.pair_network, displacement_fn, params=acting.network)
        return hidden_alone(force_fn(slots.position, feature=feature, alive=bodies.alive))

    def pulled() -> tuple[Array, Array]:
        force_fn = dynamics.all_pairs(dynamics.spring, displacement_fn)
        return hidden_alone(force_fn(slots.position, alive=bodies.alive, stiffness=acting.strength))

    def hidden_alone(force: Array) -> tuple[Array, Array]:
        # Who is in sight is measured. Pushing them too, a law lowers its loss by losing them.
        return accelerated(jnp.where((slots.unseen > 0)[:, None], force, 0))

    choices = [lambda: (slots.position, slots.velocity)]
    choices += [repelled, collided, bounced, pulled, moved]
    position, velocity = jax.lax.switch(acting.kind, choices)
    alive = bodies.alive[:, None]
    return slots.replace(
        position=jnp.where(alive, position, slots.position),
        velocity=jnp.where(alive, velocity, slots.velocity),
    )


# ---------------------------------------------------------------- followed


@jax.jit
def followed(seen: Observations, acting: Law, first: Array) -> tuple[Array, Array, Array]:
    """Clips [C, T, K, ·] followed from a frame on.

    Returns:
        Numbers [C, T, N], −1 for none; positions [C, T, N, 2]; seconds out of sight [C, T, N].
    """
    config = dataclasses.replace(CONFIG, **acting.numbers)

    def clip(seen: Observations) -> Any:
        def frame(t: Array, carry: Any) -> Any:
            (slots, confirmed), out = carry
            now = jax.tree.map(lambda x: x[t], seen)
            dt = jnp.where(t == first, 0, DT)
            slots = pushed(slots, dt, acting)
            cut, wide = jnp.zeros((), bool), jnp.float32(WIDTH)
            slots, confirmed = advance(slots, confirmed, now, rest(), dt, cut, wide, config)
            told = slots.number, slots.position, slots.unseen
            return (slots, confirmed), jax.tree.map(lambda x, y: x.at[t].set(y), out, told)

        none = no_objects(config)
        told = none[0].number, none[0].position, none[0].unseen
        out = jax.tree.map(lambda x: jnp.zeros((FRAMES, *x.shape), x.dtype), told)
        return jax.lax.fori_loop(first, FRAMES, frame, (none, out))[1]

    return jax.vmap(clip)(seen)


def without(clips: Clips, length: int) -> Observations:
    """What is observed when a gap of that length takes boxes away, the best first."""
    covered = np.zeros(clips.seen.valid.shape, bool)
    covered[:, gap(length), :MOST] = clips.covered[:, None]
    valid = clips.seen.valid & ~covered
    score = np.where(valid, clips.seen.score, 0)
    order = np.argsort(-score, -1, kind="stable")
    seen = dataclasses.replace(clips.seen, valid=valid, score=score)

    def sort(x: np.ndarray) -> np.ndarray:
        return np.take_along_axis(x, order.reshape(*order.shape, *[1] * (x.ndim - 3)), 2)

    return jax.tree.map(sort, seen)
