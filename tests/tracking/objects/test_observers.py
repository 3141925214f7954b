"""Observers with a memory: it ends at a cut, streams as it scans, and goes backwards for a file."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.tracking.base import Tracker, scan
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import (
    FusionConfig,
    Observer,
    fused,
    stateless,
    together,
)
from vidparticles.tracking.objects.seed import seeded
from vidparticles.tracking.objects.tracker import object_tracker

CONFIG = ObjectConfig(count=3, kinds=2, features=0, confirm=1, motion_rows=None)
BOX = jnp.array([[0.4, 0.4, 0.6, 0.6]])


def told(box, score, valid=True) -> Observations:
    count = len(box)
    return Observations(
        jnp.asarray(box, jnp.float32),
        jnp.broadcast_to(jnp.asarray(score, jnp.float32), count),
        jnp.zeros(count, jnp.int32),
        jnp.zeros((count, 0)),
        jnp.broadcast_to(jnp.asarray(valid), count),
    )


def counting(first: int, kind: int = 0) -> Observer:
    """Sees its box from the so many-th frame of a shot on."""

    def init(params, frame):
        del params, frame
        return jnp.zeros((), jnp.int32)

    def observe(params, state, frame, camera, dt):
        del params, frame, camera, dt
        seen = told(BOX, 0.9, state + 1 >= first)
        return state + 1, dataclasses.replace(seen, kind=seen.kind + kind)

    return Observer(init, observe)


def tracker_of(observer: Observer) -> Tracker:
    """Its step compiled, whose programs are few then."""
    tracker = object_tracker(observer, CONFIG)
    return tracker._replace(step_fn=jax.jit(tracker.step_fn))


def test_a_memory_ends_at_a_cut_and_streams_as_it_scans():
    frames, times = jnp.zeros((8, 8, 8, 3)), jnp.arange(8) / 25
    cuts = jnp.arange(8) == 4
    tracker = tracker_of(counting(3))
    tracks = scan(tracker, (), frames, times, cuts)
    there = np.asarray(tracks.identity).max(1)
    assert there.tolist() == [-1, -1, 0, 0, -1, -1, 1, 1]
    state = tracker.init_fn((), frames[0], times[0])
    for k in range(8):
        state, _ = tracker.step_fn((), state, frames[k], times[k], cut=cuts[k])
        assert int(state.identity.max()) == there[k]
    jax.tree.map(np.testing.assert_array_equal, state.observer, tracks.state.observer)


def test_a_memory_goes_backwards_and_on():
    tracker = tracker_of(counting(3))
    frames = [jnp.zeros((8, 8, 3))] * 4
    state = seeded(tracker, (), frames, [0.0, 0.04, 0.08, 0.12], CONFIG)
    assert int(state.observer) == 4
    assert int(state.identity.max()) == 0
    state, _ = tracker.step_fn((), state, frames[0], 0.0, cut=jnp.array(False))
    assert int(state.identity.max()) == 0


def test_two_observers_are_one_with_both_states():
    detector = stateless(lambda params, frame: told(params, 0.8))
    both = together(detector, counting(2, kind=1))
    frame, dt = jnp.zeros((8, 8, 3)), jnp.float32(0.04)
    apart, beneath = BOX + 0.4, BOX.at[0, :2].add(-0.1)
    for box, expected in ((apart, [(0.9, 1), (0.8, 0)]), (beneath, [(0.8, 0)])):
        params = (box, ())
        state = both.init_fn(params, frame)
        state, first = both.observe_fn(params, state, frame, None, dt)
        state, second = both.observe_fn(params, state, frame, None, dt)
        assert int(first.valid.sum()) == 1
        found = [
            (round(float(s), 2), int(k))
            for s, k, v in zip(second.score, second.kind, second.valid, strict=True)
            if v
        ]
        assert found == expected


def test_what_the_detector_does_not_believe_hides_nothing():
    body, hand = told([[0.1, 0.1, 0.5, 0.9]], 0.1), told([[0.2, 0.2, 0.3, 0.3]], 0.6)
    config = FusionConfig(sure=0.15)
    assert fused(body, hand, config).valid.tolist() == [True, True]
    surer = dataclasses.replace(body, score=jnp.array([0.2]))
    both = fused(surer, hand, config)
    assert both.valid.tolist() == [True, False]
    np.testing.assert_allclose(both.box[0], body.box[0])


def drifting() -> Observer:
    """Sees one box that goes as many frame heights a frame as its parameter says."""

    def init(params, frame):
        del params, frame
        return jnp.zeros(())

    def observe(params, state, frame, camera, dt):
        del frame, camera, dt
        return state + params, told(BOX + jnp.array([1.0, 0.0, 1.0, 0.0]) * state, 0.7)

    return Observer(init, observe)


def test_what_has_no_class_is_an_object_once_it_has_gone_somewhere():
    tracker = object_tracker(drifting(), dataclasses.replace(CONFIG, classless=(0,)))
    frames, times = jnp.zeros((24, 8, 8, 3)), jnp.arange(24) / 25
    run = jax.jit(lambda speed: scan(tracker, speed, frames, times).identity)
    resting, moving = (np.asarray(run(speed)).max(1) for speed in (0.0, 0.01))
    assert (resting == -1).all()
    # Half of a size of .2 has been gone after ten frames.
    assert (moving[:8] == -1).all()
    assert (moving[14:] == 0).all()


def test_two_witnesses_multiply_their_odds():
    """logit(p) rises by support × score × IoU^fit, of the best witness, for the kinds named."""
    person = jnp.array([[0.1, 0.1, 0.5, 0.9]])
    config = FusionConfig(supported=(0,), support=3.0, fit=2.0)
    half = person.at[0, 3].set(0.5)  # intersection over union of one half
    for box, score, nats in ((person, 0.6, 1.8), (half, 0.6, 0.45), (person + 1, 0.9, 0.0)):
        both = fused(told(person, 0.2), told(jnp.concatenate([box, box]), [score, 0.1]), config)
        mine = int(jnp.argmin(jnp.abs(both.box - person).sum(-1)))
        odds = np.log(0.2 / 0.8) + nats
        np.testing.assert_allclose(both.score[mine], 1 / (1 + np.exp(-odds)), rtol=1e-5)
    chair = dataclasses.replace(told(person, 0.2), kind=jnp.ones(1, jnp.int32))
    unheard = dataclasses.replace(told(person, 0.9), valid=jnp.zeros(1, bool))
    for first, second in ((chair, told(person, 0.9)), (told(person, 0.2), unheard)):
        assert float(fused(first, second, config).score[0]) == np.float32(0.2)
    nothing = jax.tree.map(lambda x: x[:0], told(person, 0.9))
    np.testing.assert_allclose(fused(told(person, 0.2), nothing, config).score, 0.2, rtol=1e-5)


def test_an_unsure_person_who_moves_begins_and_one_who_does_not_is_none():
    """A box below `spawn` has a number where what moves is there too, and only there."""
    frames, times = jnp.zeros((8, 8, 8, 3)), jnp.arange(8) / 25
    config = FusionConfig(supported=(0,))
    assert CONFIG.spawn > 0.3
    for away, numbers in ((0.0, 1), (0.4, 0)):
        moving = told(BOX + away, 0.6)
        moving = dataclasses.replace(moving, kind=jnp.ones(1, jnp.int32))
        both = together(
            stateless(lambda params, frame: told(BOX, 0.3)),
            stateless(lambda params, frame, moving=moving: moving),
            config,
        )
        options = dataclasses.replace(CONFIG, classless=(1,), classless_moved=1.0)
        tracks = scan(object_tracker(both, options), ((), ()), frames, times)
        assert int((np.asarray(tracks.identity) >= 0).any(0).sum()) == numbers
