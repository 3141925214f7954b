"""What is known of a clip, laid over its time in cells of equal length."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from vidparticles.inference.anomalies.motion import Motion, MotionLane
from vidparticles.inference.anomalies.objects import Frames, departures, no_frames, object_frames
from vidparticles.inference.objects import detector_parameters
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.storage import PathLike
from vidparticles.video import open_video

SPAN = 0.5  # seconds of a cell


@dataclasses.dataclass(frozen=True)
class Cells:
    """A clip in cells.

    Attributes:
        starts, ends: [T] seconds.
        error: [T] of `Motion`, the mean; NaN where no point was followed.
        velocity: [T, V] likewise.
        like: [T, D] of length one, of the moment that is at the cell's middle; D is 0 without
            networks.
        objects: [T, 2] of `objects.departures`; NaN where there are none.
    """

    starts: np.ndarray
    ends: np.ndarray
    error: np.ndarray
    velocity: np.ndarray
    like: np.ndarray
    objects: np.ndarray


def followed(path: PathLike, *, objects: bool = True) -> tuple[Motion, Frames]:
    """What the points and the objects of a clip do, from one reading of it.

    Args:
        path: the clip.
        objects: follow them, where the weights of NanoDet are here.

    Raises:
        InputError: it cannot be read.
    """
    lane = MotionLane()
    params = detector_parameters() if objects else None

    def shown(frames: Iterable[Moment]) -> Iterator[Moment]:
        for moment in frames:
            lane.take(moment)
            yield moment

    with open_video(path) as video:
        frames = shown(moments(video))
        if params is None:
            found = no_frames()
            for _ in frames:
                pass
        else:
            found = object_frames(params, frames)
    return lane.end(), found


def cells_of(entry: Entry, motion: Motion, frames: Frames, *, span: float = SPAN) -> Cells:
    """A clip in cells.

    Args:
        entry: what the networks saw of it, see `search`.
        motion: of its points.
        frames: of its objects.
        span: seconds of a cell.

    Example:
        >>> from vidparticles.inference.anomalies.motion import VELOCITY
        >>> motion = Motion(np.array([0.1, 0.7]), np.zeros(2), np.zeros((2, len(VELOCITY))))
        >>> cells_of(Entry.unseen(1.2), motion, no_frames()).ends.tolist()
        [0.5, 1.2]
    """
    # The last one is as long as half a cell at least, unless it is the only one.
    count = max(1, int(entry.seconds / span + 0.5))
    edges = np.append(span * np.arange(count), max(entry.seconds, 1e-3))
    middles = (edges[1:] + edges[:-1]) / 2
    which = np.clip(np.searchsorted(edges, motion.times, side="right") - 1, 0, count - 1)
    total = np.bincount(which, minlength=count)
    columns = np.column_stack([motion.error, motion.velocity])
    sums = np.zeros((count, columns.shape[1]))
    np.add.at(sums, which, columns)
    with np.errstate(invalid="ignore"):
        rows = sums / total[:, None]
    like = np.zeros((count, 0))
    if len(entry.like):
        apart = np.abs(middles[:, None] - (entry.starts + entry.ends)[None] / 2)
        like = entry.like[np.argmin(apart, 1)]
    objects = departures(frames, edges)
    return Cells(edges[:-1], edges[1:], rows[:, 0], rows[:, 1:], like, objects)
