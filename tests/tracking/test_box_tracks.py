"""Boxes linked to tracks: those that were there are found, through misses, in any order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.tracking.box_tracks import BoxTrackConfig, box_tracks, smoothed

TIMES = np.arange(60) / 25


def path(seed: int, offset: float) -> np.ndarray:
    """Boxes [60, 4] of something that sways."""
    rng = np.random.default_rng(seed)
    x = offset + 0.1 * np.sin(rng.uniform(1, 3) * TIMES + rng.uniform(0, 6))
    y = 0.5 + 0.1 * np.sin(rng.uniform(1, 3) * TIMES + rng.uniform(0, 6))
    return np.stack([x - 0.05, y - 0.06, x + 0.05, y + 0.06], -1)


def told(ways, drop, seed, low=0.3):
    """Boxes and scores of each frame, in any order, some missed, some of low score."""
    rng = np.random.default_rng(seed)
    boxes, scores = [], []
    for t in range(len(TIMES)):
        own = [k for k in rng.permutation(len(ways)) if not drop[k][t]]
        boxes.append(np.array([ways[k][t] for k in own]).reshape(-1, 4))
        scores.append(np.array([0.9 if rng.random() > 0.2 or t == 20 else low for _ in own]))
    return boxes, scores


def inside(box, cover) -> np.ndarray:
    """The share of boxes [n, 4] that others cover."""
    sides = np.minimum(box[:, 2:], cover[:, 2:]) - np.maximum(box[:, :2], cover[:, :2])
    return np.prod(np.maximum(sides, 0), -1) / np.prod(box[:, 2:] - box[:, :2], -1)


@given(seed=st.integers(0, 10_000), gaps=st.lists(st.integers(1, 58), min_size=0, max_size=4))
@settings(max_examples=30, deadline=None)
def test_what_is_missed_between_two_hits_stays_covered(seed, gaps):
    ways = [path(seed, 0.4), path(seed + 1, 1.2)]
    drop = np.zeros((2, 60), bool)
    for k, gap in enumerate(gaps):
        drop[k % 2, gap : gap + 4] = True
    drop[:, [0, 20, 59]] = False
    tracks = box_tracks(*told(ways, drop, seed), TIMES, np.zeros(60, int))
    assert len(tracks) == 2
    for way in ways:
        own = min(tracks, key=lambda track: abs(track.box[0, 0] - way[0, 0]))
        assert own.frames.tolist() == list(range(60))
        share = inside(way, own.box)
        assert share[own.seen].min() > 0.999
        assert share.min() > 0.85


def test_a_track_goes_on_for_a_while_beyond_its_ends_and_not_over_a_cut():
    way = path(5, 0.5)
    drop = np.zeros((1, 60), bool)
    drop[0, :20], drop[0, 40:] = True, True
    boxes, scores = told([way], drop, 5)
    (track,) = box_tracks(boxes, scores, TIMES, np.zeros(60, int))
    hold = round(BoxTrackConfig().hold * 25)
    assert track.frames.tolist() == list(range(20 - hold, 40 + hold))
    assert inside(way[track.frames], track.box).min() > 0.5
    shot = np.repeat([0, 1], 30)
    ends = sorted((t.frames[0], t.frames[-1]) for t in box_tracks(boxes, scores, TIMES, shot))
    assert (ends[0][1], ends[1][0]) == (29, 30)


def test_low_scores_begin_nothing_and_go_on_with_what_is_there():
    way = path(7, 0.5)
    none = np.zeros((1, 60), bool)
    boxes, _ = told([way], none, 7)
    low = [np.full(len(box), 0.3) for box in boxes]
    assert not box_tracks(boxes, low, TIMES, np.zeros(60, int))
    low[30] = np.array([0.9])
    (track,) = box_tracks(boxes, low, TIMES, np.zeros(60, int))
    assert track.seen.all()


def test_the_smoother_is_the_best_linear_estimate():
    """Against the mean of a Gaussian of all positions, given those that were measured."""
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.1, 12))
    density, noise = 3.0, 0.2
    gap = times - times[0]
    early = np.minimum(gap[:, None], gap)
    late = np.maximum(gap[:, None], gap)
    # Of a position whose velocity is a Wiener process, and of its wide beginning.
    prior = density * (early**2 * late / 2 - early**3 / 6)
    measured = rng.normal(size=(12, 1))
    measured[[3, 4, 9]] = np.nan
    known = ~np.isnan(measured[:, 0])
    size = max(np.ptp(measured[known]), noise) + noise
    prior = prior + 4 * size**2 * (1 + gap[:, None] * gap)
    cross = prior[:, known]
    inner = prior[np.ix_(known, known)] + noise**2 * np.eye(known.sum())
    first = measured[np.flatnonzero(known)[0], 0]
    expected = first + cross @ np.linalg.solve(inner, measured[known, 0] - first)
    spread = np.diag(prior - cross @ np.linalg.solve(inner, cross.T))
    mean, deviation = smoothed(measured, times, noise=noise, density=np.array([density]))
    np.testing.assert_allclose(mean[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(deviation[:, 0] ** 2, spread, atol=1e-6)
