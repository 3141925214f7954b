"""`signals(path)`: what happens in a clip and when, in one run through it."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator

import numpy as np

from vidparticles.editing.selection.signals import Signals
from vidparticles.inference.highlights.duplicates import DuplicateConfig, duplicates
from vidparticles.inference.highlights.motion import MotionConfig, moving
from vidparticles.inference.highlights.sound import HearingConfig, listened
from vidparticles.inference.understanding.networks import networks
from vidparticles.inference.understanding.novelty import novelty
from vidparticles.inference.understanding.picture import PictureConfig
from vidparticles.inference.understanding.sound import HearFn
from vidparticles.progress import counted
from vidparticles.video import Video, open_video

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LOOK = (6, 8)  # cells of what a picture looks like


@dataclasses.dataclass(frozen=True)
class SignalsConfig:
    """How a clip is looked at.

    Attributes:
        motion: what counts as motion; its `rate` is that of all signals.
        picture: when a picture is black or stands.
        hearing: what counts as speech where no network tells it.
        duplicate: when a stretch shows another again.
        every: seconds between two pictures that novelty compares.
    """

    motion: MotionConfig = dataclasses.field(default_factory=MotionConfig)
    picture: PictureConfig = dataclasses.field(default_factory=PictureConfig)
    hearing: HearingConfig = dataclasses.field(default_factory=HearingConfig)
    duplicate: DuplicateConfig = dataclasses.field(default_factory=DuplicateConfig)
    every: float = 1.0


def signals(
    path: str | os.PathLike[str],
    *,
    hear: HearFn | None = None,
    config: SignalsConfig | None = None,
) -> Signals:
    """What happens in a clip and when.

    The clip is decoded once. Nothing has to be trained or fetched; where Silero's weights are
    there, they tell speech, and else what is loud is taken for it.

    Args:
        path: a video file.
        hear: tells speech; default, Silero if its weights are there.
        config: how it is looked at.

    Raises:
        InputError: the clip cannot be read.

    Example:
        >>> from vidparticles.video import footage
        >>> told = signals(footage.path("chaplin"))
        >>> bool(told.motion.min() > 0.01), told.black.any()
        (True, np.False_)
    """
    config = config or SignalsConfig()
    missing: tuple[str, ...] = ()
    if hear is None:
        found = networks(names=("silero",))
        hear, missing = found.hear, found.missing
    with open_video(path) as video:
        seen = _seen(video, config)
        count = len(seen.motion)
        sound, step = video.audio(), 1 / config.motion.rate
        loudness, speech = listened(sound, hear, step=step, count=count, config=config.hearing)
        return Signals(
            step=step,
            seconds=max(video.info.duration, float(video.times[-1]), step * (count - 1) + 1e-3),
            motion=seen.motion,
            novelty=_novelty(seen.look, max(1, round(config.every / step))),
            loudness=loudness,
            speech=speech,
            black=seen.black,
            frozen=seen.frozen,
            duplicate=duplicates(seen.look, seen.motion, config.duplicate),
            look=seen.look,
            sound=sound is not None,
            warnings=(*video.warnings, *(missing if sound is not None else ())),
        )


@dataclasses.dataclass(frozen=True)
class _Seen:
    motion: np.ndarray
    black: np.ndarray
    frozen: np.ndarray
    look: np.ndarray


def _seen(video: Video, config: SignalsConfig) -> _Seen:
    """What is seen in each step."""
    motion = config.motion
    size = motion.size(video.info.height, video.info.width)
    duration = max(video.info.duration, float(video.times[-1]) + 1e-3)
    count = max(1, math.ceil(duration * motion.rate - 1e-6))
    blocks = max(1, round(count / motion.block))
    held: list[np.ndarray] = []  # luma of the steps whose motion is not measured yet
    moved: list[np.ndarray] = []
    black, frozen, look = np.zeros(count, bool), np.zeros(count, bool), []
    limit = config.picture
    for k, (mean, change) in enumerate(_steps(video, size, count, motion.rate)):
        luma = mean @ _LUMA
        black[k] = np.sqrt(np.mean(mean**2)) <= 255 * limit.black
        frozen[k] = change <= 255 * limit.frozen
        look.append(_look(mean))
        held.append(luma)
        ended = k + 1 == count
        if ended or len(held) > -(-count // blocks) + motion.lag:
            shares = moving(np.stack(held), motion)
            # The last steps of a block are known once those behind them are.
            keep = len(shares) if ended else len(shares) - motion.lag
            skip = motion.lag if moved else 0
            moved.append(shares[skip:keep])
            held = held[-2 * motion.lag :]
    return _Seen(np.concatenate(moved), black, frozen, np.stack(look))


def _steps(
    video: Video, size: tuple[int, int], count: int, rate: float
) -> Iterator[tuple[np.ndarray, float]]:
    """The mean picture of each step, and the most that a frame in it differs from the one before.

    Where no frame begins, the last one stands.
    """
    frames = counted(video.every(size=size), len(video), work="looking")
    before: np.ndarray | None = None
    sums, number, change, at = np.zeros((*size, 3), np.float32), 0, 0.0, 0
    for time, frame in frames:
        while at < min(count - 1, int(time * rate + 1e-6)):
            assert before is not None or not number
            mean = sums / number if number else before
            yield (np.zeros_like(sums) if mean is None else mean), change
            sums, number, change, at = np.zeros_like(sums), 0, 0.0, at + 1
        new = frame.astype(np.float32)
        if before is not None:
            change = max(change, float(np.abs(new - before).mean()))
        sums, number, before = sums + new, number + 1, new
    for _ in range(at, count):
        assert before is not None
        yield (sums / number if number else before), change
        number, change = 0, 0.0


def _look(mean: np.ndarray) -> np.ndarray:
    """What a picture looks like: its colors in a few cells, [F] in [0, 1]."""
    rows, columns = (
        np.linspace(0, n, m + 1).astype(int)[:-1] for n, m in zip(mean.shape, _LOOK, strict=False)
    )
    sums = np.add.reduceat(np.add.reduceat(mean, rows, 0), columns, 1)
    ones = np.add.reduceat(np.add.reduceat(np.ones_like(mean), rows, 0), columns, 1)
    return (sums / ones / 255).astype(np.float32).ravel()


def _novelty(look: np.ndarray, every: int) -> np.ndarray:
    """[T] of looks [T, F], compared with those before at every so many-th step."""
    some = look[::every]
    around = some - some.mean(1, keepdims=True)
    apart = np.concatenate([np.maximum(around, 0), np.maximum(-around, 0)], 1)
    return np.repeat(novelty(apart), every)[: len(look)]
