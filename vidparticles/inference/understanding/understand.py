"""`vidparticles understand`: what a clip shows, what is done in it, who moves where, what is heard.

Nothing has to be trained: published networks say what they see, and what they do not see is
measured. The clip is decoded once; every lane is shown the same frames as they come, so that
memory hardly grows with the length of the clip.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vidparticles import shots
from vidparticles.image.resample import shrink_size
from vidparticles.inference.cuts import shots_between
from vidparticles.inference.understanding import labels
from vidparticles.inference.understanding.camera import CameraLane
from vidparticles.inference.understanding.features import DEFAULT, FeatureConfig, FeatureLane
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.inference.understanding.movers import movements
from vidparticles.inference.understanding.networks import (
    SERVES,
    Networks,
    networks,
    sound_kinds,
)
from vidparticles.inference.understanding.novelty import ThumbnailLane, novelty
from vidparticles.inference.understanding.picture import PictureLane
from vidparticles.inference.understanding.report import Curve, Report
from vidparticles.inference.understanding.sound import heard, kinds
from vidparticles.models.published import nanodet
from vidparticles.video import open_video

if TYPE_CHECKING:
    from vidparticles.inference.understanding.trained import Classified

OBJECTS_RATE = 6.0  # frames a second in which objects are looked for


class Lane(Protocol):
    """Looks at the frames of a clip as they come."""

    def take(self, moment: Moment) -> None:
        """The next frame."""


def understand(
    path: str | os.PathLike[str],
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    objects: bool = True,
    sounds: str | os.PathLike[str] | None = None,
    networks_here: Networks | None = None,
    config: FeatureConfig = DEFAULT,
) -> Report:
    """What a clip shows, and when.

    Args:
        path: a video file.
        checkpoint: the workdir of a run of experiments/train.py, whose classes are told, too.
        objects: whether objects are followed, which takes as long as all else together.
        sounds: the file `yamnet.h5` of YAMNet, with `yamnet_class_map.csv` beside it: then kinds
            of sound are told, music among them. See `models.published.yamnet`.
        networks_here: of `networks(config.size, names=tuple(SERVES))`, loaded once for many clips.
        config: how the networks look at the clip.

    Raises:
        InputError: the clip cannot be read, the folder is no such run, or the file of sounds not
            that network's.

    Example:
        >>> from vidparticles.video import footage
        >>> told = understand(footage.path("nasa"), objects=False, networks_here=Networks())
        >>> [shot.begins for shot in told.shots]
        ['', 'dissolve', 'cut']
    """
    hears = None if sounds is None else sound_kinds(sounds)
    trained = None if checkpoint is None else _trained(path, checkpoint)
    with open_video(path) as video:
        names = tuple(name for name in SERVES if objects or name != "nanodet")
        found = networks(config.size, names=names) if networks_here is None else networks_here
        features, picture, camera = FeatureLane(found, config), PictureLane(), CameraLane()
        small = ThumbnailLane(config.every)
        lanes: Sequence[Lane] = (features, picture, camera, small)
        signals: list[shots.Signals] = []
        frames = _shown(moments(video, signals=signals), lanes)
        if objects:
            from vidparticles.inference import objects as following

            told = following.followed(found.detector, chosen(frames, 1 / OBJECTS_RATE))
            followed = following.gathered(told)
        else:
            followed = []
            for _ in frames:
                pass
        info, times = video.info, video.times
        voice = video.audio()
        sound = heard(voice, found.hear)
        of_kinds = () if hears is None else kinds(voice, hears)
        warnings = [*video.warnings, *found.missing]
        if hears is not None and voice is None:
            warnings.append(f"{video.path} has no sound: no kinds of sound are told.")
        seen = features.end(video.path, info.duration, tuple(warnings))
    changes = shots.transitions(shots.joined(signals), times)
    between = shots_between(changes, times, info.duration)
    plain, path_of_camera = picture.end(), camera.end()
    blank = [told for told in plain if told.label in ("black", "white", "one color")]
    return Report(
        path=seen.path,
        seconds=info.duration,
        frames=len(times),
        width=info.width,
        height=info.height,
        shots=between,
        actions=labels.actions(seen, between, blank=blank),
        tags=labels.tags(seen, between),
        movements=movements(
            followed,
            path_of_camera,
            width=info.width / info.height,
            cuts=[shot.start for shot in between[1:]],
        ),
        camera=path_of_camera.words,
        picture=plain,
        sound=sound,
        sounds=of_kinds,
        novelty=_novelty(seen.times, seen.picture_features, small),
        trained=trained,
        warnings=tuple(dict.fromkeys((*seen.warnings, *(trained.warnings if trained else ())))),
    )


def _trained(path: str | os.PathLike[str], checkpoint: str | os.PathLike[str]) -> Classified:
    from vidparticles.inference.understanding.trained import classify

    return classify(path, checkpoint)


def _shown(frames: Iterable[Moment], lanes: Sequence[Lane]) -> Iterator[Moment]:
    """The frames, after each lane has taken them."""
    for moment in frames:
        for lane in lanes:
            lane.take(moment)
        yield moment


def chosen(frames: Iterable[Moment], step: float) -> Iterator[tuple[int, float, np.ndarray, bool]]:
    """Frames at least so many seconds apart, as objects are followed in them.

    Args:
        frames: of a clip.
        step: seconds.

    Returns:
        (index, seconds, uint8 [H, W, 3] as the detector wants it, whether it begins another shot):
        a cut in a frame that is left out is the next one's.
    """
    last, cut = -np.inf, False
    for moment in frames:
        cut |= moment.cut
        if moment.time >= last + step - 1e-3:
            height, width = moment.picture.height, moment.picture.width
            size = shrink_size(height, width, longest=nanodet.NanoDetConfig().size)
            yield moment.index, moment.time, moment.picture.rgb(size), cut
            last, cut = moment.time, False


def _novelty(times: np.ndarray, features: np.ndarray, small: ThumbnailLane) -> Curve:
    if not len(times):
        times, features = small.end()
    values: Any = np.round(novelty(features), 4)
    return Curve(tuple(np.round(times, 3).tolist()), tuple(values.tolist()))
