"""Clips one after another as a timeline: how each goes over into the next, and how loud it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.compose.keep import kept
from vidparticles.editing.reel import opened
from vidparticles.editing.splicing.mixes import mix_of
from vidparticles.editing.trim import Span
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video.timelines import Clip, Effect, Item, Timeline, Transition


def joined(
    paths: Sequence[PathLike],
    *,
    transition: str = "cut",
    seconds: Fraction = Fraction(1, 2),
    spans: Sequence[Span] | None = None,
    gains: Sequence[float] | None = None,
) -> Timeline:
    """Files one after another; a transition lays the end of one over the start of the next.

    Args:
        paths: video files, in order.
        transition: "cut", or a name of `mixes.MIXES`.
        seconds: that a transition takes, rounded to an even number of frames of the first file.
        spans: what is shown of each, (start, end) as of `editing.trim`; default, all.
        gains: by what the samples of each are multiplied; default, they are left as they are.

    Raises:
        InputError: a file cannot be read or is too short for its transitions, or there is no such
            transition.
    """
    if transition != "cut":
        mix_of(transition)
    if not 0 < seconds < 3600:
        raise InputError(f"a transition cannot take {float(seconds):g} s; give more than 0.")
    spans = spans or [(None, None)] * len(paths)
    gains = gains or [1.0] * len(paths)
    clips: list[Clip] = []
    rate = None
    for path, span, gain in zip(paths, spans, gains, strict=True):
        with opened(path) as reel:
            (clip,) = kept(reel, [span], path).clips
            rate = rate or reel.rate
            effects = () if gain == 1 else (Effect("gain", repr(gain)),)
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
