"""What every tracker has in common: a row of the table for each, a test for each property.

To add a tracker, add a `Member`: how it is made, its parameters, and a clip in which all that it
follows moves at `SPEED`. Clips are tiny, and each member's step is compiled once.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.numerics import softplus_inverse
from vidparticles.tracking.base import Tracker, Tracks, scan
from vidparticles.tracking.blobs.link import LinkConfig
from vidparticles.tracking.blobs.locate import LocateConfig, locate
from vidparticles.tracking.blobs.tracker import BlobConfig, blob_tracker
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker, init
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import stateless
from vidparticles.tracking.objects.tracker import object_tracker
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker

HEIGHT, WIDTH = 48, 64
OBJECTS = DiscConfig(count=6, widths=(2,), appearance=2, features=2, memory=2, radius=0.12)
SPEED = np.array([0.3, 0.2])  # frame heights per second
TICK = 1 / 24  # seconds
RATES = {
    "24 a second": np.arange(11),
    "12 a second": np.arange(0, 11, 2),
    "uneven": np.array([0, 1, 3, 4, 7, 8, 10]),
}


# ---------------------------------------------------------------- clips


def texture(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """A picture with structure at every position that moves as a whole: uint8 [T, H, W, 3]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    away = HEIGHT * SPEED * np.asarray(times)[:, None]
    frames = np.zeros((len(times), HEIGHT, WIDTH))
    for _ in range(30):
        angle, phase = random.uniform(0, 2 * np.pi, 2)
        pitch = 2 * np.pi / random.uniform(8, 20)
        along = np.cos(angle) * (x - away[:, :1, None]) + np.sin(angle) * (y - away[:, 1:, None])
        frames += np.sin(pitch * along + phase)
    frames = np.clip(np.round(128 + 18 * frames), 0, 255).astype(np.uint8)
    return np.repeat(frames[..., None], 3, -1)


