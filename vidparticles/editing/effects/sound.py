"""Sound that is left out, and sound that is laid under a clip.

A sound that is laid under is repeated until the clip ends, each time over the end of the last, and
lowered while somebody speaks.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Protocol

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Sound, cut, read_audio, resample
from vidparticles.video.sound.blocks import BLOCK, Blocks

STEP = 0.032  # seconds, for each of which it is told whether somebody speaks


class SpeechFn(Protocol):
    """Tells when somebody speaks."""

    def __call__(self, sound: Sound, /) -> np.ndarray:
        """How likely it is [n] in [0, 1], for each `STEP` seconds of a sound."""


@dataclasses.dataclass(frozen=True)
class SoundConfig:
    """How a sound is laid under another.

    Attributes:
        under: decibels by which it is lower while somebody speaks.
        speech: likelihood from which somebody does.
        around: seconds before and after speech in which it stays low,
        change: and in which it comes to be so.
        over: seconds in which its beginning goes over into its end, where it is repeated,
        fade: and in which it fades out where the clip ends before it.
        loud: decibels above the quietest tenth of the clip from which it counts as speech, where
            no network tells.
    """

    under: float = 14.0
    speech: float = 0.5
    around: float = 0.25
    change: float = 0.25
    over: float = 0.05
    fade: float = 0.5
    loud: float = 15.0


DEFAULT = SoundConfig()


def mute() -> Edit:
    """An edit that leaves out all sound.

    Example:
        >>> reel = Reel(iter(()), [0], duration=1, rate=1, height=2, width=2)
        >>> mute()(reel).audio is None
        True
    """

    def edit(reel: Reel) -> Reel:
        extras = dataclasses.replace(reel.extras, voices=(), language="")
        return reel.replace(audio=None, extras=extras)

    return edit


def lay_under(
    path: PathLike, *, speech: SpeechFn | None = None, config: SoundConfig = DEFAULT
) -> Edit:
    """An edit that lays the sound of a file under a clip; of a silent clip it is the sound.

    Args:
        path: a sound or video file.
        speech: tells when somebody speaks; default, the clip's level tells.
        config: how low it is then.

    Raises:
        InputError: the file has no sound.
    """
    other = read_audio(path)
    if other is None or not other.length:
        raise InputError(f"{path} holds no sound that can be read; give a sound or video file.")

    def edit(reel: Reel) -> Reel:
        own = reel.audio
        if own is None:
            return reel.replace(audio=repeated(other, reel, config))
        channels = max(own.channels, other.channels)
        above = resample(own, rate=own.rate, channels=channels)
        under = repeated(resample(other, rate=own.rate, channels=channels), reel, config)
        hear = speech or functools.partial(by_level, config=config)
        gain = functools.cache(lambda: ducked(hear(own), config))
        return reel.replace(audio=mixed(cut(above, 0, reel.duration), under, gain))

    return edit


def repeated(sound: Sound, reel: Reel, config: SoundConfig = DEFAULT) -> Sound:
    """A sound as often as a reel needs it, and no longer.

    Example:
        >>> one = Sound.of(np.ones((8, 1), np.float32), rate=8)
        >>> reel = Reel(iter(()), [0], duration=3, rate=1, height=2, width=2)
        >>> config = SoundConfig(over=0, fade=1)
        >>> [round(float(x), 1) for x in repeated(one, reel, config).samples[14:20, 0]]
        [1.0, 1.0, 1.0, 0.9, 0.8, 0.6]
    """
    rate, length = sound.rate, round(reel.duration * sound.rate)
    over = min(round(config.over * rate), sound.length // 4)
    period = sound.length - over
    fade = 0 if length == sound.length else min(round(config.fade * rate), length)

    def read(first: int, last: int) -> Blocks:
        at = first
        while at < last:
            turn, begin = divmod(at, period)
            count = min(last - at, period - begin, BLOCK)
            block = np.concatenate([*sound.blocks(begin, begin + count)])
            if turn and begin < over:
                share = np.minimum((begin + np.arange(count) + 0.5) / max(over, 1), 1)[:, None]
                tail = np.concatenate([*sound.blocks(period + begin, period + begin + count)])
                block = np.sin(share * np.pi / 2) * block + np.cos(share * np.pi / 2) * tail
            if at + count > length - fade:
                left = (length - at - np.arange(count)) / fade
                block = block * np.clip(left, 0, 1)[:, None]
            yield np.asarray(block, np.float32)
            at += count

    return Sound(rate, sound.channels, length, read)


def by_level(sound: Sound, *, config: SoundConfig = DEFAULT) -> np.ndarray:
    """How likely somebody speaks, by how loud it is; 0 or 1 for each `STEP` seconds."""
    size = round(STEP * sound.rate)
    powers, held = [], np.zeros(0, np.float32)
    for block in sound.blocks():
        held = np.concatenate([held, np.mean(block, -1)])
        whole = len(held) // size * size
        powers.append(np.mean(held[:whole].reshape(-1, size) ** 2, -1))
        held = held[whole:]
    level = 10 * np.log10(np.concatenate([*powers, [np.mean(held**2) if len(held) else 0]]) + 1e-10)
    quiet = np.percentile(level, 10)
    return (level > max(quiet + config.loud, -50)).astype(np.float32)


def ducked(speech: np.ndarray, config: SoundConfig = DEFAULT) -> np.ndarray:
    """The factor [n] of the sound below, for each `STEP` seconds, by the speech above it."""
    around = 2 * math.ceil(config.around / STEP) + 1
    change = 2 * math.ceil(config.change / STEP / 2) + 1
    low = maximum_filter1d((speech >= config.speech).astype(float), around + change - 1)
    low = uniform_filter1d(low, change, mode="nearest")
    return 10 ** (-config.under * low / 20)


class _GainFn(Protocol):
    def __call__(self) -> np.ndarray: ...


def mixed(above: Sound, under: Sound, gain: _GainFn) -> Sound:
    """Two sounds of one rate and as many channels together.

    Args:
        above: stays as it is.
        under: what is laid under it.
        gain: gives the factor [n] of that for each `STEP` seconds.
    """

    def read(first: int, last: int) -> Blocks:
        at, factor = first, gain()
        moments = (np.arange(len(factor)) + 0.5) * STEP * above.rate
        for block in above.blocks(first, last):
            end = at + len(block)
            other = np.concatenate([*under.blocks(at, end)])
            share = np.interp(np.arange(at, end), moments, factor)[:, None]
            yield np.clip(block + share * other, -1, 1).astype(np.float32)
            at = end

    return dataclasses.replace(above, read=read)
