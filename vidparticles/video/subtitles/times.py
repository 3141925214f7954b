"""Cues moved, stretched and cut in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from fractions import Fraction

from vidparticles.errors import InputError
from vidparticles.video.extras import Span, Subtitles


def shifted(subtitles: Subtitles, seconds: float | Fraction) -> Subtitles:
    """Cues that come later, or sooner; what would come before time 0 is cut off.

    Args:
        subtitles: the track.
        seconds: by which they come later.

    Example:
        >>> track = Subtitles((Span(Fraction(1), Fraction(2), "a"),))
        >>> str(shifted(track, 1.5).cues[0].start), shifted(track, -3).cues
        ('5/2', ())
    """
    by = Fraction(seconds).limit_denominator(1_000_000)
    return _moved(subtitles, lambda at: at + by)


def scaled(subtitles: Subtitles, factor: float | Fraction) -> Subtitles:
    """Cues of a clip that plays slower, around time 0.

    Args:
        subtitles: the track.
        factor: of all times, over 0; of 25 frames a second shown as 24 it is 25/24.

    Raises:
        InputError: the factor is not over 0.

    Example:
        >>> track = Subtitles((Span(Fraction(24), Fraction(48), "a"),))
        >>> str(scaled(track, Fraction(25, 24)).cues[0].end)
        '50'
    """
    if not factor > 0:
        raise InputError(f"subtitles cannot be scaled by {factor}; give a factor over 0.")
    by = Fraction(factor)
    return _moved(subtitles, lambda at: at * by)


def clipped(subtitles: Subtitles, spans: Iterable[tuple[Fraction, Fraction]]) -> Subtitles:
    """What of the cues lies within spans of time, where it is.

    Args:
        subtitles: the track.
        spans: (start, end) in seconds, in order, apart from one another.

    Returns:
        Cues; one that lies in two spans is there twice.

    Example:
        >>> track = Subtitles((Span(Fraction(1), Fraction(4), "a"),))
        >>> [(str(c.start), str(c.end)) for c in clipped(track, [(Fraction(0), Fraction(2))]).cues]
        [('1', '2')]
    """
    found = [
        Span(max(cue.start, start), min(cue.end, end), cue.text)
        for start, end in spans
        for cue in subtitles.cues
        if max(cue.start, start) < min(cue.end, end)
    ]
    return dataclasses.replace(subtitles, cues=tuple(sorted(found, key=lambda cue: cue.start)))


def _moved(subtitles: Subtitles, change: Callable[[Fraction], Fraction]) -> Subtitles:
    cues = (
        Span(max(change(cue.start), Fraction(0)), change(cue.end), cue.text)
        for cue in subtitles.cues
    )
    return dataclasses.replace(subtitles, cues=tuple(cue for cue in cues if cue.end > cue.start))
