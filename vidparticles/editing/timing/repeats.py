"""Repeats: frames that show the picture before them once more, and when each picture is due.

A cartoon is drawn on twos and threes, telecine shows 24 pictures in 30 or 60 frames, a recorder of
screens runs at twice the rate of the game. Between two frames of one picture nothing moves; motion
goes from one distinct picture to the next.

What tells a repeat is how little it changes beside the changes before and after its picture: those
of coding and grain are a tenth of them, while motion, however slow, is as much from each frame to
the next. A picture that stands for long is a still, whose frames are left as they are.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class RepeatConfig:
    """What counts as a repeat.

    Attributes:
        still: seconds; a picture that stands for longer is a still.
        quieter: share of the changes into and out of a picture, up to which its frames differ.
        noise: luma, levels of 255: change of the busiest cells up to which they do so,
        motion: and from which on a picture is another.
        rows: of the picture in which changes are measured, about; enough for what matters to move
            by some of a row, few enough for grain to be averaged out.
        cell: rows and columns over which a change is averaged.
        busiest: share of the cells that tell the change of the whole: something small may move.
        cycle: frames after which a pattern of repeats, as of 24 pictures in 30 frames, comes again,
            at most; twice is enough to know it.
    """

    still: Fraction = Fraction(1, 5)
    quieter: float = 0.25
    noise: float = 8.0
    motion: float = 1.0
    rows: int = 90
    cell: int = 4
    busiest: float = 0.01
    cycle: int = 6


def sketch(picture: Picture, config: RepeatConfig) -> np.ndarray:
    """The luma of a picture, small: int16, levels of 255."""
    factor = max(1, picture.height // config.rows)
    small = picture.rgb((picture.height // factor, max(1, picture.width // factor)))
    red, green, blue = np.moveaxis(small.astype(np.int16), -1, 0)
    return (2 * red + 5 * green + blue) // 8


def change(before: np.ndarray, after: np.ndarray, config: RepeatConfig) -> float:
    """How much the busiest cells of two sketches differ, levels.

    Example:
        >>> before = np.zeros((90, 160), np.int16)
        >>> after = before.copy()
        >>> after[:12, :12] = 50  # a hundredth of the picture
        >>> change(before, before, RepeatConfig()), change(before, after, RepeatConfig())
        (0.0, 50.0)
    """
    cell = config.cell
    rows, columns = (max(1, size // cell) for size in before.shape)
    apart = np.abs(after - before)[: rows * cell, : columns * cell]
    sums = np.add.reduceat(apart, range(0, apart.shape[0], cell), axis=0, dtype=np.int32)
    sums = np.add.reduceat(sums, range(0, apart.shape[1], cell), axis=1)
    count = math.ceil(config.busiest * sums.size)
    busiest = np.partition(sums, sums.size - count, axis=None)[-count:]
    return float(busiest.mean() / cell**2)


def measured(
    frames: Iterable[tuple[Fraction, Picture]], config: RepeatConfig
) -> Iterator[tuple[Fraction, tuple[Picture, float]]]:
    """(seconds, (frame, its change from the one before)) of (seconds, frame)."""
    before = None
    for time, frame in frames:
        small = sketch(frame, config)
        changed = math.inf if before is None else change(before, small, config)
        before = small
        yield time, (frame, changed)


class Pictures:
    """The distinct pictures of a clip.

    Args:
        changes: frame index → how much it differs from the one before, infinite where it begins a
            shot. It is asked about no more frames than must be looked ahead to.
        times: seconds of all frames.
        even: the frames are on an exact clock.
        config: what counts as a repeat.

    Example:
        >>> twos = [math.inf, 0.2, 30, 0.3, 40, 0.1, 35, 0.4]
        >>> pictures = Pictures(twos.__getitem__, [Fraction(k, 24) for k in range(8)], even=True)
        >>> [pictures.run(k) for k in range(4)], pictures.around(1, Fraction(1, 2))
        ([(0, 2), (0, 2), (2, 4), (2, 4)], (0, 2, Fraction(3, 4)))
    """

    def __init__(
        self,
        changes: Callable[[int], float],
        times: Sequence[Fraction],
        *,
        even: bool,
        config: RepeatConfig | None = None,
    ):
        self._changes, self._times, self._even = changes, times, even
        self._config = config or RepeatConfig()
        # Asked again and again of a few frames.
        self.run = functools.lru_cache(256)(self._run)
        self._stop = functools.lru_cache(256)(self._find_stop)

    def _run(self, index: int) -> tuple[int, int]:
        """The first frame that shows the picture of a frame, and the first after it that does not.

        Of a still each frame is a picture of its own.
        """
        for start in range(earliest(self._times, index, self._config), index):
            if (stop := self._stop(start)) > index:
                return start, stop
        return index, self._stop(index)

    def around(self, index: int, share: Fraction) -> tuple[int, int, Fraction]:
        """Frames of the pictures before and after a moment, and the share of the way between them.

        Args:
            index: of a frame.
            share: of the way from it to the next at which the moment is.

        Returns:
            (frame, frame, 0 ≤ share < 1); a share of 0 where there is no picture to go on to, or
            one of another shot.
        """
        times, count = self._times, len(self._times)
        start, stop = self.run(index)
        if stop == count:
            return index, index, Fraction(0)
        due, then = self._due(start), self._due(stop)
        if (stop - start, due, then) == (1, times[start], times[stop]):
            return index, stop, share
        at = times[index] + share * (times[index + 1] - times[index])
        if at >= then:
            start, (_, stop), due = stop, self.run(stop), then
            if stop == count:
                return start, start, Fraction(0)
            then = self._due(stop)
        if self._begins_shot(stop):
            return max(index, start), max(index, start), Fraction(0)
        return start, stop, (at - due) / (then - due)

    def _begins_shot(self, index: int) -> bool:
        return math.isinf(self._changes(index))

    def _find_stop(self, start: int) -> int:
        """The end of the longest run of one picture that begins with a frame."""
        config, times, loudest, found = self._config, self._times, 0.0, start + 1
        begins = self._changes(start)
        most = min(config.noise, config.quieter * begins)
        for stop in range(start + 1, len(times)):
            if begins < config.motion or times[stop] - times[start] > config.still:
                break
            ends = self._changes(stop)
            if ends >= config.motion and loudest <= config.quieter * ends:
                found = stop
            loudest = max(loudest, ends)
            if loudest > most:
                break
        return found

    def _due(self, first: int) -> Fraction:
        """Seconds at which the picture whose first frame this is is due.

        That is when the frame shows, but in a pattern of repeats that comes again: there pictures
        are evenly spaced, and the clock of the frames has delayed them.
        """
        starts = [first]
        while starts[0] > 0 and first - starts[0] < 3 * self._config.cycle:
            if self._begins_shot(starts[0]):
                break
            starts.insert(0, self.run(starts[0] - 1)[0])
        if not self._even or len(starts) > first - starts[0]:
            return self._times[first]
        for k, start in enumerate(starts[:-1]):
            # The longest run of a pattern begins with the picture that is delayed least.
            length = starts[k + 1] - start
            before = start - starts[k - 1] if k else length * (not self._begins_shot(start))
            if length > max(1, before) and (gap := self._pattern(start, len(starts) - 1 - k)):
                return self._times[start] + (len(starts) - 1 - k) * gap
        return self._times[first]

    def _pattern(self, start: int, count: int) -> Fraction | None:
        """Seconds from picture to picture, if runs from a frame on, `count` or more, are a pattern.

        It is one if their lengths come again, and differ by one frame.
        """
        lengths: list[int] = []

        def known(runs: int) -> bool:
            """Whether there are so many runs of the same shot, none much longer than another."""
            while len(lengths) < runs:
                at = start + sum(lengths)
                if at == len(self._times) or (lengths and self._begins_shot(at)):
                    return False
                lengths.append(self._stop(at) - at)
            return max(lengths) - min(lengths) <= 1

        for period in range(2, self._config.cycle + 1):
            # No more is looked ahead than can still be a pattern.
            if not known(period) or (frames := sum(lengths[:period])) > self._config.cycle:
                return None
            if min(lengths[:period]) == max(lengths[:period]):
                continue
            if not known(max(2 * period, count)):
                return None
            if lengths[period:] == lengths[:-period]:
                return (self._times[start + frames] - self._times[start]) / period
        return None


def earliest(times: Sequence[Fraction], index: int, config: RepeatConfig) -> int:
    """The first frame that may show the picture of a frame."""
    return bisect.bisect_left(times, times[index] - config.still)
