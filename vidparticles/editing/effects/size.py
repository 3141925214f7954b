"""Crop and resize: which part of the pictures is kept, and how large it is written.

Pictures stay as they are stored. Sides are even numbers, as the usual codecs want them.
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Frames, Reel
from vidparticles.errors import InputError
from vidparticles.video.picture.geometry import cropped, framed, scaled

LEAST, MOST = 16, 16384  # pixels of a side


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A part of a picture, upright.

    Attributes:
        left, top: where it begins, from the picture's left and upper edge.
        width, height: how large it is.
        shares: these are shares of the picture's width and height; else pixels.
    """

    left: Fraction
    top: Fraction
    width: Fraction
    height: Fraction
    shares: bool = False

    def within(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Left, top, width and height in pixels of a picture, width and height even.

        Raises:
            InputError: some of it is outside.
        """
        across, down = (width, height) if self.shares else (1, 1)
        numbers = (self.left * across, self.top * down, self.width * across, self.height * down)
        left, top, wide, high = (int(x + Fraction(1, 2)) for x in numbers)
        wide, high = wide // 2 * 2, high // 2 * 2
        if left + wide > width or top + high > height or min(wide, high) < LEAST:
            raise InputError(
                f"crop {wide} × {high} at {left},{top} is not a part of at least {LEAST} × {LEAST} "
                f"pixels of a picture of {width} × {height}; give X,Y,W,H in pixels or in shares."
            )
        return left, top, wide, high


def parse_crop(text: str) -> Rectangle:
    """X,Y,W,H: in pixels, or all at most 1 as shares of the width and height.

    Raises:
        InputError: not four such numbers.

    Example:
        >>> parse_crop("10,20,320,240").shares, parse_crop("0,0.25,1,0.5").shares
        (False, True)
    """
    try:
        left, top, width, height = (Fraction(part.strip()) for part in text.split(","))
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f"crop {text!r} is not X,Y,W,H; give pixels, as in 10,20,320,240, or shares of the "
            "picture, as in 0,0.25,1,0.5."
        ) from None
    if min(left, top) < 0 or min(width, height) <= 0:
        raise InputError(f"crop {text!r} holds nothing; give X,Y,W,H with W and H above 0.")
    return Rectangle(left, top, width, height, max(left, top, width, height) <= 1)


def crop(part: Rectangle) -> Edit:
    """An edit that keeps a part of the picture; times and sound stay.

    Args:
        part: which; `parse_crop` makes one from words.

    Returns:
        The edit; it raises InputError where the part is not inside of the picture.

    Example:
        >>> reel = Reel(iter(()), [0], duration=1, rate=1, height=100, width=200)
        >>> half = crop(parse_crop("0.25,0,0.5,1"))(reel)
        >>> half.width, half.height
        (100, 100)
    """

    def edit(reel: Reel) -> Reel:
        left, top, width, height = part.within(reel.height, reel.width)

        def parts(frames: Frames, first: int) -> Frames:
            del first
            for time, picture in frames:
                yield time, cropped(picture, left, top, width, height)

        return reel.with_frames(parts, height=height, width=width)

    return edit


def parse_size(text: str) -> tuple[int, int | None]:
    """H, or WxH: height and width in pixels; None for the width that keeps the shape.

    Raises:
        InputError: neither, or out of range.

    Example:
        >>> parse_size("720"), parse_size("1280x720")
        ((720, None), (720, 1280))
    """
    found = re.fullmatch(r"\s*(?:(\d+)\s*[x×X])?\s*(\d+)p?\s*", text)
    sides = [int(side) for side in found.groups() if side] if found else []
    if not sides or not all(LEAST <= side <= MOST and side % 2 == 0 for side in sides):
        raise InputError(
            f"resize {text!r} is not understood; give the height or WxH in even numbers of pixels "
            f"from {LEAST} to {MOST}, as in 720 or 1280x720."
        )
    return sides[-1], sides[0] if len(sides) == 2 else None


def resize(height: int, width: int | None = None) -> Edit:
    """An edit that changes the size of the picture; its shape stays, its pixels become square.

    Args:
        height: pixels, even.
        width: pixels, even; what the picture does not fill is black. Default, as wide as its
            shape asks.

    Example:
        >>> reel = Reel(iter(()), [0], duration=1, rate=1, height=100, width=200)
        >>> resize(50)(reel).width, resize(50, 50)(reel).width
        (100, 50)
    """

    def edit(reel: Reel) -> Reel:
        shape = Fraction(reel.width, reel.height) * Fraction(reel.pixel_aspect)
        wide = _even(height * shape) if width is None else width
        # The whole of it, as large as it fits in.
        inner = (
            (height, min(wide, _even(height * shape)))
            if height * shape <= wide
            else (min(height, _even(wide / shape)), wide)
        )
        if width is None:
            inner = (height, wide)

        def changed(frames: Frames, first: int) -> Frames:
            del first
            for time, picture in frames:
                yield time, framed(scaled(picture, *inner), height, wide)

        return reel.with_frames(changed, height=height, width=wide, pixel_aspect=1)

    return edit


def _even(length: Fraction) -> int:
    return max(2, 2 * round(length / 2))
