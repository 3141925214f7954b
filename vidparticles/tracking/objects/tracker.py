"""Things that keep their identity: learned particles carried through a video, frame by frame.

A particle is a thing: its position and velocity, what it looks like, and a memory of what
happened to it. For each frame (`step`)

1. the dynamics predict where it is now: it flies on, bounces off walls and off others;
2. it is matched with the evidence of the frame, in competition with the others (`innovation`);
3. it is corrected by what differs, as in a Kalman filter, as far as it sees anything: what is
   hidden moves on by itself;
4. evidence that nobody owns becomes a new particle, in a free place;
5. its memory takes, through gates, what is new in what it sees and what those know whom it meets;
6. a particle that has seen nothing for long dies; of hard things, also one that should have been
   seen, and one that is where another is.

`follow` is the scan of `step` over a clip. Nothing looks ahead, and the state does not grow.
Times are counted in frames, velocities in frame heights per frame.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.errors import InputError
from vidparticles.flow.camera import Similarity
from vidparticles.image import discs
from vidparticles.particles import Particles, Trajectory
from vidparticles.tracking.objects import assignment as innovation
from vidparticles.tracking.objects import background as grounds
from vidparticles.tracking.objects import filter as filtering
from vidparticles.tracking.objects import foreground as evidence
from vidparticles.tracking.objects import novelty as surprise
from vidparticles.tracking.objects.background import Ground
from vidparticles.tracking.objects.foreground import COLOR, MASS, Evidence
from vidparticles.tracking.objects.state import (
    Objects,
    Params,
    Things,
    after_cut,
    init,
    quickened,
    start,
)

__all__ = ["Followed", "Objects", "Seen", "Things", "follow", "init", "start", "step"]

GONE = 0.01  # how likely a hard thing is still there, below which it is given up
LOOK_RATE = 0.3  # of a look towards what is seen now
WONT_RATE = 0.3  # of what is usual towards what is


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Seen:
    """What a frame had to say.

    Attributes:
        predicted: [..., K, 2] where particles were thought to be before the frame; of the newborn,
            where they are.
        mass: [..., K] area of the evidence each got, in squared frame heights.
        reconstruction: [...] mean squared difference of the frame, in cells, from the particles'
            picture of it.
        prediction: [...] the same of the picture that was predicted before the frame.
        opened: [...] how far the gates of memories were open, in [0, 1].
        surprise: [...] how unlikely the frame was, in nats, see `surprise`.
    """

    predicted: Array
    mass: Array
    reconstruction: Array
    prediction: Array
    opened: Array
    surprise: Array


def _gather(params: Params, config: Objects, frames: Array, ground: Array | None) -> Evidence:
    scene = params["scene"]["color"] if config.scene is not None else None
    return evidence.gather(
        params["evidence"],
        frames,
        stride=config.stride,
        look=config.look,
        scene=scene,
        ground=ground,
        hard=config.hard,
    )


def _advance(
    params: Params, config: Objects, things: Things, frame: Evidence, camera: Similarity | None
) -> tuple[Things, dict[str, Array]]:
    """One frame's evidence; also what the prediction was made of."""
    positive = jax.tree.map(jax.nn.softplus, params["positive"])
    shape, before = frame.shape, things.particles
    if camera is not None:
        before = before.replace(position=camera(before.position))
    predicted, struck = filtering.predict(positive, config, before, shape)
    foreseen_covariance = filtering.foresee(positive, config, things.covariance, struck)
    p, covariance, mass, seen = filtering.correct(
        params, config, positive, things, predicted, foreseen_covariance, frame
    )
    place, new, at_birth, left = filtering.births(positive, config, p, frame)
    fresh = new[..., None]

    surprised, there = surprise.nats(
        positive,
        things,
        predicted,
        moved=p.position - predicted.position,
        covariance=foreseen_covariance,
        seen=seen,
        unowned=left[..., 0],
        clear=filtering.clear_of(params, config),
        shape=shape,
    )

    # The newborn see what nobody owns, around them.
    near = discs.square_distance(place, *shape) / positive["width"] ** 2
    near = jnp.where(fresh, jnp.exp(-0.5 * near), 0)
    seen_new = jnp.einsum("...kp,...pc->...kc", near, left)
    seen = jnp.where(fresh, seen_new, seen)
    mass = jnp.where(new, seen[..., 0] / shape[0] ** 2, mass)
    position = jnp.where(fresh, filtering.middle(seen, place), p.position)
    alive = p.alive | new
    average = seen / (seen[..., MASS] + innovation.FAINTEST)
    look, features = jnp.split(average[..., COLOR.stop :], [config.look], axis=-1)
    visible = filtering.visible(positive, mass)
    believed = jnp.where(new, 1.0, visible)[..., None]
    color = things.color + believed * (average[..., COLOR] - things.color)
    rate = jnp.where(fresh, 1.0, LOOK_RATE * believed)
    news = jnp.concatenate([2 * features, 4 * (average[..., COLOR] - 0.5)], axis=-1)
    usual = jnp.where(fresh, 0, things.usual)
    touch = filtering.touching(positive, position, alive)
    touched = jnp.where(fresh | new[..., None, :], 0, things.touched)
    memory, opened = filtering.remember(
        quickened(params["memory"]),
        news,
        usual,
        jnp.where(fresh, 0, before.feature),
        jax.nn.relu(touch - touched),
        alive,
        visible,
    )
    unseen = jnp.where(visible > 0.5, 0, things.unseen + 1)
    identity = jnp.where(
        new, things.born[..., None] + jnp.cumsum(new, axis=-1) - 1, things.identity
    )
    there = jnp.where(new, 1.0, there)
    lives = alive & (unseen < config.patience)
    if config.hard:
        lives &= (there > GONE) & ~filtering.twins(positive, position, alive, identity)
    now = Things(
        particles=Particles(
            position=position,
            velocity=jnp.where(fresh, 0, p.velocity),
            feature=memory,
            mass=before.mass,
            alive=lives,
        ),
        covariance=jnp.where(fresh, at_birth, covariance),
        look=things.look + rate * (look - things.look),
        color=color,
        usual=usual + WONT_RATE * visible[..., None] * (news - usual),
        touched=touched + WONT_RATE * (touch - touched),
        unseen=unseen,
        there=there,
        identity=identity,
        born=things.born + jnp.sum(new, axis=-1),
        ground=things.ground,
    )
    foreseen = {
        "position": jnp.where(fresh, position, predicted.position),
        "color": jnp.where(fresh, color, things.color),
        "alive": alive,
        "mass": mass,
        "opened": opened,
        "surprise": surprised,
    }
    return now, foreseen


