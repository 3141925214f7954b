"""One reading of a clip, shared by all that looks at it: frames in order, with cuts told."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from vidparticles import shots
from vidparticles.progress import counted
from vidparticles.shots import Signals
from vidparticles.video import Picture, Video


@dataclasses.dataclass(frozen=True)
class Moment:
    """A frame of a clip.

    Attributes:
        index: of the frame.
        time: seconds from which on it shows.
        until: seconds at which the next one shows, or the clip ends.
        picture: as it is stored.
        cut: it begins another shot by a cut.
    """

    index: int
    time: float
    until: float
    picture: Picture
    cut: bool = False

    @functools.cached_property
    def thumbnail(self) -> np.ndarray:
        """The whole frame as shots are found in it, uint8 [*shots.SIZE, 3]."""
        return self.picture.rgb(shots.SIZE)

    def square(self, size: int, share: float) -> np.ndarray:
        """The square in the middle of the frame, uint8 [size, size, 3].

        Args:
            size: pixels of each side of the result.
            share: of the frame's shorter side, that the square covers, in (0, 1].
        """
        height, width = self.picture.height, self.picture.width
        scale = size / (share * min(height, width))
        # Of a strip of which nothing would be left across, at least the square itself.
        small = [max(size, round(scale * length)) for length in (height, width)]
        top, left = ((length - size) // 2 for length in small)
        return self.picture.rgb((small[0], small[1]))[top : top + size, left : left + size]


def moments(video: Video, *, signals: list[Signals] | None = None) -> Iterator[Moment]:
    """Every frame of a clip, decoded once; cuts are told as the frames go by.

    Args:
        video: the clip.
        signals: gets what is measured of the frames, in stretches: `shots.transitions` of all of
            it tells dissolves and fades, too.
    """
    ends = [*video.times[1:].tolist(), max(video.info.duration, float(video.times[-1]))]
    pictures = counted(video.run(), len(video), work="understanding")
    every = (
        (float(time), Moment(k, float(time), end, picture))
        for k, (time, end, picture) in enumerate(zip(video.times, ends, pictures, strict=True))
    )
    for _, moment, cut in shots.stream(every, shrink=lambda m: m.thumbnail, signals=signals):
        yield dataclasses.replace(moment, cut=bool(cut)) if cut else moment
