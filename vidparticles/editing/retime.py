"""Retime: a clip in slow or quick motion or backwards, its sound in step and at its pitch.

Slow motion is a smaller time step: the motion from each frame to the next is found, and a
frame in between shows things part of the way. Nothing is blended across a cut.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles import shots
from vidparticles.editing.base import Edit
from vidparticles.editing.curve import Piece, parse_curve
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.schedule import DEFAULT, Moment, RetimeConfig, schedule
from vidparticles.render import between as warp
from vidparticles.video import Audio, Picture, cut, join, reverse, silence, stretch


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
        frames: Iterator[tuple[Fraction, Picture, bool | None]],
        first: int,
        again: Callable[[int, int], Frames] | None,
        cuts: Callable[[], np.ndarray],
        most: int,
    ):
        self._frames, self._coming, self._again = frames, first, again
        self._cuts, self._most = cuts, max(2, most)
        self._held: dict[int, Picture] = {}
        self._begins: dict[int, bool] = {}

    def begins_shot(self, index: int) -> bool:
        """Whether a frame, which was given, begins another shot."""
        if index not in self._begins:
            self._begins[index] = bool(self._cuts()[index])
        return self._begins[index]

    def at(self, index: int, *, falling: bool) -> Picture:
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


def _shown(
    source: _Source, moments: Sequence[Moment], new: Callable[[np.ndarray], Picture]
) -> Frames:
    """Frames at any moment, by the motion from each frame to the next; `new` makes a picture."""
    matched, found = -1, None
    levels: dict[int, np.ndarray] = {}
    for moment in moments:
        time, index, falling = moment.time, moment.index, moment.backwards
        if moment.share == 0:
            yield time, source.at(index, falling=falling)
            continue
        order = (index + 1, index) if falling else (index, index + 1)
        pair = {k: source.at(k, falling=falling) for k in order}
        if source.begins_shot(index + 1):
            picture = pair[index] if 2 * moment.share < 1 else pair[index + 1]
        else:
            levels = {k: levels[k] if k in levels else pair[k].levels() for k in order}
            here, there = levels[index], levels[index + 1]
            if matched != index or found is None:
                matched, found = index, warp.match(here, there)
            picture = new(np.asarray(warp.between(here, there, found, float(moment.share))))
        del pair  # the new picture is all that is held while it is looked at
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
        told = _told(again(0, len(reel.times)))
        return np.fromiter((cut for _, _, cut in told), bool)

    def source(first: int | None) -> _Source:
        if first is None:
            told = _told(reel.frames) if in_between else _untold(reel.frames)
            return _Source(told, 0, again, cuts, most)
        assert again is not None
        return _Source(_untold(again(first, len(reel.times))), first, again, cuts, most)

    return source


def _told(frames: Frames) -> Iterator[tuple[Fraction, Picture, bool]]:
    return shots.stream(frames, shrink=lambda picture: picture.rgb(shots.SIZE))


def _untold(frames: Frames) -> Iterator[tuple[Fraction, Picture, bool | None]]:
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
            return _shown(source(min(moment.index for moment in shown)), shown, reel.picture)

        return reel.replace(
            frames=_shown(source(None), moments, reel.picture),
            slow=reel.slow or any(moment.share for moment in moments),
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
