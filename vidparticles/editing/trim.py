"""Trim: a part of a clip, exact to the frame, its sound cut on the same clock."""

from __future__ import annotations

import bisect
import itertools
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Frames, Reel, Ticks
from vidparticles.errors import InputError
from vidparticles.video import cut

Span = tuple[Fraction | None, Fraction | None]


def parse_span(text: str) -> Span:
    """START:END in seconds; either may be left out.

    Raises:
        InputError: not two numbers, or the end is not after the start.

    Example:
        >>> parse_span("1.5:3"), parse_span(":2")
        ((Fraction(3, 2), Fraction(3, 1)), (None, Fraction(2, 1)))
    """
    start, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        first, last = (Fraction(part) if part.strip() else None for part in (start, end))
    except (ValueError, ZeroDivisionError):
        raise InputError(f"trim {text!r} is not START:END; give seconds, as in 1.0:3.5.") from None
    if (first or 0) < 0 or (last is not None and last <= (first or 0)):
        raise InputError(f"trim {text!r} holds no time; give 0 ≤ START < END, as in 1.0:3.5.")
    return first, last


def trim(start: float | Fraction | None = None, end: float | Fraction | None = None) -> Edit:
    """An edit that keeps the frames that begin within start ≤ t < end, with their sound.

    Args:
        start: seconds, default the beginning.
        end: seconds, default the end; one beyond it means it.

    Returns:
        The edit; it raises InputError where no frame begins in that span.

    Example:
        >>> times = [Fraction(k, 4) for k in range(8)]
        >>> reel = Reel(iter(()), times, Fraction(2), Fraction(4), height=2, width=2)
        >>> part = trim(0.5, 1.25)(reel)
        >>> len(part.times), str(part.duration)
        (3, '3/4')
    """
    span = [None if t is None else Fraction(t) for t in (start, end)]

    def edit(reel: Reel) -> Reel:
        begin = max(Fraction(0), span[0] or Fraction(0))
        stop = reel.duration if span[1] is None else min(span[1], reel.duration)
        # Seconds are typed with few digits: a frame that begins just before counts.
        tolerance = Fraction(1, 2000)
        first, last = (bisect.bisect_left(reel.times, t - tolerance) for t in (begin, stop))
        if first >= last:
            raise InputError(
                f"{reel.name}: no frame begins between {float(begin):g} s and {float(stop):g} s; "
                f"the clip has {len(reel.times)} frames in {float(reel.duration):.2f} s."
            )
        return _part(reel, first, last)

    return edit


def _part(reel: Reel, first: int, last: int) -> Reel:
    """Frames first … last − 1 as a reel of its own."""
    origin = reel.times[first]
    finish = reel.times[last] if last < len(reel.times) else reel.duration
    again = reel.again

    def shifted(frames: Frames) -> Frames:
        return ((time - origin, frame) for time, frame in frames)

    return reel.replace(
        # Asked for anew, a file is sought in; what comes by once is let pass.
        frames=shifted(again(first, last) if again else itertools.islice(reel.frames, first, last)),
        again=again and (lambda begin, end: shifted(again(first + begin, first + end))),
        times=(
            Ticks(range(last - first), reel.rate)
            if reel.rate is not None
            else tuple(time - origin for time in reel.times[first:last])
        ),
        duration=finish - origin,
        audio=None if reel.audio is None else cut(reel.audio, origin, finish),
    )
