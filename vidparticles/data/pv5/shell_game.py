"""PV-5 T2, shell-game: identical cups change places; where is the one that was marked?

Four gray discs stand on a square, or five on a pentagon; a red dot marks one in frames 0 … 5.
From frame 10 on come n swaps of two cups drawn at random: 8 frames along opposite halves of
an ellipse (its short half-axis is 0.6 of the long one) and 2 still. The label is the slot
where the marked cup ends. With n swaps among k cups the slot where it began is right with
probability 1/k + (1 − 1/k)((k − 3)/(k − 1))ⁿ: 50, 33.3, 25.9, 25.0 % for k = 4 and
n = 1, 2, 4, 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import drawing

STREAM = 2
RADIUS, DOT = 0.12, 0.06
LEAD, MOVE, REST, MARKED = 10, 8, 2, 6
BULGE = 0.6
RED = np.array([255, 0, 0])
# Just wide enough to hide a cup that crosses it, at its middle.
BAND = (0.38, 0.62)


def slots(cups: int) -> np.ndarray:
    """Where cups stand: [cups, 2], the corners of a square or of a pentagon of equal reach."""
    if cups == 4:
        return np.array([[0.28, 0.28], [0.72, 0.28], [0.28, 0.72], [0.72, 0.72]])
    angle = np.pi + 2 * np.pi * np.arange(cups) / cups
    return 0.5 + 0.22 * np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def batch(
    indices: Sequence[int] | np.ndarray,
    *,
    swaps: int | tuple[int, int] = 4,
    cups: int = 4,
    idle: int = 0,
    stride: int = 1,
    occlude: bool = False,
) -> dict[str, Any]:
    """The clips of these indices.

    Args:
        indices: B of them; a clip is a function of its index and of the options.
        swaps: n, or the least and the most of them; clips with fewer than the most are
            idle instead.
        cups: 4 or 5.
        idle: still frames more, put at random between the swaps and after the last.
        stride: every so-manieth frame is kept; swaps are faster.
        occlude: whether a gray band hides the middle of the picture.

    Returns:
        frames uint8 [B, T, 32, 32, 3] with T = ⌈(10 + 10 n + idle) / stride⌉, label int32 [B]
        (the slot), and truth: position [B, T, cups, 2] (of each cup, in sides), visible [B, T,
        cups], marked [B], start [B] (its first slot), swaps [B].

    Example:
        >>> clips = batch([0, 1], swaps=3)
        >>> clips["frames"].shape, clips["label"].shape
        ((2, 40, 32, 32, 3), (2,))
    """
    if cups not in (4, 5):
        raise ValueError(f"cups is {cups}; expected 4 or 5.")
    low, high = (swaps, swaps) if isinstance(swaps, int) else swaps
    if not 0 <= low <= high or idle < 0 or stride < 1:
        raise ValueError(
            f"expected 0 ≤ swaps, idle ≥ 0 and stride ≥ 1; given {swaps}, {idle}, {stride}."
        )
    length = LEAD + (MOVE + REST) * high + idle
    drawn = [_clip(rng_of(STREAM, int(i)), low, high, cups, length) for i in indices]
    path, marked, start, label, number = (np.array(x) for x in zip(*drawn, strict=True))
    path = path[:, ::stride]
    canvas = drawing.canvas(len(path), path.shape[1])
    for cup in range(cups):
        drawing.disc(canvas, path[:, :, cup], radius=RADIUS, color=drawing.GREY)
    dotted = np.arange(length)[::stride] < MARKED
    target = path[np.arange(len(path)), :, marked]
    drawing.disc(canvas, target, radius=DOT, color=RED, shown=dotted)
    visible = np.ones(path.shape[:3], bool)
    if occlude:
        drawing.band(canvas, *BAND)
        visible = drawing.share_outside(path[..., 0], RADIUS, *BAND) > 0.1
    return {
        "frames": drawing.finish(canvas),
        "label": label.astype(np.int32),
        "truth": {
            "position": path.astype(np.float32),
            "visible": visible,
            "marked": marked,
            "start": start,
            "swaps": number,
        },
    }


def _clip(
    rng: np.random.Generator, low: int, high: int, cups: int, length: int
) -> tuple[np.ndarray, int, int, int, int]:
    """Path [length, cups, 2], the marked cup, its first and its last slot, the swaps."""
    home = slots(cups)
    slot = rng.permutation(cups)  # of each cup
    marked = int(rng.integers(cups))
    start = int(slot[marked])
    count = int(rng.integers(low, high + 1))
    spare = length - LEAD - (MOVE + REST) * count
    # Idle frames before each swap: the cuts of a line of `spare` frames, any equally likely.
    cuts = np.sort(rng.integers(0, spare + 1, count))
    begins = LEAD + (MOVE + REST) * np.arange(count) + cuts
    angle = (np.pi * np.arange(1, MOVE + 1) / MOVE)[:, None]
    one = rng.integers(0, cups, count)
    other = (one + rng.integers(1, cups, count)) % cups
    side = BULGE * (2 * rng.integers(0, 2, count) - 1)
    path = np.broadcast_to(home[slot], (length, cups, 2)).copy()
    for begin, a, b, bulge in zip(begins, one, other, side, strict=True):
        middle, half = (home[slot[a]] + home[slot[b]]) / 2, (home[slot[a]] - home[slot[b]]) / 2
        way = half * np.cos(angle) + bulge * half[::-1] * [-1, 1] * np.sin(angle)
        slot[[a, b]] = slot[[b, a]]
        path[begin:] = home[slot]
        path[begin : begin + MOVE, a] = middle + way
        path[begin : begin + MOVE, b] = middle - way
    return path, marked, start, int(slot[marked]), count
