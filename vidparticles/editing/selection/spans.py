"""Stretches of steps of time: found, joined, dropped, widened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Kept(NamedTuple):
    """A part of a clip that is kept.

    Attributes:
        start, end: seconds.
        why: what happens in it, in words.
    """

    start: float
    end: float
    why: str = ""


def stretches(mask: np.ndarray) -> list[tuple[int, int]]:
    """First step of each stretch of true ones and the step behind it.

    Example:
        >>> stretches(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    steps = np.diff(np.concatenate([[0], np.asarray(mask, np.int8), [0]]))
    firsts, stops = (np.flatnonzero(steps == way).tolist() for way in (1, -1))
    return [*zip(firsts, stops, strict=True)]


def without_gaps(mask: np.ndarray, shortest: int, unless: Sequence[int] = ()) -> np.ndarray:
    """The mask with gaps of fewer steps than `shortest` filled; those at its ends are no gaps.

    Args:
        mask: [T] bool.
        shortest: steps.
        unless: a gap that begins or ends with one of these steps, or has it within, is left.

    Example:
        >>> without_gaps(np.array([False, True, False, True, False]), 2).tolist()
        [False, True, True, True, False]
    """
    filled = np.array(mask, bool)
    for first, stop in stretches(~filled):
        apart = any(first <= step <= stop for step in unless)
        if first > 0 and stop < len(filled) and stop - first < shortest and not apart:
            filled[first:stop] = True
    return filled


def held(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where values are at least `low`, in stretches that reach `high` somewhere.

    Example:
        >>> held(np.array([0.2, 0.6, 1.0, 0.6, 0.0, 0.6]), 0.5, 1.0).tolist()
        [False, True, True, True, False, False]
    """
    found = np.asarray(values) >= low
    for first, stop in stretches(found):
        found[first:stop] = bool(np.max(values[first:stop]) >= high)
    return found


def united(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in order, those that overlap or touch as one.

    Example:
        >>> united([(3, 4), (0, 1), (1, 2)])
        [(0, 2), (3, 4)]
    """
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found
