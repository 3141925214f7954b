"""Trails: where something was a moment ago it is still seen, the fainter the longer ago."""

from __future__ import annotations

import bisect
import collections
import dataclasses
import functools
import itertools
from fractions import Fraction

import numpy as np

from vidparticles.editing.base import Edit
from vidparticles.editing.effects.paint import Region, mask_region, mixed
from vidparticles.editing.effects.regions import FindObjects
from vidparticles.editing.reel import Frames, Reel
from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class TrailConfig:
    """How a trail looks.

    Attributes:
        seconds: how long it is; so much of the clip is held.
        every: seconds from one of its pictures to the next.
        opacity: of the newest of them; the oldest has none.
    """

    seconds: Fraction = Fraction(4, 5)
    every: Fraction = Fraction(1, 10)
    opacity: float = 0.6


DEFAULT = TrailConfig()


def trails(find: FindObjects, *, config: TrailConfig = DEFAULT) -> Edit:
    """An edit in which what moves leaves a trail of itself; times and sound stay.

    The frames are run through twice: once to find it.

    Args:
        find: finds what leaves one.
        config: how it looks.
    """

    def edit(reel: Reel) -> Reel:
        again = reel.again
        if again is None:
            raise ValueError("these frames can be run through but once: nothing is found in them.")
        found = functools.cache(lambda: find(reel))

        def changed(frames: Frames, first: int) -> Frames:
            objects = found()
            begin = bisect.bisect_left(reel.times, reel.times[first] - config.seconds)
            lead = again(begin, first) if begin < first else iter(())
            past: collections.deque[tuple[Fraction, Picture, Region]] = collections.deque()
            run = objects.masks(itertools.chain(lead, frames), begin)
            for index, (time, picture, masks) in enumerate(run, begin):
                if index > begin and objects.shot[index] != objects.shot[index - 1]:
                    past.clear()
                while past and time - past[0][0] >= config.seconds:
                    past.popleft()
                mask = np.minimum(np.sum([*masks.values()], 0), 1) if masks else None
                own = None if mask is None else mask_region(mask, margin=0, soft=0)
                if index >= first:
                    yield time, _drawn(picture, own, past, time, config)
                # On one clock, wherever the run began.
                turn = index == 0 or time // config.every > reel.times[index - 1] // config.every
                if own is not None and turn:
                    past.append((time, picture, own))

        return reel.with_frames(changed)

    return edit


def _drawn(
    picture: Picture,
    own: Region | None,
    past: collections.deque[tuple[Fraction, Picture, Region]],
    time: Fraction,
    config: TrailConfig,
) -> Picture:
    """A picture over what was, the oldest below."""
    new = picture
    for then, other, region in past:
        share = config.opacity * float(1 - (time - then) / config.seconds)
        new = mixed(new, other, dataclasses.replace(region, cover=share * region.cover))
    return new if own is None or not past else mixed(new, picture, own)
