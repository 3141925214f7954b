"""Speed: a clip in slow or quick motion, its sound in step and at its pitch.

Slow motion is a smaller time step: the motion from each frame to the next is found, and a
frame in between shows things part of the way. Nothing is blended across a cut.
"""

from __future__ import annotations

import bisect
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles.editing.curve import Piece, parse_curve, places, whole
from vidparticles.editing.reel import Frames, PathLike, Reel, Written, check_paths, opened, write
from vidparticles.render import warp
from vidparticles.video import Audio, cut, join, silence, stretch

HAIR = Fraction(1, 1000)  # share of the way between frames that is none
GRAIN = Fraction(1, 10)  # seconds of sound that are stretched alike in a ramp

Moment = tuple[Fraction, int, Fraction]


def schedule(
    times: Sequence[Fraction], duration: Fraction, factor: Fraction, rate: Fraction | None
) -> Iterator[Moment]:
    """Which moments of a clip are shown when.

    On an exact clock the new clip keeps the rate: slower needs frames in between, quicker
    takes the nearest frames. Without one, slower puts evenly spaced frames into each gap, and
    quicker leaves out frames that would come closer than they did.

    Args:
        times: seconds of the frames.
        duration: seconds to the end of the last one.
        factor: 2 is twice as quick.
        rate: frames a second, None for uneven times.

    Returns:
        (time in the new clip, place of the frame at or before, fraction of the way to the next)

    Example:
        >>> ticks = [Fraction(k) for k in range(3)]
        >>> [(int(t), i, str(f)) for t, i, f in schedule(ticks, Fraction(3), Fraction(1, 2), 1)]
        [(0, 0, '0'), (1, 0, '1/2'), (2, 1, '0'), (3, 1, '1/2'), (4, 2, '0'), (5, 2, '0')]
    """
    last = len(times) - 1
    if rate is not None:
        for k in range(max(1, round(duration / factor * rate))):
            at = k * factor
            if factor >= 1:
                yield k / rate, min(last, math.floor(at + Fraction(1, 2))), Fraction(0)
            else:
                whole = math.floor(at)
                yield k / rate, min(last, whole), at - whole if whole < last else Fraction(0)
        return
    if factor < 1:
        parts = math.ceil(1 / factor)
        for place, time in enumerate(times):
            gap = times[place + 1] - time if place < last else Fraction(0)
            for part in range(parts if place < last else 1):
                share = Fraction(part, parts)
                yield (time + share * gap) / factor, place, share
        return
    gaps = [b - a for a, b in itertools.pairwise(times)]
    closest = Fraction(3, 4) * statistics.median(gaps) if gaps else Fraction(0)
    shown: Fraction | None = None
    for place, time in enumerate(times):
        if shown is None or time / factor - shown >= closest:
            shown = time / factor
            yield shown, place, Fraction(0)


def _picked(frames: Frames, plan: Iterator[Moment]) -> Frames:
    """Whole frames, by their places in rising order."""
    source = enumerate(frames)
    at, shown = -1, None
    for time, place, _ in plan:
        while at < place:
            at, (_, shown) = next(source)
        assert shown is not None
        yield time, shown


def _between(frames: Frames, plan: Iterator[Moment]) -> Frames:
    """Frames at any moment, by the motion from each frame to the next."""
    at, (_, here) = 0, next(frames)
    _, there = next(frames, (None, None))
    found: warp.Match | None = None
    for time, place, share in plan:
        while at < place and there is not None:
            at, here, found = at + 1, there, None
            _, there = next(frames, (None, None))
        if share == 0 or there is None:
            yield time, here
            continue
        if found is None:
            found = warp.match(here, there)
        yield time, np.asarray(warp.between(here, there, found, float(share)))


def retimed(reel: Reel, curve: Fraction | tuple[Piece, ...]) -> Reel:
    """The reel at another speed, its sound stretched with its pitch kept, silent in a hold."""
    if isinstance(curve, tuple):
        return _bent(reel, curve)
    if curve == 1:
        return reel
    plan = list(schedule(reel.times, reel.duration, curve, reel.rate))
    duration = reel.duration / curve
    audio = reel.audio
    if audio is not None:
        audio = cut(stretch(audio, 1 / curve), 0, duration)
    run = _between if curve < 1 else _picked
    return reel.replace(
        frames=run(reel.frames, iter(plan)),
        times=tuple(time for time, _, _ in plan),
        duration=duration,
        audio=audio,
    )


def _bent(reel: Reel, curve: tuple[Piece, ...]) -> Reel:
    """The reel along a curve; its frames are put on an exact clock, if they are on none."""
    pieces = whole(curve, reel.duration)
    rate = reel.rate
    if rate is None:
        rate = Fraction(len(reel.times)) / reel.duration
    plan = []
    for time, at in places(pieces, rate):
        place = bisect.bisect_right(reel.times, at) - 1
        end = reel.times[place + 1] if place + 1 < len(reel.times) else reel.duration
        share = (at - reel.times[place]) / (end - reel.times[place])
        if share > 1 - HAIR and place + 1 < len(reel.times):
            place, share = place + 1, Fraction(0)
        plan.append((time, place, share if share > HAIR else Fraction(0)))
    return reel.replace(
        frames=_between(reel.frames, iter(plan)),
        times=tuple(time for time, _, _ in plan),
        duration=Fraction(len(plan)) / rate,
        rate=rate,
        audio=None if reel.audio is None else _bent_sound(reel.audio, pieces),
    )


def _bent_sound(audio: Audio, pieces: Sequence[Piece]) -> Audio:
    parts: list[Audio] = []
    lengths: list[Fraction] = []
    for piece in pieces:
        if piece.start == piece.end:
            parts.append(silence(piece.held, rate=audio.rate, channels=audio.channels))
            lengths.append(piece.held)
            continue
        even = piece.first == piece.last
        count = 1 if even else math.ceil(piece.seconds / GRAIN)
        ends = [piece.place(piece.seconds * k / count) for k in range(count)] + [piece.end]
        for start, end in itertools.pairwise(ends):
            lengths.append(piece.seconds / count)
            parts.append(stretch(cut(audio, start, end), lengths[-1] / (end - start)))
    return join(parts, durations=lengths)


def speed(
    path: PathLike, out: PathLike, factor: float | Fraction | str, *, overwrite: bool = False
) -> Written:
    """Write a clip in slow or quick motion.

    Args:
        path: a video file.
        out: what to write.
        factor: 2 is twice as quick, 0.5 half speed; or a curve, see `curve.parse_curve`.
        overwrite: replace an existing file.

    Raises:
        InputError: a file cannot be read or written, or the curve is not understood.
    """
    check_paths(path, out, overwrite)
    curve = parse_curve(factor)
    with opened(path) as reel:
        return write(retimed(reel, curve), out, overwrite=overwrite)
