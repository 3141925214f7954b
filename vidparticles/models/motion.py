"""Learned laws of motion in the picture: what tracked points do next.

The points of a clip (`tracking.points.tracker`) are rolled forward by the dynamics under
attraction, repulsion, collision, a free force curve (radial basis), springs, drag and
gravity, whose strengths are learned from where the points really went. What the picture
gives decides who takes part:

- a point is *active* as far as it moves against the picture as a whole, so that background
  neither pushes nor falls, and goes on with the camera;
- pair laws act between active points of *different fate* (velocities differ), springs
  between near points of the *same* fate: a thing holds together and meets other things.

Units are frame heights and seconds; masses are one, so a force is an acceleration.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles import dynamics
from vidparticles.dynamics import Integrator
from vidparticles.dynamics.neighbors import nearest_neighbors
from vidparticles.numerics import masked_median, safe_divide, safe_norm, softplus_inverse
from vidparticles.particles import Particles, Trajectory

Params = dict[str, dict[str, Array]]


@dataclasses.dataclass(frozen=True)
class MotionConfig:
    """What of the motion laws is chosen and not learned. Lengths are frame heights.

    Attributes:
        active_speed: per second against the picture, at which a point is half active.
        same_fate: per second, difference of velocities within which points belong together.
        noise_speed: per second, below it a measured velocity is mostly error.
        softening: of attraction and repulsion.
        cutoff: of the radial basis.
        bumps: of the radial basis.
        bonds: springs of a point, at most.
        step: seconds, longest step of the integration where frames are closer than this.
        stiffest: force per length × step², over which the steps would not be stable.
        robust: distance over which an error counts linearly.
    """

    active_speed: float = 0.05
    same_fate: float = 0.1
    noise_speed: float = 0.01
    softening: float = 0.05
    cutoff: float = 0.5
    bumps: int = 8
    bonds: int = 4
    step: float = 1 / 60
    stiffest: float = 0.05
    robust: float = 0.02


DEFAULT = MotionConfig()


def init(key: Array, *, config: MotionConfig = DEFAULT) -> Params:
    """Laws to start from: things hold together, push off at contact, and else fly on.

    Args:
        key: draws the small weights of the free force curve.
        config: what is not learned.

    Returns:
        {law: {parameter: array}}, unconstrained: strengths are their softplus.

    Example:
        >>> sorted(init(jax.random.key(0)))
        ['attraction', 'collision', 'drag', 'gravity', 'radial_basis', 'repulsion', 'spring']
    """

    return {
        "attraction": {"strength": softplus_inverse(1e-3)},
        "repulsion": {"strength": softplus_inverse(1e-3)},
        "collision": {"stiffness": softplus_inverse(2.0), "diameter": softplus_inverse(0.1)},
        "radial_basis": {"weights": 1e-3 * jax.random.normal(key, (config.bumps,))},
        "spring": {"stiffness": softplus_inverse(20.0)},
        "drag": {"rate": softplus_inverse(0.05)},
        "gravity": {"force": jnp.zeros(2)},
    }


def strengths(params: Params) -> Params:
    """The parameters as the laws take them: strengths positive, curve and gravity free."""
    free = ("radial_basis", "gravity")
    return {
        law: values if law in free else jax.tree.map(jax.nn.softplus, values)
        for law, values in params.items()
    }


def _alike(fa: Array, fb: Array, config: MotionConfig) -> Array:
    """1 for points of the same velocity, 0 for those of quite different ones."""
    square = jnp.sum((fa[..., 1:] - fb[..., 1:]) ** 2, -1)
    return jnp.exp(-0.5 * square / config.same_fate**2)


def _between_things(law: Any, config: MotionConfig) -> Any:
    """The pair law between active points of different fate."""

    def gated(dr: Array, fa: Array, fb: Array, **params: Any) -> Array:
        gate = fa[..., 0] * fb[..., 0] * (1 - _alike(fa, fb, config))
        return gate[..., None] * law(dr, fa, fb, **params)

    return gated


def _on_active(law: Any) -> Any:
    """The body law as far as a point is active."""

    def gated(r: Array, v: Array, f: Array, **params: Any) -> Array:
        return f[..., :1] * law(r, v, f, **params)

    return gated


def _pair_laws(config: MotionConfig) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Name → the law between two points, and its parameters that are not learned."""
    return {
        "attraction": (dynamics.attraction, {"softening": config.softening}),
        "repulsion": (dynamics.repulsion, {"softening": config.softening}),
        "collision": (dynamics.collision, {}),
        "radial_basis": (dynamics.radial_basis, {"cutoff": config.cutoff}),
    }


