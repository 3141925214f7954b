"""Particles from any footage, without learning: points of the picture, followed.

A particle is spawned where the picture has texture in two directions, spread evenly by a grid
(`spawn.py`). From frame to frame the motion of the whole picture is found first (`camera.py`); its
own velocity on top of that and the springs to its neighbors carry it on (`springs.py`), and the
picture corrects it (`match.py`): against the patches where it was visible last, then against its
template, so that errors do not add up. What is not found is searched for around; what does not
lead back is hidden: for a while it is carried on by its springs and looked for, and if it comes
back it is the same particle. Free slots go to the emptiest textured cells. A cut ends all.

Pictures are shrunk, whatever their size; positions are in frame heights of the frame given,
velocities per second. It is a measurement: no gradient flows into the frames.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.global_motion import global_motion
from vidparticles.flow.patches import into_picture, levels_of, patches_at, pyramid_of
from vidparticles.flow.tiles import shifted, window
from vidparticles.image.resample import bilinear, gray, shrink
from vidparticles.image.structure import noise_variance
from vidparticles.numerics import masked_mean, safe_norm
from vidparticles.particles import Particles
from vidparticles.tracking.base import Tracker, one_by_one
from vidparticles.tracking.points.blocks import by_blocks, by_some
from vidparticles.tracking.points.camera import Drift, refit, turned
from vidparticles.tracking.points.confidence import confidence
from vidparticles.tracking.points.match import Known, match_particles
from vidparticles.tracking.points.spawn import beside, occupants, spawn
from vidparticles.tracking.points.springs import predict, renew
from vidparticles.tracking.points.state import (
    COARSE,
    PointConfig,
    PointState,
    level_of,
    no_points,
)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class PointReport:
    """What is said of a frame.

    Attributes:
        age: [N] int32, frames since a particle was spawned or found again, 0 where inactive; from
            1 on its velocity has been measured.
        confidence: [N] in [0, 1], see `PointState`.
    """

    age: Array
    confidence: Array


def point_tracker(config: PointConfig | None = None) -> Tracker:
    """Points of any footage, followed without learning.

    Args:
        config: how many, and how; default `PointConfig()`.

    Returns:
        A tracker that takes `params=()`. Its states are `PointState`: a particle that is hidden
        keeps its slot and number, inactive and where it is expected, for a while. Velocity is the
        newest displacement over the time that passed, lightly smoothed over the frames before; of
        the newly spawned that of their neighbors. Reports are `PointReport`.

    Raises:
        ValueError: when called, with frames that are not [..., H, W, 3].

    Example:
        >>> from vidparticles.tracking.base import scan
        >>> noise = jax.random.uniform(jax.random.key(0), (32, 40, 3))
        >>> clip = jnp.stack([noise, jnp.roll(noise, 1, axis=1)])
        >>> tracks = scan(point_tracker(PointConfig(count=12)), (), clip, jnp.array([0.0, 0.5]))
        >>> tracks.trajectory.particles.position.shape
        (2, 12, 2)
    """

    chosen = config or PointConfig()

    def init_fn(params: Any, frame: Array, time: Array) -> PointState:
        del params
        return no_points((frame.shape[0], frame.shape[1]), time, chosen)

    def step_fn(
        params: Any, state: PointState, frame: Array, time: Array, cut: Array
    ) -> tuple[PointState, PointReport]:
        del params
        state = _step(state, frame, time, cut, chosen)
        return state, PointReport(state.age, state.confidence)

    return one_by_one(init_fn, step_fn)


def _restarted(state: PointState, frame: Array, cut: Array, config: PointConfig) -> PointState:
    """The state, or at a cut one without particles; no number is given again."""
    nothing = no_points((frame.shape[0], frame.shape[1]), state.time, config)
    nothing = dataclasses.replace(nothing, spawned=state.spawned)
    state = jax.tree.map(lambda old, new: jnp.where(cut, new, old), state, nothing)
    # What a free slot holds may be anything, NaN too.
    known = state.identity >= 0
    points = jax.tree.map(
        lambda x, empty: jnp.where(known.reshape(-1, *[1] * (x.ndim - 1)), x, empty),
        state.particles,
        nothing.particles,
    )
    return dataclasses.replace(state, particles=points)


@functools.partial(jax.jit, static_argnames="config")
def _step(
    state: PointState, frame: Array, time: Array, cut: Array, config: PointConfig
) -> PointState:
    size, cells = config.size(*frame.shape[:2]), config.cells
    # Pixels of what is followed in a frame height, across and down.
    unit = jnp.asarray([size[1] * frame.shape[0] / frame.shape[1], size[0]], jnp.float32)
    luma = shrink(gray(frame), longest=config.longest, shortest=config.shortest)
    flat = pyramid_of(luma, config.patches)
    noise = noise_variance(luma, config.count)
    state = _restarted(state, frame, cut, config)
    old, count = state.particles, state.particles.count
    dt = jnp.maximum(time - state.time, 1e-6)

    # Predict: as the whole picture has just moved, and on top of that as each did before.
    followed = jnp.isfinite(state.hidden)
    finest, picture = (level_of(flat, size, k, config) for k in (0, COARSE))
    found, share = global_motion(
        state.picture, picture, state.camera.over(dt), config.global_motion
    )
    believed = share > config.global_motion.least_share
    camera = jax.tree.map(
        lambda new, kept: jnp.where(believed, new, kept), found, state.camera.over(dt)
    )
    before = old.velocity - state.camera(old.position)
    own = before + state.turn
    carried = old.replace(velocity=own + (camera(old.position) - old.position) / dt, alive=followed)
    ahead = predict(carried, old.alive, state.springs, dt, config.springs)
    guess = ahead.position * unit

    # Correct.
    # Of the hidden it waits: over many frames small errors would add up.
    deformation = jnp.where(old.alive, turned(camera, state.deformation), state.deformation)
    known = Known(
        state.patches,
        state.template,
        deformation,
        state.misfit,
        ~old.alive,
        guess.T,
        (guess - old.position * unit).T,
    )
    match, slack = match_particles(
        flat, size, noise, followed, known, patches=config.patches, config=config.match
    )
    away = jnp.sum((match.xy / unit - ahead.position) ** 2, -1)
    near = away < (config.reach + config.reach_speed * state.hidden) ** 2
    visible = followed & match.visible & (old.alive | (match.anchored & near))
    where = match.xy / unit
    measured = visible & old.alive
    # What the particles say of the whole is finer than what its pixels said: mended, lest
    # what is hidden adds up the difference.
    refined = refit(camera, old.position, where, measured, config.camera)
    mended = refined(old.position) - camera(old.position)
    swept = (refined(old.position) - old.position) / dt
    newest = (where - old.position) / dt - swept
    change = newest - before
    # What is far above the noise of a match is no noise, unless something begins to cover it.
    clear = match.anchored & match.calm & (match.change < config.match.steady)
    sudden = clear[:, None] * safe_norm(change, keepdims=True) * dt / config.noise
    weight = jnp.clip(sudden, 1 - jnp.exp(-dt / config.smoothing), 1.0)
    weight = jnp.where(state.age[:, None] > 0, weight, 1.0)
    velocity = swept + before + weight * change
    lost = ahead.velocity - state.turn + mended / dt
    velocity = jnp.where(measured[:, None], velocity, lost)
    # Who turns goes on turning, unless it bounced.
    turns = measured & (state.age > 0) & (sudden[:, 0] > 1)
    turns = turns & (jnp.sum(change**2, -1) < config.turn**2 * jnp.sum(newest**2, -1))
    turn = jnp.where(turns[:, None], change, 0)
    xy = jnp.where(visible[:, None], match.xy, guess + mended * unit)

    # Spawns and ends: what was hidden for long, left or has a duplicate is gone.
    before = jnp.sum(followed)
    due = (jnp.sum(visible) < config.spawn_share * before) | (before == 0)
    due = due | (time - state.spawn_time > config.spawn_interval)
    spawned, positions = jax.lax.cond(
        due,
        lambda: spawn(finest, noise, xy, visible, ~followed, cells=cells, config=config.spawn),
        lambda: (jnp.zeros(count, bool), xy),
    )
    table, cell, _ = occupants(xy, visible, state.identity, size, cells=cells)
    first = table[cell]
    apart = jnp.sum((xy - xy[jnp.minimum(first, count - 1)]) ** 2, -1)
    duplicate = visible & (first < count) & (first != jnp.arange(count))
    duplicate = duplicate & (apart < config.duplicate**2)
    visible = visible & ~duplicate
    hidden = jnp.where(visible, 0, state.hidden + dt)
    outside = jnp.any((xy < 0) | (xy > _extent(size)), -1)
    gone = duplicate | (hidden > config.longest_hidden) | outside
    hidden = jnp.where(gone, jnp.inf, hidden)

    xy = jnp.clip(jnp.where(spawned[:, None], positions, xy), 0, _extent(size))
    active = visible | spawned
    hidden = jnp.where(spawned, 0, hidden)
    kept = jnp.isfinite(hidden)
    numbers = state.spawned + jnp.cumsum(spawned, dtype=jnp.int32) - 1
    identity = jnp.where(spawned, numbers, jnp.where(kept, state.identity, -1))
    table, cell, columns = occupants(xy, active, identity, size, cells=cells)
    around = beside(cell, columns)
    velocity = jnp.where(spawned[:, None], _mean_around(velocity, visible, table, around), velocity)
    points = Particles(
        position=xy / unit,
        velocity=jnp.where(kept[:, None], velocity, 0),
        feature=_color(frame, xy, size),
        mass=old.mass,
        alive=kept,
    )
    springs = renew(state.springs, points, active, table, around, dt, config.springs)

    # What is around them.
    here = into_picture(xy.T, *size)
    # A blurred picture is no new template: the old one waits until it is sharp again.
    afresh = spawned | (visible & ~match.anchored & match.calm & (slack == 0))
    levels = levels_of(*size, config.patches)[: 1 + config.match.coarser]
    wide = config.patches.template

    def surroundings(here: Array) -> Array:
        plain = []
        for k, level in enumerate(levels):
            tile, rest = window(flat, jnp.asarray(level), here / 2**k, wide + 4, pad=wide)
            plain.append(shifted(tile, rest, wide + 2, 1))
        return jnp.stack(plain)

    template = by_some(surroundings, afresh, here, state.template)
    patches = by_blocks(lambda here: patches_at(flat, size, here, config.patches), active, here)
    straight = jnp.eye(2)[..., None]
    deformation = jnp.where(visible, match.deformation, state.deformation)
    misfit = jnp.where(visible & match.calm, match.misfit * ~afresh, state.misfit * ~spawned)
    renewals = jnp.where(spawned, 0, state.renewals + (afresh & ~spawned))
    change = jnp.where(visible, match.change, 0)
    sure = confidence(misfit, change, renewals, config.confidence)
    # What has begun to be covered is remembered as it was before.
    intact = match.change < config.match.intact + slack
    renewed = afresh | (visible & ((match.misfit < config.match.steady) | intact))
    return PointState(
        particles=points.replace(alive=active),
        identity=identity,
        cut=cut,
        age=jnp.where(visible, state.age + 1, 0),
        hidden=hidden,
        time=time,
        spawned=state.spawned + jnp.sum(spawned, dtype=jnp.int32),
        spawn_time=jnp.where(due, time, state.spawn_time),
        turn=turn,
        picture=picture,
        camera=Drift.of(refined, dt),
        springs=springs,
        deformation=jnp.where(afresh, straight, deformation),
        misfit=misfit,
        renewals=renewals,
        confidence=jnp.where(active, sure, 0),
        template=template,
        patches=jnp.where(renewed, patches, state.patches),
    )


def _extent(size: tuple[int, int]) -> Array:
    return jnp.asarray([size[1], size[0]], jnp.float32)


def _mean_around(velocity: Array, visible: Array, table: Array, around: Array) -> Array:
    """The mean velocity [N, 2] in the cells around each particle [N, 4]."""
    slot = table[jnp.clip(around, 0, len(table) - 1)]
    other = jnp.minimum(slot, len(visible) - 1)
    held = (around >= 0) & (around < len(table)) & (slot < len(visible)) & visible[other]
    return masked_mean(velocity[other], held[..., None], axis=1)


def _color(frame: Array, xy: Array, size: tuple[int, int]) -> Array:
    """Color [N, 3] in [0, 1] at positions in pixels of what is followed."""
    scale = jnp.asarray([frame.shape[1] / size[1], frame.shape[0] / size[0]], jnp.float32)
    color = bilinear(frame.astype(jnp.float32), xy * scale)
    return color / 255 if frame.dtype == jnp.uint8 else color
