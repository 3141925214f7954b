"""Stabilize: the shake of a hand taken out, the way the camera means to go kept.

The clip is watched (`steady.camera`): how its ground moved from frame to frame. Then each frame is
warped where it would be had the camera moved smoothly (`steady.path`), within what its edges allow.
What would show beyond them is cropped away, by the same share in all frames. Nothing is carried
over from one shot to another.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.steady.camera import CameraConfig, watch
from vidparticles.editing.steady.fill import FillConfig, fill_edges
from vidparticles.editing.steady.path import Path, PathConfig, smooth_path
from vidparticles.editing.steady.warp import warped
from vidparticles.errors import InputError
from vidparticles.progress import counted


@dataclasses.dataclass(frozen=True)
class StabilizeConfig:
    """How the camera is followed, and how smoothly it is to move.

    Attributes:
        camera: how the ground is told.
        path: how smooth the new path is, and what room it may take.
        fill: where what is beyond the edges comes from, where it is not cropped away.
    """

    camera: CameraConfig = dataclasses.field(default_factory=CameraConfig)
    path: PathConfig = dataclasses.field(default_factory=PathConfig)
    fill: FillConfig = dataclasses.field(default_factory=FillConfig)


DEFAULT = StabilizeConfig()
LEAST_CROP, MOST_CROP = 0.5, 0.99  # that can be asked for


def stabilize(
    *, crop: float | None = None, fill: bool = False, config: StabilizeConfig = DEFAULT
) -> Edit:
    """An edit that takes out the shake of the camera; times and sound stay.

    The frames are run through twice: once to follow the camera, when the first of the new frames
    is asked for, and once to be warped in their places.

    Args:
        crop: share of height and width that is kept at least; default, of `config.path`.
        fill: nothing is cropped: what is beyond a frame's edges is filled from its neighbors. Then
            `crop` tells how far frames may be moved.
        config: how the camera is followed, and how smoothly it is to move.

    Returns:
        The edit; the new reel's `crop` is the share of height and width that is left.

    Raises:
        InputError: `crop` is out of range.

    Example:
        >>> from vidparticles.video import Picture
        >>> frames = [(k, Picture.of(np.zeros((32, 48, 3), np.uint8))) for k in range(3)]
        >>> def again(first, last):
        ...     return iter(frames[first:last])
        >>> reel = Reel(again(0, 3), range(3), 3, 1, height=32, width=48, again=again)
        >>> steady = stabilize()(reel)
        >>> len(list(steady.frames)), round(steady.crop(), 2)
        (3, 1.0)
    """

    least = config.path.least_crop if crop is None else crop
    if not LEAST_CROP <= least <= MOST_CROP:
        raise InputError(
            f"stabilize-crop {least:g}: give the share of height and width that is kept at least, "
            f"from {LEAST_CROP:g} to {MOST_CROP:g}, as 0.9."
        )
    path = dataclasses.replace(config.path, least_crop=least)

    def edit(reel: Reel) -> Reel:
        again = reel.again
        if again is None:
            raise ValueError("these frames can be run through but once: not stabilized.")

        @functools.cache
        def way() -> Path:
            times = np.array([float(time) for time in reel.times])
            frames = counted(again(0, len(times)), len(times), work="watching")
            camera = watch(frames, config.camera)
            aspect = reel.width / reel.height
            steps = camera.turn, camera.shift, camera.shot
            return smooth_path(*steps, times, aspect, path, readout=camera.readout)

        def steadied(frames: Frames, first: int) -> Frames:
            found = way()
            for index, (time, picture) in enumerate(frames, first):
                window = found.window(index, index, found.crop)
                window = np.stack([window.real, window.imag], -1).astype(np.float32)
                place = functools.partial(warped, window=window)
                yield time, reel.redrawn([picture], place)

        if fill:
            run = fill_edges(reel, again, way, config.fill)
            return reel.replace(frames=run(0, len(reel.times)), again=run, slow=True)
        return reel.with_frames(steadied, slow=True, crop=lambda: reel.crop() * way().crop)

    return edit
