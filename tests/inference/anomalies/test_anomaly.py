"""Chances, neighbors and alarms: properties, and what made clips show."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vidparticles import cli
from vidparticles.errors import InputError
from vidparticles.inference.anomalies import anomaly, cells, detect, normal, scores
from vidparticles.inference.anomalies.cells import SPAN, Cells, cells_of, followed
from vidparticles.inference.anomalies.motion import ERROR, VELOCITY, Motion
from vidparticles.inference.anomalies.objects import no_frames
from vidparticles.inference.anomalies.tail import LEAST, nats, tail_of
from vidparticles.inference.searching import index
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.understanding.networks import Networks
from vidparticles.video import write_video
from vidparticles.viz.anomalies import list_anomalies


@settings(max_examples=40)
@given(seed=st.integers(0, 999), size=st.integers(LEAST, 300))
def test_larger_is_never_likelier_and_many_numbers_have_their_share(seed, size):
    body = np.random.default_rng(seed).exponential(size=size)
    tail = tail_of(body)
    found = nats(tail, np.linspace(-1, 30, 400))
    assert (np.diff(found) >= -1e-9).all()
    assert found[0] == pytest.approx(0, abs=0.2)
    middle = nats(tail, np.median(body))
    assert middle == pytest.approx(np.log(2), abs=0.2)


def test_a_tail_is_that_of_the_distribution_beyond_what_was_seen():
    """Exponential numbers: −log of the chance of x is x."""
    body = np.random.default_rng(0).exponential(size=20_000)
    tail = tail_of(body)
    np.testing.assert_allclose(nats(tail, [1.0, 5.0, 12.0]), [1, 5, 12], rtol=0.06)
    few = tail_of(body[:30])
    assert nats(few, 30.0) < nats(tail, 30.0)  # few promise little


def test_too_few_numbers_are_a_sentence():
    with pytest.raises(InputError, match="too few"):
        tail_of([1.0] * (LEAST - 1))


@given(st.lists(st.floats(0, 20), min_size=1, max_size=3))
def test_chances_together_are_those_of_fisher(parts):
    filled = np.full((1, 3), np.nan)
    filled[0, : len(parts)] = parts
    expected = -stats.chi2.logsf(2 * sum(parts), 2 * len(parts))
    assert scores.together(filled)[0] == pytest.approx(expected, abs=1e-6)


# ---------------------------------------------------------------- cells


def _cells(rng, count, *, odd=()):
    like = 1 + 0.05 * rng.standard_normal((count, 8))
    like[list(odd)] = np.eye(8)[0]
    velocity = rng.standard_normal((count, len(VELOCITY)))
    velocity[list(odd)] += 9
    starts = SPAN * np.arange(count)
    return Cells(
        starts=starts,
        ends=starts + SPAN,
        error=rng.standard_normal(count) + 9 * np.isin(np.arange(count), list(odd)),
        velocity=velocity,
        like=like / np.linalg.norm(like, axis=-1, keepdims=True),
        objects=np.full((count, 2), np.nan),
    )


def test_what_is_far_from_normal_is_an_alarm_and_normal_is_not():
    rng = np.random.default_rng(0)
    known = normal.normal_of([_cells(rng, 60) for _ in range(8)])
    judged = _cells(rng, 60, odd=(20, 21, 23, 40))
    parts = detect.against(judged, known)
    novelty = scores.together(parts)
    found = detect.alarms(judged, parts, novelty, known.threshold)
    assert [(a.start, a.end) for a in found] == [(10.0, 12.0), (20.0, 20.5)]
    fresh = _cells(rng, 600)  # five minutes: one alarm an hour is accepted
    parts = detect.against(fresh, known)
    assert len(detect.alarms(fresh, parts, scores.together(parts), known.threshold)) <= 1


@pytest.mark.parametrize("count", [40, 7200])
def test_the_threshold_is_exceeded_once_an_hour_by_the_tail_it_was_found_from(count):
    rng = np.random.default_rng(1)
    clips = [_cells(rng, count // 4) for _ in range(4)]
    known = normal.normal_of(clips)
    totals = scores.together(scores.chances(known.parts, known.tails))
    chance = np.exp(-nats(tail_of(totals), known.threshold))
    assert chance <= SPAN / 3600 * 1.05
    assert (totals > known.threshold).sum() <= max(1, 3 * count * SPAN / 3600)


def test_what_came_before_is_known_after_a_while_and_nothing_later_counts():
    rng = np.random.default_rng(2)
    cells = _cells(rng, 120, odd=(90,))
    parts = detect.before(cells)
    assert not np.isfinite(parts[:10]).any()
    novelty = scores.together(parts)
    assert np.argmax(novelty) == 90
    shorter = Cells(*(getattr(cells, name)[:100] for name in ("starts", "ends", "error")),
                    cells.velocity[:100], cells.like[:100], cells.objects[:100])  # fmt: skip
    again = detect.before(shorter)
    # The scale of velocities is of the whole clip; nothing else may differ.
    np.testing.assert_allclose(again[:, [0, 2]], parts[:100, [0, 2]])


def test_cells_hold_what_happened_in_them():
    times = np.arange(0.04, 3, 0.08)
    motion = Motion(times, times, np.tile(times[:, None], (1, len(VELOCITY))))
    like = np.eye(2, 5)
    empty = np.zeros((2, 2, 10))
    entry = Entry(
        3.0, np.array([0, 1.5]), np.array([1.5, 3]), like, np.zeros((2, 64)), empty, empty
    )
    found = cells_of(entry, motion, no_frames())
    assert len(found.starts) == 6
    assert (np.abs(found.error - (found.starts + found.ends) / 2) < 0.08).all()
    np.testing.assert_array_equal(found.like.argmax(1), [0, 0, 0, 1, 1, 1])
    still = Motion(np.zeros(0), np.zeros(0), np.zeros((0, len(VELOCITY))))
    nothing = cells_of(entry, still, no_frames())
    assert np.isnan(nothing.error).all()


@pytest.mark.parametrize("counts", [[40], [4, 4]])
def test_too_little_that_is_normal_is_a_sentence(counts):
    rng = np.random.default_rng(3)
    with pytest.raises(InputError, match="too few to tell what is normal"):
        normal.normal_of([_cells(rng, count) for count in counts])


# ---------------------------------------------------------------- clips


def _drift(path, *, seconds, jolt=None, seed=0):
    """A texture that goes to the right at a steady speed; at `jolt` it darts about for a while."""
    rng = np.random.default_rng(seed)
    texture = np.kron(rng.integers(30, 220, (30, 60, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    frames, x = [], 0
    for k in range(round(12 * seconds)):
        wild = jolt is not None and jolt <= k / 12 < jolt + 1
        x += 7 * (-1) ** k if wild else 1
        frame = np.roll(texture, x, axis=1)[:, :160].copy()
        frame[40:80, 60:100] = np.roll(texture, 4 * k, axis=0)[:40, :40]
        if wild:
            frame[40:80, 60:100] = np.roll(texture, (9 * k * (-1) ** k, 5), axis=(0, 1))[:40, :40]
        frames.append(frame)
    write_video(path, np.stack(frames), rate=12)
    return path


@pytest.fixture
def without_networks(monkeypatch):
    monkeypatch.setattr(index, "networks", lambda size, names: Networks())
    for room in (index, detect, normal):
        monkeypatch.setattr(room, "lookers", dict)
        monkeypatch.setattr(room, "detector", lambda: None)
    monkeypatch.setattr(cells, "detector_parameters", lambda: None)


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steady")
    for seed in range(4):
        _drift(folder / f"{seed}.mp4", seconds=3, seed=seed)
    return folder


@pytest.mark.slow
def test_points_that_dart_about_are_told_and_their_time(steady, without_networks, tmp_path, capsys):
    clip = _drift(tmp_path / "jolt.mp4", seconds=5, jolt=3.0, seed=9)
    found = anomaly(clip, normal=steady, index=tmp_path / "index")
    novelty = np.array(found.novelty, float)
    wild = (np.array(found.starts) >= 2.9) & (np.array(found.ends) <= 4.1)
    assert novelty[wild].min() > np.nanmax(novelty[np.array(found.ends) <= 2.9])
    assert "i3d" in found.warnings[0]
    (kept,) = (tmp_path / "index").glob("normal-*")
    stamp = kept.stat().st_mtime_ns
    assert anomaly(clip, normal=steady, index=tmp_path / "index") == found
    assert kept.stat().st_mtime_ns == stamp
    assert str(clip) in list_anomalies(found)
    words = ["anomaly", str(clip), "--index", str(tmp_path / "index")]
    assert cli.main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["novelty"] == [None] * len(told["starts"])
    assert "--normal DIR" in told["warnings"][2]


@pytest.mark.slow
def test_a_clip_without_texture_has_no_motion(tmp_path):
    write_video(tmp_path / "gray.mp4", np.full((20, 48, 64, 3), 90, np.uint8), rate=10)
    motion, objects = followed(tmp_path / "gray.mp4")
    assert np.isfinite(motion.error).all()
    assert not objects.known.any()
    assert ERROR not in VELOCITY
