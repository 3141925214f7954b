"""A trained model over windows of a file: where the windows lie, and their probabilities.

A model is trained on whole clips of a typical length. A file of about that length is one
clip. A longer one is laid on a grid of frames, as far apart as a clip's are, and windows of a
clip's length slide over it.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from vidparticles.data.clips import indices_at
from vidparticles.data.order import uniform_times
from vidparticles.progress import counted
from vidparticles.video import Video


@dataclasses.dataclass(frozen=True)
class WindowConfig:
    """How windows lie over a file.

    Attributes:
        batch: windows classified at once; the last batch is padded, so that one shape is
            compiled.
        single: a file of up to this many clip lengths is one window.
        hop: part of its length by which a window moves on.
        shortest: an event shorter than this part of a clip is noise: windows of a clip's length
            cannot tell it.
    """

    batch: int = 8
    single: float = 1.5
    hop: float = 0.125
    shortest: float = 0.25


DEFAULT = WindowConfig()


@dataclasses.dataclass(frozen=True)
class WindowGrid:
    """Cells of a file, one a frame that is looked at, and the windows over them.

    Attributes:
        times: [K] seconds, the middle of each cell.
        starts: [W] the first cell of each window; the last window ends with the last cell.
        frames: T, cells of a window.
        size: H = W, pixels.
        batch: windows classified at once.
    """

    times: np.ndarray
    starts: np.ndarray
    frames: int
    size: int
    batch: int


class ClassifyFn(Protocol):
    """A model for batches of windows of one shape."""

    def __call__(self, video: np.ndarray, times: np.ndarray, /) -> np.ndarray:
        """uint8 [B, T, H, W, 3] at seconds [B, T] → probabilities [B, classes]."""


def window_grid(
    seconds: float, config: Mapping[str, Any], *, windows: WindowConfig = DEFAULT
) -> WindowGrid:
    """Cells as far apart as the frames that the model was trained on.

    Args:
        seconds: the file's duration.
        config: W/config.json of the training run.
        windows: how they lie.
    """
    frames, size = config["data"]["frames"], config["data"]["size"]
    if config["data"]["sampling"] == "dense":
        rate = config["data"]["rate"]
        count = max(frames, round(seconds * rate))
        times = uniform_times(count / rate, frames=count)
    else:
        clip = config.get("clip_seconds") or seconds
        count = frames if seconds <= windows.single * clip else round(seconds / clip * frames)
        times = uniform_times(seconds, frames=count)
    hop = max(1, round(windows.hop * frames))
    starts = np.unique(np.r_[np.arange(0, count - frames, hop), count - frames])
    return WindowGrid(times, starts, frames, size, min(windows.batch, len(starts)))


def classify_windows(
    video: Video, grid: WindowGrid, classify: ClassifyFn, watch: Stopwatch
) -> np.ndarray:
    """Probabilities of the windows of a file, [W, classes].

    Only the frames of one batch of windows are held at a time, and each is decoded once.

    Args:
        video: the file.
        grid: where its windows lie.
        classify: the model, for batches of `grid.batch` windows.
        watch: told the seconds spent on "decode" and "model".
    """
    places = indices_at(video.times, grid.times)
    held = np.empty((0, grid.size, grid.size, 3), np.uint8)
    first = 0  # the cell of held[0]
    found = []
    batches = range(0, len(grid.starts), grid.batch)
    for at in counted(batches, len(batches), work="understanding"):
        starts = grid.starts[at : at + grid.batch]
        with watch("decode"):
            needed = places[first + len(held) : starts[-1] + grid.frames]
            new = video.frames(needed, size=(grid.size, grid.size))
        held, first = np.concatenate([held[starts[0] - first :], new]), starts[0]
        padded = np.resize(starts, grid.batch)
        cells = padded[:, None] + np.arange(grid.frames)
        begins = grid.times[padded] - grid.times[0]
        times = video.times[places[cells]] - begins[:, None]
        with watch("model"):
            rows = classify(held[cells - first], times.astype(np.float32))[: len(starts)]
        found.append(rows)
    return np.concatenate(found)


def compiled_classifier(loaded: Any, grid: WindowGrid, watch: Stopwatch) -> ClassifyFn:
    """The model of a run, compiled for the batches of a grid.

    Args:
        loaded: what `training.run.load_model` gave.
        grid: of the file.
        watch: told the seconds spent on "compile".
    """
    import jax

    def probabilities(params: Any, video: jax.Array, times: jax.Array) -> jax.Array:
        logits = loaded.model.apply(params, {"video": video, "time": times})["logits"]
        return jax.nn.softmax(logits)

    shape = (grid.batch, grid.frames)
    video = jax.ShapeDtypeStruct((*shape, grid.size, grid.size, 3), np.uint8)
    times = jax.ShapeDtypeStruct(shape, np.float32)
    with watch("compile"):
        run = jax.jit(probabilities).lower(loaded.params, video, times).compile()
    return lambda video, times: np.asarray(run(loaded.params, video, times))


class Stopwatch:
    """Seconds spent on named things."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = collections.defaultdict(float)

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time that a `with` block takes."""
        begin = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - begin
