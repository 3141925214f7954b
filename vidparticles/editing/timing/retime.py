"""Retime: a clip in slow or quick motion or backwards, its sound in step and at its pitch.

Slow motion is a smaller time step: the motion from each picture to the next is found, and a
frame in between shows things part of the way. Nothing is blended across a cut, and frames that
show a picture again, see `repeats`, are no pictures of their own.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from vidparticles import shots
from vidparticles.editing.base import Edit
from vidparticles.editing.extras import through
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.sounds import retimed
from vidparticles.editing.timing import in_between
from vidparticles.editing.timing.curve import Piece, parse_curve
from vidparticles.editing.timing.in_between import Network
from vidparticles.editing.timing.repeats import Pictures, earliest, measured
from vidparticles.editing.timing.schedule import DEFAULT, Moment, RetimeConfig, schedule
from vidparticles.video import Picture

Told = Iterator[tuple[Fraction, Picture, float | None]]


class _Source:
    """Frames of a reel by their indices, wanted in runs that rise or fall.

    Args:
        frames: (seconds, frame, its change from the one before, infinite where it begins a shot)
            from frame `first` on; None: see `changes`.
        first: index.
        reel: whose frames they are; runs that fall need them again.
        changes: gives the changes of all frames; for those that `frames` did not tell.
        config: how many are held at once, and what counts as a repeat.
    """

    def __init__(
        self,
        frames: Told,
        first: int,
        reel: Reel,
        changes: Callable[[], np.ndarray],
        config: RetimeConfig,
    ):
        self._frames, self._coming, self._again = frames, first, reel.again
        self._most = max(2, config.held_bytes // (3 * reel.height * reel.width))
        self._all, self._told, self._config = changes, dict[int, float | None](), config
        self._held: dict[int, Picture] = {}
        self._wanted = first, first  # of those that are held, which stay
        self._falling = False
        self._times = reel.times
        self._checked, self._trusted = -1, 1.0  # from which frame on, see `trusted`
        self._pictures = Pictures(
            self.change, reel.times, even=reel.rate is not None, config=config.repeats
        )

    def change(self, index: int) -> float:
        """How much a frame differs from the one before, infinite where it begins a shot."""
        while not self._falling and index >= self._coming:
            self._read()
        told = self._told.get(index)
        return float(self._all()[index]) if told is None else told

    def around(self, moment: Moment) -> tuple[int, int, Fraction]:
        """Two frames between which a moment is, and its share of the way from one to the other."""
        self._falling, index = moment.backwards, moment.index
        if moment.since is None:
            self._wanted = index, index
            return index, index, Fraction(0)
        first = max(moment.since, earliest(self._times, index, self._config.repeats))
        self._wanted = max(first, self._wanted[0]), index
        here, there, share = self._pictures.around(index, moment.share)
        if share < self._config.least_share:
            there, share = here, Fraction(0)
        elif share > 1 - self._config.least_share:
            here, share = there, Fraction(0)
        # What came before the piece is gone: a picture is taken from its first frame within it.
        here = max(moment.since, here)
        block = self._block(moment)
        self._wanted = (here if block == self._checked else min(here, block)), there
        return here, there, share

    def trusted(self, moment: Moment, network: Network | None) -> float:
        """How far motion is trusted: by three pictures of the shot, or of a block of its frames."""
        block = self._block(moment)
        if block != self._checked:
            self._checked, self._trusted = block, self._trust(block, network)
        return self._trusted

    def _block(self, moment: Moment) -> int:
        """The first frame of those that are trusted alike: of one shot, piece and block."""
        assert moment.since is not None
        first = max(moment.since, moment.index - moment.index % self._config.checked)
        shots = (k for k in range(moment.index, first, -1) if math.isinf(self.change(k)))
        return next(shots, first)

    def _trust(self, block: int, network: Network | None) -> float:
        starts = [block]
        while len(starts) < 3:
            _, stop = self._pictures.run(starts[-1])
            if stop == len(self._times) or math.isinf(self.change(stop)):
                return 1.0
            starts.append(stop)
        first, known, last = (self._times[k] for k in starts)
        share = float((known - first) / (last - first))
        before, middle, after = (self.at(k).levels() for k in starts)
        return in_between.trust(before, middle, after, share, network)

    def at(self, index: int) -> Picture:
        """A frame; what came before it in a rising run is gone, and what came after otherwise."""
        if index in self._held:
            return self._held[index]
        if self._falling or index < self._coming:
            assert self._again is not None
            # What is decoded on the way to a frame is kept, as far as there is room.
            first = max(0, index + 1 - self._most)
            block = [frame for _, frame in self._again(first, index + 1)]
            beside = {k: v for k, v in self._held.items() if k in self._wanted}
            self._held = beside | dict(enumerate(block, first))
        while index not in self._held:
            self._read()
        return self._held[index]

    def let_go(self) -> None:
        """Hold no frame any more."""
        self._held = {}

    def _read(self) -> None:
        self._held = {k: v for k, v in self._held.items() if k >= self._wanted[0]}
        _, self._held[self._coming], self._told[self._coming] = next(self._frames)
        self._coming += 1


def _shown(
    source: _Source, moments: Sequence[Moment], reel: Reel, network: Network | None
) -> Frames:
    """Frames at any moment, by the motion from each picture to the next."""
    matched, found = None, None
    try:
        for moment in moments:
            first, second, share = source.around(moment)
            # Whether or not it is asked for yet: the frames that tell it are here now.
            trusted = 1.0 if moment.since is None else source.trusted(moment, network)
            if share == 0:
                yield moment.time, source.at(first)
                continue
            order = (second, first) if moment.backwards else (first, second)
            pair = {k: source.at(k) for k in order}
            if math.isinf(source.change(second)):
                picture = pair[first] if 2 * share < 1 else pair[second]
            else:
                both = [pair[first], pair[second]]
                if matched != (first, second) or found is None:
                    matched = (first, second)
                    found = in_between.match(both[0].levels(), both[1].levels(), network)
                between = functools.partial(
                    in_between.between,
                    found=found,
                    share=float(share),
                    network=network,
                    trusted=trusted,
                )
                picture = reel.redrawn(both, between)
                del both
            del pair  # the new picture is all that is held while it is looked at
            yield moment.time, picture
    finally:
        source.let_go()


def _sources(
    reel: Reel, moments: Sequence[Moment], config: RetimeConfig
) -> Callable[[int | None], _Source]:
    """What makes the source of a run: of the reel's own, or of one that begins at a frame."""
    in_between = any(moment.since is not None for moment in moments)
    again = reel.again

    @functools.cache
    def changes() -> np.ndarray:
        # What tells a cut comes before and after it: all are looked for in a run of their own.
        assert again is not None
        return np.fromiter(
            (changed for *_, changed in _told(again(0, len(reel.times)), config)), float
        )

    def source(first: int | None) -> _Source:
        if first is None:
            told = _told(reel.frames, config) if in_between else _untold(reel.frames)
            return _Source(told, 0, reel, changes, config)
        assert again is not None
        frames = _untold(again(first, len(reel.times)))
        return _Source(frames, first, reel, changes, config)

    return source