def spots(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """Four bright spots on black that move alike: uint8 [T, H, W, 3]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    corners = np.array([[12.0, 12.0], [38.0, 11.0], [14.0, 32.0], [41.0, 33.0]])
    corners = corners + random.uniform(-1, 1, corners.shape)
    frames = np.zeros((len(times), HEIGHT, WIDTH))
    for corner, top in zip(corners, (250, 220, 190, 160), strict=True):
        at = corner + HEIGHT * SPEED * np.asarray(times)[:, None]
        square = (x - at[:, :1, None]) ** 2 + (y - at[:, 1:, None]) ** 2
        frames += top * np.exp(-square / 6)
    return np.repeat(np.round(frames).astype(np.uint8)[..., None], 3, -1)


def discs(times: np.ndarray, seed: int = 0) -> np.ndarray:
    """Four discs of different colors on black that move alike: uint8 [T, H, W, 3]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    corners = np.array([[12.0, 12.0], [38.0, 11.0], [14.0, 32.0], [41.0, 33.0]])
    corners = corners + random.uniform(-1, 1, corners.shape)
    frames = np.zeros((len(times), HEIGHT, WIDTH, 3))
    for corner, color in zip(corners, random.uniform(120, 250, (4, 3)), strict=True):
        at = corner + HEIGHT * SPEED * np.asarray(times)[:, None]
        away = np.hypot(x - at[:, :1, None], y - at[:, 1:, None])
        cover = np.clip(OBJECTS.radius * HEIGHT - away + 0.5, 0, 1)[..., None]
        frames += cover * (color - frames)
    return np.round(frames).astype(np.uint8)


# ---------------------------------------------------------------- the table


@dataclasses.dataclass(frozen=True)
class Member:
    """A row of the table.

    Attributes:
        make: (further slots) → tracker.
        clip: (seconds [T], seed) → frames [T, H, W, 3] of another clip for each seed.
        params: () → its parameters.
        stays: share of what the first frame shows that is followed to the end at any rate.
        same: share of these whose names agree between rates.
    """

    make: Callable[[int], Tracker]
    clip: Callable[..., np.ndarray]
    params: Callable[[], Any] = tuple
    stays: float = 1.0
    same: float = 1.0


def points(more: int) -> Tracker:
    return point_tracker(PointConfig(count=24, slots=24 + more))


def blobs(more: int) -> Tracker:
    return blob_tracker(BlobConfig(LocateConfig(7, count=6 + more), LinkConfig(0.1, memory=0.1)))


def boxes(more: int) -> Tracker:
    """Boxes around spots; all move alike, which is not the camera's motion here."""

    def observe(params: Any, frame: jax.Array) -> Observations:
        del params
        spots = locate(frame, LocateConfig(7, count=6))
        box = jnp.concatenate([spots.position - 4 / HEIGHT, spots.position + 4 / HEIGHT], -1)
        sure = spots.alive.astype(jnp.float32)
        return Observations(box, sure, jnp.zeros(6, jnp.int32), jnp.zeros((6, 0)), spots.alive)

    known = {"kinds": 1, "features": 0, "confirm": 1, "motion_rows": None}
    return object_tracker(stateless(observe), ObjectConfig(count=6 + more, **known))


def objects(more: int) -> Tracker:
    return disc_tracker(dataclasses.replace(OBJECTS, count=OBJECTS.count + more))


def object_params() -> Any:
    """As sure of how objects move as trained ones: else velocities follow each frame's error."""
    params = init(jax.random.key(0), OBJECTS)
    sure = {**params["filter"], "process_noise": softplus_inverse(0.0005)}
    return {**params, "filter": sure}


MEMBERS = {
    # Of the points the others leave the picture, or are lost at its border.
    "points": Member(points, texture, stays=0.4, same=0.8),
    "blobs": Member(blobs, spots),
    "boxes": Member(boxes, spots),
    "objects": Member(objects, discs, object_params),
}


@pytest.fixture(params=MEMBERS, scope="module")
def member(request) -> Member:
    return MEMBERS[request.param]


@functools.cache
def compiled(member: Member, more: int = 0) -> tuple[Any, Any, Any]:
    """The functions of a member, each compiled once, and its parameters."""
    tracker = member.make(more)
    step = jax.jit(
        lambda params, state, frame, time, cut: tracker.step_fn(params, state, frame, time, cut=cut)
    )
    return jax.jit(tracker.init_fn), step, member.params()


@functools.cache
def compiled_scan(member: Member) -> Callable[..., Tracks]:
    """A whole clip through a member."""
    return jax.jit(functools.partial(scan, member.make(0)))


def stream(
    member: Member,
    frames: np.ndarray,
    times: np.ndarray,
    cuts: tuple[int, ...] = (),
    *,
    more: int = 0,
    between: Callable[[Any], Any] = lambda state: state,
) -> list[Any]:
    """The states after each frame; `between` may change what goes into the next."""
    init, step, params = compiled(member, more)
    state, states = init(params, frames[0], np.float32(times[0])), []
    for k, (frame, time) in enumerate(zip(frames, times, strict=True)):
        state, _ = step(params, between(state), frame, np.float32(time), np.bool_(k in cuts))
        states.append(state)
    return states


def shown(state: Any) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Position and velocity of the active by their numbers."""
    alive = np.asarray(state.particles.alive)
    names = np.asarray(state.identity)[alive].tolist()
    position, velocity = (
        np.asarray(x)[alive] for x in (state.particles.position, state.particles.velocity)
    )
    assert len(set(names)) == len(names)
    assert min(names, default=0) >= 0
    return dict(zip(names, zip(position, velocity, strict=True), strict=True))


def assert_alike(one: Any, other: Any, *, exactly: bool = True) -> None:
    """The same particles, whatever slots they have and what the inactive hold."""
    first, second = shown(one), shown(other)
    assert first.keys() == second.keys()
    close = {"rtol": 0, "atol": 0} if exactly else {"rtol": 1e-3, "atol": 1e-4}
    for name in first:
        for a, b in zip(first[name], second[name], strict=True):
            np.testing.assert_allclose(a, b, **close)


# ---------------------------------------------------------------- the properties


def test_clips_of_a_batch_are_as_one_by_one_and_frame_by_frame(member):
    times = np.stack([RATES["24 a second"][:5] * TICK, RATES["uneven"][:5] * TICK])
    frames = np.stack([member.clip(t, seed) for seed, t in enumerate(times)])
    cuts = np.zeros((2, 5), bool)
    cuts[0, 3] = True
    tracks = compiled_scan(member)(member.params(), frames, times, cuts)
    chex.assert_shape(tracks.identity, (2, 5, None))
    chex.assert_tree_shape_prefix(tracks.trajectory.particles, (2, 5))
    np.testing.assert_array_equal(tracks.cut, cuts)
    for clip, told in enumerate(((3,), ())):
        for t, state in enumerate(stream(member, frames[clip], times[clip], told)):
            assert bool(state.cut) == (t in told)
            mine = jax.tree.map(lambda x, at=(clip, t): x[at], tracks.trajectory.particles)
            scanned = Shown(mine, tracks.identity[clip, t])
            assert_alike(scanned, state, exactly=False)
    end = stream(member, frames[1], times[1])[-1]
    assert_alike(jax.tree.map(lambda x: x[1], tracks.state), end, exactly=False)


@dataclasses.dataclass(frozen=True)
class Shown:
    particles: Any
    identity: Any


def test_a_part_of_a_clip_goes_on_where_the_one_before_ended(member):
    times = RATES["24 a second"][:5] * TICK
    frames = member.clip(times)
    clips, clocks = np.stack([frames] * 2), np.stack([times] * 2)
    tracks = compiled_scan(member)(member.params(), clips, clocks, np.zeros((2, 5), bool))
    state = jax.tree.map(lambda x: x[0], tracks.state)
    assert_alike(state, stream(member, frames, times)[-1], exactly=False)
    _, step, params = compiled(member)
    [frame] = member.clip(np.array([5 * TICK]))
    on, _ = step(params, state, frame, np.float32(5 * TICK), np.bool_(False))
    assert set(shown(on)) & set(shown(state))


def test_further_slots_change_nothing(member):
    times = RATES["24 a second"][:6] * TICK
    frames = member.clip(times)
    few, many = stream(member, frames, times), stream(member, frames, times, more=5)
    assert many[0].identity.shape[0] == few[0].identity.shape[0] + 5
    assert shown(few[-1])
    for one, other in zip(few, many, strict=True):
        assert_alike(one, other, exactly=False)


def test_what_free_slots_hold_is_never_used(member):
    times = RATES["24 a second"][:6] * TICK
    frames = member.clip(times)

    def spoiled(state: Any) -> Any:
        free = state.identity < 0
        assert free.any()

        def nan(x: jax.Array) -> jax.Array:
            if not jnp.issubdtype(x.dtype, jnp.floating):
                return x
            return jnp.where(free.reshape(-1, *[1] * (x.ndim - 1)), jnp.nan, x)

        return dataclasses.replace(state, particles=jax.tree.map(nan, state.particles))

    clean = stream(member, frames, times)
    for one, other in zip(clean, stream(member, frames, times, between=spoiled), strict=True):
        assert_alike(one, other)
        assert np.isfinite(
            np.asarray(other.particles.feature)[np.asarray(other.identity) >= 0]
        ).all()


def test_at_a_told_cut_all_end_and_no_number_is_given_twice(member):
    times = RATES["24 a second"][:8] * TICK
    frames = np.concatenate([member.clip(times[:4]), member.clip(times[4:], 1)])
    states = stream(member, frames, times, (4,))
    assert [bool(state.cut) for state in states] == [k == 4 for k in range(8)]
    before = {name for state in states[:4] for name in np.asarray(state.identity).tolist()} - {-1}
    after = {name for state in states[4:] for name in np.asarray(state.identity).tolist()} - {-1}
    assert set(shown(states[3]))
    assert set(shown(states[7]))
    assert max(before) < min(after)
    # As if the shot were a clip of its own, but for the numbers.
    alone = stream(member, frames[4:], times[4:])
    for state, own in zip(states[4:], alone, strict=True):
        first = min(after)
        moved = {name - first: value for name, value in shown(state).items()}
        assert moved.keys() == shown(own).keys()
        for name, value in shown(own).items():
            np.testing.assert_allclose(moved[name][0], value[0], atol=1e-5)


def test_the_same_motion_has_the_same_velocities_and_names_at_any_rate(member):
    found = {}
    for name, ticks in RATES.items():
        times = ticks * TICK
        states = stream(member, member.clip(times), times)
        first, last = shown(states[0]), shown(states[-1])
        stayed = sorted(first.keys() & last.keys())
        assert len(stayed) >= max(2, member.stays * len(first)), name
        velocity = np.median([last[k][1] for k in stayed], axis=0)
        assert np.linalg.norm(velocity - SPEED) < 0.05 * np.linalg.norm(SPEED), name
        found[name] = {k: last[k][0] for k in stayed}
    truth = found["24 a second"]
    for name, others in found.items():
        both = others.keys() & truth.keys()
        assert len(both) >= member.same * len(others.keys() | truth.keys()), name
        for k in both:
            np.testing.assert_allclose(others[k], truth[k], atol=0.01, err_msg=name)


def test_only_differences_of_times_matter(member):
    times = np.array([0, 1, 2, 4, 5, 6]) / 32  # which float32 holds exactly, moved too
    frames = member.clip(times)
    for one, other in zip(
        stream(member, frames, times), stream(member, frames, times + 64), strict=True
    ):
        assert_alike(one, other)


@pytest.mark.slow  # each operation is compiled by itself
def test_compiling_changes_nothing(member):
    times = RATES["24 a second"][:2] * TICK
    frames = jnp.asarray(member.clip(times))
    tracker, params = member.make(0), member.params()
    with jax.disable_jit():
        state = tracker.init_fn(params, frames[0], times[0])
        for frame, time in zip(frames, times, strict=True):
            state, _ = tracker.step_fn(params, state, frame, time)
    assert_alike(state, stream(member, frames, times)[-1], exactly=False)
