"""What edits of time do to what goes along with a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.sounds import joined, retimed
from vidparticles.editing.timing.curve import Piece
from vidparticles.video import Extras, Span, Subtitles, Voice


def through(extras: Extras, pieces: Sequence[Piece], duration: Fraction) -> Extras:
    """Further sounds, subtitles and chapters of parts of a clip one after another.

    Args:
        extras: the whole clip's.
        pieces: what is kept and how fast it goes by.
        duration: seconds of the new clip.
    """
    return dataclasses.replace(
        extras,
        voices=tuple(
            dataclasses.replace(voice, sound=retimed(voice.sound, pieces, duration))
            for voice in extras.voices
        ),
        subtitles=tuple(
            dataclasses.replace(track, cues=_shown(track.cues, pieces))
            for track in extras.subtitles
        ),
        chapters=_shown(extras.chapters, pieces),
    )


def _shown(spans: Sequence[Span], pieces: Sequence[Piece]) -> tuple[Span, ...]:
    """When spans of a clip are shown, as often as they are."""
    found: list[Span] = []
    begun = Fraction(0)
    for piece in pieces:
        for span in spans:
            start, end = max(span.start, piece.start), min(span.end, piece.end)
            if start < end:
                first, last = sorted(begun + piece.after(at) for at in (start, end))
            elif piece.held and span.start <= piece.start < span.end:
                first, last = begun, begun + piece.held
            else:
                continue
            # One that goes on over the end of a piece is one still.
            k = next((k for k, s in enumerate(found) if (s.end, s.text) == (first, span.text)), -1)
            if k >= 0:
                first = found.pop(k).start
            found.append(Span(first, last, span.text))
        begun += piece.seconds
    return tuple(sorted(found, key=lambda span: span.start))


def follow(clips: Sequence[Extras], durations: Sequence[Fraction]) -> Extras:
    """What goes along with clips one after another.

    The n-th tracks of all are one, and tags are those of the first.

    Args:
        clips: of each.
        durations: seconds of each.
    """
    voices = []
    for n in range(max(len(clip.voices) for clip in clips)):
        own = [clip.voices[n] if n < len(clip.voices) else None for clip in clips]
        sound = joined([None if voice is None else voice.sound for voice in own], durations)
        if sound is not None:
            voices.append(Voice(sound, next(voice.language for voice in own if voice)))
    starts = [sum(durations[:k], Fraction(0)) for k in range(len(clips))]
    subtitles = []
    for n in range(max(len(clip.subtitles) for clip in clips)):
        tracks = [
            (s, c.subtitles[n]) for s, c in zip(starts, clips, strict=True) if n < len(c.subtitles)
        ]
        cues = tuple(cue for start, track in tracks for cue in _later(track.cues, start))
        subtitles.append(Subtitles(cues, tracks[0][1].language))
    return dataclasses.replace(
        clips[0],
        voices=tuple(voices),
        subtitles=tuple(subtitles),
        chapters=tuple(
            chapter
            for start, clip in zip(starts, clips, strict=True)
            for chapter in _later(clip.chapters, start)
        ),
        lost=tuple(dict.fromkeys(name for clip in clips for name in clip.lost)),
    )


def _later(spans: Sequence[Span], by: Fraction) -> list[Span]:
    return [Span(span.start + by, span.end + by, span.text) for span in spans]
