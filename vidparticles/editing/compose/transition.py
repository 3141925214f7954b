"""Two reels over each other: the picture and the sound of one go over into those of the other."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.splicing.mixes import Mix
from vidparticles.editing.splicing.sequence import fit
from vidparticles.video import Picture, Sound, cut, resample, silence


def transition(one: Reel, other: Reel, mix: Mix) -> Reel:
    """A reel that goes over from one reel into another.

    It has the frames' times and the duration of the first; the other is seen at these moments.
    Levels are mixed in even steps, of which the first and last show a little of both.

    Args:
        one, other: about as long as each other.
        mix: what is seen of both.
    """
    steps = len(one.times) + 1
    same = (one.height, one.width, one.rotation) == (other.height, other.width, other.rotation)
    aspect = Fraction(other.pixel_aspect) / Fraction(one.pixel_aspect)

    def mixed(frames: Frames, first: int, behind: Frames) -> Frames:
        latest = _Latest(behind)
        for k, (time, picture) in enumerate(frames, first + 1):
            there = latest.at(time)
            if not same:
                sized = fit(there.levels(), one.height, one.width, aspect)
                there = one.picture(np.asarray(sized))
            yield time, one.redrawn([picture, there], functools.partial(_mixed, mix, k / steps))

    def again(first: int, last: int) -> Frames:
        assert one.again is not None
        assert other.again is not None
        return mixed(one.again(first, last), first, other.again(0, len(other.times)))

    return one.replace(
        frames=mixed(one.frames, 0, other.frames),
        again=again if one.again and other.again else None,
        audio=_crossed(one, other),
        sources=(*one.sources, *other.sources),
    )


def _mixed(mix: Mix, share: float, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return mix(before, after, share)


class _Latest:
    """The picture that shows at a moment, of moments that rise."""

    def __init__(self, frames: Frames):
        self._frames = frames
        self._shown, self._coming = next(frames)[1], next(frames, None)

    def at(self, time: Fraction) -> Picture:
        while self._coming is not None and self._coming[0] <= time:
            self._shown, self._coming = self._coming[1], next(self._frames, None)
        return self._shown


def _crossed(one: Reel, other: Reel) -> Sound | None:
    """The sound of one going down evenly while that of the other comes up."""
    known = one.audio or other.audio
    if known is None:
        return None
    rate = max(reel.audio.rate for reel in (one, other) if reel.audio)
    channels = max(reel.audio.channels for reel in (one, other) if reel.audio)
    own = [
        silence(one.duration, rate=rate, channels=channels)
        if reel.audio is None
        else cut(resample(reel.audio, rate=rate, channels=channels), 0, one.duration)
        for reel in (one, other)
    ]
    length = own[0].length

    def read(first: int, last: int) -> Iterator[np.ndarray]:
        down, up = (np.concatenate([*sound.blocks(first, last)]) for sound in own)
        share = ((np.arange(first, last) + 0.5) / length).astype(np.float32)[:, None]
        yield down + (up - down) * share

    return dataclasses.replace(own[0], read=read)
