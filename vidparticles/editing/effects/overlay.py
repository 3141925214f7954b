"""Picture in picture: another video in a part of a clip, in step with it."""

from __future__ import annotations

import bisect
from fractions import Fraction

import numpy as np

from vidparticles.editing.base import Edit
from vidparticles.editing.effects.paint import Region, mixed
from vidparticles.editing.reel import Frames, Reel, opened
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Picture
from vidparticles.video.picture.geometry import scaled

PLACE = "0.7,0.05,0.25"  # above on the right


def parse_place(text: str) -> tuple[Fraction, Fraction, Fraction]:
    """X,Y,W: from the left and upper edge, and how wide; pixels, or all at most 1 as shares.

    Raises:
        InputError: not three such numbers.

    Example:
        >>> [float(x) for x in parse_place("0.5, 0, 0.25")]
        [0.5, 0.0, 0.25]
    """
    try:
        left, top, width = (Fraction(part.strip()) for part in text.split(","))
        if min(left, top) < 0 or width <= 0:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f"at {text!r} is not X,Y,W; give pixels, as in 20,20,320, or shares of the picture, as "
            "in 0.7,0.05,0.25."
        ) from None
    return left, top, width


def overlay(path: PathLike, place: tuple[Fraction, Fraction, Fraction]) -> Edit:
    """An edit that shows another video in a part of the picture, until either ends.

    The other is shown from its start at the same speed, without its sound; where it is transparent
    the clip is seen.

    Args:
        path: a video file.
        place: X, Y and width, see `parse_place`; its height is as its shape asks.

    Raises:
        InputError: it cannot be read; from the edit, where it would not be inside of the picture.
    """
    with opened(path) as other:
        times, duration = other.times, other.duration
        shape = Fraction(other.height, other.width) / Fraction(other.pixel_aspect)

    def edit(reel: Reel) -> Reel:
        shares = max(place) <= 1
        across, down = (reel.width, reel.height) if shares else (1, 1)
        left, top, wide = (
            int(x * n) // 2 * 2 for x, n in zip(place, (across, down, across), strict=True)
        )
        high = round(wide * shape * Fraction(reel.pixel_aspect)) // 2 * 2
        if min(wide, high) < 2 or left + wide > reel.width or top + high > reel.height:
            raise InputError(
                f"{path} would be {wide} × {high} at {left},{top}, which is not inside of "
                f"{reel.width} × {reel.height}; give another --at X,Y,W."
            )

        def shown(frames: Frames, first: int) -> Frames:
            with opened(path) as own:
                assert own.again is not None
                start = max(0, bisect.bisect_right(times, reel.times[first]) - 1)
                coming = iter(own.again(start, len(times)))
                ready, small = start, None
                for time, picture in frames:
                    wanted = bisect.bisect_right(times, time) - 1
                    while ready <= wanted:
                        small = next(coming)[1]
                        ready += 1
                    if small is not None and time < duration and wanted >= 0:
                        picture = _laid(picture, small, (left, top, wide, high))
                    yield time, picture

        return reel.with_frames(shown)

    return edit


def _laid(picture: Picture, other: Picture, place: tuple[int, int, int, int]) -> Picture:
    left, top, wide, high = place
    small = scaled(other, high, wide)
    cover = small.cover()
    share = np.ones((high, wide), np.float32) if cover is None else cover.astype(np.float32) / 255
    return mixed(picture, small.like(picture), Region(left, top, share, min(wide, high)))
