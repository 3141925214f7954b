"""Speed that changes in the course of a clip: ramps, holds, backwards, in a few letters."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from vidparticles.errors import InputError

SLOWEST, QUICKEST = Fraction(1, 20), Fraction(20)
_NUMBER = r"(\d+\.?\d*|\.\d+)"
_SPEED = r"(-?(?:\d+\.?\d*|\.\d+))"
_RAMP = re.compile(rf"{_SPEED}(?::{_SPEED})?@{_NUMBER}-{_NUMBER}")
_HOLD = re.compile(rf"hold:{_NUMBER}@{_NUMBER}")


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a clip and how fast it goes by.

    Attributes:
        start, end: seconds of the clip; equal where a frame is held.
        first, last: times as fast when it begins and ends to be shown; even in between, by the
            clip's seconds. Negative where the part is shown backwards, from `end` to `start`.
        held: seconds for which the frame at `start` is held.
    """

    start: Fraction
    end: Fraction
    first: Fraction = Fraction(1)
    last: Fraction = Fraction(1)
    held: Fraction = Fraction(0)

    @property
    def seconds(self) -> Fraction:
        """How long it takes in the new clip."""
        if self.start == self.end:
            return self.held
        if self.backwards:
            return self.forwards.seconds
        if self.first == self.last:
            return (self.end - self.start) / self.first
        gain = math.log(self.last / self.first) / float(self.last - self.first)
        return ((self.end - self.start) * Fraction(gain)).limit_denominator(1_000_000)

    @property
    def backwards(self) -> bool:
        """It is shown from its end to its start."""
        return self.first < 0

    @property
    def forwards(self) -> Piece:
        """The piece of which this one shows the same moments in the opposite order."""
        return dataclasses.replace(self, first=-self.last, last=-self.first)

    def place(self, after: Fraction) -> Fraction:
        """Seconds of the clip that are shown so long after the piece has begun.

        Example:
            >>> ramp = Piece(Fraction(0), Fraction(2), Fraction(1), Fraction(2))
            >>> [round(float(ramp.place(ramp.seconds * k / 2)), 2) for k in range(3)]
            [0.0, 0.83, 2.0]
        """
        if self.backwards:
            return self.forwards.place(self.seconds - after)
        if self.start == self.end or self.first == self.last:
            return self.start if self.start == self.end else self.start + after * self.first
        # The speed v grows by a second: dv/ds = g; so v(t) = v₀ exp(g t), s = (v − v₀) / g.
        growth = float(self.last - self.first) / float(self.end - self.start)
        gone = float(self.first) * math.expm1(growth * float(after)) / growth
        return min(self.end, self.start + Fraction(gone))


def parse_curve(text: str | float | Fraction) -> Fraction | tuple[Piece, ...]:
    """A speed, or pieces of a clip with speeds of their own.

    Args:
        text: `0.5`, or `-1` for backwards; or, joined by commas, `0.25@1-2` (a quarter of the
            speed from 1 s to 2 s of the clip), `1:0.25@1-2` (from full speed down to a quarter),
            `-1@1-2` (this part backwards, from 2 s to 1 s, in its place: what comes before and
            after it stays) and `hold:1.5@2` (the frame at 2 s for 1.5 s). Elsewhere the clip
            goes by as it is.

    Raises:
        InputError: it is not understood, a speed is out of range, or pieces overlap.

    Example:
        >>> parse_curve("0.1")
        Fraction(1, 10)
        >>> [str(piece.last) for piece in parse_curve("1:.25@1-2,.25@2-3")]
        ['1/4', '1/4']
    """
    with contextlib.suppress(ValueError):
        text = float(text)
    if not isinstance(text, str):
        return exact_speed(text)
    pieces = []
    for words in text.split(","):
        if ramp := _RAMP.fullmatch(words.strip()):
            first, last = (exact_speed(float(v)) for v in (ramp[1], ramp[2] or ramp[1]))
            start, end = Fraction(ramp[3]), Fraction(ramp[4])
            if not start < end:
                raise InputError(f"speed '{words}' ends before it starts; give @START-END.")
            if first * last < 0:
                raise InputError(
                    f"speed '{words}' turns round on its way; give both speeds one sign, and a "
                    "piece for each direction."
                )
            pieces.append(Piece(start, end, first, last))
        elif hold := _HOLD.fullmatch(words.strip()):
            pieces.append(Piece(Fraction(hold[2]), Fraction(hold[2]), held=Fraction(hold[1])))
        else:
            raise InputError(
                f"speed '{words}' is not understood; give a factor such as 0.5, or pieces such as "
                "0.25@1-2, 1:0.25@1-2, -1@1-2 or hold:1.5@2, joined by commas, times in seconds."
            )
    pieces.sort(key=lambda piece: (piece.start, piece.end))
    for before, after in itertools.pairwise(pieces):
        if after.start < before.end:
            raise InputError(
                f"speed '{text}' gives two speeds at {float(after.start):g} s; let one piece end "
                "where the next begins."
            )
    return tuple(pieces)


def exact_speed(factor: float | Fraction) -> Fraction:
    """The factor as a fraction.

    Raises:
        InputError: it is not a number from 1/20 to 20, nor such a one below 0.

    Example:
        >>> exact_speed(0.1)
        Fraction(1, 10)
    """
    if not math.isfinite(factor) or not SLOWEST <= abs(Fraction(factor)) <= QUICKEST:
        raise InputError(
            f"speed {float(factor):g} is out of range; give {float(SLOWEST):g} to "
            f"{float(QUICKEST):g}, where 0.5 is half speed, with a minus for backwards."
        )
    return Fraction(factor).limit_denominator(1000)


def whole(pieces: Sequence[Piece], duration: Fraction) -> tuple[Piece, ...]:
    """The pieces and what lies between them, from the clip's start to its end.

    Raises:
        InputError: a piece begins or ends beyond the clip's end.

    Example:
        >>> [float(p.end) for p in whole(parse_curve("0.5@1-2"), Fraction(3))]
        [1.0, 2.0, 3.0]
    """
    filled, at = [], Fraction(0)
    for piece in pieces:
        if piece.end > duration or piece.start >= duration:
            raise InputError(
                f"speed is given up to {float(piece.end):g} s, but the clip ends at "
                f"{float(duration):.2f} s; give times within it."
            )
        if piece.start > at:
            filled.append(Piece(at, piece.start))
        filled.append(piece)
        at = piece.end
    return (*filled, Piece(at, duration)) if at < duration else tuple(filled)


def places(pieces: Sequence[Piece], rate: Fraction) -> Iterator[list[tuple[Fraction, Fraction]]]:
    """For each piece the times of its frames in the new clip, and what of the clip each shows.

    A frame is shown until the next, so that backwards are the same frames in the opposite
    order: what is shown last forwards comes first.
    """
    begun, k = Fraction(0), 0
    for piece in pieces:
        count = max(0, math.ceil((begun + piece.seconds) * rate) - k)
        times = [(k + i) / rate for i in range(count)]
        way = piece.forwards if piece.backwards else piece
        moments = [way.place(time - begun) for time in times]
        yield list(zip(times, reversed(moments) if piece.backwards else moments, strict=True))
        begun, k = begun + piece.seconds, k + count
