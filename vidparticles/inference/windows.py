"""What a file shows, and when: a trained model over windows of it.

A model is trained on whole clips of a typical length. A file of about that length is one
clip. A longer one is laid on a grid of frames, as far apart as a clip's are, and windows of a
clip's length slide over it. A window that straddles two events shows neither, and the model,
which was never shown such a thing, may be sure of anything. So the file is tiled: of all ways
to lay windows side by side, the one counts that the model is surest of as a whole.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vidparticles.data.clips import places_at
from vidparticles.data.order import uniform_times
from vidparticles.errors import InputError
from vidparticles.video import Video, open_video

# Windows judged at once; the last batch is padded, so that one shape is compiled.
BATCH = 8
# A file of up to this many clip lengths is taken as one clip.
ONE_CLIP = 1.5
# A window moves on by this part of its length.
HOP = 0.125
# An event shorter than this part of a clip is noise: windows of a clip's length cannot tell.
SHORTEST = 0.25

# [B, T, H, W, 3] and [B, T] to probabilities [B, classes].
Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happens in a file.

    Attributes:
        label: the class.
        start, end: seconds from the first frame.
        probability: mean over the event, in [0, 1].
    """

    label: str
    start: float
    end: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Understanding:
    """What a model makes of a file.

    Attributes:
        path: the file.
        seconds: its duration.
        classes: class → probability, mean over the file's time, the likeliest first.
        timeline: what happens when, without gaps from 0 to `seconds`.
        decode_seconds: spent in reading and resizing frames.
        model_seconds: spent in the model, without compiling it.
        compile_seconds: spent in compiling it.
        warnings: sentences on what is wrong with the file.
    """

    path: pathlib.Path
    seconds: float
    classes: Mapping[str, float]
    timeline: tuple[Event, ...]
    decode_seconds: float
    model_seconds: float
    compile_seconds: float
    warnings: tuple[str, ...]


def understand(path: str | os.PathLike[str], checkpoint: str | os.PathLike[str]) -> Understanding:
    """What a trained model makes of a video file.

    Args:
        path: the file; long ones are read as a stream.
        checkpoint: the workdir of a run of experiments/train.py.

    Raises:
        InputError: the file is not a video that can be read, the folder not such a run, or the
            run one without labels.
    """
    from vidparticles.training.checkpoint import load_model

    watch = Stopwatch()
    with contextlib.ExitStack() as stack:
        with watch("decode"):
            video = stack.enter_context(open_video(path))
        loaded = load_model(checkpoint)
        if len(loaded.classes) < 2:
            raise InputError(
                f"{checkpoint} was trained without labels, so it can name nothing; see what it "
                "follows with `vidparticles show`, or train on clips of two classes or more."
            )
        seconds = video.info.duration
        grid = grid_of(seconds, loaded.config)
        judge = compiled(loaded, grid, watch)
        cells = judge_cells(video, grid, judge, watch, classes=len(loaded.classes))
        warnings = video.warnings
    mean = cells.mean(axis=0)
    return Understanding(
        path=pathlib.Path(path),
        seconds=seconds,
        classes={loaded.classes[i]: float(mean[i]) for i in np.argsort(-mean, kind="stable")},
        timeline=timeline(
            cells, loaded.classes, seconds=seconds, shortest=max(1, round(SHORTEST * grid.frames))
        ),
        decode_seconds=watch.spent["decode"],
        model_seconds=watch.spent["model"],
        compile_seconds=watch.spent["compile"],
        warnings=warnings,
    )


def timeline(
    cells: np.ndarray, classes: Sequence[str], *, seconds: float, shortest: int = 1
) -> tuple[Event, ...]:
    """Runs of the likeliest class.

    Args:
        cells: [K, classes] probabilities in equal stretches of a file.
        classes: their names.
        seconds: the file's duration, K stretches in all.
        shortest: runs of fewer cells go to the neighbor that is likelier there, the
            shortest run first.

    Returns:
        Events that follow each other without gaps from 0 to `seconds`.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
        >>> [(e.label, e.start, e.end) for e in timeline(p, ["pass", "stick"], seconds=2.0)]
        [('pass', 0.0, 1.0), ('stick', 1.0, 2.0)]
    """
    count = len(cells)
    label = np.argmax(cells, axis=1)
    while True:
        edges = np.flatnonzero(np.diff(label)) + 1
        starts, ends = np.r_[0, edges], np.r_[edges, count]
        least = int(np.argmin(ends - starts))
        run = slice(starts[least], ends[least])
        if len(starts) == 1 or run.stop - run.start >= shortest:
            break
        beside = {int(label[i]) for i in (run.start - 1, run.stop) if 0 <= i < count}
        label[run] = max(sorted(beside), key=lambda c: cells[run, c].mean())
    return tuple(
        Event(
            label=classes[label[a]],
            start=float(a / count * seconds),
            end=float(b / count * seconds),
            probability=float(cells[a:b, label[a]].mean()),
        )
        for a, b in zip(starts, ends, strict=True)
    )


