"""What happens when: the probabilities of windows over a file, made into events.

A window that straddles two events shows neither, and the model, which was never shown such a
thing, may be sure of anything. So the file is tiled: of all ways to lay windows side by side, the
one counts that the model is surest of as a whole.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


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
