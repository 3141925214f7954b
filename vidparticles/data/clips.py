"""Clips that can be read one by one, in any order, from any thread."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from vidparticles.video.sample import Table

# Tables of frames kept in memory; one is some kilobytes.
_KEPT_TABLES = 20_000
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
        """Seconds from the first frame's showing to the end of the last one's."""

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
            whatever its file makes of it when the clip is corrupt.
        """


class FileClips:
    """Clips that are video files; see `Clips`."""

    def __init__(self, paths: Sequence[pathlib.Path], labels: Sequence[int]):
        self.names = [str(path) for path in paths]
        self._labels = list(labels)
        self._paths = list(paths)
        self._tables: dict[int, Table] = {}

    def label(self, video: int) -> int:
        """See `Clips`."""
        return self._labels[video]

    def duration(self, video: int) -> float:
        """See `Clips`."""
        return float(self._table(video).index.duration)

    def read(
        self, video: int, choose: Choice, *, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Clips`."""
        from vidparticles.video.sample import sample_frames

        table = self._table(video)
        times = table.index.times
        places = places_at(times, choose(float(table.index.duration)))
        return sample_frames(self._paths[video], table, places, size=size), times[places]

    def _table(self, video: int) -> Table:
        """What is known of a file; it is gone through the first time only."""
        from vidparticles.video.sample import table_of

        table = self._tables.get(video)
        if table is None:
            table = table_of(self._paths[video])
            if len(self._tables) < _KEPT_TABLES:
                self._tables[video] = table
        return table


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

        table = self._table(video)
        times = table.index.times
        if len(times) * size[0] * size[1] * 3 * len(self.names) > _HELD:
            return super().read(video, choose, size=size)
        with self._lock:
            if (video, size) not in self._held:
                places = np.arange(len(times))
                self._held[video, size] = sample_frames(
                    self._paths[video], table, places, size=size
                )
        places = places_at(times, choose(float(table.index.duration)))
        return self._held[video, size][places], times[places]


def places_at(times: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Places of the frames that are shown at some times.

    Example:
        >>> places_at(np.array([0.0, 0.5, 1.0]), np.array([0.25, 0.5, 9.0])).tolist()
        [0, 1, 2]
    """
    # A nanosecond more: times that are meant to be a frame's own are not to miss it.
    return np.maximum(np.searchsorted(times, seconds + 1e-9, side="right") - 1, 0)