def _errors(
    params: Params, config: Objects, things: Things, foreseen: dict[str, Array], frame: Evidence
) -> tuple[Array, Array]:
    """How far the picture of the things, and of the foreseen things, is from the frame."""
    positive = jax.tree.map(jax.nn.softplus, params["positive"])
    clear = filtering.clear_of(params, config)

    def error(p: Particles, color: Array) -> Array:
        covers = filtering.covers(positive, p, frame.shape)
        covers = covers if clear is None else covers * clear
        picture = discs.paint(covers, color, frame.ground)
        return jnp.mean((picture - frame.color) ** 2, axis=(-2, -1))

    p = things.particles
    before = p.replace(position=foreseen["position"], alive=foreseen["alive"])
    return error(p, things.color), error(before, foreseen["color"])


def _seen(foreseen: dict[str, Array], errors: tuple[Array, Array]) -> Seen:
    return Seen(
        predicted=foreseen["position"],
        mass=foreseen["mass"],
        reconstruction=errors[0],
        prediction=errors[1],
        opened=foreseen["opened"],
        surprise=foreseen["surprise"],
    )


def step(
    params: Params, things: Things, frame: Array, *, config: Objects, cut: Array | None = None
) -> tuple[Things, Seen]:
    """One frame in, one state out.

    Args:
        params: from `init` or training.
        things: from `start` or the step before, leading axes [...]; where a ground is kept, of the
            size of the frame.
        frame: [..., H, W, 3] uint8.
        config: as of `init`; its count may differ.
        cut: bool [...], whether the frame is the first of another shot: identities end there.

    Raises:
        ValueError: H or W is no multiple of the stride, or they are not those of the scene.

    Example:
        >>> config = Objects(count=2)
        >>> params = init(jax.random.key(0), config)
        >>> frame = jnp.zeros((32, 32, 3), jnp.uint8).at[8:14, 20:26].set(200)
        >>> things, seen = step(params, start(config), frame, config=config)
        >>> [round(float(x), 2) for x in things.particles.position[0]]
        [0.72, 0.34]
        >>> things.particles.alive.tolist()
        [True, False]
    """
    _check(frame.shape, config)
    if cut is not None:
        things = after_cut(things, cut, config)
    under: Array | None = None
    camera: Similarity | None = None
    if config.ground:
        first = jnp.zeros(things.born.shape, bool) if cut is None else cut
        ground, camera, under = grounds.step(_ground_of(things), frame, first)
        things = things.replace(ground=ground)
    seen = _gather(params, config, frame, under)
    things, foreseen = _advance(params, config, things, seen, camera)
    errors = _errors(params, config, things, foreseen, seen)
    return things, _seen(foreseen, errors)


def _ground_of(things: Things) -> Ground:
    if things.ground is None:
        raise ValueError("these things have no ground; begin with start(config, …, size=(H, W)).")
    return things.ground


