"""Retime: a clip in slow or quick motion or backwards, its sound in step and at its pitch.

Slow motion is a smaller time step: the motion from each frame to the next is found, and a
frame in between shows things part of the way. Nothing is blended across a cut.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles import shots
from vidparticles.editing.base import Edit
from vidparticles.editing.curve import Piece, parse_curve
from vidparticles.editing.reel import Frames, Reel
from vidparticles.render import between as warp
from vidparticles.video import Audio, cut, join, reverse, silence, stretch


@dataclasses.dataclass(frozen=True)
class RetimeConfig:
    """How finely time is divided.

    Attributes:
        least_share: share of the way between two frames that counts as none, 0 … ½.
        closest: of frames that a quick motion brings nearer to each other than this share of the
            clip's median gap, the later ones are left out; for clips on no exact clock.
        sound_step: seconds of sound that are stretched alike where the speed changes.
        held_bytes: of frames that are held at once to be shown backwards; two are held anyhow.
    """

    least_share: Fraction = Fraction(1, 1000)
    closest: Fraction = Fraction(3, 4)
    sound_step: Fraction = Fraction(1, 10)
    held_bytes: int = 1 << 28


DEFAULT = RetimeConfig()


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """What of a clip is shown when.

    Attributes:
        time: seconds in the new clip.
        index: of the frame at or before.
        share: of the way from it to the next, 0 ≤ share < 1.
        backwards: whether the frames before it come next.
    """

    time: Fraction
    index: int
    share: Fraction
    backwards: bool


def schedule(
    pieces: Sequence[Piece],
    times: Sequence[Fraction],
    rate: Fraction | None,
    *,
    config: RetimeConfig = DEFAULT,
) -> Iterator[Moment]:
    """Which moments of a clip are shown when.

    On an exact clock the new clip keeps the rate. Without one, every frame keeps its own time:
    slower puts evenly spaced frames into each gap, and quicker leaves out frames that would come
    closer than they did. A piece shown backwards is the same moments in the opposite order, each
    shown for as long.

    Args:
        pieces: the whole clip's, see `Curve.over`.
        times: seconds of its frames.
        rate: frames a second, None for uneven times.
        config: how finely.

    Example:
        >>> pieces = parse_curve("0.5").over(Fraction(3))
        >>> found = schedule(pieces, [Fraction(k) for k in range(3)], Fraction(1))
        >>> [(int(m.time), m.index, str(m.share)) for m in found]
        [(0, 0, '0'), (1, 0, '1/2'), (2, 1, '0'), (3, 1, '1/2'), (4, 2, '0'), (5, 2, '0')]
    """
    if rate is None:
        shown = _on_own_times(pieces, times, config.closest)
    else:
        shown = _on_clock(pieces, rate)
    end = pieces[-1].end
    for piece, run in shown:
        for time, at in run:
            index = max(0, bisect.bisect_right(times, at) - 1)
            following = times[index + 1] if index + 1 < len(times) else end
            share = (at - times[index]) / (following - times[index])
            near = 1 - config.least_share if piece.in_between else Fraction(1, 2)
            if index + 1 == len(times) or share < config.least_share:
                share = Fraction(0)
            elif share >= near:
                index, share = index + 1, Fraction(0)
            elif not piece.in_between:
                share = Fraction(0)
            yield Moment(time, index, share, piece.backwards)


Run = tuple[Piece, list[tuple[Fraction, Fraction]]]  # (seconds of the new clip, of the old)


def _on_clock(pieces: Sequence[Piece], rate: Fraction) -> Iterator[Run]:
    """Frame k of the new clip shows at k / rate; as many as its length rounds to."""
    count = max(1, round(sum((piece.seconds for piece in pieces), Fraction(0)) * rate))
    begun, k = Fraction(0), 0
    for piece in pieces:
        end = begun + piece.seconds
        stop = count if piece is pieces[-1] else min(count, math.ceil(end * rate))
        times = [tick / rate for tick in range(k, stop)]
        shown = [piece.forwards.at(time - begun) for time in times]
        yield piece, list(zip(times, shown[::-1] if piece.backwards else shown, strict=True))
        begun, k = end, max(k, stop)


def _on_own_times(
    pieces: Sequence[Piece], times: Sequence[Fraction], closest: Fraction
) -> Iterator[Run]:
    gaps = [after - before for before, after in itertools.pairwise(times)]
    least = closest * statistics.median(gaps) if gaps else Fraction(0)
    begun = Fraction(0)
    for piece in pieces:
        way, end = piece.forwards, begun + piece.seconds
        run: list[tuple[Fraction, Fraction]] = []
        for at in _own(way, times):
            time = begun + way.after(at)
            if not run or max(way.first, way.last) <= 1 or time - run[-1][0] >= least:
                run.append((time, at))
        if piece.backwards:
            ends = [*(time for time, _ in run[1:]), end]
            turned = zip(run, ends, strict=True)
            run = [(begun + end - until, at) for (_, at), until in turned][::-1]
        yield piece, run
        begun = end


def _own(piece: Piece, times: Sequence[Fraction]) -> Iterator[Fraction]:
    """Seconds of the clip at which a piece shows a frame: its start, each frame's, and between."""
    parts = math.ceil(1 / min(piece.first, piece.last))
    first = bisect.bisect_right(times, piece.start)
    last = bisect.bisect_left(times, piece.end)
    at = piece.start
    for index in range(first, max(first, last) + 1):
        inside = index < len(times)
        following = times[index] if inside else piece.end
        # After the last frame there is none to go on to.
        for part in range(parts if inside else 1):
            between = at + (following - at) * part / parts
            if part == 0 or between < piece.end:
                yield between
        at = following


