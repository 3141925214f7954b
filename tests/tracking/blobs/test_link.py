"""Spots of one frame after another joined to paths that are known."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from vidparticles.particles import Particles, pad, particles
from vidparticles.tracking.base import scan
from vidparticles.tracking.blobs import link as linking
from vidparticles.tracking.blobs.link import LinkConfig
from vidparticles.tracking.blobs.locate import LocateConfig
from vidparticles.tracking.blobs.tracker import BlobConfig, blob_tracker

COUNT, DT = 24, 0.1


def given(
    position: np.ndarray, *, room: int = COUNT, shuffled: np.random.Generator | None = None
) -> Particles:
    """Spots at places [n, 2], in a random order if wished; their feature says who they are."""
    who = np.arange(len(position)) if shuffled is None else shuffled.permutation(len(position))
    found = particles(jnp.asarray(position[who]), feature=jnp.asarray(who[:, None], jnp.float32))
    return pad(found, room)


def run(moments: list[np.ndarray], **options) -> list[linking.LinkState]:
    rng = np.random.default_rng(1)
    config = LinkConfig(**{"reach": 0.05, **options})
    return linked([given(moment, shuffled=rng) for moment in moments], config)


def linked(moments: list[Particles], config: LinkConfig) -> list[linking.LinkState]:
    state, states = linking.no_links(moments[0], 0.0), []
    for k, spots in enumerate(moments):
        state = linking.link(state, spots, k * DT, config)
        states.append(state)
    return states


def names(state: linking.LinkState) -> dict[int, int]:
    """Feature → identity of the living."""
    alive = np.asarray(state.particles.alive)
    who = np.asarray(state.particles.feature)[alive, 0].astype(int)
    return dict(zip(who.tolist(), np.asarray(state.identity)[alive].tolist(), strict=True))


def crowd(rng: np.random.Generator, count: int = 20) -> np.ndarray:
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 2)[:count]
    return (0.2 * (grid + 0.5) + rng.uniform(-0.04, 0.04, (count, 2))).astype(np.float32)


def test_diffusing_spots_keep_their_names_in_whatever_order_they_come():
    rng = np.random.default_rng(0)
    moments = [crowd(rng)]
    for _ in range(6):
        moments.append(moments[-1] + rng.normal(0, 0.01, (20, 2)).astype(np.float32))
    states = run(moments)
    for state in states:
        assert names(state) == names(states[0])
    assert int(states[-1].spawned) == 20


def test_paths_are_those_of_the_least_sum_of_squares():
    """Against scipy's assignment, in crowds where many spots are within reach."""
    rng = np.random.default_rng(2)
    for reach in (0.1, 0.5):
        old, new = (rng.uniform(0, 1, (n, 2)).astype(np.float32) for n in (18, 20))
        old[3], new[4] = old[2], new[5]  # at one place: one of them alone is paired with one
        *_, state = linked([given(old), given(new)], LinkConfig(reach=reach))
        kept = np.asarray(state.particles.alive) & (np.asarray(state.identity) < 18)
        row = np.asarray(state.identity)[kept]
        column = np.asarray(state.particles.feature)[kept, 0].astype(int)
        square = np.sum((old[:, None] - new) ** 2, axis=-1)
        cost = np.minimum(square, reach**2)
        wanted = cost[linear_sum_assignment(cost)].sum()
        assert len(set(row)) == len(set(column)) == kept.sum()
        got = square[row, column].sum() + reach**2 * (18 - kept.sum())
        assert got == pytest.approx(wanted, rel=1e-5)


def test_in_a_crowd_nine_in_ten_steps_of_three_tenths_of_the_spacing_are_joined_right():
    """As many as by the assignment of scipy; nearest to each other first, 87 in 100."""
    right = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        old = np.stack(np.meshgrid(np.arange(20), np.arange(20)), -1).reshape(-1, 2)
        old = (old + rng.uniform(-0.2, 0.2, old.shape)).astype(np.float32)
        new = (old + rng.normal(0, 0.3, old.shape)).astype(np.float32)
        moments = [given(x, room=400, shuffled=rng) for x in (old, new)]
        before, after = (names(s) for s in linked(moments, LinkConfig(reach=0.9)))
        right.append(np.mean([after[who] == number for who, number in before.items()]))
    assert np.mean(right) > 0.91


