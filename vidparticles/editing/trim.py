"""Trim: a part of a clip, exact to the frame, its sound cut on the same clock."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import re
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.extras import through
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.timing.clock import Ticks
from vidparticles.editing.timing.curve import Piece
from vidparticles.errors import InputError
from vidparticles.video import cut, join


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

    return keep((start, end))


def keep(*spans: tuple[Moment | float, Moment | float]) -> Edit:
    """An edit that keeps several parts of a clip, one after another, each as `trim` does.

    Args:
        *spans: (start, end) of each, as of `trim`; in any order, and as often as is wanted.

    Returns:
        The edit; it raises InputError where no frame begins in one of them.

    Example:
        >>> times = [Fraction(k, 4) for k in range(8)]
        >>> reel = Reel(iter(()), times, Fraction(2), Fraction(4), height=2, width=2)
        >>> reel = reel.replace(again=lambda first, last: iter(()))
        >>> len(keep((1, 2), (0, 0.5))(reel).times)
        6
    """
    return lambda reel: _parts(reel, [part_of(reel, *span) for span in spans])


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a clip, to the frame.

    Attributes:
        first, last: its first frame, and the one after its last.
        begin, stop: seconds at which it begins and ends.
    """

    first: int
    last: int
    begin: Fraction
    stop: Fraction


def part_of(reel: Reel, start: Moment | float = None, end: Moment | float = None) -> Part:
    """The part of a clip that `trim` keeps.

    Raises:
        InputError: no frame begins in it.
    """

    def seconds(moment: Moment | float) -> Fraction | None:
        if isinstance(moment, FrameIndex):
            return reel.times[moment.index] if moment.index < len(reel.times) else reel.duration
        return None if moment is None else Fraction(moment)

    first_shown, last_shown = seconds(start), seconds(end)
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
    return Part(first, last, begin, stop)


def _parts(reel: Reel, parts: Sequence[Part]) -> Reel:
    """Parts of a reel one after another as a reel of its own."""
    again, duration = reel.again, sum((part.stop - part.begin for part in parts), Fraction(0))
    counts = list(itertools.accumulate((p.last - p.first for p in parts), initial=0))
    starts = list(itertools.accumulate((p.stop - p.begin for p in parts), initial=Fraction(0)))

    def shifted(frames: Frames, part: Part, begun: Fraction) -> Frames:
        return ((begun + max(Fraction(0), time - part.begin), frame) for time, frame in frames)

    def anew(first: int, last: int) -> Frames:
        assert again is not None
        for k in range(bisect.bisect_right(counts, first) - 1, len(parts)):
            part, at = parts[k], counts[k]
            begin, end = max(first - at, 0), min(last - at, part.last - part.first)
            if begin >= end:
                return
            frames = again(part.first + begin, part.first + end)
            yield from shifted(frames, part, starts[k])

    if again is None and len(parts) > 1:
        raise ValueError("these frames can be run through but once: one part of them alone.")
    only = parts[0]
    sounds = None if reel.audio is None else [cut(reel.audio, p.begin, p.stop) for p in parts]
    return reel.replace(
        # Asked for anew, a file is sought in; what comes by once is let pass.
        frames=(
            anew(0, counts[-1])
            if again
            else shifted(itertools.islice(reel.frames, only.first, only.last), only, Fraction(0))
        ),
        again=again and anew,
        times=(
            Ticks(range(counts[-1]), reel.rate)
            if reel.rate is not None
            else tuple(
                begun + max(Fraction(0), time - part.begin)
                for part, begun in zip(parts, starts, strict=False)
                for time in reel.times[part.first : part.last]
            )
        ),
        duration=duration,
        audio=sounds and join(sounds, durations=[p.stop - p.begin for p in parts]),
        extras=through(reel.extras, [Piece(p.begin, p.stop) for p in parts], duration),
    )
