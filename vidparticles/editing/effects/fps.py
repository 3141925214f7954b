"""Frames a second: a clip on another exact clock, by the frames that it has."""

from __future__ import annotations

import bisect
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.timing.clock import Ticks
from vidparticles.errors import InputError
from vidparticles.video import cut
from vidparticles.video.write import exact_rate


def parse_rate(text: str) -> Fraction:
    """Frames a second: 25, 29.97, 30000/1001.

    Raises:
        InputError: no number, or out of range.

    Example:
        >>> parse_rate("29.97"), parse_rate("24000/1001")
        (Fraction(30000, 1001), Fraction(24000, 1001))
    """
    try:
        return exact_rate(Fraction(text) if "/" in text else float(text))
    except (ValueError, OverflowError, ZeroDivisionError):
        raise InputError(
            f"fps {text!r} is not understood; give frames a second over 0 to 1000, as in 25, 29.97 "
            "or 30000/1001."
        ) from None


def fps(rate: Fraction | float) -> Edit:
    """An edit that puts a clip on an exact clock; its sound stays.

    Each new frame is the one that shows in the middle of its time, as FFmpeg's filter of this name
    has it: frames are left out or shown again, none is made.

    Args:
        rate: frames a second; 29.97 and the like stand for the ratios that they mean.

    Example:
        >>> frames = [(Fraction(k, 30), k) for k in range(6)]
        >>> times = [time for time, _ in frames]
        >>> reel = Reel(iter(frames), times, Fraction(1, 5), Fraction(30), height=2, width=2)
        >>> [(str(time), k) for time, k in fps(15)(reel).frames]
        [('0', 0), ('1/15', 2), ('2/15', 4)]
    """
    clock = exact_rate(rate)

    def edit(reel: Reel) -> Reel:
        if reel.rate == clock:
            return reel
        count, times, again = max(1, round(reel.duration * clock)), reel.times, reel.again

        def index(tick: int) -> int:
            middle = (tick + Fraction(1, 2)) / clock
            return max(0, bisect.bisect_left(times, middle) - 1)

        def shown(frames: Frames, at: int, first: int, last: int) -> Frames:
            """Ticks first … last − 1, out of frames from `at` on."""
            picture = None
            for tick in range(first, last):
                while picture is None or at <= index(tick):
                    picture = next(frames)[1]
                    at += 1
                yield tick / clock, picture

        def anew(first: int, last: int) -> Frames:
            assert again is not None
            begin = index(first)
            return shown(iter(again(begin, index(last - 1) + 1)), begin, first, last)

        duration = count / clock
        return reel.replace(
            frames=shown(iter(reel.frames), 0, 0, count),
            again=again and anew,
            times=Ticks(range(count), clock),
            duration=duration,
            rate=clock,
            audio=reel.audio and cut(reel.audio, 0, duration),
        )

    return edit
