"""The state of things that are followed, and what is learned for it: see `objects`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.errors import InputError, nearest
from vidparticles.image.discs import pixels
from vidparticles.particles import Particles
from vidparticles.tracking.objects import background as ground
from vidparticles.tracking.objects import foreground as evidence
from vidparticles.tracking.objects.background import Ground

Params = dict[str, Any]
Prior = Literal["laws", "rest", "look", "grid"]

PACE = 2.5  # times faster than what follows things is learned what they remember


@dataclasses.dataclass(frozen=True)
class Objects:
    """How things are followed.

    Attributes:
        count: K, places for particles; parameters do not depend on it.
        stride: pixels of a cell's side, in which evidence is gathered; it divides H and W.
        widths: of the encoder's convolutions.
        look: L, numbers by which things are told apart.
        features: F, numbers that the encoder sees beside.
        memory: M, numbers that a particle keeps.
        radius: of things, to start from, in frame heights.
        walls: whether things bounce off the border of the picture.
        hard: whether things are discs with sharp rims that nothing but what they bounce off turns
            round, at once and without loss; else they are soft, and change their ways.
        scene: (H, W) of a picture whose still ground is learned, and where it hides things; None
            where the ground is of one color.
        still: whether the scene is told from the clips that training begins with, see `scene`;
            else it is learned from nothing.
        ground: whether the ground is what has been seen before, moved with the camera, as in real
            footage; see `ground`.
        patience: frames without evidence after which a particle dies.
        prior: what is known of where a thing is before a frame is seen. "laws": what the dynamics
            say. The others show what that is worth: "rest", that it is near where it was, it has
            no velocity; "look", nothing but what it looks like; "grid", that it stays: particles
            are nailed to the picture, n² of them, and remember what was at their place.
        compete: whether particles compete for cells; else each sees all that is near it.
    """

    count: int = 6
    stride: int = 2
    widths: tuple[int, ...] = (8,)
    look: int = 4
    features: int = 8
    memory: int = 24
    radius: float = 0.1
    walls: bool = False
    hard: bool = False
    scene: tuple[int, int] | None = None
    still: bool = False
    ground: bool = False
    patience: int = 48
    prior: Prior = "laws"
    compete: bool = True

    def __post_init__(self) -> None:
        for name in ("count", "stride", "look", "features", "memory", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least 1.")
        if self.still and self.scene is None:
            raise InputError("still is True and scene None; give the (H, W) of the scene.")
        if not self.radius > 0:
            raise InputError(f"radius is {self.radius}; expected a positive part of the height.")
        if self.prior not in get_args(Prior):
            near = nearest(self.prior, get_args(Prior))
            raise InputError(f"there is no prior '{self.prior}'.{near}")
        if self.prior == "grid" and math.isqrt(self.count) ** 2 != self.count:
            raise InputError(f"count is {self.count}; of a grid it is a square, as 16.")


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Things:
    """All that is carried from frame to frame.

    Attributes:
        particles: of [..., K, ·]; the feature is the memory.
        covariance: [..., K, 3], see `innovation.foresee`.
        look: [..., K, L].
        color: [..., K, 3] last seen, in [0, 1].
        usual: [..., K, F + 3] what it looked like of late, by which what is new is told.
        touched: [..., K, K] whom it touched of late, in [0, 1].
        unseen: [..., K] int32, frames since there was evidence.
        there: [..., K] how likely it is still there, see `surprise`.
        identity: [..., K] int32, the number of the thing in order of birth; −1 for none yet.
        born: [...] int32, how many there have been.
        ground: behind them, where one is kept.
    """

    particles: Particles
    covariance: Array
    look: Array
    color: Array
    usual: Array
    touched: Array
    unseen: Array
    there: Array
    identity: Array
    born: Array
    ground: Ground | None = None

    def replace(self, **changes: Any) -> Things:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)


def _before_softplus(x: float) -> Array:
    return jnp.log(jnp.expm1(jnp.asarray(x, jnp.float32)))


def slowed(params: Params) -> Params:
    """As they are kept: an optimizer's step of a size is PACE times larger where they are used."""
    return jax.tree.map(lambda x: x / PACE, params)


