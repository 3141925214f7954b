"""Events follow from the probabilities of windows, and from no more."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles.inference.timeline import tile, timeline

CLASSES = ("avoid", "bounce", "stick")


@given(
    label=st.lists(st.integers(0, 2), min_size=1, max_size=40),
    shortest=st.integers(1, 6),
    seconds=st.floats(0.1, 1e4),
)
def test_a_timeline_has_no_gaps_and_no_short_events(label, shortest, seconds):
    cells = np.eye(3)[label] * 0.6 + 0.4 / 3
    events = timeline(cells, CLASSES, seconds=seconds, shortest=shortest)
    assert events[0].start == 0
    assert events[-1].end == pytest.approx(seconds)
    for before, after in itertools.pairwise(events):
        assert before.end == after.start
        assert before.label != after.label
    if len(events) > 1:
        cell = seconds / len(label)
        assert min(e.end - e.start for e in events) > (shortest - 0.5) * cell
    assert all(0 <= e.probability <= 1 for e in events)
    if shortest == 1:
        runs = 1 + np.count_nonzero(np.diff(label))
        assert len(events) == runs


def test_a_short_event_goes_to_the_neighbor_that_is_likelier_there():
    cells = np.array([[0.8, 0.1, 0.1]] * 4 + [[0.1, 0.5, 0.4]] + [[0.1, 0.1, 0.8]] * 4)
    events = timeline(cells, CLASSES, seconds=9.0, shortest=2)
    assert [(e.label, e.start, e.end) for e in events] == [("avoid", 0, 4), ("stick", 4, 9)]
    assert events[1].probability == pytest.approx((0.4 + 4 * 0.8) / 5)


# ------------------------------------------------------------------ tiles


def _two(sure):
    """Windows over two classes, the first of them this probable."""
    return np.stack([sure, 1 - sure], axis=-1)


def test_a_window_that_straddles_two_events_has_no_say():
    """However sure it is of a third thing, and wherever the events begin."""
    for offset in (0, 3, 8):
        starts = np.arange(0, 3 * 16 + offset + 1)
        inside = (starts - offset) % 16 == 0
        sure = np.where(inside & (starts >= offset), 0.9, 0.8)
        chosen = tile(_two(sure), starts, frames=16)
        want = np.repeat(offset + 16 * np.arange(len(chosen) // 16), 16)
        np.testing.assert_array_equal(chosen[offset : offset + len(want)], want)


@given(st.integers(0, 2**32 - 1))
def test_no_tiling_is_surer(seed):
    """Against all tilings of a short file, tried one by one."""
    rng = np.random.default_rng(seed)
    frames, count = 3, 9
    starts = np.unique(np.r_[0, rng.choice(count - frames + 1, 4), count - frames])
    sure = rng.uniform(0.5, 1, len(starts))

    def cost(cell):
        if cell >= count:
            return 0.0
        bare = cost(cell + 1) + math.log(2) / frames
        window = [-math.log(s) + cost(cell + frames) for s in sure[starts == cell]]
        return min([bare, *window])

    chosen = np.unique(tile(_two(sure), starts, frames=frames))
    assert (np.diff(starts[chosen]) >= frames).all()
    covered = frames * len(chosen)
    found = -np.log(sure[chosen]).sum() + (count - covered) * math.log(2) / frames
    assert found == pytest.approx(cost(0), abs=1e-6)
