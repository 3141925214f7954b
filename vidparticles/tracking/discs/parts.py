"""The parts of a step that an experiment may exchange, each for a function of the same signature.

What a part is worth is shown by putting something simpler in its place: `experiments.pv5.ablations`
does, the product has no flags for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

from vidparticles.image import discs
from vidparticles.particles import Particles
from vidparticles.tracking import kalman
from vidparticles.tracking.discs import assignment, filter
from vidparticles.tracking.discs.config import DiscConfig
from vidparticles.tracking.discs.foreground import Foreground
from vidparticles.tracking.discs.state import Values


def start(batch: tuple[int, ...], config: DiscConfig) -> Particles:
    """The particles before the first frame: all slots are free.

    Example:
        >>> start((2,), DiscConfig(count=3)).alive.any(), start((2,), DiscConfig()).count
        (Array(False, dtype=bool), 6)
    """
    lead = (*batch, config.count)
    return Particles(
        position=jnp.zeros((*lead, 2)),
        velocity=jnp.zeros((*lead, 2)),
        feature=jnp.zeros((*lead, config.memory)),
        mass=jnp.ones(lead),
        alive=jnp.zeros(lead, bool),
    )


def predict(
    values: Values, config: DiscConfig, p: Particles, dt: Array, shape: tuple[int, int]
) -> tuple[Particles, Array]:
    """Particles dt [...] seconds later by the laws of motion, and |Δv| [..., K] of collisions."""
    return filter.predict(
        p,
        dt,
        diameter=values["diameter"],
        stiffness=values["stiffness"],
        margin=values["margin"],
        shape=shape,
        walls=config.walls,
        rigid=config.rigid_discs,
        config=config.filter,
    )


def update(
    values: Values,
    config: DiscConfig,
    predicted: Particles,
    covariance: Array,
    visible: Array,
    statistics: Array,
    frame: Foreground,
    clear: Array | None,
    fit: Callable[..., Array],
) -> tuple[Particles, Array]:
    """Particles moved by what the frame measures, and how unsure they still are.

    Args:
        values: of the filter.
        config: of the tracker.
        predicted: particles [..., K, ·] before the frame.
        covariance: [..., K, 3] before the frame.
        visible: [..., K] in [0, 1), how far each is believed to be visible.
        statistics: [..., K, C] of what each was assigned.
        frame: the foreground.
        clear: [P] how far the scene lets objects be seen, or None, everywhere.
        fit: as `assignment.fit`.
    """
    position, alive, shape = predicted.position, predicted.alive, frame.shape
    of_position, of_velocity, covariance = kalman.gain(
        covariance, values["measurement_noise"] ** 2 / (visible + 1e-9)
    )
    expected = position
    if clear is not None:
        # Of what the scene hides in part, the middle of the rest.
        ones = jnp.concatenate([jnp.ones((clear.shape[0], 1)), discs.pixels(*shape)], axis=-1)
        shown = jnp.einsum("...kp,pc->...kc", covers(values, predicted, shape) * clear, ones)
        expected = assignment.centroid(shown, position, least=config.assignment.least)
    rough = assignment.centroid(statistics, position, least=config.assignment.least) - expected
    rim = config.assignment.rigid_rim if config.rigid_discs else config.assignment.soft_rim
    fine = fit(
        position + of_position[..., None] * rough,
        alive,
        visible,
        frame.coverage,
        clear,
        shape=shape,
        radius=values["radius"],
        edge=values["edge"] + rim / shape[0],
        damping=values["damping"],
        config=config.assignment,
    )
    moved = jnp.where(alive[..., None], fine - position, 0)
    # The velocity follows from what the position was really moved by.
    ratio = of_velocity / jnp.maximum(of_position, 1e-3)
    velocity = predicted.velocity + ratio[..., None] * moved
    return predicted.replace(position=position + moved, velocity=velocity), covariance


def covers(values: Values, p: Particles, shape: tuple[int, int]) -> Array:
    """How far the disc of each object covers each cell, [..., K, P]."""
    return discs.cover(
        p.position,
        p.alive,
        radius=values["radius"],
        edge=values["edge"],
        height=shape[0],
        width=shape[1],
    )


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a step is made of.

    Attributes:
        start: (batch, config) → particles before the first frame, as `start`.
        predict: (values, config, particles, dt, shape) → particles and |Δv|, as `predict`.
        assign: what each object observes, as `assignment.assign`.
        fit: positions fitted to the foreground, as `assignment.fit`.
        update: particles and covariance after the frame, as `update`.
    """

    start: Callable[..., Particles] = start
    predict: Callable[..., tuple[Particles, Array]] = predict
    assign: Callable[..., Array] = assignment.assign
    fit: Callable[..., Array] = assignment.fit
    update: Callable[..., tuple[Particles, Array]] = update


DEFAULT = Parts()