def quickened(params: Params) -> Params:
    """As they are used: the inverse of `slowed`."""
    return jax.tree.map(lambda x: x * PACE, params)


def init(key: Array, config: Objects) -> Params:
    """Parameters, {"evidence": …, "positive": …, "memory": …, "scene": …}.

    All of "positive" is stored before a softplus. They follow round things of about the given
    radius from the start; training makes them sure of it.
    """
    keys = jax.random.split(key, 3)
    radius = config.radius
    positive = {
        "width": 0.5 * radius,  # of the competition
        "reach": 4.0,  # of it, in widths
        "likeness": 0.1,
        "radius": radius,
        "edge": 0.01 if config.hard else 0.02,
        "jolt": 0.002 if config.hard else 0.03,
        "noise": 0.004 if config.hard else 0.01,
        "mass": 0.2 * jnp.pi * radius**2,  # at which a particle half believes what it sees
        "damping": 0.05 if config.hard else 0.2,
        "stiffness": 0.05,
        "diameter": 2 * radius,
        "margin": radius,  # between a wall and the middle of what bounces off it
    }
    news = config.features + 3
    reads = news + config.memory
    params: Params = {
        "evidence": evidence.init(
            keys[0],
            stride=config.stride,
            widths=tuple(config.widths),
            look=config.look,
            features=config.features,
            faint=evidence.FAINT / 2 if config.ground else evidence.FAINT,
        ),
        "positive": {name: _before_softplus(value) for name, value in positive.items()},
        "memory": slowed(
            {
                "gate": jax.random.normal(keys[1], (2 * reads, config.memory)) * news**-0.5,
                "gate_bias": -jnp.ones(config.memory),
                "value": 1.5 * jax.random.normal(keys[2], (2 * reads, config.memory)) * reads**-0.5,
                "value_bias": jnp.zeros(config.memory),
            }
        ),
    }
    if config.scene is not None:
        cells = (config.scene[0] // config.stride) * (config.scene[1] // config.stride)
        params["scene"] = {
            "color": jnp.zeros((cells, 3)),
            "hides": jnp.full(cells, -4.0, jnp.float32),
        }
    return params


def start(
    config: Objects, batch: tuple[int, ...] = (), *, size: tuple[int, int] | None = None
) -> Things:
    """Nothing yet: all places free, for leading axes `batch`; of a grid, all in their places.

    Where a ground is kept, frames are of the given size, (H, W).

    Example:
        >>> bool(start(Objects(count=3)).particles.alive.any())
        False
    """
    lead = (*batch, config.count)
    position, nailed = jnp.zeros((*lead, 2)), config.prior == "grid"
    if nailed:
        side = math.isqrt(config.count)
        position = jnp.broadcast_to(pixels(side, side), position.shape)
    return Things(
        particles=Particles(
            position=position,
            velocity=jnp.zeros((*lead, 2)),
            feature=jnp.zeros((*lead, config.memory)),
            mass=jnp.ones(lead),
            alive=jnp.full(lead, nailed),
        ),
        covariance=jnp.zeros((*lead, 3)),
        look=jnp.zeros((*lead, config.look)),
        color=jnp.zeros((*lead, 3)),
        usual=jnp.zeros((*lead, config.features + 3)),
        touched=jnp.zeros((*lead, config.count)),
        unseen=jnp.zeros(lead, jnp.int32),
        there=jnp.ones(lead),
        identity=jnp.full(lead, -1, jnp.int32),
        born=jnp.zeros(batch, jnp.int32),
        ground=ground.start(batch, *size) if config.ground and size else None,
    )


def after_cut(things: Things, cut: Array, config: Objects) -> Things:
    """Empty where there is a cut; numbers go on, so that no identity is given twice.

    The ground is left to `ground.step`.
    """
    empty = start(config, things.born.shape).replace(born=things.born, ground=things.ground)

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(jnp.reshape(cut, cut.shape + (1,) * (new.ndim - cut.ndim)), new, old)

    return jax.tree.map(choose, empty, things)
