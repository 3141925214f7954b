"""Speed: a clip in slow or quick motion or backwards, its sound in step and at its pitch.

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

from vidparticles import shots
from vidparticles.editing.curve import Piece, parse_curve, places, whole
from vidparticles.editing.reel import Frames, PathLike, Reel, Written, check_paths, opened, write
from vidparticles.render import between as warp
from vidparticles.video import Audio, cut, join, reverse, silence, stretch

HAIR = Fraction(1, 1000)  # share of the way between frames that is none
GRAIN = Fraction(1, 10)  # seconds of sound that are stretched alike in a ramp
HELD = 1 << 28  # bytes of frames that are held at once to be shown backwards

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
    closest = Fraction(3, 4) * statistics.median(gaps) if gaps and factor > 1 else Fraction(0)
    shown: Fraction | None = None
    for place, time in enumerate(times):
        if shown is None or time / factor - shown >= closest:
            shown = time / factor
            yield shown, place, Fraction(0)


class _Film:
    """Frames of a reel by their places, wanted in runs that rise or fall.

    Args:
        reel: the clip.
        told: whether it will be asked where shots begin, which must be looked for.
    """

    def __init__(self, reel: Reel, *, told: bool):
        self._reel, self._coming = reel, 0
        self._held: dict[int, np.ndarray] = {}
        self._begins: dict[int, bool] = {}
        self._rising = shots.stream(reel.frames) if told else ((*x, False) for x in reel.frames)

    def cut(self, place: int) -> bool:
        """Whether the frame at a place, which was given, begins a shot."""
        if place not in self._begins and self._reel.again is not None:
            # Run through backwards: what tells a cut comes before it, so all are looked for once.
            frames = self._reel.again(0, len(self._reel.times))
            self._begins = {k: cut for k, (_, _, cut) in enumerate(shots.stream(frames))}
        return self._begins[place]

    def at(self, place: int, *, falling: bool) -> np.ndarray:
        """A frame; what came before it in a rising run is gone, and what came after otherwise."""
        if place in self._held:
            return self._held[place]
        if falling or place < self._coming:
            if self._reel.again is None:
                raise ValueError("these frames can be run through but once: not backwards.")
            # What is decoded on the way to a frame is kept, as far as there is room.
            count = max(2, HELD // (3 * self._reel.height * self._reel.width))
            first = max(0, place + 1 - count)
            block = [frame for _, frame in self._reel.again(first, place + 1)]
            beside = {k: v for k, v in self._held.items() if k == place + 1}
            self._held = beside | dict(enumerate(block, first))
        while place not in self._held:
            self._held = {k: v for k, v in self._held.items() if k == self._coming - 1}
            _, self._held[self._coming], self._begins[self._coming] = next(self._rising)
            self._coming += 1
        return self._held[place]


def _shown(reel: Reel, runs: Sequence[tuple[bool, Sequence[Moment]]]) -> Frames:
    """Frames at any moment, by the motion from each frame to the next.

    Args:
        reel: the clip.
        runs: moments by their places in rising order, or where the first is true in falling.
    """
    film = _Film(reel, told=any(share for _, run in runs for _, _, share in run))
    matched, found = -1, None
    for falling, run in runs:
        for time, place, share in run:
            if share == 0 or place + 1 == len(reel.times):
                yield time, film.at(place, falling=falling)
                continue
            order = (place + 1, place) if falling else (place, place + 1)
            pair = {k: film.at(k, falling=falling) for k in order}
            here, there = pair[place], pair[place + 1]
            if film.cut(place + 1):
                yield time, here if 2 * share < 1 else there
                continue
            if matched != place or found is None:
                matched, found = place, warp.match(here, there)
            yield time, np.asarray(warp.between(here, there, found, float(share)))


def _mirrored(plan: Sequence[Moment], end: Fraction) -> list[Moment]:
    """The same moments in the opposite order, each shown for as long; `end` is the last one's."""
    ends = [*(time for time, _, _ in plan[1:]), end]
    pairs = zip(plan, ends, strict=True)
    return [(end - until, place, share) for (_, place, share), until in pairs][::-1]


def retimed(reel: Reel, curve: Fraction | tuple[Piece, ...]) -> Reel:
    """The reel at another speed, its sound stretched with its pitch kept, silent in a hold."""
    if isinstance(curve, tuple):
        return _bent(reel, curve)
    if curve == 1:
        return reel
    factor = abs(curve)
    plan = list(schedule(reel.times, reel.duration, factor, reel.rate))
    duration = reel.duration / factor
    audio = reel.audio
    if audio is not None:
        audio = cut(stretch(audio, 1 / factor), 0, duration)
    if curve < 0:
        plan = _mirrored(plan, duration if reel.rate is None else len(plan) / reel.rate)
        audio = audio and reverse(audio)
    return reel.replace(
        frames=_shown(reel, [(curve < 0, plan)]),
        again=None,
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

    def moment(time: Fraction, at: Fraction) -> Moment:
        place = bisect.bisect_right(reel.times, at) - 1
        end = reel.times[place + 1] if place + 1 < len(reel.times) else reel.duration
        share = (at - reel.times[place]) / (end - reel.times[place])
        if share > 1 - HAIR and place + 1 < len(reel.times):
            place, share = place + 1, Fraction(0)
        return time, place, share if share > HAIR else Fraction(0)

    runs = [
        (piece.backwards, [moment(*shown) for shown in run])
        for piece, run in zip(pieces, places(pieces, rate), strict=True)
    ]
    times = tuple(time for _, run in runs for time, _, _ in run)
    return reel.replace(
        frames=_shown(reel, runs),
        again=None,
        times=times,
        duration=Fraction(len(times)) / rate,
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
        ends = [piece.place(piece.seconds * k / count) for k in range(count)]
        ends.append(piece.start if piece.backwards else piece.end)
        for start, end in itertools.pairwise(ends):
            lengths.append(piece.seconds / count)
            part = stretch(cut(audio, *sorted((start, end))), lengths[-1] / abs(end - start))
            parts.append(reverse(part) if piece.backwards else part)
    return join(parts, durations=lengths)


def speed(
    path: PathLike, out: PathLike, factor: float | Fraction | str, *, overwrite: bool = False
) -> Written:
    """Write a clip in slow or quick motion, or backwards.

    Args:
        path: a video file.
        out: what to write.
        factor: 2 is twice as quick, 0.5 half speed, −1 backwards; or a curve, see
            `curve.parse_curve`.
        overwrite: replace an existing file.

    Raises:
        InputError: a file cannot be read or written, or the curve is not understood.
    """
    check_paths(path, out, overwrite)
    curve = parse_curve(factor)
    with opened(path) as reel:
        return write(retimed(reel, curve), out, overwrite=overwrite)
