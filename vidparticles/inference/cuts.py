"""`vidparticles cuts`: the shots of a clip and how each goes over into the next."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vidparticles.progress import counted
from vidparticles.video import open_video

if TYPE_CHECKING:
    from vidparticles.shots import Transition


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
        found = shots_between(changes, video.times, video.info.duration)
        return Cuts(video.path, video.info.duration, found, video.warnings)


def shots_between(
    changes: Sequence[Transition], times: np.ndarray, seconds: float
) -> tuple[Shot, ...]:
    """The shots of a clip, from what is between them.

    Args:
        changes: of `shots.transitions`.
        times: [T] seconds, of the frames.
        seconds: how long the clip plays.
    """
    ends = [*times[1:], seconds]
    # A cut is the first frame of its shot; of other changes no frame is.
    firsts = [0, *(c.last + (c.kind != "cut") for c in changes)]
    lasts = [*(c.first - 1 for c in changes), len(times) - 1]
    begins = ["", *(c.kind for c in changes)]
    return tuple(
        Shot(begin, float(times[first]), float(ends[last]), first, last)
        for begin, first, last in zip(begins, firsts, lasts, strict=True)
    )


def pieces(found: Cuts) -> tuple[tuple[int, int], ...]:
    """Parts of a clip, one a shot, that lose no frame: of a dissolve each has a half.

    Args:
        found: what `cuts` gave.

    Returns:
        Of each, its first frame and the one after its last.

    Example:
        >>> two = Shot("", 0.0, 1.0, 0, 9), Shot("dissolve", 1.4, 2.0, 14, 19)
        >>> pieces(Cuts(pathlib.Path("a.mp4"), 2.0, two, ()))
        ((0, 12), (12, 20))
    """
    between = [(a.last + 1 + b.first) // 2 for a, b in itertools.pairwise(found.shots)]
    edges = [found.shots[0].first, *between, found.shots[-1].last + 1]
    return tuple(itertools.pairwise(edges))
