"""What `understand` says must follow from what the model says of the windows, and from no more."""

from __future__ import annotations

import itertools
import math

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles.data import embedded
from vidparticles.data.pipeline import batches
from vidparticles.inference import windows as understand
from vidparticles.inference.windows import BATCH, Stopwatch, grid_of, judge_cells, tile, timeline
from vidparticles.training.checkpoint import load_model
from vidparticles.viz.text import describe

CLASSES = ("avoid", "bounce", "stick")


# ------------------------------------------------------------------ the timeline


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


# ------------------------------------------------------------------ windows


class Footage:
    """Stands in for a file: frame i is the class that it shows, everywhere; notes what is read."""

    def __init__(self, acts, *, seconds=2.0, rate=24):
        self.shown = np.repeat(acts, round(seconds * rate))
        self.times = np.arange(len(self.shown)) / rate
        self.reads: list[np.ndarray] = []

    def frames(self, places, *, size):
        self.reads.append(np.asarray(places))
        return np.broadcast_to(
            self.shown[places].astype(np.uint8)[:, None, None, None], (len(places), *size, 3)
        )


def watched_judge(shapes, starts=None):
    """Says of a window what share of its frames shows each class."""

    def judge(video, time):
        shapes.add((video.shape, time.shape))
        if starts is not None:
            starts.append(time[:, 0])
        label = video[..., 0, 0, 0]
        return np.stack([(label == c).mean(axis=1) for c in range(3)], axis=-1)

    return judge


def judged(footage, *, frames=16, clip_seconds=2.0):
    config = {
        "data": {"frames": frames, "size": 4, "sampling": "uniform"},
        "clip_seconds": clip_seconds,
    }
    seconds = float(footage.times[-1] + 1 / 24)
    grid = grid_of(seconds, config)
    shapes, starts = set(), []
    judge = watched_judge(shapes, starts)
    cells = judge_cells(footage, grid, judge, Stopwatch(), classes=3)
    return grid, cells, shapes, np.concatenate(starts), seconds


def test_each_frame_of_the_grid_is_decoded_once_in_order_and_one_shape_is_judged():
    footage = Footage([0, 1, 2, 0, 1] * 4)
    grid, cells, shapes, first_times, _ = judged(footage)
    read = np.concatenate(footage.reads)
    assert len(read) == len(grid.times) == len(cells) == 20 * 16
    assert (np.diff(read) > 0).all()
    assert shapes == {((BATCH, 16, 4, 4, 3), (BATCH, 16))}
    # Every window's clock begins where a clip's does: half a cell after its own start.
    np.testing.assert_allclose(first_times, 0.0625, atol=1 / 24)
    np.testing.assert_allclose(cells.sum(axis=1), 1)


def test_memory_does_not_grow_with_the_file():
    for acts in (10, 40):
        footage = Footage([0, 1] * (acts // 2))
        judged(footage)
        assert max(map(len, footage.reads)) <= 16 + BATCH * 4


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


@pytest.mark.parametrize("acts", [[0, 1, 2], [2, 0, 2, 1], [1, 1, 0, 0]])
def test_events_are_found_where_they_are(acts):
    _, cells, _, _, seconds = judged(Footage(acts))
    events = timeline(cells, CLASSES, seconds=seconds, shortest=4)
    edges = [2.0 * (i + 1) for i in range(len(acts) - 1) if acts[i] != acts[i + 1]]
    assert [e.label for e in events] == [
        CLASSES[c] for i, c in enumerate(acts) if not i or acts[i - 1] != c
    ]
    found = [e.end for e in events[:-1]]
    np.testing.assert_allclose(found, edges, atol=0.125)  # one cell


@pytest.mark.parametrize(
    ("seconds", "cells", "windows"), [(2.0, 16, 1), (3.0, 16, 1), (3.1, 25, 6), (10.0, 80, 33)]
)
def test_a_file_of_about_a_clips_length_is_one_window(seconds, cells, windows):
    config = {"data": {"frames": 16, "size": 4, "sampling": "uniform"}, "clip_seconds": 2.0}
    grid = grid_of(seconds, config)
    assert (len(grid.times), len(grid.starts)) == (cells, windows)
    assert grid.starts[-1] + 16 == cells
    assert grid.times[0] > 0
    assert grid.times[-1] < seconds
    del config["clip_seconds"]
    assert len(grid_of(seconds, config).starts) == 1


def test_dense_training_keeps_its_rate():
    config = {"data": {"frames": 8, "size": 4, "sampling": "dense", "rate": 4.0}}
    grid = grid_of(10.0, config)
    np.testing.assert_allclose(np.diff(grid.times), 0.25)
    assert len(grid.times) == 40
    assert len(grid_of(0.5, config).times) == 8


# ------------------------------------------------------------------ files


def test_a_clip_gets_what_evaluation_gives_it(run, clips, clip):
    loaded = load_model(run)
    frames, size = loaded.config["data"]["frames"], loaded.config["data"]["size"]
    options = {"train": False, "batch_size": 6, "frames": frames, "size": size}
    batch = next(batches(str(clips), split="test", **options))
    row = {name: batch[name][loaded.classes.index("orbit")][None] for name in ("video", "time")}
    logits = np.asarray(jax.jit(loaded.model.apply)(loaded.params, row)["logits"][0], np.float64)
    expected = np.exp(logits) / np.exp(logits).sum()
    seen = understand(clip, run)
    got = [seen.classes[label] for label in loaded.classes]
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert list(seen.classes.values()) == sorted(got, reverse=True)
    assert [(e.start, e.end) for e in seen.timeline] == [(0, 2.0)]
    assert seen.timeline[0].label == next(iter(seen.classes))
    assert seen.warnings == ()


def test_a_longer_file_gets_a_timeline(run, tmp_path):
    story = tmp_path / "story.mp4"
    acts = embedded.story(story, seed=1, acts=3)
    seen = understand(story, run)
    assert seen.seconds == pytest.approx(acts[-1].end)
    assert sum(seen.classes.values()) == pytest.approx(1)
    assert seen.timeline[-1].end == pytest.approx(seen.seconds)
    assert min(seen.decode_seconds, seen.model_seconds, seen.compile_seconds) > 0
    assert seen.model_seconds < seen.compile_seconds
    text = describe(seen)
    assert all(label in text for label in seen.classes)
    assert max(map(len, text.splitlines())) <= 100
