"""What `show` draws of points that are followed: dots with tails, what moves together, forces.

Rings open where points appear and close where they vanish; white paths lie ahead of those whose
motion the laws of a checkpoint expect.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.editing.follow import COUNT, following
from vidparticles.editing.reel import Reel
from vidparticles.models import motion
from vidparticles.numerics import safe_norm
from vidparticles.particles import Particles
from vidparticles.tracking.points.springs import SpringConfig, pull
from vidparticles.tracking.points.state import PointState
from vidparticles.tracking.segments import motion_segments
from vidparticles.viz import draw
from vidparticles.viz.moments import Ink, Moment

_pull = jax.jit(functools.partial(pull, config=SpringConfig()))


@dataclasses.dataclass(frozen=True)
class PointStyle:
    """How points are drawn.

    Attributes:
        ahead: seconds of the path that laws expect.
        ahead_rate: moments a second of that path.
        resting: frame heights per second under which a point leaves no tail.
        slow: frame heights per second at which a point is half as strong as a fast one.
        arrival: frames in which a point comes into view.
        faint: opacity of the background where colors tell what moves together.
        force_color: of arrows: no speed and no segment has it.
    """

    ahead: float = 0.5
    ahead_rate: float = 16.0
    resting: float = 0.01
    slow: float = 0.03
    arrival: int = 4
    faint: float = 0.45
    force_color: tuple[float, float, float] = (1.0, 0.42, 0.80)


STYLE = PointStyle()


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Marks:
    """When and where points last came and went.

    Attributes:
        appeared: [N] seconds, when the one that is there did.
        vanished: [N] seconds, when one was lost from sight.
        position: [N, 2] frame heights, where that was.
        color: [N, 3] its color.
        strength: [N] and how strong that was.
    """

    appeared: Array
    vanished: Array
    position: Array
    color: Array
    strength: Array


@dataclasses.dataclass(frozen=True)
class PointLayer:
    """Points of the picture; see `moments.Layer`.

    Attributes:
        laws: laws of motion, whose paths and forces are drawn, or None.
        segmented: colors tell what moves together, not speed.
        forces: arrows for those of the laws, or without laws of the springs between neighbors.
        style: how they are drawn.
    """

    laws: motion.Params | None = None
    segmented: bool = False
    forces: bool = False
    style: PointStyle = STYLE

    def moments(self, reel: Reel) -> Iterator[Moment]:
        """What is known of each frame."""
        segmenter = motion_segments()
        segments = segmenter.init_fn(COUNT)
        for time, frame, state, cut in following(reel.frames):
            if self.segmented:
                points, identity = state.particles, state.identity
                segments = segmenter.step_fn(segments, points, identity, state.time)
            ahead = force = None
            if self.laws is not None:
                ahead, force = _expected(self.laws, state, self.style)
            elif self.forces:
                force = _pull(state.particles, state.springs)
            yield Moment(
                time=time,
                frame=frame,
                cut=cut,
                particles=state.particles,
                visible=state.particles.alive,
                identity=state.identity,
                label=segments.label if self.segmented else None,
                force=force if self.forces else None,
                ahead=ahead,
                radius=(0.0, 0.0),
                state=state,
            )

    def enlargement(self, height: int) -> int:
        """Dots can be seen at any size."""
        return 1

    def start(self, first: Moment) -> Marks:
        """Before the first frame of a shot nothing came or went."""
        count = first.particles.count
        never = jnp.full(count, -jnp.inf)
        return Marks(never, never, jnp.zeros((count, 2)), jnp.zeros((count, 3)), jnp.zeros(count))

    def ink(self, marks: Marks, before: Moment, now: Moment, blank: Array) -> tuple[Marks, Ink]:
        """Dots, tails, and on top of them rings, arrows and the paths that are expected."""
        over, style, state = blank, self.style, now.state
        if now.ahead is not None:
            over = _paths(over, now.ahead, state, style.slow)
        if now.force is not None:
            over = _arrows(over, state, now.force, jnp.asarray(style.force_color), style.arrival)
        return _ink(marks, before.state, state, over, now.label, style=style)

    def written(self, picture: np.ndarray, now: Moment, carried: Any) -> np.ndarray:
        """Nothing is."""
        return picture


def _expected(params: motion.Params, state: PointState, style: PointStyle) -> tuple[Array, Array]:
    """The paths that the laws expect of what moves, and their forces at its start."""
    points = state.particles
    points = points.replace(alive=points.alive & (state.age > 0))
    rate = style.ahead_rate
    path = motion.predict(params, points, seconds=style.ahead, rate=rate).particles
    # By the change of velocity, so that what the laws leave out of a state is left out here.
    force = (path.velocity[1] - path.velocity[0]) * rate
    return path.position, jnp.where(points.alive[:, None], force, 0)


def _strength(points: Particles, slow: float) -> Array:
    """0 for a point at rest, 1 for one that moves."""
    speed = safe_norm(points.velocity)
    return speed**2 / (speed**2 + slow**2)


@functools.partial(jax.jit, static_argnames="style")
def _ink(
    marks: Marks,
    before: PointState,
    state: PointState,
    over: Array,
    label: Array | None,
    *,
    style: PointStyle,
) -> tuple[Marks, Ink]:
    old, new = before.particles, state.particles
    arrived = jnp.minimum(state.age / style.arrival, 1)
    speed, strength = safe_norm(new.velocity), _strength(new, style.slow)
    if label is None:
        color = draw.speed_color(new.velocity)
    else:
        color = draw.label_color(label)
        strength = jnp.where(label > 0, 1, style.faint * strength)
    moving = new.alive & old.alive & (state.age > 0) & (speed > style.resting)

    stayed = old.alive & new.alive & (before.identity == state.identity)
    appeared, vanished = new.alive & ~stayed, old.alive & ~stayed
    first = state.time == before.time  # of a shot: all appear at once, which tells nothing
    since = jnp.where(new.alive, marks.appeared, -jnp.inf)
    marks = Marks(
        appeared=jnp.where(appeared & ~first, state.time, since),
        vanished=jnp.where(vanished, state.time, marks.vanished),
        position=jnp.where(vanished[:, None], old.position, marks.position),
        color=jnp.where(vanished[:, None], color, marks.color),
        strength=jnp.where(vanished, strength, marks.strength),
    )
    over = draw.add_rings(
        over,
        jnp.concatenate([new.position, marks.position]),
        jnp.concatenate([color, marks.color]),
        0.35 + 0.55 * jnp.concatenate([strength, marks.strength]),
        state.time - jnp.concatenate([marks.appeared, marks.vanished]),
        jnp.repeat(jnp.asarray([True, False]), new.count, total_repeat_length=2 * new.count),
    )
    dot = jnp.where(new.alive, arrived * (0.35 + 0.65 * strength), 0)
    tail = jnp.where(moving, arrived * strength, 0)
    return marks, Ink(color=color, dot=dot, tail=tail, over=over, interest=jnp.sum(dot * speed))


@jax.jit
def _paths(canvas: Array, path: Array, state: PointState, slow: float) -> Array:
    """The paths [M, N, 2] that are expected of points whose motion has been seen, fading out."""
    points, pieces = state.particles, path.shape[0] - 1
    strength = jnp.where(points.alive & (state.age > 0), _strength(points, slow), 0)
    white = jnp.ones((*strength.shape, 3))

    def add(canvas: Array, piece: Array) -> tuple[Array, None]:
        opacity = 0.8 * strength * (1 - piece / pieces)
        ends = path[piece], path[piece + 1]
        return draw.add_paths(canvas, *ends, white, opacity, stamps=3), None

    return jax.lax.scan(add, canvas, jnp.arange(pieces))[0]


@jax.jit
def _arrows(canvas: Array, state: PointState, force: Array, color: Array, arrival: int) -> Array:
    points = state.particles
    opacity = jnp.where(points.alive, jnp.minimum(state.age / arrival, 1), 0)
    color = jnp.broadcast_to(color, (points.count, 3))
    return draw.add_arrows(canvas, points.position, force, color, opacity)
