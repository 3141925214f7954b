"""When the frames of a clip show, in exact seconds."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from fractions import Fraction
from typing import overload

from vidparticles.video import Video


class Ticks(Sequence[Fraction]):
    """Times on an exact clock, made when they are asked for: an hour has a hundred thousand.

    Example:
        >>> [str(time) for time in Ticks(range(3), Fraction(2))[1:]]
        ['1/2', '1']
    """

    def __init__(self, indices: range, rate: Fraction):
        self._indices, self._rate = indices, rate

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Fraction: ...

    @overload
    def __getitem__(self, index: slice) -> Ticks: ...

    def __getitem__(self, index: int | slice) -> Fraction | Ticks:
        if isinstance(index, slice):
            return Ticks(self._indices[index], self._rate)
        return self._indices[index] / self._rate


def clock(video: Video) -> tuple[Sequence[Fraction], Fraction, Fraction | None]:
    """Exact times of a video's frames, its duration, and its rate if it is even.

    It is not where the picture begins after the sound, or is held until the sound ends.
    """
    info, table = video.info, video.table
    lead = table.time_of(0)
    if not info.variable_rate and (lead or table.hold):
        even = tuple(lead + k / info.rate for k in range(len(video)))
        return even, even[-1] + 1 / info.rate + table.hold, None
    if not info.variable_rate:
        ticks = Ticks(range(len(video)), info.rate)
        return ticks, Fraction(len(video)) / info.rate, info.rate
    # As fine as any container's ticks, so that rounding cannot put two frames in one place.
    times = tuple(Fraction(float(t)).limit_denominator(1_000_000) for t in video.times)
    gap = Fraction(info.duration).limit_denominator(1_000_000)
    return times, max(gap, times[-1] + Fraction(1, 1000)), None


def usual_gap(times: Sequence[Fraction], index: int, around: int) -> Fraction:
    """Seconds between frames where a clip of uneven times has come to: its rate may change.

    Args:
        times: seconds of its frames, two or more.
        index: of a frame,
        around: and how many gaps before and after it count.

    Returns:
        The mean of those gaps that are like the one in their middle.

    Example:
        >>> times = [Fraction(k, 10) for k in range(9)] + [Fraction(k) for k in range(1, 9)]
        >>> str(usual_gap(times, 2, 3)), str(usual_gap(times, len(times) - 1, 3))
        ('1/10', '1')
    """
    near = times[max(0, index - around) : index + around + 1]
    gaps = [after - before for before, after in itertools.pairwise(near)]
    middle = statistics.median_high(gaps)
    alike = [gap for gap in gaps if 3 * middle <= 4 * gap <= 5 * middle]
    return sum(alike, Fraction(0)) / len(alike)
