"""Who moves together: bodies over a moving background, whose truth is known."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.particles import Trajectory, particles
from vidparticles.tracking import segments as g
from vidparticles.tracking.base import Tracks

BACKGROUND, BODY, FRAMES, RATE = 120, 18, 6, 25.0
COUNT = BACKGROUND + 2 * BODY
BODY_OF = np.repeat([0, 1, 2], [BACKGROUND, BODY, BODY])


def scene(noise: float = 2e-4) -> np.ndarray:
    """Positions [T, N, 2]: a pan with zoom, one body that turns as it flies, one that falls."""
    random = np.random.default_rng(0)
    time = np.arange(FRAMES)[:, None] / RATE
    behind = random.uniform([0, 0], [1.78, 1], (4 * BACKGROUND, 2))
    behind = behind * (1 + 0.1 * time[:, None]) + np.array([0.8, 0.1]) * time[:, None]
    middles = np.array([0.5, 0.5]) + time * [0.3, -0.4], np.array([1.2, 0.4]) + time * [0.8, 0.6]
    for middle in middles:  # what a body covers is not seen
        behind = behind[:, (np.abs(behind - middle[:, None]).max(-1) > 0.14).all(0)]
    flat, upright = random.uniform(-0.12, 0.12, (2, BODY, 2))
    turn = np.stack([np.cos(time), np.sin(time), -np.sin(time), np.cos(time)], -1)
    bodies = flat @ turn.reshape(FRAMES, 2, 2), np.broadcast_to(upright, (FRAMES, BODY, 2))
    shapes = [body + middle[:, None] for body, middle in zip(bodies, middles, strict=True)]
    positions = np.concatenate([behind[:, :BACKGROUND], *shapes], axis=1)
    return positions + noise * random.normal(size=positions.shape)


def segmented(
    positions: np.ndarray, alive: np.ndarray | None = None, names: np.ndarray | None = None
) -> list[g.SegmentState]:
    """The segments at each moment."""
    count = positions.shape[1]
    alive = np.ones(positions.shape[:2], bool) if alive is None else alive
    names = np.tile(np.arange(count), (len(positions), 1)) if names is None else names
    segmenter = g.motion_segments()
    groups, found = segmenter.init_fn(count), []
    for t, (xy, living, who) in enumerate(zip(positions, alive, names, strict=True)):
        points = particles(jnp.asarray(xy, jnp.float32), alive=jnp.asarray(living))
        groups = segmenter.step_fn(groups, points, jnp.asarray(who, jnp.int32), t / RATE)
        found.append(groups)
    return found


def test_two_bodies_over_a_moving_background_are_two_segments_that_keep_their_numbers():
    found = [groups.label for groups in segmented(scene())[1:]]
    one, two = sorted({int(found[0][k == BODY_OF].max()) for k in (1, 2)})
    assert (one, two) == (1, 2)
    for label in found:
        names = [int(label[k == BODY_OF][0]) for k in (0, 1, 2)]
        assert names == [0, int(found[0][BACKGROUND]), int(found[0][-1])]
        assert (label == np.asarray(names)[BODY_OF]).all()


@pytest.mark.parametrize("pan", [0.0, 1.5])
def test_where_nothing_moves_but_the_camera_all_are_one(pan):
    still = np.tile(scene()[:1], (FRAMES, 1, 1))
    still += pan * np.arange(FRAMES)[:, None, None] / RATE
    assert not any(groups.label.any() for groups in segmented(still))


def test_segments_do_not_depend_on_where_the_origin_is():
    own, moved = segmented(scene()), segmented(scene() + np.array([3.0, -2.0]))
    for one, other in zip(own, moved, strict=True):
        np.testing.assert_array_equal(one.label, other.label)


def test_places_that_hold_nothing_change_nothing():
    extra = ((0, 0), (0, 9))
    positions = np.pad(scene(), (*extra, (0, 0)), constant_values=np.nan)
    alive = np.pad(np.ones((FRAMES, COUNT), bool), extra)
    names = np.pad(np.tile(np.arange(COUNT), (FRAMES, 1)), extra, constant_values=-1)
    for one, other in zip(segmented(scene()), segmented(positions, alive, names), strict=True):
        np.testing.assert_array_equal(one.label, other.label[:COUNT])
        assert not other.label[COUNT:].any()
        assert np.isfinite(other.apart).all()


def test_a_segment_outlives_its_particles_and_one_hidden_is_known_again():
    names = np.tile(np.arange(COUNT), (FRAMES, 1))
    alive = np.ones((FRAMES, COUNT), bool)
    names[2:, BACKGROUND : BACKGROUND + 8] += 1000  # part of the first body, then the rest
    names[4:, BACKGROUND + 8 : BACKGROUND + BODY] += 1000
    alive[2:5, -3:] = False
    found = segmented(scene(), alive, names)
    assert len({int(groups.label[BACKGROUND]) for groups in found[1:]}) == 1
    assert {int(k) for k in found[-1].label[-3:]} == {int(found[1].label[-1])}


def test_of_a_segment_that_falls_apart_the_larger_part_keeps_the_number():
    positions = scene()
    t = np.arange(FRAMES)[:, None, None] / RATE
    positions[2:, -5:] -= [2.0, 0.0] * (t[2:] - 1 / RATE)
    found = segmented(positions)
    whole, last = int(found[1].label[-1]), found[-1].label
    assert set(last[-BODY:-5].tolist()) == {whole}
    assert set(last[-5:].tolist()) == {3}


def test_a_whole_clip_is_as_frame_by_frame_and_as_without_compiling():
    positions = scene()
    stream = np.stack([groups.label for groups in segmented(positions)])
    points = particles(jnp.asarray(positions, jnp.float32))
    names = jnp.broadcast_to(jnp.arange(COUNT), (FRAMES, COUNT))
    time = jnp.arange(FRAMES) / RATE
    tracks = Tracks(Trajectory(points, time), names, jnp.zeros(FRAMES, bool))
    np.testing.assert_array_equal(jax.jit(g.segment_tracks)(tracks), stream)
    with jax.disable_jit():
        eager = segmented(positions[:2])
    np.testing.assert_array_equal(eager[-1].label, stream[1])


def test_a_position_goes_with_the_segment_whose_motion_it_shows():
    groups = segmented(scene(noise=0))[-1]
    velocity = (scene(noise=0)[-1] - scene(noise=0)[-2]) * RATE
    points = particles(
        jnp.asarray(scene(noise=0)[-1], jnp.float32), velocity=jnp.asarray(velocity, jnp.float32)
    )
    body, behind = jnp.asarray(velocity[-1]), jnp.asarray([0.9, 0.1])
    place = jnp.asarray(scene()[-1][[-1, -1, 0]] + 0.01)
    label = g.region(groups, points, place, jnp.stack([body, behind, body]))
    assert label.tolist() == [int(groups.label[-1]), 0, 0]
