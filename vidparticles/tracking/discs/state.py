"""The state of objects that are followed, and what is learned for it: see `tracker`."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import softplus_inverse
from vidparticles.particles import Particles
from vidparticles.tracking.background import Background
from vidparticles.tracking.discs import foreground, memory
from vidparticles.tracking.discs.config import DiscConfig

Params = dict[str, Any]
Values = dict[str, Array]

# Powers of seconds in the units of learned rates; all others of "filter" are lengths and ratios.
SECONDS = {"process_noise": -1.5, "stiffness": -2.0}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class DiscState:
    """All that is carried from frame to frame.

    Attributes:
        particles: fields [..., K, ·]; the feature is the memory. An object that is hidden is
            active, where it is expected, until it is given up.
        identity: [..., K] int32, numbered in order of appearance; −1 for a free slot.
        cut: [...] bool, the newest frame is the first of another shot.
        time: [...] seconds of the newest frame.
        covariance: [..., K, 3], see `kalman.predicted_covariance`.
        appearance: [..., K, L] running mean.
        color: [..., K, 3] when last visible, in [0, 1].
        lasting_color: [..., K, 3] its running mean, by which a new color is told, see `novelty`.
        baseline: [..., K, F + 3] running mean of what was observed, by which events are told.
        contact: [..., K, K] running mean of who touches whom, in [0, 1].
        unseen: [..., K] seconds since it was visible.
        existence: [..., K] probability that it is still there, see `novelty`.
        spawned: [...] int32, how many objects there have been.
        background: behind them, where a running one is kept.
    """

    particles: Particles
    identity: Array
    cut: Array
    time: Array
    covariance: Array
    appearance: Array
    color: Array
    lasting_color: Array
    baseline: Array
    contact: Array
    unseen: Array
    existence: Array
    spawned: Array
    background: Background | None = None

    def replace(self, **changes: Any) -> DiscState:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)


def init(key: Array, config: DiscConfig) -> Params:
    """Parameters, {"foreground": …, "filter": …, "memory": …, "scene": …}.

    All of "filter" is stored before a softplus, rates in the config's unit of time; `values` are
    what is used. Objects that are round and near the given radius are followed from the start;
    training makes the filter sure of them.

    Example:
        >>> params = init(jax.random.key(0), DiscConfig(radius=0.2))
        >>> round(float(values(params, DiscConfig())["radius"]), 3)
        0.2
    """
    keys = jax.random.split(key, 3)
    radius, rigid = config.radius, config.rigid_discs
    positive = {
        "assignment_width": 0.5 * radius,
        "assignment_reach": 4.0,  # in widths
        "appearance_weight": 0.1,
        "radius": radius,
        "edge": 0.01 if rigid else 0.02,
        "process_noise": 0.002 if rigid else 0.03,  # √ of a density, frame heights per s^1.5
        "measurement_noise": 0.004 if rigid else 0.01,
        "visible_area": 0.2 * jnp.pi * radius**2,  # at which an object half believes what it sees
        "damping": 0.05 if rigid else 0.2,
        "stiffness": 0.05,
        "diameter": 2 * radius,
        "margin": radius,  # between a wall and the middle of what bounces off it
    }
    distance = config.foreground.distance
    params: Params = {
        "foreground": foreground.init(
            keys[0],
            stride=config.stride,
            widths=tuple(config.widths),
            appearance=config.appearance,
            features=config.features,
            slope=config.foreground.slope,
            distance=distance / 2 if config.running_background else distance,
        ),
        "filter": {name: softplus_inverse(value) for name, value in positive.items()},
        "memory": memory.stored(
            memory.init(keys[1], keys[2], observed=config.features + 3, size=config.memory),
            config.memory_rate,
        ),
    }
    if config.scene is not None:
        cells = (config.scene[0] // config.stride) * (config.scene[1] // config.stride)
        params["scene"] = {
            "color": jnp.zeros((cells, 3)),
            "occlusion": jnp.full(cells, -4.0, jnp.float32),
        }
    return params


def values(params: Params, config: DiscConfig) -> Values:
    """The learned numbers of the filter as used: positive, in frame heights and seconds."""
    return {
        name: jax.nn.softplus(stored) * config.time_unit ** SECONDS.get(name, 0.0)
        for name, stored in params["filter"].items()
    }


def clear_cells(params: Params, config: DiscConfig) -> Array | None:
    """How far the scene lets objects be seen, [P] in (0, 1); None, everywhere."""
    return None if config.scene is None else jax.nn.sigmoid(-params["scene"]["occlusion"])


def empty(particles: Particles, time: Array, config: DiscConfig) -> DiscState:
    """The state of particles of which nothing was observed yet, without a background.

    Args:
        particles: fields [..., K, ·].
        time: [...] seconds.
        config: as of `init`.
    """
    lead = particles.alive.shape
    return DiscState(
        particles=particles,
        identity=jnp.full(lead, -1, jnp.int32),
        cut=jnp.zeros(lead[:-1], bool),
        time=time,
        covariance=jnp.zeros((*lead, 3)),
        appearance=jnp.zeros((*lead, config.appearance)),
        color=jnp.zeros((*lead, 3)),
        lasting_color=jnp.zeros((*lead, 3)),
        baseline=jnp.zeros((*lead, config.features + 3)),
        contact=jnp.zeros((*lead, lead[-1])),
        unseen=jnp.zeros(lead),
        existence=jnp.ones(lead),
        spawned=jnp.zeros(lead[:-1], jnp.int32),
    )


def choose(cut: Array, new: DiscState, old: DiscState) -> DiscState:
    """`new` where there is a cut [...], else `old`; without the background, which is old's."""

    def one(new: Array, old: Array) -> Array:
        return jnp.where(jnp.reshape(cut, cut.shape + (1,) * (new.ndim - cut.ndim)), new, old)

    new, kept = new.replace(background=None), old.replace(background=None)
    return jax.tree.map(one, new, kept).replace(background=old.background)


def without_inactive(state: DiscState) -> DiscState:
    """The state with zeros in inactive slots, so that whatever they hold, NaN too, is not used."""
    p = state.particles

    def keep(x: Array, otherwise: float = 0.0) -> Array:
        return jnp.where(
            p.alive.reshape(p.alive.shape + (1,) * (x.ndim - p.alive.ndim)), x, otherwise
        )

    return state.replace(
        particles=Particles(
            position=keep(p.position),
            velocity=keep(p.velocity),
            feature=keep(p.feature),
            mass=keep(p.mass, 1.0),
            alive=p.alive,
        ),
        covariance=keep(state.covariance),
        appearance=keep(state.appearance),
        color=keep(state.color),
        lasting_color=keep(state.lasting_color),
        baseline=keep(state.baseline),
        contact=jnp.where(p.alive[..., None, :], keep(state.contact), 0),
        unseen=keep(state.unseen),
        existence=keep(state.existence, 1.0),
    )