@dataclasses.dataclass(frozen=True)
class Grid:
    """Cells of a file and the windows over them.

    Attributes:
        times: [K] seconds, the middle of each cell.
        starts: [W] the first cell of each window; the last window ends with the last cell.
        frames: T, cells of a window.
        size: H = W, pixels.
    """

    times: np.ndarray
    starts: np.ndarray
    frames: int
    size: int

    @property
    def batch(self) -> int:
        """Windows judged at once."""
        return min(BATCH, len(self.starts))


def grid_of(seconds: float, config: Mapping[str, Any]) -> Grid:
    """Cells as far apart as the frames that the model was trained on."""
    frames, size = config["data"]["frames"], config["data"]["size"]
    if config["data"]["sampling"] == "dense":
        rate = config["data"]["rate"]
        count = max(frames, round(seconds * rate))
        times = uniform_times(count / rate, frames=count)
    else:
        clip = config.get("clip_seconds") or seconds
        count = frames if seconds <= ONE_CLIP * clip else round(seconds / clip * frames)
        times = uniform_times(seconds, frames=count)
    hop = max(1, round(HOP * frames))
    starts = np.unique(np.r_[np.arange(0, count - frames, hop), count - frames])
    return Grid(times, starts, frames, size)


def judge_cells(
    video: Video, grid: Grid, judge: Judge, watch: Stopwatch, *, classes: int
) -> np.ndarray:
    """Probabilities [K, classes]: for each cell those of its tile, see `tile`.

    Only the frames of one batch of windows are held at a time, and each is decoded once.
    """
    places = places_at(video.times, grid.times)
    held = np.empty((0, grid.size, grid.size, 3), np.uint8)
    first = 0  # the cell of held[0]
    windows = np.empty((0, classes))
    for at in range(0, len(grid.starts), grid.batch):
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
            rows = judge(held[cells - first], times.astype(np.float32))[: len(starts)]
        windows = np.concatenate([windows, rows])
    return windows[tile(windows, grid.starts, frames=grid.frames)]


def tile(windows: np.ndarray, starts: np.ndarray, *, frames: int) -> np.ndarray:
    """The windows that, side by side, the model is surest of: argmax Σ log p over tilings.

    p is the probability of a window's likeliest class. A cell that no window covers costs its
    share of a window of which nothing is known, log(classes) / T, and goes to the nearest tile.

    Args:
        windows: [W, classes] probabilities.
        starts: [W] first cell of each window, increasing from 0; the last one ends the file.
        frames: T, cells of a window.

    Returns:
        int [K], the window of each of the K = starts[-1] + T cells.

    Example:
        >>> windows = np.array([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9]])
        >>> tile(windows, np.array([0, 1, 2]), frames=2).tolist()
        [0, 0, 2, 2]
    """
    count = int(starts[-1]) + frames
    surety = np.log(np.maximum(windows.max(axis=1), 1e-12))
    # A little more than its share, so that no rounding makes bare cells of unsure windows.
    bare_cell = (math.log(windows.shape[1]) + 1e-9) / frames
    window_at = {int(start): i for i, start in enumerate(starts)}
    best = np.full(count + 1, -np.inf)  # of all tilings of the cells before this one
    best[0] = 0
    last = np.full(count + 1, -1)  # the window that ends there, −1 for none
    for cell in range(count):
        bare = best[cell] - bare_cell
        if bare > best[cell + 1]:
            best[cell + 1], last[cell + 1] = bare, -1
        i = window_at.get(cell)
        if i is not None:
            tiled = best[cell] + surety[i]
            if tiled > best[cell + frames]:
                best[cell + frames], last[cell + frames] = tiled, i
    chosen = []
    cell = count
    while cell > 0:
        if last[cell] < 0:
            cell -= 1
        else:
            chosen.append(int(last[cell]))
            cell -= frames
    tiles = np.array(chosen[::-1])
    middles = starts[tiles] + (frames - 1) / 2
    return tiles[np.searchsorted((middles[1:] + middles[:-1]) / 2, np.arange(count))]


def compiled(loaded: Any, grid: Grid, watch: Stopwatch) -> Judge:
    """The model, for batches of windows of one shape."""
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
