"""Subtitles as a track beside the picture, that viewers turn on."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Reel
from vidparticles.video import Subtitles, subtitles


def add_track(track: Subtitles) -> Edit:
    """An edit that adds a track of subtitles; edits after it carry its cues along.

    Args:
        track: cues on the clock of the clip as it is given to this edit; what is beyond its end is
            left out.

    Example:
        >>> from vidparticles.video import Span
        >>> reel = Reel(iter(()), [0], Fraction(2), Fraction(1), height=2, width=2)
        >>> track = Subtitles((Span(Fraction(1), Fraction(5), "Hello"),))
        >>> str(add_track(track)(reel).extras.subtitles[0].cues[0].end)
        '2'
    """

    def edit(reel: Reel) -> Reel:
        whole = subtitles.clipped(track, [(Fraction(0), Fraction(reel.duration))])
        extras = dataclasses.replace(reel.extras, subtitles=(*reel.extras.subtitles, whole))
        return reel.replace(extras=extras)

    return edit
