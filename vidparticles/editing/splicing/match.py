"""Match cut: where one clip may end and the next begin so that what is seen goes on.

The state of a moment is that of its particles: points of its picture with some texture, where they
are, how fast they go and their colors. It is found from the moment's frame and the one after it
alone, so that a frame that two clips share has one state in both. Two states, sets of points of
which none corresponds to another, agree as far as

    Σ k(a, b) / √(Σ k(a, a') Σ k(b, b')),   k(a, b) = w_a w_b exp(−|a − b|² / 2)

with each part of a state in units of its scale: the cosine of their kernel mean embeddings (Smola
et al. 2007). The mean over some scales is taken: coarse ones compare what differs, fine ones tell
frames of one shot apart. Of moments that are cut to, the one before which a clip ends is compared
with the one with which the next begins.
"""

from __future__ import annotations

import dataclasses
import functools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.editing.follow import shrunk
from vidparticles.editing.reel import Reel, opened
from vidparticles.editing.splicing.sequence import inside
from vidparticles.errors import InputError
from vidparticles.numerics import safe_norm
from vidparticles.particles import Particles
from vidparticles.progress import counted
from vidparticles.storage import PathLike
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """How states are compared.

    Attributes:
        position: frame heights,
        velocity: frame heights a second,
        color: levels in [0, 1], by which two points differ that agree by exp(−½).
        finer: the same divided by each of these.
        still: weight of a point that rests, beside 1 of one that goes
        moving: by far faster than so many frame heights a second.
        lost: of the agreement, what a second costs that is cut off.
        points: that a state has, at most.
    """

    position: float = 0.1
    velocity: float = 0.2
    color: float = 0.15
    finer: tuple[float, ...] = (1.0, 5.0, 25.0)
    still: float = 0.1
    moving: float = 0.05
    lost: float = 0.01
    points: int = 128


@dataclasses.dataclass(frozen=True)
class MatchCut:
    """Where one clip is cut and the next begins.

    Attributes:
        last: frame of the first clip that is not shown any more.
        end: seconds of the first clip at which it begins.
        first: frame of the next clip that is shown first.
        start: seconds of the next clip at which it begins.
        agreement: of these two, in [0, 1].
    """

    last: int
    end: Fraction
    first: int
    start: Fraction
    agreement: float


def match_cut(
    before: PathLike,
    after: PathLike,
    *,
    seconds: float = 2.0,
    config: MatchConfig | None = None,
) -> MatchCut:
    """Where to cut from one clip to another so that what moves goes on.

    Args:
        before, after: video files.
        seconds: at the end of the first and at the start of the second, that are looked at; of
            each clip at most a half.
        config: how moments are compared.

    Raises:
        InputError: a clip cannot be read, or has fewer than four frames.
    """
    config = config or MatchConfig()
    if not 0 < seconds < 60:
        raise InputError(f"a cut cannot be looked for in {seconds:g} s; give more than 0, as 2.")
    with opened(before) as one, opened(after) as other:
        lengths = [float(reel.duration) for reel in (one, other)]
        times, times_after = (np.array([*map(float, reel.times)]) for reel in (one, other))
        ends = _window(times >= lengths[0] - min(seconds, lengths[0] / 2), before)
        starts = _window(times_after < min(seconds, lengths[1] / 2), after)
        states = _states(one, ends, config), _fitted(_states(other, starts, config), other, one)
        agreement = np.asarray(agreements(*states, config))
        shown = times[ends][:, None] - times_after[starts]
        a, b = np.unravel_index(np.argmax(agreement + config.lost * shown), agreement.shape)
        last, first = int(ends[a]), int(starts[b])
        end_at, start_at = Fraction(one.times[last]), Fraction(other.times[first])
        return MatchCut(last, end_at, first, start_at, float(agreement[a, b]))


def _window(wanted: np.ndarray, path: PathLike) -> np.ndarray:
    """Frames that come into question: each has one behind it."""
    if len(wanted) < 4:
        raise InputError(f"{path} has {len(wanted)} frames; a match cut takes 4 or more.")
    wanted[-1] = False
    return np.flatnonzero(wanted)


