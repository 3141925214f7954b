"""The clips of the benchmark of occlusions, and how it judges who is who after a gap."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from experiments.benchmarks import occlusions
from experiments.benchmarks.occlusions_clips import AFTER, BEFORE, FRAMES, GAPS, KINDS, gap, make
from experiments.benchmarks.occlusions_laws import no_network, without
from experiments.benchmarks.occlusions_learned import LearnedConfig, gap_loss

LENGTH = 20


@pytest.fixture(scope="module", params=KINDS)
def clips(request):
    return make(request.param, 5, 2)


def test_a_gap_takes_the_boxes_of_who_is_covered_and_no_others(clips):
    seen = without(clips, LENGTH)
    rows = np.arange(len(clips.size))
    assert (np.diff(seen.score, axis=-1) <= 0).all()
    for c in rows:
        inside, outside = np.zeros(FRAMES, bool), np.ones(FRAMES, bool)
        inside[gap(LENGTH)] = True
        covered = clips.seen.valid[c][:, :-1][:, clips.covered[c]].sum(-1)
        told = clips.seen.valid[c].sum(-1)
        outside &= ~inside
        np.testing.assert_array_equal(seen.valid[c].sum(-1)[inside], (told - covered)[inside])
        np.testing.assert_array_equal(seen.valid[c].sum(-1)[outside], told[outside])
        assert covered[outside].mean() > 0.8


def test_every_gap_has_its_frames_before_and_after():
    for length in GAPS:
        when = gap(length)
        assert when.stop - when.start == length
        assert when.start >= BEFORE
        assert when.stop + AFTER <= FRAMES


def test_who_is_asked_for_is_there(clips):
    assert (clips.covered <= clips.asked).all()
    assert (clips.size[clips.asked] > 0).all()


def followed_truly(clips, exchange: bool):
    """What a tracker that errs nowhere tells, or one that takes each for the next after the gap."""
    count, things = clips.size.shape
    numbers = np.tile(np.where(clips.size > 0, np.arange(things), -1)[:, None], (1, FRAMES, 1))
    if exchange:
        for c in range(count):
            there = np.flatnonzero(clips.size[c] > 0)
            numbers[c, gap(LENGTH).stop :, there] = np.roll(there, 1)[:, None]
    unseen = np.zeros(numbers.shape)
    unseen[:, gap(LENGTH)] = np.where(clips.covered[:, None], 0.5, 0)
    return numbers, clips.center, unseen


def test_the_truth_is_kept_and_an_exchange_is_not(clips):
    right = occlusions.judged(clips, LENGTH, followed_truly(clips, exchange=False))
    assert right["kept"].all()
    assert not right["exchanged"].any()
    np.testing.assert_allclose(right["away"], 0, atol=1e-6)
    wrong = occlusions.judged(clips, LENGTH, followed_truly(clips, exchange=True))
    assert not wrong["kept"].any()
    assert wrong["exchanged"].all()


@pytest.mark.slow
def test_a_law_is_learned_along_the_slope_of_its_loss():
    sets = [make(kind, 5, 2) for kind in KINDS]
    every = jax.tree.map(lambda *x: np.concatenate(x), *sets)
    config, length = LearnedConfig(gaps=(10,)), np.int32(10)
    params = no_network(jax.random.key(3))
    params["outward"] = 20 * params["outward"]  # a law that pushes
    loss = jax.jit(gap_loss, static_argnames="config")
    slope = jax.jit(jax.grad(gap_loss), static_argnames="config")(params, every, length, config)
    for name in ("outward", "distance", "reach"):
        along = slope[name] / np.linalg.norm(slope[name])
        assert np.isfinite(along).all()

        def moved(way, name=name, along=along):
            there = params | {name: params[name] + way * along}
            return float(loss(there, every, length, config))

        step = 2e-3
        rise = (moved(step) - moved(-step)) / (2 * step)
        assert rise == pytest.approx(float(np.linalg.norm(slope[name])), rel=0.1)