class _Source:
    """Frames of a reel by their indices, wanted in runs that rise or fall.

    Args:
        frames: (seconds, frame, whether it begins a shot) from frame `first` on.
        first: index.
        again: gives frames again, see `Reel`; runs that fall need it.
        cuts: gives for every frame whether it begins a shot; for those that `frames` did not tell.
        most: frames that are held at once of a run that falls.
    """

    def __init__(
        self,
        frames: Iterator[tuple[Fraction, np.ndarray, bool | None]],
        first: int,
        again: Callable[[int, int], Frames] | None,
        cuts: Callable[[], np.ndarray],
        most: int,
    ):
        self._frames, self._coming, self._again = frames, first, again
        self._cuts, self._most = cuts, max(2, most)
        self._held: dict[int, np.ndarray] = {}
        self._begins: dict[int, bool] = {}

    def begins_shot(self, index: int) -> bool:
        """Whether a frame, which was given, begins another shot."""
        if index not in self._begins:
            self._begins[index] = bool(self._cuts()[index])
        return self._begins[index]

    def at(self, index: int, *, falling: bool) -> np.ndarray:
        """A frame; what came before it in a rising run is gone, and what came after otherwise."""
        if index in self._held:
            return self._held[index]
        if falling or index < self._coming:
            assert self._again is not None
            # What is decoded on the way to a frame is kept, as far as there is room.
            first = max(0, index + 1 - self._most)
            block = [frame for _, frame in self._again(first, index + 1)]
            beside = {k: v for k, v in self._held.items() if k == index + 1}
            self._held = beside | dict(enumerate(block, first))
        while index not in self._held:
            self._held = {k: v for k, v in self._held.items() if k == self._coming - 1}
            _, self._held[self._coming], begins = next(self._frames)
            if begins is not None:
                self._begins[self._coming] = begins
            self._coming += 1
        return self._held[index]


def _shown(source: _Source, moments: Sequence[Moment]) -> Frames:
    """Frames at any moment, by the motion from each frame to the next."""
    matched, found = -1, None
    for moment in moments:
        time, index, falling = moment.time, moment.index, moment.backwards
        if moment.share == 0:
            yield time, source.at(index, falling=falling)
            continue
        order = (index + 1, index) if falling else (index, index + 1)
        pair = {k: source.at(k, falling=falling) for k in order}
        here, there = pair[index], pair[index + 1]
        if source.begins_shot(index + 1):
            picture = here if 2 * moment.share < 1 else there
        else:
            if matched != index or found is None:
                matched, found = index, warp.match(here, there)
            picture = np.asarray(warp.between(here, there, found, float(moment.share)))
        del here, there, pair  # the new picture is all that is held while it is looked at
        yield time, picture


