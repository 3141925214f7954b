"""Windows over a file: where they lie, what is read for them, and the events they tell of."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.inference.timeline import tile, timeline
from vidparticles.inference.windows import (
    Stopwatch,
    WindowConfig,
    classify_windows,
    window_grid,
)

CLASSES = ("avoid", "bounce", "stick")
BATCH = WindowConfig().batch


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


def watched_model(shapes, starts=None):
    """Says of a window what share of its frames shows each class."""

    def classify(video, time):
        shapes.add((video.shape, time.shape))
        if starts is not None:
            starts.append(time[:, 0])
        label = video[..., 0, 0, 0]
        return np.stack([(label == c).mean(axis=1) for c in range(3)], axis=-1)

    return classify


def classified(footage, *, frames=16, clip_seconds=2.0):
    config = {
        "data": {"frames": frames, "size": 4, "sampling": "uniform"},
        "clip_seconds": clip_seconds,
    }
    seconds = float(footage.times[-1] + 1 / 24)
    grid = window_grid(seconds, config)
    shapes, starts = set(), []
    rows = classify_windows(footage, grid, watched_model(shapes, starts), Stopwatch())
    cells = rows[tile(rows, grid.starts, frames=grid.frames)]
    return grid, cells, shapes, np.concatenate(starts), seconds


def test_each_frame_of_the_grid_is_decoded_once_in_order_and_one_shape_is_classified():
    footage = Footage([0, 1, 2, 0, 1] * 4)
    grid, cells, shapes, first_times, _ = classified(footage)
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
        classified(footage)
        assert max(map(len, footage.reads)) <= 16 + BATCH * 4


@pytest.mark.parametrize("acts", [[0, 1, 2], [2, 0, 2, 1], [1, 1, 0, 0]])
def test_events_are_found_where_they_are(acts):
    _, cells, _, _, seconds = classified(Footage(acts))
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
    grid = window_grid(seconds, config)
    assert (len(grid.times), len(grid.starts)) == (cells, windows)
    assert grid.starts[-1] + 16 == cells
    assert grid.times[0] > 0
    assert grid.times[-1] < seconds
    del config["clip_seconds"]
    assert len(window_grid(seconds, config).starts) == 1


def test_dense_training_keeps_its_rate():
    config = {"data": {"frames": 8, "size": 4, "sampling": "dense", "rate": 4.0}}
    grid = window_grid(10.0, config)
    np.testing.assert_allclose(np.diff(grid.times), 0.25)
    assert len(grid.times) == 40
    assert len(window_grid(0.5, config).times) == 8