@functools.cache
def _integrator(config: MotionConfig) -> Integrator:
    displacement_fn, shift_fn = dynamics.free()
    pairs: dict[str, Any] = {
        name: dynamics.all_pairs(_between_things(law, config), displacement_fn, **fixed)
        for name, (law, fixed) in _pair_laws(config).items()
    }
    force_fn = dynamics.combine(
        **pairs,
        spring=dynamics.bonds(dynamics.spring, displacement_fn),
        drag=dynamics.external(_on_active(dynamics.drag)),
        gravity=dynamics.external(_on_active(dynamics.uniform)),
    )
    return dynamics.semi_implicit_euler(force_fn, shift_fn, config.step)


def _prepare(points: Particles, config: MotionConfig) -> tuple[Particles, dict[str, Array]]:
    """Particles with activity and velocity as features, and the bonds between them."""
    alive = points.alive
    position = jnp.where(alive[:, None], points.position, 0)
    velocity = jnp.where(alive[:, None], points.velocity, 0)
    index, bonded = nearest_neighbors(position, alive, k=config.bonds)
    # Mutual neighbors alone: then each spring pulls at both of its ends.
    mutual = jnp.any((index[index] == jnp.arange(points.count)[:, None, None]) & bonded[index], -1)
    bonded = bonded & mutual

    # Neighbors of one fate share their velocity: the error of each is not rolled on.
    first = jnp.concatenate([velocity[:, :1], velocity], -1)
    weight = _alike(first[:, None], first[index], config) * bonded
    total = velocity + jnp.sum(weight[..., None] * velocity[index], axis=1)
    velocity = total / (1 + jnp.sum(weight, axis=1))[:, None]
    speed = safe_norm(velocity)
    velocity = velocity * (speed**2 / (speed**2 + config.noise_speed**2))[:, None]

    against = safe_norm(velocity - masked_median(velocity, alive[:, None], axis=0))
    activity = against**2 / (against**2 + config.active_speed**2)
    feature = jnp.concatenate([activity[:, None], velocity], -1)
    bonds = {
        "index": index,
        "bonded": bonded,
        "length": safe_norm(position[:, None] - position[index]),
        "alike": _alike(feature[:, None], feature[index], config),
    }
    started = points.replace(
        position=position, velocity=velocity, feature=feature, mass=jnp.ones_like(points.mass)
    )
    return jax.lax.stop_gradient((started, bonds))


def _roll(
    params: Params, points: Particles, dt: Array, every: int, config: MotionConfig
) -> Trajectory:
    """Rolled over the steps dt [S]; recorded at each `every`-th."""
    started, bonds = _prepare(points, config)
    laws: dict[str, dict[str, Array]] = {k: dict(v) for k, v in strengths(params).items()}
    # However far apart the frames are and whatever has been learned, a step stays stable.
    stiffest = config.stiffest / jnp.max(dt) ** 2
    for name, parameter, stiff in (
        ("spring", "stiffness", 1.0),
        ("collision", "stiffness", 1.0),
        ("attraction", "strength", config.softening**2),
        ("repulsion", "strength", config.softening**2),
    ):
        laws[name][parameter] = jnp.minimum(laws[name][parameter], stiffest * stiff)
    laws["drag"]["rate"] = jnp.minimum(laws["drag"]["rate"], 0.5 / jnp.max(dt))
    laws["spring"]["stiffness"] = laws["spring"]["stiffness"] * bonds.pop("alike")
    laws["spring"] |= bonds
    return dynamics.rollout(
        _integrator(config),
        started,
        steps=dt.shape[0],
        dt=dt,
        params=laws,
        every=every,
        gradient="store",
        throw=False,
    )


@functools.partial(jax.jit, static_argnames=("steps", "every", "config"))
def _predict(
    params: Params, points: Particles, rate: Array, steps: int, every: int, config: MotionConfig
) -> Trajectory:
    dt = jnp.full((steps * every,), 1 / every, jnp.float32) / rate
    rolled = _roll(params, points, dt, every, config)
    return Trajectory(rolled.particles.replace(feature=_repeat(points.feature, steps)), rolled.time)


def _repeat(feature: Array, steps: int) -> Array:
    return jnp.broadcast_to(feature, (steps + 1, *feature.shape))


def predict(
    params: Params,
    tracks: Particles,
    *,
    seconds: float,
    rate: float,
    config: MotionConfig = DEFAULT,
) -> Trajectory:
    """Where tracked points go next, by the laws alone.

    Args:
        params: from `init` or training.
        tracks: points at the last frame, [N, ·]: position, velocity in frame heights and
            seconds; those not alive stay so.
        seconds: how far ahead, positive.
        rate: moments a second.
        config: as of `init`.

    Returns:
        Trajectory of [T, N, ·] with T = round(seconds · rate) + 1 moments, `time` from 0 (the
        given state); the features given are kept.

    Raises:
        ValueError: seconds or rate is not positive.

    Example:
        >>> from vidparticles.particles import particles
        >>> moving = particles(jnp.zeros((1, 2)), velocity=jnp.array([[0.5, 0.0]]))
        >>> path = predict(init(jax.random.key(0)), moving, seconds=1.0, rate=10.0)
        >>> path.particles.position.shape
        (11, 1, 2)
    """
    if not seconds > 0 or not rate > 0:
        raise ValueError(f"seconds is {seconds} and rate {rate}; expected positive numbers.")
    every = max(1, min(8, math.ceil(1 / (rate * config.step) - 1e-6)))
    steps = max(1, round(seconds * rate))
    return _predict(params, tracks, jnp.asarray(rate, jnp.float32), steps, every, config)


