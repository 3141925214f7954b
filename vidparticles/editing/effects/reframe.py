"""Reframe: another shape of picture, whose window follows what the clip shows.

What matters most in a shot is what is large and moves; what fits into the window beside it is
followed with it. The window moves as `window` says, and begins anew at each cut.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from fractions import Fraction

import numpy as np

from vidparticles.editing.base import Edit
from vidparticles.editing.effects.regions import FindObjects, Objects
from vidparticles.editing.effects.size import LEAST
from vidparticles.editing.effects.window import WindowConfig, window_path
from vidparticles.editing.reel import Frames, Reel
from vidparticles.errors import InputError
from vidparticles.video.picture.geometry import cropped


@dataclasses.dataclass(frozen=True)
class ReframeConfig:
    """What is followed.

    Attributes:
        quick: speed, frame heights a second, that makes an object count twice as much as it would
            standing still; faster ones count no more than `most` times.
        most: see there.
        together: share of the frames of an object in which it must fit in with those before it.
        window: how the window moves.
    """

    quick: float = 0.15
    most: float = 5.0
    together: float = 0.8
    window: WindowConfig = dataclasses.field(default_factory=WindowConfig)


DEFAULT = ReframeConfig()


def parse_shape(text: str) -> Fraction:
    """W:H as a ratio.

    Raises:
        InputError: no such ratio.

    Example:
        >>> parse_shape("9:16")
        Fraction(9, 16)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)\s*", text)
    sides = [Fraction(side) for side in found.groups()] if found else [Fraction(0)]
    if not all(sides) or not Fraction(1, 10) <= sides[0] / sides[-1] <= 10:
        raise InputError(
            f"reframe {text!r} is no shape of a picture; give W:H, as in 9:16, 1:1 or 2.39:1."
        )
    return sides[0] / sides[1]


def reframe(shape: Fraction, find: FindObjects, *, config: ReframeConfig = DEFAULT) -> Edit:
    """An edit that keeps a window of another shape, as large as fits in; times and sound stay.

    The frames are run through twice: once to find what is followed, when the first of the new
    frames is asked for.

    Args:
        shape: width over height, as it is seen.
        find: finds what is followed.
        config: what of it, and how the window moves.
    """

    def edit(reel: Reel) -> Reel:
        again = reel.again
        if again is None:
            raise ValueError("these frames can be run through but once: not reframed.")
        stored = shape / Fraction(reel.pixel_aspect)
        width = min(reel.width, round(reel.height * stored)) // 2 * 2
        height = min(reel.height, round(reel.width / stored)) // 2 * 2
        if min(width, height) < LEAST:
            raise InputError(
                f"{reel.name}: of {reel.width} × {reel.height} pixels a window of this shape is "
                f"{width} × {height}; give one of at least {LEAST} × {LEAST}."
            )
        across = width < reel.width - 1

        @functools.cache
        def path() -> np.ndarray:
            times = np.array([float(time) for time in reel.times])
            size = (width if across else height) / reel.height
            whole = (reel.width if across else reel.height) / reel.height
            begin = followed(find(reel), times, whole, size, across=across, config=config)
            most = (reel.width - width) if across else (reel.height - height)
            return np.clip(np.round(begin * reel.height), 0, most).astype(int)

        def windows(frames: Frames, first: int) -> Frames:
            begin = path()
            for index, (time, picture) in enumerate(frames, first):
                at = int(begin[index])
                left, top = (at, 0) if across else (0, at)
                yield time, cropped(picture, left, top, width, height)

        return reel.with_frames(windows, height=height, width=width)

    return edit


def followed(
    found: Objects,
    times: np.ndarray,
    whole: float,
    size: float,
    *,
    across: bool,
    config: ReframeConfig = DEFAULT,
) -> np.ndarray:
    """Where the window begins in each frame [T], frame heights.

    Args:
        found: what there is.
        times: [T] seconds.
        whole: length of the picture along the side that the window moves on, frame heights.
        size: of the window along it.
        across: it moves from side to side; else up and down.
        config: what is followed.
    """
    shot, begin = np.asarray(found.shot), np.zeros(len(times))
    axis = 0 if across else 1
    for number in np.unique(shot):
        part = np.flatnonzero(shot == number)
        low, high = _spans(found, part, times, axis, size, config)
        known = ~np.isnan(low)
        wanted = np.where(known, (low + high) / 2 - size / 2, 0)
        begin[part] = window_path(
            wanted, known.astype(float), times[part], whole - size, size, config.window
        )
    return begin


def _spans(
    found: Objects,
    part: np.ndarray,
    times: np.ndarray,
    axis: int,
    size: float,
    config: ReframeConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """From where to where what is followed reaches in the frames of a shot; nan where it is not."""
    ways: dict[int, np.ndarray] = {}
    for at, frame in enumerate(part):
        seen = found.seen[frame]
        for name, box, hidden in zip(seen.number, seen.box, seen.hidden, strict=True):
            if not hidden:
                ways.setdefault(int(name), np.full((len(part), 4), np.nan))[at] = box
    low = np.full(len(part), np.nan)
    high = low.copy()
    for name in sorted(ways, key=lambda k: -_importance(ways[k], times[part], config)):
        ends = ways[name][:, [axis, axis + 2]]
        wide = np.fmax(high, ends[:, 1]) - np.fmin(low, ends[:, 0])
        there = ~np.isnan(ends[:, 0])
        if np.isnan(low).all() or np.mean(wide[there] <= size) >= config.together:
            low, high = np.fmin(low, ends[:, 0]), np.fmax(high, ends[:, 1])
    return low, high


def _importance(box: np.ndarray, times: np.ndarray, config: ReframeConfig) -> float:
    """How much an object [T, 4] matters: its size, as long as it is there, more while it moves."""
    there = np.flatnonzero(~np.isnan(box[:, 0]))
    own = box[there]
    size = np.sqrt(np.prod(own[:, 2:] - own[:, :2], -1))
    middle = (own[:, :2] + own[:, 2:]) / 2
    speed = np.zeros(len(there))
    if len(there) > 1:
        step = np.linalg.norm(np.diff(middle, axis=0), axis=-1) / np.diff(times[there])
        speed[1:] = step
        speed[0] = step[0]
    return float(np.sum(size * np.minimum(1 + speed / config.quick, config.most)))
