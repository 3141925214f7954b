"""Objects followed: the same in every way of running it, at every clock; who keeps an identity."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.tracking.discs.disc_clips import GRAY, SIDE, draw, line
from vidparticles.errors import InputError
from vidparticles.numerics import softplus_inverse
from vidparticles.tracking.base import scan
from vidparticles.tracking.discs.tracker import DiscConfig, disc_tracker, init

CONFIG = DiscConfig(
    count=3, widths=(4,), appearance=2, features=3, memory=4, radius=0.15, patience=0.19
)
FRAMES, RATE = 12, 25
# Three chunks of one length: a part of another would be compiled beside.
TRACKER = disc_tracker(CONFIG, chunk=4)
START = init(jax.random.key(0), CONFIG)
# As sure of how objects move as a trained one: else velocities follow the error of each frame.
SURE = {**START["filter"], "process_noise": softplus_inverse(0.0005)}
PARAMS = {**START, "filter": SURE}
# Gates that open at the least that happens.
EAGER = {
    **PARAMS,
    "memory": {**PARAMS["memory"], "gate_bias": np.full(CONFIG.memory, -9.0, np.float32)},
}

TIMES = np.arange(FRAMES) / RATE
LEFT, RIGHT = line((0.2, 0.3), (0.9, 0.1), TIMES), line((0.8, 0.75), (-0.8, 0.0), TIMES)
NEVER = np.zeros(FRAMES, bool)
UNEVEN = np.cumsum(np.r_[0.0, np.tile([1 / 25, 1 / 50, 2 / 25, 1 / 25], 3)[1:]])
HIDDEN = draw(LEFT)
HIDDEN[8:] = 0
CROWD = [line((x, y), (0.2, 0), TIMES) for x in (0.2, 0.6) for y in (0.25, 0.75)]
# Name → clip, times, cut.
CLIPS = {
    "two": (draw(LEFT, RIGHT), TIMES, NEVER),
    "cut": (draw(LEFT, RIGHT), TIMES + 3, np.arange(FRAMES) == 5),
    "one": (draw(LEFT), TIMES, NEVER),
    "one moved by cells": (np.roll(draw(LEFT), (2, 2), (1, 2)), TIMES, NEVER),
    "hidden": (HIDDEN, TIMES, NEVER),
    "more than slots": (draw(*CROWD), TIMES, NEVER),
    "uneven": (draw(line((0.2, 0.3), (0.9, 0.1), UNEVEN)), UNEVEN, NEVER),
}


@jax.jit
def follow(params, frames, times, cuts):
    return scan(TRACKER, params, frames, times, cuts)


@jax.jit
def step(params, state, frame, time, cut):
    return TRACKER.step_fn(params, state, frame, time, cut=cut)


def batched(clips):
    """The clips as one batch; always of one size, so that nothing is compiled twice."""
    rows = [clips[i % len(clips)] for i in range(len(CLIPS))]
    frames, times, cuts = (np.stack(x) for x in zip(*rows, strict=True))
    return frames, times.astype(np.float32), cuts


def row(tree, index):
    return jax.tree.map(lambda x: np.asarray(x[index]), tree)


@functools.cache
def everything():
    return jax.device_get(follow(PARAMS, *batched(list(CLIPS.values()))))


def followed(name):
    return row(everything(), list(CLIPS).index(name))


def run(params, *clips):
    """Tracks of clips at the common rate."""
    out = follow(params, *batched([(clip, TIMES, NEVER) for clip in clips]))
    return [row(out, i) for i in range(len(clips))]


def active(tracks, t):
    p = tracks.trajectory.particles
    return p.position[t][p.alive[t]]


def same(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


# ------------------------------------------------------------------ one result, however it is run


@functools.cache
def streamed():
    frames, times, cuts = batched(list(CLIPS.values()))
    state, out = TRACKER.init_fn(PARAMS, frames[:, 0], times[:, 0]), []
    for t in range(FRAMES):
        state, report = step(PARAMS, state, frames[:, t], times[:, t], cuts[:, t])
        out.append((state, report))
    return out


def test_streaming_equals_scan_across_chunks_cuts_and_uneven_times():
    whole, steps = everything(), streamed()
    told = [(s.particles, s.identity, report) for s, report in steps]
    told = jax.tree.map(lambda *x: jnp.stack(x, 1), *told)
    same(told, (whole.trajectory.particles, whole.identity, whole.report), atol=2e-5, rtol=1e-4)
    same(steps[-1][0], whole.state, atol=2e-5, rtol=1e-4)
    assert [bool(s.cut[1]) for s, _ in steps] == CLIPS["cut"][2].tolist()


@pytest.mark.slow  # a batch as its clips one by one, in test_tracker_contract.py, says as much
def test_mapped_it_gives_the_same():
    before, (after, report) = streamed()[3][0], streamed()[4]
    mapped = jax.jit(jax.vmap(lambda s, f, t, c: TRACKER.step_fn(PARAMS, s, f, t, cut=c)))
    same(mapped(before, *at_frame(4)), (after, report), atol=1e-5, rtol=1e-3)


def reordered(state, order):
    def permute(x):
        return x[:, order] if x.ndim > 1 else x

    other = jax.tree.map(permute, state)
    return other.replace(contact=other.contact[:, :, order])


def at_frame(t):
    frames, times, cuts = batched(list(CLIPS.values()))
    return frames[:, t], times[:, t], cuts[:, t]


def test_slots_are_alike():
    # Of clips in which nothing is spawned any more: free slots are taken in their order.
    before, (after, report) = streamed()[6][0], streamed()[7]
    order = jnp.array([2, 0, 1])
    other, said = step(PARAMS, reordered(before, order), *at_frame(7))
    same(other, reordered(after, order), atol=1e-5, rtol=1e-4)
    same(said.novelty, report.novelty, atol=1e-4, rtol=1e-4)


def test_what_an_inactive_slot_holds_changes_nothing():
    before, (after, report) = streamed()[6][0], streamed()[7]
    alive = before.particles.alive
    assert not bool(alive.all())

    def spoil(x):
        free = ~alive.reshape(alive.shape + (1,) * (x.ndim - alive.ndim))
        return jnp.where(free, jnp.nan, x) if jnp.issubdtype(x.dtype, jnp.floating) else x

    p = before.particles
    names = ("covariance", "appearance", "color", "baseline", "unseen", "existence", "contact")
    spoiled = before.replace(
        particles=jax.tree.map(spoil, p), **{name: spoil(getattr(before, name)) for name in names}
    )
    spoiled = spoiled.replace(contact=spoil(spoiled.contact.swapaxes(1, 2)).swapaxes(1, 2))
    other, said = step(PARAMS, spoiled, *at_frame(7))
    same(other, after)
    same(said, report)


# ------------------------------------------------------------------ one clock


def test_patience_is_in_seconds():
    # At half the rate, half as many frames.
    lives = []
    for rate in (25, 12.5):
        frames = np.stack([CLIPS["hidden"][0]] * len(CLIPS))
        state = jax.tree.map(lambda x: x, streamed()[7][0])
        gone = 0
        while bool(state.particles.alive[4, 0]) and gone < 9:
            gone += 1
            now = state.time + 1 / rate
            state, _ = step(PARAMS, state, frames[:, -1], now, np.zeros(len(CLIPS), bool))
        lives.append(gone)
    assert lives == [5, 3]


# ------------------------------------------------------------------ what it is for


def test_objects_are_found_and_followed():
    out = followed("two")
    assert out.state.spawned == 2
    for t in (0, 3, FRAMES - 1):
        for path in (LEFT, RIGHT):
            assert np.linalg.norm(active(out, t) - path[t], axis=-1).min() < 0.03
    first = np.linalg.norm(active(out, 0) - LEFT[0], axis=-1).argmin()
    p = out.state.particles
    np.testing.assert_allclose(p.position[first], LEFT[-1], atol=0.03)
    np.testing.assert_allclose(p.velocity[first], [0.9, 0.1], atol=0.1)


def test_what_is_hidden_moves_on_by_itself():
    p = followed("hidden").trajectory.particles
    speed = p.velocity[7, 0]
    np.testing.assert_allclose(speed, [0.9, 0.1], atol=0.1)
    for t in range(8, FRAMES):
        expected = p.position[7, 0] + (t - 7) / RATE * speed
        np.testing.assert_allclose(p.position[t, 0], expected, atol=1e-5)
        assert p.alive[t, 0]


def test_a_clip_moved_by_cells_gives_the_same_moved():
    still, moved = followed("one"), followed("one moved by cells")
    a, b = still.trajectory.particles, moved.trajectory.particles
    np.testing.assert_allclose(b.position[:8, 0], a.position[:8, 0] + 2 / SIDE, atol=1e-3)
    np.testing.assert_allclose(b.feature[:8, 0], a.feature[:8, 0], atol=1e-3)
    error = [x.report.prediction_error[:8] for x in (still, moved)]
    np.testing.assert_allclose(*error, atol=1e-5)


def test_more_objects_than_slots_are_left_alone():
    out = followed("more than slots")
    p = out.trajectory.particles
    assert p.alive[1:].all()
    assert out.state.spawned == 3
    for k in range(3):
        away = [np.linalg.norm(p.position[:, k] - path, axis=-1).max() for path in CROWD]
        assert min(away) < 0.05


def test_identities_end_at_a_cut():
    identity, cut = followed("cut").identity, CLIPS["cut"][2].argmax()
    assert sorted(identity[cut - 1][identity[cut - 1] >= 0]) == [0, 1]
    assert sorted(identity[cut][identity[cut] >= 0]) == [2, 3]
    assert set(followed("two").identity.ravel().tolist()) == {-1, 0, 1}


def test_those_who_go_on_touching_meet_once():
    come = np.minimum(np.arange(FRAMES), 4)[:, None] * [0.025, 0]
    (out,) = run(EAGER, draw(np.array([0.24, 0.5]) + come, np.array([0.74, 0.5]) - come))
    assert float(out.state.contact[0, 1]) > 0.8
    changes = np.abs(np.diff(out.trajectory.particles.feature, axis=0)).max((1, 2))
    assert changes[2:7].max() > 10 * changes[-1]


def test_memory_belongs_to_the_object_and_contact_passes_it_on():
    red = np.tile(GRAY, (FRAMES, 1))
    red[3] = (255, 0, 0)
    apart = line((0.25, 0.3), (0, 0), TIMES), line((0.75, 0.7), (0, 0), TIMES)
    meeting = line((0.2, 0.5), (0.6, 0), TIMES), line((0.8, 0.5), (-0.6, 0), TIMES)
    shown = [draw(*paths, colors=(c, GRAY)) for paths in (apart, meeting) for c in (GRAY, red)]
    out = run(EAGER, *shown)

    def changed(plain, marked, start):
        first = np.linalg.norm(active(plain, 0) - start, axis=-1).argmin()
        off = np.abs(plain.state.particles.feature - marked.state.particles.feature).max(-1)
        return off[first], off[1 - first]

    own, other = changed(*out[:2], apart[0][0])
    assert own > 0.02
    assert other < 1e-3
    own, other = changed(*out[2:], meeting[0][0])
    assert other > 2e-3


# ------------------------------------------------------------------ gradients


@functools.partial(jax.jit, static_argnames="recompute")
def slope(params, clip, recompute=True):
    def loss(params):
        # One chunk: a scan of scans takes twice as long to compile.
        follower = disc_tracker(CONFIG, chunk=8, recompute=recompute)
        out = scan(follower, params, clip, jnp.arange(8.0)[None] / RATE)
        p, report = out.state.particles, out.report
        errors = jnp.mean(report.reconstruction_error + report.prediction_error)
        return errors + jnp.mean(jnp.where(p.alive[..., None], p.feature, 0) ** 2)

    return jax.value_and_grad(loss)(params)


PAIR = draw(LEFT[:8], RIGHT[:8])[None]


@pytest.mark.slow  # half a minute of compiling
def test_recomputing_gives_the_same_gradient():
    same(slope(START, PAIR), slope(START, PAIR, recompute=False), rtol=1e-4, atol=1e-7)


def test_gradient_against_finite_differences():
    _, gradient = slope(START, PAIR)
    rng, size = np.random.default_rng(0), 5e-4
    way = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), START)
    more, less = (
        slope(jax.tree.map(lambda x, w, s=s: np.asarray(x) + s * w, START, way), PAIR)[0]
        for s in (size, -size)
    )
    along = jax.tree.map(lambda g, w: float(np.vdot(g, w)), gradient, way)
    numeric = float(more - less) / (2 * size)
    assert numeric == pytest.approx(sum(jax.tree.leaves(along)), rel=0.03)


@pytest.mark.parametrize(
    "clip",
    [
        np.zeros((1, 8, SIDE, SIDE, 3)),
        np.full((1, 8, SIDE, SIDE, 3), 90),
        np.random.default_rng(0).integers(0, 255, (1, 8, SIDE, SIDE, 3)),
        np.concatenate([np.zeros((1, 4, SIDE, SIDE, 3)), np.full((1, 4, SIDE, SIDE, 3), 255)], 1),
    ],
    ids=["black", "one color", "noise, more objects than slots", "black and then white"],
)
def test_gradients_are_finite(clip):
    value, gradient = slope(START, jnp.asarray(clip, jnp.uint8))
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves((value, gradient)))


# ------------------------------------------------------------------ what is refused


def test_wrong_frames_and_configs_are_said():
    odd, small = (jnp.zeros(shape, jnp.uint8) for shape in ((15, 16, 3), (1, 2, 16, 16, 3)))
    with pytest.raises(InputError, match="multiples of the stride"):
        TRACKER.init_fn(PARAMS, odd, 0.0)
    with pytest.raises(ValueError, match="T ≥ 1"):
        scan(TRACKER, PARAMS, small[:, :0], jnp.zeros((1, 0)))
    scenic = disc_tracker(dataclasses.replace(CONFIG, scene=(32, 32)))
    with pytest.raises(InputError, match="scene"):
        scan(scenic, PARAMS, small, jnp.zeros((1, 2)))
    with pytest.raises(InputError, match="estimate_scene is True and scene None"):
        DiscConfig(estimate_scene=True)
    with pytest.raises(InputError, match=r"patience is 0; expected positive seconds"):
        DiscConfig(patience=0)