def _errors(
    params: Params, trajectory: Trajectory, substeps: int, config: MotionConfig
) -> tuple[Array, Array]:
    """Robust mean error of the laws and of constant velocity, for one clip [T, N, ·]."""
    middle = trajectory.time.shape[0] // 2
    later = jax.tree.map(lambda x: x[middle:], trajectory.particles)
    start = jax.tree.map(lambda x: x[0], later)
    gaps = jnp.diff(trajectory.time[middle:])
    rolled = _roll(params, start, jnp.repeat(gaps / substeps, substeps), substeps, config)
    begun = jax.tree.map(lambda x: x[0], rolled.particles)

    # A place whose point was lost may hold another afterwards: it counts up to there.
    same = jnp.cumprod(later.alive, axis=0)[1:]
    weight = same * (0.05 + begun.feature[:, 0])
    truth = jnp.where(same[..., None] > 0, later.position[1:], 0)

    def error(position: Array) -> Array:
        away = jnp.where(same[..., None] > 0, position - truth, 0)
        each = jnp.sqrt(jnp.sum(away**2, -1) + config.robust**2) - config.robust
        return safe_divide(jnp.sum(weight * each), jnp.sum(weight))

    elapsed = jnp.cumsum(gaps)[:, None, None]
    straight = begun.position + begun.velocity * elapsed
    return error(rolled.particles.position[1:]), error(straight)


def errors(
    params: Params, trajectory: Trajectory, *, substeps: int = 2, config: MotionConfig = DEFAULT
) -> tuple[Array, Array]:
    """How far the laws, and constant velocity, end up from where tracked points went.

    Args:
        params: from `init` or training.
        trajectory: tracked points [..., T, N, ·], T ≥ 3; leading axes are clips.
        substeps: steps of the integration between frames.
        config: as of `init`.

    Returns:
        Both [...], frame heights: the mean of √(d² + ε²) − ε over the moments after the
        middle frame, over points as far as they are active, until they are lost.

    Raises:
        ValueError: fewer than 3 moments.
    """
    if trajectory.time.shape[-1] < 3:
        raise ValueError(
            f"the trajectory has {trajectory.time.shape[-1]} moments; expected at least 3: "
            "one to start from and some to compare with."
        )
    one = functools.partial(_errors, params, substeps=substeps, config=config)
    for _ in trajectory.time.shape[:-1]:
        one = jax.vmap(one)
    return one(trajectory)


def loss(
    params: Params, trajectory: Trajectory, *, substeps: int = 2, config: MotionConfig = DEFAULT
) -> Array:
    """Error of the laws on tracked clips, rolled from their middle to their end.

    Args:
        params: from `init` or training.
        trajectory: tracked points [..., T, N, ·], T ≥ 3; leading axes are clips.
        substeps: steps of the integration between frames.
        config: as of `init`.

    Returns:
        Scalar, frame heights; see `errors`. Differentiable in `params`.
    """
    return jnp.mean(errors(params, trajectory, substeps=substeps, config=config)[0])


def force_curves(
    params: Params, *, farthest: float | None = None, config: MotionConfig = DEFAULT
) -> dict[str, tuple[Array, Array]]:
    """The pair laws as curves: force along the line between two things over distance.

    Args:
        params: from `init` or training.
        farthest: where the curves end, frame heights; default, at the cutoff.
        config: as of `init`.

    Returns:
        {law: (distance [M], force [M])}, and their sum as "total"; positive pushes apart.

    Example:
        >>> r, force = force_curves(init(jax.random.key(0)))["total"]
        >>> r.shape == force.shape
        True
    """
    distance = jnp.linspace(0, config.cutoff if farthest is None else farthest, 201)[1:]
    dr = jnp.stack([distance, jnp.zeros_like(distance)], -1)
    laws = strengths(params)
    curves = {
        name: law(dr, None, None, **laws[name], **fixed)[:, 0]
        for name, (law, fixed) in _pair_laws(config).items()
    }
    curves["total"] = jnp.sum(jnp.stack(list(curves.values())), axis=0)
    return {name: (distance, force) for name, force in curves.items()}
