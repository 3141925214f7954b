"""`vidparticles cuts`: the shots of a clip and how each goes over into the next."""

from __future__ import annotations

import dataclasses
import os
import pathlib

from vidparticles.progress import counted
from vidparticles.video import open_video


@dataclasses.dataclass(frozen=True)
class Shot:
    """A stretch of footage taken in one go.

    Attributes:
        begins: how it comes out of the shot before: "cut", "dissolve" or "fade"; "" for the
            first. The frames of a dissolve or fade belong to neither shot.
        start, end: seconds from the start of the clip.
        first, last: frames.
    """

    begins: str
    start: float
    end: float
    first: int
    last: int


@dataclasses.dataclass(frozen=True)
class Cuts:
    """What `cuts` found.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        shots: in order; at least one.
        warnings: sentences on what is wrong with the file.
    """

    path: pathlib.Path
    seconds: float
    shots: tuple[Shot, ...]
    warnings: tuple[str, ...]


def cuts(path: str | os.PathLike[str]) -> Cuts:
    """The shots of a clip.

    Args:
        path: a video file.

    Raises:
        InputError: the clip cannot be read.
    """
    from vidparticles import shots

    with open_video(path) as video:
        frames = counted(video.every(size=shots.SIZE), len(video), work="looking")
        signals = shots.measure(frame for _, frame in frames)
        changes = shots.transitions(signals, video.times)
        ends = [*video.times[1:], video.info.duration]
        # A cut is the first frame of its shot; of other changes no frame is.
        firsts = [0, *(c.last + (c.kind != "cut") for c in changes)]
        lasts = [*(c.first - 1 for c in changes), len(video) - 1]
        found = [
            Shot(begins, float(video.times[first]), float(ends[last]), first, last)
            for begins, first, last in zip(
                ["", *(c.kind for c in changes)], firsts, lasts, strict=True
            )
        ]
        return Cuts(video.path, video.info.duration, tuple(found), video.warnings)
