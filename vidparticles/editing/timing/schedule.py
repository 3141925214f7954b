"""Schedule: which moments of a clip are shown when, once its speed is changed.

What a frame shows is one thing and when it is shown another: here are the times alone, all known
before a frame is read.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from vidparticles.editing.timing.clock import usual_gap
from vidparticles.editing.timing.curve import Piece
from vidparticles.editing.timing.repeats import RepeatConfig


@dataclasses.dataclass(frozen=True)
class RetimeConfig:
    """How finely time is divided.

    Attributes:
        least_share: share of the way between two frames that counts as none, 0 … ½; gaps that
            differ by less are equal.
        closest: of frames that a quick motion brings nearer to each other than this share of the
            gap that is usual around them, the later ones are left out; for clips on no exact clock.
        around: frames before and after one that tell what gap is usual.
        longer: a picture of a clip on no exact clock that stands for longer than a still, and so
            many times as long as the one before or after it, is still but for its end.
        checked: frames, from the first of which on it is checked how far motion is trusted.
        repeats: what counts as a repeat of the frame before.
        held_bytes: of frames that are held at once to be shown backwards; two are held anyhow.
    """

    least_share: Fraction = Fraction(1, 1000)
    closest: Fraction = Fraction(3, 4)
    around: int = 8
    longer: Fraction = Fraction(3)
    checked: int = 8
    repeats: RepeatConfig = dataclasses.field(default_factory=RepeatConfig)
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
        since: the first frame of the piece where moments between frames are shown; None where
            frames are shown as they are.
    """

    time: Fraction
    index: int
    share: Fraction
    backwards: bool
    since: int | None


def schedule(
    pieces: Sequence[Piece],
    times: Sequence[Fraction],
    rate: Fraction | None,
    *,
    config: RetimeConfig = DEFAULT,
) -> Iterator[Moment]:
    """Which moments of a clip are shown when.

    On an exact clock the new clip keeps the rate. Without one, what goes by as fast as it did keeps
    its frames and their gaps; slower puts evenly spaced frames where the gaps are equal, at the
    rate that is there; and quicker leaves out frames that would come closer than they did. A piece
    shown backwards is the same moments in the opposite order, each shown for as long.

    Args:
        pieces: the whole clip's, see `Curve.over`.
        times: seconds of its frames.
        rate: frames a second, None for uneven times.
        config: how finely.

    Example:
        >>> from vidparticles.editing.timing.curve import parse_curve
        >>> pieces = parse_curve("0.5").over(Fraction(3))
        >>> found = schedule(pieces, [Fraction(k) for k in range(3)], Fraction(1))
        >>> [(int(m.time), m.index, str(m.share)) for m in found]
        [(0, 0, '0'), (1, 0, '1/2'), (2, 1, '0'), (3, 1, '1/2'), (4, 2, '0'), (5, 2, '0')]
    """
    shown = _on_clock(pieces, rate) if rate else _on_own_times(pieces, times, config)
    for piece, run in shown:
        since = None
        if run and piece.in_between:
            since = max(0, bisect.bisect_right(times, min(run[0][1], run[-1][1])) - 1)
        for time, at in run:
            index = max(0, bisect.bisect_right(times, at) - 1)
            share = Fraction(0)
            near = 1 - config.least_share if piece.in_between else Fraction(1, 2)
            if index + 1 < len(times):
                leaves = times[index] if rate else _leaves(times, index, config)
                share = (at - leaves) / (times[index + 1] - leaves)
            if share >= near:
                index, share = index + 1, Fraction(0)
            elif share < config.least_share or not piece.in_between:
                share = Fraction(0)
            yield Moment(time, index, share, piece.backwards, since)


Run = list[tuple[Fraction, Fraction]]  # (seconds of the new clip, of the old)


def _on_clock(pieces: Sequence[Piece], rate: Fraction) -> Iterator[tuple[Piece, Run]]:
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
    pieces: Sequence[Piece], times: Sequence[Fraction], config: RetimeConfig
) -> Iterator[tuple[Piece, Run]]:
    begun = Fraction(0)
    for before, piece in zip([None, *pieces], pieces, strict=False):
        way, end = piece.forwards, begun + piece.seconds
        run = _spread(way, times, config) if piece.in_between else _own(way, times, config)
        if before and not piece.in_between and not piece.backwards and piece.seconds != piece.held:
            # The picture that shows already goes on until the next frame.
            inside = times[bisect.bisect_right(times, piece.start) - 1] < piece.start
            if before.held or (inside and not before.backwards):
                run = run[1:]
        run = [(begun + after, at) for after, at in run]
        if piece.backwards:
            ends = [*(time for time, _ in run[1:]), end]
            turned = zip(run, ends, strict=True)
            run = [(begun + end - until, at) for (_, at), until in turned][::-1]
        yield piece, run
        begun = end


def _own(way: Piece, times: Sequence[Fraction], config: RetimeConfig) -> Run:
    """A piece's start and its frames, (seconds after its beginning, of the clip)."""
    first, last = bisect.bisect_right(times, way.start), bisect.bisect_left(times, way.end)
    run = [(Fraction(0), way.start)]
    for index in range(first, last):
        after = way.after(times[index])
        least = config.closest * usual_gap(times, index, config.around) if way.first > 1 else 0
        if after - run[-1][0] >= least:
            run.append((after, times[index]))
    return run


def _spread(way: Piece, times: Sequence[Fraction], config: RetimeConfig) -> Run:
    """Evenly spaced moments of each stretch of a piece, as close as the frames in it."""
    run: Run = []
    for start, end, gap in _stretches(way, times, config):
        begun, whole = way.after(start), way.after(end) - way.after(start)
        # Half a gap or more that is left is filled as well.
        count = max(1, math.floor(whole / gap + Fraction(1, 2))) if gap else 1
        ticks = [begun + whole * k / count for k in range(count)]
        run += zip(ticks, [start, *(way.at(after) for after in ticks[1:])], strict=True)
    return run


def _stretches(
    way: Piece, times: Sequence[Fraction], config: RetimeConfig
) -> list[tuple[Fraction, Fraction, Fraction | None]]:
    """(start, end, gap between frames) in seconds of the clip; None: one picture that stands."""
    parts: list[tuple[Fraction, Fraction, Fraction | None]] = []

    def add(start: Fraction, end: Fraction, gap: Fraction | None) -> None:
        before = parts[-1][2] if parts else None
        if gap and before and abs(gap - before) <= config.least_share * gap:
            parts[-1] = (parts[-1][0], end, before)
        elif start < end:
            parts.append((start, end, gap))

    first, last = bisect.bisect_right(times, way.start) - 1, bisect.bisect_left(times, way.end)
    for index in range(first, last):
        start = max(times[index], way.start)
        if index + 1 == len(times):  # there is none to go on to
            add(start, way.end, None)
            break
        leaves, end = _leaves(times, index, config), min(times[index + 1], way.end)
        add(start, min(leaves, end), None)
        add(max(start, leaves), end, times[index + 1] - leaves)
    return parts


def _leaves(times: Sequence[Fraction], index: int, config: RetimeConfig) -> Fraction:
    """Seconds of the clip at which a frame begins to go on to the next: its own, or later.

    A recorder of a screen writes no frames as long as nothing changes: what comes then took no
    longer than a frame beside it does.
    """
    first, last = max(0, index - 1), min(len(times) - 1, index + 2)
    gap = times[index + 1] - times[index]
    if gap <= config.repeats.still:
        return times[index]
    beside = min(times[k + 1] - times[k] for k in range(first, last))
    return times[index] if gap <= config.longer * beside else times[index + 1] - beside
