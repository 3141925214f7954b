"""Clips that can be read one by one, in any order, from any thread."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from vidparticles.video.sample import ClipFacts

# Facts of clips that are kept in memory; those of one are some kilobytes.
_KEPT_FACTS = 20_000
# Bytes of decoded frames that are held.
_HELD = 2**30

Choice = Callable[[float], np.ndarray]


class Clips(Protocol):
    """Labelled clips of one split."""

    @property
    def names(self) -> Sequence[str]:
        """Of the clips."""

    def label(self, video: int) -> int:
        """The class of a clip."""

    def duration(self, video: int) -> float:
        """Seconds from the first frame's showing to the end of the last one's.

        Raises:
            InputError: the clip cannot be read.
        """

    def read(
        self, video: int, choose: Choice, *, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The frames shown at chosen times.

        Args:
            video: which clip.
            choose: its duration in seconds → times [T] in seconds, increasing.
            size: height and width of the result.

        Returns:
            uint8 [T, *size, 3] and the true times of those frames, float64 [T]; a frame is
            repeated where two times fall into its showing.

        Raises:
            InputError: the clip cannot be read.
        """


class FileClips:
    """Clips that are video files; see `Clips`."""

    def __init__(self, paths: Sequence[pathlib.Path], labels: Sequence[int]):
        self.names = [str(path) for path in paths]
        self._labels = list(labels)
        self._paths = list(paths)
        self._facts: dict[int, ClipFacts] = {}

    def label(self, video: int) -> int:
        """See `Clips`."""
        return self._labels[video]

    def duration(self, video: int) -> float:
        """See `Clips`."""
        return float(self._facts_of(video).table.duration)

    def read(
        self, video: int, choose: Choice, *, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Clips`."""
        from vidparticles.video.sample import sample_frames

        facts = self._facts_of(video)
        times = facts.table.times
        indices = indices_at(times, choose(float(facts.table.duration)))
        return sample_frames(self._paths[video], facts, indices, size=size), times[indices]

    def _facts_of(self, video: int) -> ClipFacts:
        """What is known of a file; it is gone through the first time only."""
        from vidparticles.video.sample import facts_of

        facts = self._facts.get(video)
        if facts is None:
            facts = facts_of(self._paths[video])
            if len(self._facts) < _KEPT_FACTS:
                self._facts[video] = facts
        return facts


class HeldClips(FileClips):
    """The same, decoded once and kept in memory at the size that is asked for, if they fit."""

    def __init__(self, paths: Sequence[pathlib.Path], labels: Sequence[int]):
        super().__init__(paths, labels)
        self._held: dict[tuple[int, tuple[int, int]], np.ndarray] = {}
        self._lock = threading.Lock()

    def read(
        self, video: int, choose: Choice, *, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Clips`."""
        from vidparticles.video.sample import sample_frames

        facts = self._facts_of(video)
        times = facts.table.times
        if len(times) * size[0] * size[1] * 3 * len(self.names) > _HELD:
            return super().read(video, choose, size=size)
        with self._lock:
            if (video, size) not in self._held:
                indices = np.arange(len(times))
                self._held[video, size] = sample_frames(
                    self._paths[video], facts, indices, size=size
                )
        indices = indices_at(times, choose(float(facts.table.duration)))
        return self._held[video, size][indices], times[indices]


def indices_at(times: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Indices of the frames that are shown at some times.

    Example:
        >>> indices_at(np.array([0.0, 0.5, 1.0]), np.array([0.25, 0.5, 9.0])).tolist()
        [0, 1, 2]
    """
    # A nanosecond more: times that are meant to be a frame's own are not to miss it.
    return np.maximum(np.searchsorted(times, seconds + 1e-9, side="right") - 1, 0)