def _sources(
    reel: Reel, moments: Sequence[Moment], held_bytes: int
) -> Callable[[int | None], _Source]:
    """What makes the source of a run: of the reel's own, or of one that begins at a frame."""
    in_between = any(moment.share for moment in moments)
    again, most = reel.again, held_bytes // (3 * reel.height * reel.width)

    @functools.cache
    def cuts() -> np.ndarray:
        # What tells a cut comes before and after it: all are looked for in a run of their own.
        assert again is not None
        told = shots.stream(again(0, len(reel.times)))
        return np.fromiter((cut for _, _, cut in told), bool)

    def source(first: int | None) -> _Source:
        if first is None:
            told = shots.stream(reel.frames) if in_between else _untold(reel.frames)
            return _Source(told, 0, again, cuts, most)
        assert again is not None
        return _Source(_untold(again(first, len(reel.times))), first, again, cuts, most)

    return source


def _untold(frames: Frames) -> Iterator[tuple[Fraction, np.ndarray, bool | None]]:
    return ((time, frame, None) for time, frame in frames)


def retime(speed: float | Fraction | str, *, config: RetimeConfig = DEFAULT) -> Edit:
    """An edit that changes the speed; sound keeps its pitch and is silent while a frame is held.

    Args:
        speed: 2 is twice as quick, 0.5 half speed, −1 backwards; or a curve, see
            `curve.parse_curve`.
        config: how finely.

    Returns:
        The edit; it raises InputError where the curve reaches beyond the clip's end.

    Raises:
        InputError: the speed is not understood.

    Example:
        >>> times = [Fraction(k, 4) for k in range(8)]
        >>> reel = Reel(iter(()), times, Fraction(2), Fraction(4), height=2, width=2)
        >>> len(retime(0.5)(reel).times), str(retime("2@0-1")(reel).duration)
        (16, '3/2')
    """
    curve = parse_curve(speed)

    def edit(reel: Reel) -> Reel:
        pieces = curve.over(reel.duration)
        if reel.again is None and any(piece.backwards for piece in pieces):
            raise ValueError("these frames can be run through but once: not backwards.")
        moments = list(schedule(pieces, reel.times, reel.rate, config=config))
        if reel.rate is None:
            duration = sum((piece.seconds for piece in pieces), Fraction(0))
        else:
            duration = len(moments) / reel.rate
        source = _sources(reel, moments, config.held_bytes)

        def part(first: int, last: int) -> Frames:
            shown = moments[first:last]
            return _shown(source(min(moment.index for moment in shown)), shown)

        return reel.replace(
            frames=_shown(source(None), moments),
            again=reel.again and part,
            times=tuple(moment.time for moment in moments),
            duration=duration,
            audio=reel.audio and _sound(reel.audio, pieces, duration, config.sound_step),
        )

    return edit


def _sound(audio: Audio, pieces: Sequence[Piece], duration: Fraction, step: Fraction) -> Audio:
    """The sound of the pieces one after another, to the end of the picture."""
    parts: list[Audio] = []
    lengths: list[Fraction] = []
    for piece in pieces:
        if piece.start == piece.end:
            parts.append(silence(piece.held, rate=audio.rate, channels=audio.channels))
            lengths.append(piece.held)
            continue
        even = piece.first == piece.last
        count = 1 if even else math.ceil(piece.seconds / step)
        ends = [piece.at(piece.seconds * k / count) for k in range(count)]
        ends.append(piece.start if piece.backwards else piece.end)
        for start, end in itertools.pairwise(ends):
            lengths.append(piece.seconds / count)
            part = stretch(cut(audio, *sorted((start, end))), lengths[-1] / abs(end - start))
            parts.append(reverse(part) if piece.backwards else part)
    return cut(join(parts, durations=lengths), 0, duration)