def _told(frames: Frames, config: RetimeConfig) -> Told:
    def shrink(measured: tuple[Picture, float]) -> np.ndarray:
        return measured[0].rgb(shots.SIZE)

    both = measured(frames, config.repeats)
    for time, (frame, changed), begins in shots.stream(both, shrink=shrink):
        yield time, frame, math.inf if begins else changed


def _untold(frames: Frames) -> Told:
    return ((time, frame, None) for time, frame in frames)


def _with_pictures(pieces: Sequence[Piece], reel: Reel, config: RetimeConfig) -> Iterator[Moment]:
    """The moments that are shown; none while sound alone has begun."""
    if reel.times[0] == 0:
        yield from schedule(pieces, reel.times, reel.rate, config=config)
        return
    for moment in schedule(pieces, [Fraction(0), *reel.times], None, config=config):
        if moment.index:
            since = None if moment.since is None else max(0, moment.since - 1)
            yield dataclasses.replace(moment, index=moment.index - 1, since=since)


def retime(
    speed: float | Fraction | str,
    *,
    config: RetimeConfig = DEFAULT,
    network: Network | None = None,
) -> Edit:
    """An edit that changes the speed; sound keeps its pitch and is silent while a frame is held.

    Args:
        speed: 2 is twice as quick, 0.5 half speed, −1 backwards; or a curve, see
            `curve.parse_curve`.
        config: how finely.
        network: whose motion, and whose picture too, slow motion shows; default, motion that is
            found in the frames alone.

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
        moments = list(_with_pictures(pieces, reel, config))
        if reel.rate is None:
            duration = sum((piece.seconds for piece in pieces), Fraction(0))
        else:
            duration = len(moments) / reel.rate
        source = _sources(reel, moments, config)

        def begin(moment: Moment) -> int:
            """The first frame that may be needed."""
            if moment.since is None:
                return moment.index
            block = moment.index - moment.index % config.checked
            first = earliest(reel.times, moment.index, config.repeats)
            return max(moment.since, min(block, first))

        def part(first: int, last: int) -> Frames:
            shown = moments[first:last]
            return _shown(source(min(map(begin, shown))), shown, reel, network)

        return reel.replace(
            frames=_shown(source(None), moments, reel, network),
            slow=reel.slow or any(moment.share for moment in moments),
            again=reel.again and part,
            times=tuple(moment.time for moment in moments),
            duration=duration,
            audio=reel.audio and retimed(reel.audio, pieces, duration),
            extras=through(reel.extras, pieces, duration),
        )

    return edit
