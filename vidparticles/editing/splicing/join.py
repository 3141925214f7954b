"""Clips one after another as a timeline: how each goes over into the next, and how loud it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.compose.keep import kept
from vidparticles.editing.reel import opened
from vidparticles.editing.splicing.mixes import mix_of
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Sound
from vidparticles.video.sound.loudness import gain
from vidparticles.video.timelines import Clip, Effect, Item, Timeline, Transition


def joined(
    paths: Sequence[PathLike],
    *,
    transition: str = "cut",
    seconds: Fraction = Fraction(1, 2),
    loudness: float | None = None,
) -> Timeline:
    """Files one after another, whole; a transition lays the end of one over the start of the next.

    Args:
        paths: video files, in order.
        transition: "cut", or a name of `mixes.MIXES`.
        seconds: that a transition takes, rounded to an even number of frames of the first file.
        loudness: LUFS to which the sound of each is brought, see `video.sound.loudness.gain`;
            default, as it is.

    Raises:
        InputError: a file cannot be read or is too short for its transitions, or there is no such
            transition.
    """
    if transition != "cut":
        mix_of(transition)
    if not 0 < seconds < 3600:
        raise InputError(f"a transition cannot take {float(seconds):g} s; give more than 0.")
    if loudness is not None and not -70 < loudness < 0:
        raise InputError(f"{loudness:g} LUFS is no loudness to bring sound to; give -23 or -16.")
    clips: list[Clip] = []
    rate = None
    for path in paths:
        with opened(path) as reel:
            (clip,) = kept(reel, [(None, None)], path).clips
            rate = rate or reel.rate
            effects = () if loudness is None else _levelling(reel.audio, loudness)
            clips.append(dataclasses.replace(clip, effects=effects))
    if transition == "cut":
        return Timeline(tuple(clips), rate)
    half = seconds / 2 if rate is None else max(1, round(seconds * rate / 2)) / Fraction(rate)
    parts = []
    for number, clip in enumerate(clips):
        begin = half if number else Fraction(0)
        stop = clip.seconds - (half if number + 1 < len(clips) else 0)
        # Of each clip a moment is left between its transitions.
        if stop - begin <= half * ((number > 0) + (number + 1 < len(clips))):
            raise InputError(
                f"{clip.source} lasts {float(clip.seconds):.2f} s, too short for transitions of "
                f"{float(2 * half):.2f} s; give fewer --seconds."
            )
        parts.append(clip.part(begin, stop))
    kind = "dissolve" if transition == "fade" else transition
    items: list[Item] = [parts[0]]
    for part in parts[1:]:
        items += [Transition(half, half, kind), part]
    return Timeline(tuple(items), rate)


def _levelling(sound: Sound | None, loudness: float) -> tuple[Effect, ...]:
    """What brings the sound of a whole file to a loudness: its parts are not levelled apart."""
    factor = 1.0 if sound is None else gain(sound, loudness)
    return () if factor == 1 else (Effect("gain", repr(factor)),)
