"""What edits of time do to sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.timing.curve import Piece
from vidparticles.video import Sound, cut, join, reverse, silence, warp


@dataclasses.dataclass(frozen=True)
class _Heard:
    """When the moments of a piece's sound are heard; backwards, they are counted from its end."""

    piece: Piece

    def at(self, after: Fraction, /) -> Fraction:
        piece, second = self.piece, self.piece.at(after)
        return piece.end - second if piece.backwards else second - piece.start

    def after(self, at: Fraction, /) -> Fraction:
        piece = self.piece
        return piece.after(piece.end - at if piece.backwards else piece.start + at)


def retimed(audio: Sound, pieces: Sequence[Piece], duration: Fraction) -> Sound:
    """The sound of the pieces one after another at its pitch; silent while a frame is held.

    Args:
        audio: the whole clip's.
        pieces: the whole clip's, see `Curve.over`.
        duration: seconds of the new picture.
    """
    parts = []
    for piece in pieces:
        if piece.start == piece.end:
            parts.append(silence(piece.held, rate=audio.rate, channels=audio.channels))
            continue
        part = cut(audio, piece.start, piece.end)
        if piece.backwards:
            part = reverse(part)
        if piece.in_between or abs(piece.first) != 1:
            part = warp(part, piece.seconds, _Heard(piece))
        parts.append(part)
    return cut(join(parts, durations=[piece.seconds for piece in pieces]), 0, duration)


def joined(sounds: Sequence[Sound | None], durations: Sequence[Fraction]) -> Sound | None:
    """Sounds of clips one after another, silence where a clip has none.

    Args:
        sounds: of each clip.
        durations: seconds of each picture, which its sound is to fill.
    """
    known = next((sound for sound in sounds if sound is not None), None)
    if known is None:
        return None
    pieces = [
        sound or silence(duration, rate=known.rate, channels=known.channels)
        for sound, duration in zip(sounds, durations, strict=True)
    ]
    return join(pieces, durations=durations)