def test_what_vanishes_for_a_while_comes_back_under_its_name():
    rng = np.random.default_rng(3)
    gone = [crowd(rng)] * 6
    for k in (2, 3):
        gone[k] = gone[k][1:]  # the spot that is listed as 0 is missing twice
    for memory, same in ((3 * DT, True), (2.5 * DT, False)):
        config = LinkConfig(reach=0.02, memory=memory)
        states = linked([given(moment) for moment in gone], config)
        assert int(states[3].particles.alive.sum()) == 19
        first, last = (names(state) for state in (states[0], states[-1]))
        assert (set(first.values()) == set(last.values())) == same


@pytest.mark.parametrize(
    ("missing", "back", "same"), [(1, 0.5, True), (1, 0.6, False), (3, 0.6, False), (0, 60.0, True)]
)
def test_no_path_goes_on_across_a_gap_that_is_longer_than_the_memory(missing, back, same):
    """Where the recording pauses meanwhile, too, however few frames there are."""
    spots = given(np.asarray([[0.3, 0.5]], np.float32))
    nothing = spots.replace(alive=jnp.zeros_like(spots.alive))
    config = LinkConfig(reach=0.05, memory=0.5)
    state = linking.link(linking.no_links(spots, 0.0), spots, 0.0, config)
    for k in range(missing):
        state = linking.link(state, nothing, DT * (k + 1), config)
    state = linking.link(state, spots, back, config)
    assert names(state) == {0: 0 if same else 1}


def test_velocity_is_the_way_since_it_was_visible_over_the_time_that_took():
    speed = np.asarray([0.1, -0.05], np.float32)
    start = np.asarray([[0.3, 0.5]], np.float32)
    elsewhere = np.asarray([[0.9, 0.1]], np.float32)
    moments = [start, start + DT * speed, elsewhere, start + 3 * DT * speed]
    state = run(moments, memory=2 * DT)[-1]
    mine = np.asarray(state.identity) == 0
    np.testing.assert_allclose(np.asarray(state.particles.velocity)[mine][0], speed, rtol=1e-4)


def test_what_flies_is_found_where_it_is_expected():
    speed = np.linspace(0.1, 0.55, 10)[:, None] * np.asarray([[1.0, 0.0]])
    start = np.stack([np.full(10, 0.1), np.linspace(0.05, 0.95, 10)], -1)
    # They gather speed from rest, faster than they could be found again at rest.
    way = [0.0, 0.5, 1.4, 2.5, 3.6, 4.7]
    moments = [(start + DT * w * speed).astype(np.float32) for w in way]
    carried = run(moments, reach=0.03, predict=linking.by_velocity)
    assert int(carried[-1].spawned) == 10
    assert int(run(moments, reach=0.03)[-1].spawned) > 10


def test_without_free_slots_nothing_is_spawned():
    full = np.stack([np.linspace(0.02, 0.98, COUNT), np.full(COUNT, 0.5)], -1).astype(np.float32)
    states = run([full, full + np.asarray([0, 0.3], np.float32)], memory=1.0)
    assert int(states[-1].spawned) == COUNT
    assert not states[-1].particles.alive.any()
    states = run([full, full + np.asarray([0, 0.3], np.float32)])
    assert int(states[-1].spawned) == 2 * COUNT
    assert sorted(np.asarray(states[-1].identity)) == list(range(COUNT, 2 * COUNT))


def test_spots_of_a_clip_are_where_they_were_drawn():
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:48, :64] + 0.5
    centers = np.asarray([[12.0, 12.0], [32.0, 30.0], [50.0, 14.0]])
    clip = []
    for _ in range(4):
        centers = centers + rng.normal(0, 0.5, centers.shape)
        spots = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 6) for a, b in centers]
        clip.append(np.repeat((0.6 * sum(spots)).astype(np.float32)[..., None], 3, -1))
    times = jnp.asarray([0.0, 0.1, 0.15, 0.3])
    config = BlobConfig(LocateConfig(diameter=7, count=8), LinkConfig(reach=0.1, memory=0.2))
    found = scan(blob_tracker(config), (), jnp.stack(clip), times)
    alive = np.asarray(found.trajectory.particles.alive)
    assert alive.sum() == 12
    last = np.asarray(found.trajectory.particles.position)[3][alive[3]] * 48
    order = np.argsort(last[:, 0])
    np.testing.assert_allclose(last[order], centers[np.argsort(centers[:, 0])], atol=0.05)
