"""Cuts, motion, pictures that are plain or stand, and what was never there, frame by frame.

All that is kept is a window of numbers, the frames that may yet turn out to begin a shot, and a
bounded number of small pictures of what has been there.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from vidparticles import shots
from vidparticles.inference.understanding.novelty import ways_of
from vidparticles.inference.understanding.picture import PictureConfig
from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class WatchConfig:
    """When something is told.

    Attributes:
        picture: when a picture is plain or stands.
        motion, rest: mean difference from the frame before, of levels in [0, 1], from which on
            something moves and below which it has ended.
        lasting: seconds that motion begins or ends for, before it is told.
        novel: 1 − the highest cosine with what has been there, from which on it is novel.
        every: seconds between two looks at what is there.
        remembered: pictures of what has been there, at most.
        ahead: frames that a frame may wait for those that tell whether a cut begins with it.
    """

    picture: PictureConfig = dataclasses.field(default_factory=PictureConfig)
    motion: float = 0.008
    rest: float = 0.004
    lasting: float = 0.4
    novel: float = 0.25
    every: float = 0.5
    remembered: int = 128
    ahead: int = 32


@dataclasses.dataclass(frozen=True)
class Happening:
    """Something that happens.

    Attributes:
        what: "cut", "novelty"; "motion", "black", "white", "one color", "frozen", "still"; of the
            source, "begin", "broken" and "end".
        time: seconds of the source, from its first picture on.
        state: "begins" or "ends" of what lasts, else "".
        value: what was measured, where something was.
        source: where it happens.
        why: a sentence, of a source that broke.
    """

    what: str
    time: float
    state: str = ""
    value: float | None = None
    source: str = ""
    why: str = ""


class Watcher:
    """Tells what happens in pictures that arrive.

    Args:
        config: when something is told.
    """

    def __init__(self, config: WatchConfig | None = None) -> None:
        self._config = config = config or WatchConfig()
        self._before: np.ndarray | None = None
        self._window = collections.deque[tuple[float, float]]()  # times and differences
        self._plain = _State(config.picture.shortest)
        self._motion = _State(config.lasting)
        self._ways = np.zeros((0, 0), np.float32)
        self._looked = -np.inf

    def run(self, pictures: Iterable[tuple[float, Picture]]) -> Iterator[Happening]:
        """What happens, as soon as it is known.

        Args:
            pictures: (seconds, picture), as they arrive.
        """
        config = shots.StreamConfig(ahead=self._config.ahead)
        small = ((time, picture.rgb(shots.SIZE)) for time, picture in pictures)
        last = 0.0
        for time, thumbnail, cut in shots.stream(small, shrink=lambda x: x, config=config):
            last = float(time)
            if cut:
                yield Happening("cut", last)
            yield from self._measured(last, thumbnail.astype(np.float32) / 255, cut)
        for state in (self._plain, self._motion):
            yield from state.end(last)

    def _measured(self, time: float, small: np.ndarray, cut: bool) -> Iterator[Happening]:
        config, picture = self._config, self._config.picture
        if self._before is not None and not cut:
            self._window.append((time, float(np.abs(small - self._before).mean())))
        elif cut:
            self._window.clear()
        self._before = small
        while self._window and self._window[0][0] < time - picture.smooth:
            self._window.popleft()
        changes = [change for _, change in self._window]
        plain = None
        if np.sqrt(np.mean(small**2)) <= picture.black:
            plain = "black"
        elif np.sqrt(np.mean((1 - small) ** 2)) <= picture.white:
            plain = "white"
        elif small.std((0, 1)).max() <= picture.plain:
            plain = "one color"
        elif changes and max(changes) <= picture.frozen:
            plain = "frozen"
        elif changes and np.mean(changes) <= picture.still:
            plain = "still"
        yield from self._plain.take(time, plain)
        mean = float(np.mean(changes)) if changes else 0.0
        least = config.rest if self._motion.now else config.motion
        yield from self._motion.take(time, "motion" if mean >= least else None, mean)
        if time >= self._looked + config.every or cut:
            self._looked = time
            yield from self._compared(time, small, plain)

    def _compared(self, time: float, small: np.ndarray, plain: str | None) -> Iterator[Happening]:
        """Whether what is there is like nothing before."""
        if plain in ("black", "white", "one color"):  # which has no shape to be compared by
            return
        way = ways_of(small[None])
        if self._ways.size:
            alike = self._ways @ way[0]
            novelty = 1 - float(alike.max())
            if novelty >= self._config.novel:
                yield Happening("novelty", time, value=round(min(novelty, 1.0), 4))
            elif novelty < self._config.novel / 4:  # it is known as well as can be
                return
        kept = self._ways[-(self._config.remembered - 1) :] if self._ways.size else way[:0]
        self._ways = np.concatenate([kept, way])


class _State:
    """Something that lasts: told once it has lasted, and once it has been over for as long."""

    def __init__(self, lasting: float):
        self.now: str | None = None
        self._lasting = lasting
        self._next: str | None = None
        self._since = 0.0

    def take(
        self, time: float, name: str | None, value: float | None = None
    ) -> Iterator[Happening]:
        """What a frame shows of it."""
        if name != self._next:
            self._next, self._since = name, time
        if self._next == self.now or time - self._since < self._lasting:
            return
        if self.now is not None:
            yield Happening(self.now, self._since, "ends")
        self.now = self._next
        if self.now is not None:
            told = None if value is None else round(value, 5)
            yield Happening(self.now, self._since, "begins", told)

    def end(self, time: float) -> Iterator[Happening]:
        """There are no further frames."""
        if self.now is not None:
            yield Happening(self.now, time, "ends")
        self.now = None
