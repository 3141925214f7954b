"""One frame more of the objects of a clip: the order of what `tracker` describes."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import Similarity
from vidparticles.image import discs
from vidparticles.particles import Particles
from vidparticles.tracking import kalman
from vidparticles.tracking.discs import memory
from vidparticles.tracking.discs.assignment import centroid
from vidparticles.tracking.discs.config import DiscConfig
from vidparticles.tracking.discs.foreground import COLOR, MASS, Foreground
from vidparticles.tracking.discs.novelty import novelty
from vidparticles.tracking.discs.parts import Parts, covers
from vidparticles.tracking.discs.spawn import Spawned, duplicates, spawn
from vidparticles.tracking.discs.state import (
    DiscState,
    Params,
    Values,
    choose,
    clear_cells,
    empty,
    values,
    without_inactive,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DiscReport:
    """What a frame had to say.

    Attributes:
        predicted: [..., K, 2] where objects were thought to be before the frame; of new ones,
            where they are.
        area: [..., K] of the foreground that each was assigned, in squared frame heights.
        reconstruction_error: [...] mean squared difference of the frame, in cells of colors in
            [0, 1], from a picture of the objects.
        prediction_error: [...] the same of the picture that was predicted before the frame.
        gate_opening: [...] how far the gates of memories were open, in [0, 1].
        novelty: [...] how unlikely the frame was, in nats, see `novelty`.
    """

    predicted: Array
    area: Array
    reconstruction_error: Array
    prediction_error: Array
    gate_opening: Array
    novelty: Array


class Told(NamedTuple):
    """Of a frame, what a report is made from: pictures are compared for many frames at once.

    Attributes:
        predicted, area, gate_opening, novelty: as of `DiscReport`.
        color: [..., K, 3] before the frame; of new objects, their own.
        alive: [..., K] before anything was given up.
    """

    predicted: Array
    area: Array
    gate_opening: Array
    novelty: Array
    color: Array
    alive: Array


def elapsed(before: Array, now: Array) -> Array:
    """Seconds since the frame before; for a clock that goes back, none."""
    return jnp.maximum(now - before, 0)


def advance(
    params: Params,
    config: DiscConfig,
    parts: Parts,
    state: DiscState,
    frame: Foreground,
    camera: Similarity | None,
    time: Array,
    cut: Array,
) -> tuple[DiscState, Told]:
    """The state after a frame's foreground; also what the report is made from.

    Args:
        params: of the tracker.
        config: of the tracker.
        parts: of the tracker.
        state: before the frame, leading axes [...].
        frame: the foreground.
        camera: how it moved the picture since the frame before, where that is known.
        time: [...] seconds.
        cut: [...] bool, whether another shot begins: what was followed ends.
    """
    learned, clear, shape = values(params, config), clear_cells(params, config), frame.shape
    dt = elapsed(state.time, time)
    fresh = empty(parts.start(cut.shape, config), time, config).replace(spawned=state.spawned)
    # Numbers go on after a cut, so that no identity is given twice.
    state = without_inactive(choose(cut, fresh, state))
    if camera is not None:
        p = state.particles
        state = state.replace(particles=p.replace(position=camera(p.position)))

    predicted, struck = parts.predict(learned, config, state.particles, dt, shape)
    covariance = kalman.predicted_covariance(
        state.covariance,
        dt[..., None],
        density=learned["process_noise"] ** 2,
        impulse=(config.filter.collision_noise * struck) ** 2,
    )
    statistics = parts.assign(
        predicted.position,
        predicted.alive,
        state.appearance,
        jnp.broadcast_to(learned["appearance_weight"], predicted.alive.shape),
        frame.appearance,
        frame.statistics,
        shape=shape,
        width=jnp.sqrt(learned["assignment_width"] ** 2 + covariance[..., 0]),
        reach=learned["assignment_reach"],
    )
    visible = _visible(learned, _area(statistics, shape))
    p, updated = parts.update(
        learned, config, predicted, covariance, visible, statistics, frame, clear, parts.fit
    )
    spawned = spawn(
        p,
        frame,
        radius=learned["radius"],
        edge=learned["edge"],
        width=learned["assignment_width"],
        noise=learned["measurement_noise"],
        config=config.spawn,
    )
    nats, existence = novelty(
        predicted,
        moved=p.position - predicted.position,
        variance=covariance[..., 0],
        noise=learned["measurement_noise"] ** 2,
        visible=visible,
        statistics=statistics,
        color=state.lasting_color,
        existence=state.existence,
        unowned=spawned.unowned,
        clear=clear,
        elapsed=dt / config.time_unit,
        radius=learned["radius"],
        edge=learned["edge"],
        shape=shape,
        least=config.assignment.least,
        config=config.novelty,
    )
    state, told = _observe(
        params,
        config,
        learned,
        state.replace(particles=p, covariance=updated, existence=existence, time=time, cut=cut),
        statistics,
        spawned,
        dt,
        shape,
    )
    new = spawned.new[..., None]
    first = jnp.where(new, state.particles.position, predicted.position)
    return state, told._replace(predicted=first, novelty=nats)


def _observe(
    params: Params,
    config: DiscConfig,
    learned: Values,
    state: DiscState,
    statistics: Array,
    spawned: Spawned,
    dt: Array,
    shape: tuple[int, int],
) -> tuple[DiscState, Told]:
    """What objects where they are now, the new ones too, take from what they were assigned."""
    new, slot, p = spawned.new, spawned.new[..., None], state.particles
    statistics = jnp.where(slot, spawned.statistics, statistics)
    area = _area(statistics, shape)
    visible = _visible(learned, area)
    position = jnp.where(
        slot, centroid(statistics, spawned.position, least=config.assignment.least), p.position
    )
    alive = p.alive | new
    spent = jnp.where(new, config.time_unit, dt[..., None])

    average = statistics / (statistics[..., MASS] + config.assignment.least)
    appearance, features = jnp.split(average[..., COLOR.stop :], [config.appearance], axis=-1)
    observation = jnp.concatenate([2 * features, 4 * (average[..., COLOR] - 0.5)], axis=-1)
    believed = jnp.where(new, 1.0, visible)
    color = state.color + believed[..., None] * (average[..., COLOR] - state.color)
    rate = jnp.where(new, 1.0, believed * _share(spent, config.appearance_time))

    usual = believed * jnp.where(new, 1.0, _share(spent, config.color_time))
    lasting_color = state.lasting_color + usual[..., None] * (
        average[..., COLOR] - state.lasting_color
    )

    touch = memory.touching(position, alive, diameter=learned["diameter"], config=config.gates)
    together = jnp.where(slot, spent[..., None], spent[..., None, :])
    remembered, opening = memory.remember(
        memory.used(params["memory"], config.memory_rate),
        observation=observation,
        baseline=state.baseline,
        kept=p.feature,
        met=jax.nn.relu(touch - state.contact),
        alive=alive,
        visible=visible,
        elapsed=spent / config.time_unit,
        config=config.gates,
    )
    identity = jnp.where(
        new, state.spawned[..., None] + jnp.cumsum(new, axis=-1) - 1, state.identity
    )
    unseen = jnp.where(visible > 0.5, 0, state.unseen + dt[..., None])
    existence = jnp.where(new, 1.0, state.existence)
    lives = alive & (unseen < config.patience)
    if config.rigid_discs:
        lives &= existence > config.least_existence
        lives &= ~duplicates(position, alive, identity, diameter=learned["diameter"])
    told = Told(
        predicted=position,
        area=area,
        gate_opening=opening,
        novelty=jnp.zeros_like(dt),
        color=jnp.where(slot, color, state.color),
        alive=alive,
    )
    lasting = _share(spent, config.baseline_time) * visible
    return state.replace(
        particles=Particles(
            position=position,
            velocity=jnp.where(slot, 0, p.velocity),
            feature=remembered,
            mass=p.mass,
            alive=lives,
        ),
        identity=jnp.where(lives, identity, -1),
        covariance=jnp.where(slot, spawned.covariance, state.covariance),
        appearance=state.appearance + rate[..., None] * (appearance - state.appearance),
        color=color,
        lasting_color=lasting_color,
        baseline=state.baseline + lasting[..., None] * (observation - state.baseline),
        contact=state.contact + _share(together, config.baseline_time) * (touch - state.contact),
        unseen=unseen,
        existence=existence,
        spawned=state.spawned + jnp.sum(new, axis=-1),
    ), told


def report(
    params: Params, config: DiscConfig, state: DiscState, told: Told, frame: Foreground
) -> DiscReport:
    """What is said of frames: also how far pictures of the objects are from them."""
    learned, clear = values(params, config), clear_cells(params, config)

    def error(p: Particles, color: Array) -> Array:
        each = covers(learned, p, frame.shape)
        each = each if clear is None else each * clear
        picture = discs.paint(each, color, frame.background)
        return jnp.mean((picture - frame.color) ** 2, axis=(-2, -1))

    p = state.particles
    return DiscReport(
        predicted=told.predicted,
        area=told.area,
        reconstruction_error=error(p, state.color),
        prediction_error=error(p.replace(position=told.predicted, alive=told.alive), told.color),
        gate_opening=told.gate_opening,
        novelty=told.novelty,
    )


def _area(statistics: Array, shape: tuple[int, int]) -> Array:
    """Of the foreground assigned, in squared frame heights."""
    return statistics[..., 0] / shape[0] ** 2


def _visible(learned: Values, area: Array) -> Array:
    """How far an object is believed to be visible, in [0, 1), from the area assigned [..., K]."""
    square = area * area
    return square / (square + learned["visible_area"] ** 2)


def _share(dt: Array, time: float) -> Array:
    """What a running mean of a time constant takes of a value that lasts dt."""
    return -jnp.expm1(-dt / time)