def agreements(one: Particles, other: Particles, config: MatchConfig | None = None) -> Array:
    """How far states agree.

    Args:
        one: [A, N, …] particles of A moments; inactive ones do not count.
        other: [B, M, …].
        config: by what.

    Returns:
        [A, B] in [0, 1]; 1 of equal states, 0 where one has no particle.

    Example:
        >>> from vidparticles.particles import particles
        >>> state = particles(jnp.zeros((1, 3, 2)), feature=jnp.zeros((1, 3, 3)))
        >>> far = state.replace(position=state.position + 5.0)
        >>> agreements(state, state).round(2).tolist(), agreements(state, far).round(2).tolist()
        ([[1.0]], [[0.0]])
    """
    config = config or MatchConfig()
    return _agreements(one, other, config)


@functools.partial(jax.jit, static_argnames="config")
def _agreements(one: Particles, other: Particles, config: MatchConfig) -> Array:
    a, wa = _scaled(one, config)
    b, wb = _scaled(other, config)

    def of(x: tuple[Array, Array], y: tuple[Array, Array]) -> Array:
        return _kernel(x[0], x[1], y[0], y[1], config)

    own = [lax.map(lambda x: of(x, x), pair) for pair in ((a, wa), (b, wb))]

    def row(x: tuple[Array, Array]) -> Array:
        return lax.map(lambda y: of(x, y), (b, wb))

    cross = lax.map(row, (a, wa))  # [A, B, scales]
    norm = jnp.sqrt(own[0][:, None] * own[1][None])
    return jnp.mean(jnp.where(norm > 0, cross / jnp.where(norm > 0, norm, 1), 0), -1)


def _scaled(state: Particles, config: MatchConfig) -> tuple[Array, Array]:
    """Points [T, N, F] in units of the scales, and their weights [T, N]."""
    parts = (
        state.position / config.position,
        state.velocity / config.velocity,
        state.feature / config.color,
    )
    speed = safe_norm(state.velocity)
    moves = speed / (speed + config.moving)
    weight = config.still + (1 - config.still) * moves
    return jnp.concatenate(parts, -1), jnp.where(state.alive, weight, 0)


def _kernel(a: Array, wa: Array, b: Array, wb: Array, config: MatchConfig) -> Array:
    """Sums [scales] over all pairs of points [N, F] and [M, F]."""
    apart = jnp.sum((a[:, None] - b[None]) ** 2, -1)
    scales = jnp.asarray(config.finer)[:, None, None]
    return jnp.einsum("n,m,snm->s", wa, wb, jnp.exp(-0.5 * scales**2 * apart))


def _states(reel: Reel, frames: np.ndarray, config: MatchConfig) -> Particles:
    """The states [T, N, …] of frames one after another, of a reel."""
    points = PointConfig(count=config.points)
    tracker = point_tracker(points)
    no_cut = jnp.asarray(False)
    found: list[Particles] = []
    assert reel.again is not None
    first, count = int(frames[0]), len(frames)
    shown = counted(reel.again(first, first + count + 1), count + 1, work="matching")
    small: Array | None = None
    at = 0.0
    for time, picture in shown:
        before, began = small, at
        small, at = shrunk(picture.rgb(), points), float(time)
        if before is not None:
            empty = tracker.init_fn((), before, began)
            here, _ = tracker.step_fn((), empty, before, began, cut=no_cut)
            there, _ = tracker.step_fn((), here, small, at, cut=no_cut)
            now = here.particles
            velocity = (there.particles.position - now.position) / (at - began)
            alive = now.alive & there.particles.alive & (there.identity == here.identity)
            found.append(now.replace(velocity=velocity, alive=alive))
    return jax.tree.map(lambda *parts: jnp.stack(parts), *found)


def _fitted(state: Particles, own: Reel, into: Reel) -> Particles:
    """A state as it is seen where its reel is fitted into another, as `sequence` does."""
    aspect = Fraction(own.pixel_aspect) / Fraction(into.pixel_aspect)
    inner = inside(own.height, own.width * aspect, into.height, into.width)
    scale = inner[0] / into.height
    margin = (into.width - inner[1]) / 2 / into.height, (into.height - inner[0]) / 2 / into.height
    position = state.position * scale + jnp.asarray(margin)
    return state.replace(position=position, velocity=state.velocity * scale)
