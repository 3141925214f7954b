"""Which frames of a clip the networks are given: windows within shots, a picture a second."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from vidparticles.inference.understanding.moments import Moment


class Sampling(Protocol):
    """How frames are taken; `features.FeatureConfig` is one."""

    @property
    def size(self) -> int:
        """Pixels of each side of a square."""

    @property
    def share(self) -> float:
        """Of the frame's shorter side, that the square covers."""

    @property
    def rate(self) -> float:
        """Frames a second within a window."""

    @property
    def frames(self) -> int:
        """Of a window."""

    @property
    def least(self) -> int:
        """Frames behind the last whole window of a shot that get another one."""

    @property
    def every(self) -> float:
        """Seconds from one picture to the next."""


Span = tuple[float, float]


class Windows:
    """Windows of the shots of a clip, as its frames come.

    Args:
        config: how frames are taken.
    """

    def __init__(self, config: Sampling) -> None:
        self._config = config
        self._held: collections.deque[np.ndarray] = collections.deque(maxlen=config.frames)
        self._begin = self._until = 0.0
        self._count = self._done = 0  # frames of this shot, and those in windows

    def take(self, moment: Moment) -> Iterator[tuple[Span, np.ndarray]]:
        """The windows that are behind the next frame: seconds and uint8 [frames, size, size, 3]."""
        if moment.cut:
            yield from self.end()
        config = self._config
        if not self._count:
            self._begin = moment.time
        self._until = moment.until
        # A frame that shows for long is taken more than once.
        while not self._count or self._at(self._count) < moment.until - 1e-6:
            if self._count - self._done == config.frames:
                yield (self._at(self._done), self._at(self._count)), np.stack(self._held)
                self._done = self._count
            self._held.append(moment.square(config.size, config.share))
            self._count += 1

    def end(self) -> Iterator[tuple[Span, np.ndarray]]:
        """The last window of a shot."""
        frames = self._config.frames
        if 0 < self._count < frames:
            there_and_back = np.pad(np.arange(self._count), (0, frames - self._count), "reflect")
            yield (self._begin, self._until), np.stack(self._held)[there_and_back]
        elif self._count - self._done >= self._config.least:
            begin, end = self._at(self._count - frames), self._until
            if self._count - self._done == frames:
                end = min(end, self._at(self._count))
            yield (begin, end), np.stack(self._held)
        self._held.clear()
        self._count = self._done = 0

    def _at(self, count: int) -> float:
        return self._begin + count / self._config.rate


class Pictures:
    """A picture in the middle of each `every` seconds of a shot, and at least one of a shot.

    Args:
        config: how frames are taken.
    """

    def __init__(self, config: Sampling) -> None:
        self._config = config
        self._begin, self._count = 0.0, 0
        self._first: Moment | None = None

    def take(self, moment: Moment) -> Iterator[tuple[float, np.ndarray]]:
        """The picture that is taken of the next frame: seconds and uint8 [size, size, 3]."""
        if moment.cut:
            yield from self.end()
        if self._first is None and not self._count:
            self._begin, self._first = moment.time, moment
        while self._begin + (self._count + 0.5) * self._config.every < moment.until - 1e-6:
            yield self._taken(moment)

    def end(self) -> Iterator[tuple[float, np.ndarray]]:
        """The picture of a shot that is too short for one in the middle of it."""
        if self._first is not None:
            yield self._taken(self._first)
        self._count, self._first = 0, None

    def _taken(self, moment: Moment) -> tuple[float, np.ndarray]:
        self._count, self._first = self._count + 1, None
        return moment.time, moment.square(self._config.size, self._config.share)


class Batches:
    """What a network says of arrays as they come, so many of which it is given at once.

    The last batch is filled up with copies, so that one program is compiled.

    Args:
        network: [B, …] → arrays [B, …]; None where nothing comes.
        size: B.
        shapes: of what is said of one, for when nothing comes.
    """

    def __init__(
        self,
        network: Callable[[np.ndarray], Sequence[Any]] | None,
        size: int,
        shapes: Sequence[tuple[int, ...]],
    ) -> None:
        self._network, self._size = network, size
        self._waiting: list[np.ndarray] = []
        self._names: list[Any] = []
        self._said = [[np.zeros((0, *shape), np.float32)] for shape in shapes]

    def extend(self, items: Iterable[tuple[Any, np.ndarray]]) -> None:
        """Take in further arrays, each with a name."""
        for name, item in items:
            self._names.append(name)
            self._waiting.append(item)
            if len(self._waiting) == self._size:
                self._apply()

    def end(self) -> tuple[list[Any], list[np.ndarray]]:
        """The names, and what is said of each, [N, …]."""
        if self._waiting:
            self._apply()
        return self._names, [np.concatenate(parts) for parts in self._said]

    def _apply(self) -> None:
        assert self._network is not None
        count = len(self._waiting)
        batch = np.stack([self._waiting[k % count] for k in range(self._size)])
        said = jax.tree.map(np.asarray, tuple(self._network(batch)))
        for parts, one in zip(self._said, said, strict=True):
            parts.append(one[:count])
        self._waiting = []
