"""Motion segments: particles that move together, apart from the camera.

That is the law of common fate (Wertheimer 1923).

A particle is apart when the motion that most of the picture shares (`camera.py`) does not carry
it; that is averaged over a moment, so that neither one bad match nor a short halt decides.
Those apart that lie near each other and move alike are one segment, directly or through others
between them. A segment keeps its number as long as the larger part of its particles do; what is
spawned beside a segment is presumed of it until its own motion has been measured.

`motion_segments` streams, `segment_tracks` is a scan of it over a whole clip, `region` says which
positions of a dense field of motion go with which segment.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import CameraConfig, Similarity, camera_motion
from vidparticles.numerics import masked_mean, safe_norm
from vidparticles.particles import Particles
from vidparticles.tracking.base import Tracks


@dataclasses.dataclass(frozen=True)
class SegmentConfig:
    """What holds particles together.

    Attributes:
        drift: frame heights per second off the camera's motion that count as none,
        parallax: and more by this share of that motion: near and far do not move alike in it.
        wider: times as much is let pass, in each round of fitting perspective.
        ridge: keeps perspective from following a few particles.
        memory: seconds over which being apart is averaged.
        enter: share apart from which a particle may join a segment,
        leave: and below which it leaves.
        reach: frame heights within which particles hold together.
        alike: difference of velocities, over the greater of the two, at which they still do.
        smallest: particles of a new segment, at least.
        voting: about the camera's motion, in units in which `drift` and `parallax` are narrow.
    """

    drift: float = 0.05
    parallax: float = 0.1
    wider: tuple[float, ...] = (4.0, 3.0, 2.0, 1.5, 1.0, 1.0)
    ridge: float = 1e-2
    memory: float = 0.15
    enter: float = 0.75
    leave: float = 0.4
    reach: float = 0.15
    alike: float = 0.5
    smallest: int = 3
    voting: CameraConfig = dataclasses.field(default_factory=CameraConfig)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SegmentState:
    """Who belongs together.

    Attributes:
        label: [N] int32, 0 for the background and the inactive; a new segment takes the number
            after the last that was given.
        apart: [N] in [0, 1], share of the last moment in which it moved on its own.
        camera: the motion of the background since the frame before.
        identity: [N] int32, whose these are.
        position: [N, 2] frame heights.
        alive: [N] bool.
        measured: [N] bool, its own motion has been measured.
        newest: int32, the last number given.
        time: seconds.
        passed: seconds since the frame before.
    """

    label: Array
    apart: Array
    camera: Similarity
    identity: Array
    position: Array
    alive: Array
    measured: Array
    newest: Array
    time: Array
    passed: Array


class Segmenter(NamedTuple):
    """Followed particles to motion segments.

    Attributes:
        init_fn: (slots) → state before the first frame: all belong to the background.
        step_fn: (state, particles [N, ·], identity [N], seconds) → state. A slot that holds another
            particle starts anew, so that nothing goes on across a cut. Memory is O(N²).
    """

    init_fn: Callable[[int], SegmentState]
    step_fn: Callable[[SegmentState, Particles, Array, Array | float], SegmentState]


def motion_segments(config: SegmentConfig | None = None) -> Segmenter:
    """Motion segments of particles that stream by.

    Args:
        config: what holds particles together; default `SegmentConfig()`.

    Example:
        >>> from vidparticles.particles import particles
        >>> xy = jax.random.uniform(jax.random.key(0), (60, 2)).at[:12].multiply(0.2)
        >>> apart = jnp.zeros((60, 2)).at[:12].set(0.3)
        >>> init_fn, step_fn = motion_segments()
        >>> state = init_fn(60)
        >>> for time in (0.0, 0.1):
        ...     state = step_fn(state, particles(xy + time * apart), jnp.arange(60), time)
        >>> state.label.tolist() == [1] * 12 + [0] * 48
        True
    """
    return Segmenter(_init, functools.partial(_step, config=config or SegmentConfig()))


def _init(slots: int) -> SegmentState:
    return SegmentState(
        label=jnp.zeros(slots, jnp.int32),
        apart=jnp.zeros(slots, jnp.float32),
        camera=Similarity(jnp.asarray([1.0, 0.0]), jnp.zeros(2)),
        identity=jnp.full(slots, -1, jnp.int32),
        position=jnp.zeros((slots, 2), jnp.float32),
        alive=jnp.zeros(slots, bool),
        measured=jnp.zeros(slots, bool),
        newest=jnp.zeros((), jnp.int32),
        time=jnp.zeros((), jnp.float32),
        passed=jnp.zeros((), jnp.float32),
    )


@functools.partial(jax.jit, static_argnames="config")
def _step(
    state: SegmentState,
    points: Particles,
    identity: Array,
    time: Array | float,
    *,
    config: SegmentConfig,
) -> SegmentState:
    time = jnp.asarray(time, jnp.float32)
    known = (identity >= 0) & (identity == state.identity)
    label = jnp.where(known, state.label, 0)
    both = points.alive & known & state.alive
    passed = jnp.maximum(time - state.time, 1e-6)
    position = jnp.where(points.alive[:, None], points.position, 0)
    camera, own, drift = _against(state.position, position, both, passed, config)
    vote = 1 / (1 + (safe_norm(own) / drift) ** 2) ** 2

    # The first measurement decides; then it takes a moment to change.
    fading = jnp.where(known & state.measured, jnp.exp(-passed / config.memory), 0)
    apart = jnp.where(known, state.apart, 0)
    apart = jnp.where(both, 1 - vote + fading * (apart + vote - 1), apart)
    mover = both & (apart > jnp.where(label > 0, config.leave, config.enter))
    square = jnp.sum((position[:, None] - position) ** 2, -1)
    held = (square < config.reach**2) & _alike(own, drift, config)
    first = _components(held & mover[:, None] & mover)
    label, newest = _numbered(first, label, mover, state.newest, config)

    # What is hidden keeps its number while it is looked for; what is new has its neighbor's.
    reach = jnp.where(both & (square < config.reach**2), square, jnp.inf)
    beside = jnp.argmin(reach, axis=1)
    lent = points.alive & ~known & jnp.isfinite(jnp.min(reach, axis=1))
    kept = known & ~both
    label = jnp.where(kept, state.label, jnp.where(lent, label[beside], label))
    return SegmentState(
        label=jnp.where(identity >= 0, label, 0),
        apart=jnp.where(lent, apart[beside], apart),
        camera=camera,
        identity=identity,
        position=position,
        alive=points.alive,
        measured=both | (known & state.measured),
        newest=newest,
        time=time,
        passed=passed,
    )


def _against(
    before: Array, after: Array, both: Array, passed: Array, config: SegmentConfig
) -> tuple[Similarity, Array, Array]:
    """The camera's motion, velocities [N, 2] against it, and those that count as none.

    The faster the camera, the less its picture moves as one, and the more is let pass.
    """
    moved = jnp.where(both[:, None], after - before, jnp.nan)
    common = safe_norm(jnp.nan_to_num(jnp.nanmedian(moved, axis=0)))
    slack = config.drift * passed + config.parallax * common
    # In units in which the slack is what the votes about the camera let pass.
    unit = config.voting.narrow / slack
    camera, _ = camera_motion(unit * before, unit * after, both, config.voting)
    camera = Similarity(camera.turn, camera.shift / unit)
    off = jnp.where(both[:, None], after - camera(before), 0)
    # What slopes and curves over the frame is perspective.
    middle = masked_mean(before, both[:, None], axis=0)
    x, y = jnp.moveaxis(before - middle, -1, 0)
    basis = jnp.stack([jnp.ones_like(x), x, y, x * x, x * y, y * y], -1)

    def again(rest: Array, wide: Array) -> tuple[Array, None]:
        weight = jnp.where(both, 1 / (1 + jnp.sum(rest**2, -1) / (wide * slack) ** 2) ** 2, 0)
        normal = (weight[:, None] * basis).T @ basis + config.ridge * jnp.eye(6)
        return off - basis @ jnp.linalg.solve(normal, (weight[:, None] * basis).T @ off), None

    off, _ = jax.lax.scan(again, off, jnp.asarray(config.wider))
    off = jnp.where(both[:, None], off, 0)
    return camera, off / passed, slack / passed


def _alike(velocity: Array, drift: Array, config: SegmentConfig) -> Array:
    """Which pairs [N, N] move alike."""
    speed = safe_norm(velocity)
    differ = safe_norm(velocity[:, None] - velocity)
    return differ < drift + config.alike * jnp.maximum(speed[:, None], speed)


def _components(joined: Array) -> Array:
    """The first member [N] of the connected part that each belongs to; itself if alone.

    The least index is handed on to neighbors, and then to all that point there, which takes
    a logarithm of the length of the longest chain.
    """
    count = len(joined)
    own = jnp.arange(count)

    def spread(item: tuple[Array, Array]) -> tuple[Array, Array]:
        first, _ = item
        least = jnp.min(jnp.where(joined, first, count), axis=1)
        new = jnp.minimum(first, least)
        # Whom I pointed to learns of what I found, and I of what it did.
        new = new.at[first].min(new)
        new = new[new]
        return new, jnp.any(new != first)

    return jax.lax.while_loop(lambda item: item[1], spread, (own, jnp.asarray(True)))[0]


def _numbered(
    first: Array, label: Array, mover: Array, newest: Array, config: SegmentConfig
) -> tuple[Array, Array]:
    """Numbers [N] for components, carried over by most of their members, and the newest.

    Args:
        first: [N] the first member of the component of each.
        label: [N] what each was before.
        mover: [N] bool; the others are background.
        newest: the last number given.
        config: how large a new segment is.
    """
    count = len(first)
    together = (first[:, None] == first) & mover[:, None] & mover
    same = (label[:, None] == label) & (label > 0)
    votes = jnp.sum(together & same, axis=1) * (label > 0)
    size = jnp.sum(together, axis=1)
    # The number that most of a component bear; of equals, the oldest.
    most = jnp.zeros(count, jnp.int32).at[first].max(jnp.where(mover, votes, 0))[first]
    none = jnp.iinfo(jnp.int32).max
    number = jnp.where(mover & (votes == most) & (most > 0), label, none)
    number = jnp.full(count, none).at[first].min(number)[first]
    # If a segment fell apart, its largest part keeps the number.
    rival = (number[:, None] == number) & mover & (first[:, None] != first)
    stronger = (most > most[:, None]) | ((most == most[:, None]) & (first < first[:, None]))
    keeps = mover & (number < none) & ~jnp.any(rival & stronger, axis=1)
    begins = mover & ~keeps & (size >= config.smallest)
    heads = begins & (first == jnp.arange(count))
    given = newest + jnp.cumsum(heads, dtype=jnp.int32)
    named = jnp.where(keeps, number, jnp.where(begins, given[first], 0))
    return named, newest + jnp.sum(heads, dtype=jnp.int32)


def segment_tracks(tracks: Tracks, config: SegmentConfig | None = None) -> Array:
    """The motion segments of a tracked clip.

    Args:
        tracks: of one clip, as of `base.scan`.
        config: what holds particles together; default `SegmentConfig()`.

    Returns:
        label [T, N] int32: 0 for the background; a number belongs to one segment throughout.
    """
    segmenter = motion_segments(config)
    points, time = tracks.trajectory.particles, tracks.trajectory.time

    def advance(
        state: SegmentState, item: tuple[Particles, Array, Array]
    ) -> tuple[SegmentState, Array]:
        state = segmenter.step_fn(state, *item)
        return state, state.label

    nothing = segmenter.init_fn(points.position.shape[-2])
    return jax.lax.scan(advance, nothing, (points, tracks.identity, time))[1]


def region(
    state: SegmentState,
    points: Particles,
    position: Array,
    velocity: Array,
    config: SegmentConfig | None = None,
) -> Array:
    """Which segment carries each position of a field of motion.

    A position goes with the nearest particle of a segment, if one is within reach and the motion
    there is more like that particle's than like the camera's.

    Args:
        state: of the segments.
        points: [N, ·] the particles that were given to it.
        position: [..., 2] frame heights.
        velocity: [..., 2] of the picture there, frame heights per second.
        config: as of the segments.

    Returns:
        label [...] int32, 0 for the background.
    """
    config = config or SegmentConfig()
    member = points.alive & (state.label > 0)
    off = jnp.where(member[:, None], points.position, jnp.inf)
    flat, shown = position.reshape(-1, 2), velocity.reshape(-1, 2)
    square = sum((flat[:, None, k] - off[:, k]) ** 2 for k in (0, 1))
    nearest = jnp.argmin(square, axis=1)
    near = jnp.min(square, axis=1) < config.reach**2
    still = (flat - state.camera.inverse()(flat)) / state.passed
    with_it = safe_norm(shown - points.velocity[nearest])
    label = jnp.where(near & (with_it < safe_norm(shown - still)), state.label[nearest], 0)
    return label.reshape(position.shape[:-1])
