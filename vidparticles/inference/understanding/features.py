"""What published networks see of a clip, and when: windows of I3D, pictures of EfficientNet-lite0.

A clip is read once, as a stream. Of each shot, frames 1 / `rate` s apart are laid side by side in
windows, which none crosses a cut: the last one of a shot ends with it, and a shot that is shorter
than a window goes there and back until it is filled. Pictures are taken once a second and of each
shot at least one.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vidparticles.errors import InputError
from vidparticles.image.resample import LUMA
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.inference.understanding.networks import Networks, networks
from vidparticles.inference.understanding.sampling import Batches, Pictures, Windows
from vidparticles.models.published import efficientnet, i3d
from vidparticles.video import open_video


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """How a clip is looked at.

    Attributes:
        size: pixels of each side of the square that the networks see, in the middle of the frame.
        share: of the frame's shorter side, that the square covers.
        rate: frames a second within a window.
        frames: of a window, a multiple of 8.
        least: frames behind the last whole window of a shot for which it gets another one, that
            ends with the shot.
        every: seconds from one picture to the next.
        windows: looked at at once; on a CPU more are not faster, and what is missing to so many
            is computed for nothing.
        pictures: looked at at once.
    """

    size: int = 224
    share: float = 7 / 8
    rate: float = 12.5
    frames: int = 32
    least: int = 8
    every: float = 1.0
    windows: int = 1
    pictures: int = 4

    def __post_init__(self) -> None:
        if self.size < 32:
            raise InputError(f"size is {self.size}; expected 32 pixels or more.")
        if self.frames < i3d.STRIDE or self.frames % i3d.STRIDE:
            raise InputError(f"frames is {self.frames}; expected a multiple of {i3d.STRIDE}.")
        if not min(self.rate, self.every) > 0 or not 0 < self.share <= 1:
            raise InputError(
                f"rate, every and share are {self.rate}, {self.every} and {self.share}; expected "
                "numbers above 0, and a share of at most 1."
            )


DEFAULT = FeatureConfig()
PARTS = 8  # parts of a picture each way, of which the brightness is kept


@dataclasses.dataclass(frozen=True)
class ClipFeatures:
    """What the networks see of a clip. W and P are 0 for a network that is not here.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        starts, ends: [W] seconds, of the windows; in order, those of one shot may overlap.
        logits: [W, 400] of the window, in the order of `parts.labels.read("kinetics400")`.
        steps: [W, S, 400] of each of S equal parts of it.
        features: [W, 1024] of the window, before the logits.
        times: [P] seconds, of the pictures.
        picture_logits: [P, 1000] in the order of `parts.labels.read("imagenet")`.
        picture_features: [P, 1280], before the logits.
        layouts: [W, 8, 8] mean luma of the parts of a window's pictures, in [0, 1].
        picture_layouts: [P, 8, 8] of the pictures.
        warnings: sentences on what is wrong with the file, and on what is not here.
    """

    path: pathlib.Path
    seconds: float
    starts: np.ndarray
    ends: np.ndarray
    logits: np.ndarray
    steps: np.ndarray
    features: np.ndarray
    times: np.ndarray
    picture_logits: np.ndarray
    picture_features: np.ndarray
    layouts: np.ndarray
    picture_layouts: np.ndarray
    warnings: tuple[str, ...]


def clip_features(
    path: str | os.PathLike[str],
    *,
    networks_here: Networks | None = None,
    config: FeatureConfig = DEFAULT,
) -> ClipFeatures:
    """What the networks see of a clip, in memory that hardly grows with its length.

    Args:
        path: a video file.
        networks_here: of `networks(config.size)`, loaded once for many clips.
        config: how the clip is looked at.

    Raises:
        InputError: the clip cannot be read.

    Example:
        >>> from vidparticles.video import footage
        >>> seen = clip_features(footage.path("chaplin"), networks_here=Networks())
        >>> seen.logits.shape, seen.picture_logits.shape
        ((0, 400), (0, 1000))
    """
    found = networks(config.size) if networks_here is None else networks_here
    lane = FeatureLane(found, config)
    with open_video(path) as video:
        for moment in moments(video):
            lane.take(moment)
        return lane.end(video.path, video.info.duration, (*video.warnings, *found.missing))


class FeatureLane:
    """Looks at the frames of one clip as they come.

    Args:
        found: what looks at them.
        config: how.
    """

    def __init__(self, found: Networks, config: FeatureConfig = DEFAULT) -> None:
        self._config = config
        self._laid = None if found.actions is None else Windows(config)
        self._taken = None if found.tags is None else Pictures(config)
        steps = config.frames // i3d.STRIDE
        parts = (PARTS, PARTS)
        of_windows = [(i3d.CLASSES,), (steps, i3d.CLASSES), (i3d.FEATURES,), parts]
        of_pictures = [(efficientnet.CLASSES,), (efficientnet.FEATURES,), parts]
        self._windows = Batches(_actions_of(found), config.windows, of_windows)
        self._pictures = Batches(_tags_of(found), config.pictures, of_pictures)

    def take(self, moment: Moment) -> None:
        """The next frame."""
        if self._laid is not None:
            self._windows.extend(self._laid.take(moment))
        if self._taken is not None:
            self._pictures.extend(self._taken.take(moment))

    def end(self, path: pathlib.Path, seconds: float, warnings: tuple[str, ...]) -> ClipFeatures:
        """There are no further frames."""
        if self._laid is not None:
            self._windows.extend(self._laid.end())
        if self._taken is not None:
            self._pictures.extend(self._taken.end())
        spans, (logits, steps, features, layouts) = self._windows.end()
        times, (picture_logits, picture_features, picture_layouts) = self._pictures.end()
        starts, ends = np.asarray(spans, float).reshape(-1, 2).T
        return ClipFeatures(
            path=path,
            seconds=seconds,
            starts=starts,
            ends=ends,
            logits=logits,
            steps=steps,
            features=features,
            times=np.asarray(times, float),
            picture_logits=picture_logits,
            picture_features=picture_features,
            layouts=layouts,
            picture_layouts=picture_layouts,
            warnings=warnings,
        )


def _actions_of(found: Networks) -> Callable[[np.ndarray], tuple[Any, ...]] | None:
    """I3D's logits, those of each part, and the mean of its features over time."""
    actions = found.actions
    if actions is None:
        return None

    def run(clips: np.ndarray) -> tuple[Any, ...]:
        said = actions(clips)
        features = np.asarray(said.features).mean(-2)
        return said.logits, said.steps, features, np.stack([_layout(clip) for clip in clips])

    return run


def _tags_of(found: Networks) -> Callable[[np.ndarray], tuple[Any, ...]] | None:
    """EfficientNet's logits and features, and layouts."""
    tags = found.tags
    if tags is None:
        return None

    def run(pictures: np.ndarray) -> tuple[Any, ...]:
        layouts = np.stack([_layout(picture[None]) for picture in pictures])
        return (*tags(pictures), layouts)

    return run


def _layout(frames: np.ndarray) -> np.ndarray:
    """Mean luma in [0, 1] of the parts of pictures [T, S, S, 3], over time too: [8, 8]."""
    edges = np.arange(PARTS) * frames.shape[1] // PARTS
    lines = np.add.reduceat(frames.sum(0, dtype=np.uint32), edges, 0, dtype=np.uint32)
    parts = np.add.reduceat(lines, edges, 1, dtype=np.uint32)
    sides = np.diff(edges, append=frames.shape[1])
    count = 255 * len(frames) * sides[:, None] * sides
    return np.asarray(parts @ np.array(LUMA) / count, np.float32)
