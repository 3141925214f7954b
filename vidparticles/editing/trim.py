"""Trim: a part of a clip, exact to the frame, its sound cut on the same clock."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import re
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.curve import Piece
from vidparticles.editing.extras import through
from vidparticles.editing.reel import Frames, Reel, Ticks
from vidparticles.errors import InputError
from vidparticles.video import cut


@dataclasses.dataclass(frozen=True, order=True)
class FrameIndex:
    """A moment told by the frame that begins then; from 0."""

    index: int


Moment = Fraction | FrameIndex | None
Span = tuple[Moment, Moment]
# Seconds beyond which a picture that still shows, in a clip on no exact clock, counts as a frame
# of what begins within them; and those by which a clip may end beside where it was cut.
_STANDS = Fraction(1, 10)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")


def parse_span(text: str) -> Span:
    """START:END or START-END; either may be left out.

    Args:
        text: each in seconds, as `3.5`, or the index of a frame, as `120f`; in START-END also on
            the clock, as `1:05.5` or `1:02:03`.

    Raises:
        InputError: not two moments, or the end is not after the start.

    Example:
        >>> parse_span("1.5:3"), parse_span(":2")
        ((Fraction(3, 2), Fraction(3, 1)), (None, Fraction(2, 1)))
        >>> parse_span("1:05-1:10.5"), parse_span("12f:48f")[1]
        ((Fraction(65, 1), Fraction(141, 2)), FrameIndex(index=48))
    """
    start, between, end = text.partition("-" if "-" in text.strip()[1:] else ":")
    try:
        if not between or (between == ":" and ":" in end):  # which of them would be the middle?
            raise ValueError
        first, last = map(_moment, (start.strip(), end.strip()))
    except (ValueError, ZeroDivisionError):
        raise InputError(
            f"trim {text!r} is not START:END; give seconds, as in 1.0:3.5, or frames, as in "
            "24f:84f, or times of the clock as in 1:05-1:10."
        ) from None
    numbers = [m.index if isinstance(m, FrameIndex) else m for m in (first, last)]
    alike = isinstance(first, FrameIndex) == isinstance(last, FrameIndex)
    low = (numbers[0] or 0) if alike or first is None else 0
    if (numbers[0] or 0) < 0 or (numbers[1] is not None and numbers[1] <= low):
        raise InputError(f"trim {text!r} holds no time; give 0 ≤ START < END, as in 1.0:3.5.")
    return first, last


def _moment(text: str) -> Moment:
    if not text:
        return None
    if text.endswith("f"):
        return FrameIndex(int(text[:-1]))
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (Fraction(part or 0) for part in clock.groups())
        return 3600 * hours + 60 * minutes + seconds
    return Fraction(text)


def trim(
    start: float | Fraction | FrameIndex | None = None,
    end: float | Fraction | FrameIndex | None = None,
) -> Edit:
    """An edit that keeps the frames that begin within start ≤ t < end, with their sound.

    A picture that stands (while sound goes on, or on a screen that does not change) is kept for
    the part of it that lies within.

    Args:
        start: seconds, or a frame; default the beginning.
        end: seconds, or the frame after the last; default the end, and so is one beyond it.

    Returns:
        The edit; it raises InputError where no frame begins in that span.

    Example:
        >>> times = [Fraction(k, 4) for k in range(8)]
        >>> reel = Reel(iter(()), times, Fraction(2), Fraction(4), height=2, width=2)
        >>> part = trim(0.5, 1.25)(reel)
        >>> len(part.times), str(part.duration)
        (3, '3/4')
    """

    def seconds(moment: float | Fraction | FrameIndex | None, reel: Reel) -> Fraction | None:
        if isinstance(moment, FrameIndex):
            return reel.times[moment.index] if moment.index < len(reel.times) else reel.duration
        return None if moment is None else Fraction(moment)

    def edit(reel: Reel) -> Reel:
        first_shown, last_shown = (seconds(moment, reel) for moment in (start, end))
        begin = max(Fraction(0), first_shown or Fraction(0))
        stop = reel.duration if last_shown is None else min(last_shown, reel.duration)
        # Seconds are typed with few digits: a frame that begins just before counts.
        tolerance = Fraction(1, 2000)
        first, last = (bisect.bisect_left(reel.times, t - tolerance) for t in (begin, stop))
        following = [*reel.times[first : first + 1], reel.duration][0]
        if first and reel.rate is None and min(following, stop) - begin > _STANDS:
            first -= 1  # it stands, and was there before
        elif first < last and (first or reel.times[0] - begin <= _STANDS):
            begin = reel.times[first]
        if first >= last:
            raise InputError(
                f"{reel.name}: no frame begins between {float(begin):g} s and {float(stop):g} s; "
                f"the clip has {len(reel.times)} frames in {float(reel.duration):.2f} s."
            )
        following = [*reel.times[last : last + 1], reel.duration][0]
        if reel.rate is not None or following - stop <= _STANDS:
            stop = following
        return _part(reel, (first, last), (begin, stop))

    return edit


def _part(reel: Reel, indices: tuple[int, int], span: tuple[Fraction, Fraction]) -> Reel:
    """Frames first … last − 1 as a reel of its own, that of a span of time."""
    (first, last), (begin, finish) = indices, span
    again = reel.again

    def shifted(frames: Frames) -> Frames:
        return ((max(Fraction(0), time - begin), frame) for time, frame in frames)

    return reel.replace(
        # Asked for anew, a file is sought in; what comes by once is let pass.
        frames=shifted(again(first, last) if again else itertools.islice(reel.frames, first, last)),
        again=again and (lambda start, end: shifted(again(first + start, first + end))),
        times=(
            Ticks(range(last - first), reel.rate)
            if reel.rate is not None
            else tuple(max(Fraction(0), time - begin) for time in reel.times[first:last])
        ),
        duration=finish - begin,
        audio=None if reel.audio is None else cut(reel.audio, begin, finish),
        extras=through(reel.extras, [Piece(begin, finish)], finish - begin),
    )
