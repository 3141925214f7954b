"""One reading of a clip for the index: what networks see of it, who moves where, the camera."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vidparticles.errors import InputError
from vidparticles.inference.searching.entry import Line
from vidparticles.inference.understanding.camera import CameraLane, CameraPath
from vidparticles.inference.understanding.features import ClipFeatures, FeatureConfig, FeatureLane
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.inference.understanding.movers import Movement, movements
from vidparticles.inference.understanding.networks import Networks
from vidparticles.video import open_video

if TYPE_CHECKING:
    from vidparticles.inference.objects import FoundObject

GROWTH = 2.0  # times by which a side of a box grows or shrinks from one look to the next, at most
RATE = 3.0  # frames a second in which objects are followed: half of what `understand` takes
SIDES = 192, 288  # pixels, of what objects are looked for in


class Look(NamedTuple):
    """What was seen of a clip.

    Attributes:
        seen: by the networks.
        moves: who moves where, and what the camera does, in order.
    """

    seen: ClipFeatures
    moves: tuple[Line, ...]


def look(
    path: pathlib.Path, *, networks_here: Networks, config: FeatureConfig, rate: float
) -> Look:
    """Read a clip once.

    Args:
        path: a video file.
        networks_here: of `networks(config.size, …)`; objects are followed where there is a
            detector among them.
        config: how the networks look at the clip.
        rate: frames a second in which objects are followed; 0: they are not.

    Raises:
        InputError: the clip cannot be read, or the rate is negative.

    Example:
        >>> from vidparticles.inference.understanding.features import DEFAULT
        >>> from vidparticles.video import footage
        >>> path = footage.path("chaplin")
        >>> look(path, networks_here=Networks(), config=DEFAULT, rate=0).moves[0].text
        'the camera is still'
    """
    if not rate >= 0:
        raise InputError(f"rate is {rate}; expected frames a second, 0 or more.")
    features, camera = FeatureLane(networks_here, config), CameraLane()
    cuts: list[float] = []
    with open_video(path) as video:
        frames = _shown(moments(video), features, camera, cuts)
        if rate and networks_here.detector is not None:
            from vidparticles.inference import objects as following

            told = following.followed(networks_here.detector, small(frames, 1 / rate))
            found = [part for one in following.gathered(told) for part in unbroken(one)]
        else:
            found = []
            for _ in frames:
                pass
        info = video.info
        height, width = size_of(info.height, info.width)
        seen = features.end(video.path, info.duration, (*video.warnings, *networks_here.missing))
    went = camera.end()
    done = movements(found, went, width=width / height, cuts=cuts)
    return Look(seen, in_lines(done, went))


def unbroken(one: FoundObject) -> Iterator[FoundObject]:
    """Stretches of an object without leaps in size.

    In a third of a second somebody may be anywhere near, and so be taken for a bed that is there;
    but nobody becomes twice as high or wide: from then on the boxes are another's.
    """
    corners = np.asarray(one.boxes).reshape(-1, 2, 2)
    sides = np.log(np.maximum(corners[:, 1] - corners[:, 0], 1e-3))
    leaps = np.flatnonzero((np.abs(np.diff(sides, axis=0)) > np.log(GROWTH)).any(1)) + 1
    for part in np.split(np.arange(len(sides)), leaps):
        first, stop = int(part[0]), int(part[-1]) + 1
        names = ("frames", "times", "boxes", "hidden", "score")
        rows: dict[str, Any] = {name: getattr(one, name)[first:stop] for name in names}
        start, end = one.times[first], one.times[stop - 1]
        yield dataclasses.replace(one, start=start, end=end, **rows)


def in_lines(done: Iterable[Movement], camera: CameraPath) -> tuple[Line, ...]:
    """What objects and the camera do, as lines in the order in which they begin.

    Example:
        >>> import numpy as np
        >>> from vidparticles.inference.understanding.told import Told
        >>> went = CameraPath((Told("pans left", 0.0, 2.0),), np.zeros(0), np.zeros((0, 2)))
        >>> in_lines([Movement("one dog moves right", 1.0, 2.0, "dog", (0,))], went)[1].text
        'one dog moves right'
    """
    lines = [Line(one.start, one.end, one.words) for one in done]
    lines += [Line(told.start, told.end, f"the camera {told.label}") for told in camera.words]
    return tuple(sorted(lines, key=lambda line: (line.start, line.end)))


def size_of(height: int, width: int) -> tuple[int, int]:
    """Height and width of what objects are looked for in: one for wide frames, one for high ones.

    Frames are stretched to it, by half at most up to 9 : 4, since a program is compiled for each
    size, which takes as long as to look at half a minute of a clip.

    Example:
        >>> size_of(1080, 1920), size_of(480, 640), size_of(1920, 1080)
        ((192, 288), (192, 288), (288, 192))
    """
    short, long = SIDES
    return (short, long) if width >= height else (long, short)


def small(frames: Iterable[Moment], step: float) -> Iterator[tuple[int, float, np.ndarray, bool]]:
    """Frames at least so many seconds apart, as objects are followed in them.

    Args:
        frames: of a clip.
        step: seconds.

    Returns:
        (index, seconds, uint8 [h, w, 3] of `size_of`, whether it begins another shot): a cut in a
        frame that is left out is the next one's.
    """
    last, cut = -np.inf, False
    for moment in frames:
        cut |= moment.cut
        if moment.time >= last + step - 1e-3:
            size = size_of(moment.picture.height, moment.picture.width)
            yield moment.index, moment.time, moment.picture.rgb(size), cut
            last, cut = moment.time, False


def _shown(
    frames: Iterable[Moment], features: FeatureLane, camera: CameraLane, cuts: list[float]
) -> Iterator[Moment]:
    """The frames, after the lanes have taken them; seconds of cuts are noted."""
    for moment in frames:
        features.take(moment)
        camera.take(moment)
        if moment.cut:
            cuts.append(moment.time)
        yield moment