def _check(shape: tuple[int, ...], config: Objects) -> None:
    size = shape[-3:-1]
    if len(shape) < 3 or shape[-1] != 3 or any(n % config.stride for n in size):
        raise InputError(
            f"frames have shape {shape}; expected [..., H, W, 3] with H and W multiples of the "
            f"stride, {config.stride}: crop or resize them."
        )
    if config.scene is not None and size != tuple(config.scene):
        raise ValueError(
            f"frames are of {size} pixels and the scene of {tuple(config.scene)}; give the same."
        )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Followed:
    """A clip, followed.

    Attributes:
        trajectory: particles' fields [B, T, K, ·], time [B, T] in frames.
        identity: [B, T, K], as of `Things`.
        seen: fields [B, T, ...].
        things: the state after the last frame, fields [B, ...].
    """

    trajectory: Trajectory
    identity: Array
    seen: Seen
    things: Things


def follow(
    params: Params,
    frames: Array,
    *,
    config: Objects,
    things: Things | None = None,
    cut: Array | None = None,
    chunk: int = 32,
    recompute: bool = False,
) -> Followed:
    """Things found and followed through clips: the scan of `step`, and equal to it.

    Args:
        params: from `init` or training.
        frames: [B, T, H, W, 3] uint8, T ≥ 1.
        config: as of `init`; its count may differ.
        things: the state that a part of the clip before ended with; default `start`.
        cut: bool [B, T], the frames that begin another shot; default none.
        chunk: the most frames whose evidence is gathered at once.
        recompute: keep only the state at the beginning of each chunk for the way back, and
            compute the rest again: the same gradient in less memory.

    Raises:
        ValueError: as of `step`, or there are no frames.

    Example:
        >>> config = Objects(count=2)
        >>> clip = jnp.zeros((1, 3, 32, 32, 3), jnp.uint8)
        >>> followed = follow(init(jax.random.key(0), config), clip, config=config)
        >>> followed.trajectory.particles.position.shape, int(followed.things.born[0])
        ((1, 3, 2, 2), 0)
    """
    _check(frames.shape, config)
    batch, length = frames.shape[:2]
    if frames.ndim != 5 or length < 1:
        raise ValueError(f"frames have shape {frames.shape}; expected [B, T, H, W, 3] with T ≥ 1.")
    if cut is None:
        cut = jnp.zeros((batch, length), bool)

    def one(things: Things, x: tuple[Evidence, Array, Similarity | None]) -> tuple[Things, Any]:
        seen, first, camera = x
        now = after_cut(things, first, config)
        things, foreseen = _advance(params, config, now, seen, camera)
        return things, (things, foreseen)

    def move(ground: Ground, x: tuple[Array, Array]) -> tuple[Ground, Any]:
        ground, camera, under = grounds.step(ground, *x)
        return ground, (camera, under)

    def part(things: Things, x: tuple[Array, Array]) -> tuple[Things, Any]:
        ground: Ground | None = None
        camera: Similarity | None = None
        under: Array | None = None
        if config.ground:
            moved = jax.lax.scan(move, _ground_of(things), x)
            ground, (camera, under) = moved
        seen = _gather(params, config, x[0], under)
        things, (path, foreseen) = jax.lax.scan(
            one, things.replace(ground=None), (seen, x[1], camera)
        )
        errors = _errors(params, config, path, foreseen, seen)
        return things.replace(ground=ground), (
            path.particles,
            path.identity,
            _seen(foreseen, errors),
        )

    if recompute:
        part = jax.checkpoint(part)
    forward = (jnp.moveaxis(frames, 1, 0), jnp.moveaxis(cut, 1, 0))
    height, width = frames.shape[2:4]
    now = start(config, (batch,), size=(height, width)) if things is None else things
    # Parts of one length, if that can be: each other one is another program to compile.
    chunk = math.ceil(length / math.ceil(length / chunk))
    whole = length // chunk if length > chunk else 0
    parts = []
    if whole:
        folded = jax.tree.map(
            lambda x: x[: whole * chunk].reshape(whole, chunk, *x.shape[1:]), forward
        )
        now, out = jax.lax.scan(part, now, folded)
        parts.append(jax.tree.map(lambda x: x.reshape(whole * chunk, *x.shape[2:]), out))
    if whole * chunk < length:
        now, out = part(now, jax.tree.map(lambda x: x[whole * chunk :], forward))
        parts.append(out)
    joined = jax.tree.map(lambda *x: jnp.moveaxis(jnp.concatenate(x), 0, 1), *parts)
    particles, identity, seen = joined
    time = jnp.broadcast_to(jnp.arange(length, dtype=jnp.float32), (batch, length))
    return Followed(Trajectory(particles, time), identity, seen, now)
