"""How fast each moment of a clip goes by: one speed, ramps, holds, backwards, in a few letters.

A constant speed is a curve of one piece.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import re
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
        return self.forwards.after(self.end)

    @property
    def backwards(self) -> bool:
        """It is shown from its end to its start."""
        return self.first < 0

    @property
    def forwards(self) -> Piece:
        """The piece of which this one shows the same moments in the opposite order, or itself."""
        if not self.backwards:
            return self
        return dataclasses.replace(self, first=-self.last, last=-self.first)

    @property
    def in_between(self) -> bool:
        """Whether moments between frames are shown: where it is slower than the clip or changes.

        At an even speed that is not slower, the clip's own frames are smooth enough, and sharp.
        """
        return self.first != self.last or abs(self.first) < 1

    def at(self, after: Fraction) -> Fraction:
        """Seconds of the clip that are shown so long after the piece has begun.

        Example:
            >>> ramp = Piece(Fraction(0), Fraction(2), Fraction(1), Fraction(2))
            >>> [round(float(ramp.at(ramp.seconds * k / 2)), 2) for k in range(3)]
            [0.0, 0.83, 2.0]
        """
        if self.backwards:
            return self.forwards.at(self.seconds - after)
        if self.start == self.end or self.first == self.last:
            return self.start if self.start == self.end else self.start + after * self.first
        # The speed v grows by a second: dv/ds = g; so v(t) = v₀ exp(g t), s = (v − v₀) / g.
        gone = float(self.first) * math.expm1(self._growth * float(after)) / self._growth
        return min(self.end, self.start + Fraction(gone))

    def after(self, at: Fraction) -> Fraction:
        """How long after the beginning a second of the clip is shown: the inverse of `at`.

        Example:
            >>> ramp = Piece(Fraction(0), Fraction(2), Fraction(1), Fraction(2))
            >>> round(float(ramp.at(ramp.after(Fraction(1, 2)))), 4)
            0.5
        """
        if self.backwards:
            return self.seconds - self.forwards.after(at)
        if self.start == self.end or self.first == self.last:
            return Fraction(0) if self.start == self.end else (at - self.start) / self.first
        # v = v₀ + g s, so that t = ln(v / v₀) / g.
        gained = math.log1p(self._growth * float(at - self.start) / float(self.first))
        return Fraction(gained / self._growth).limit_denominator(1_000_000)

    @property
    def _growth(self) -> float:
        """g: how much the speed grows by a second of the clip."""
        return float(self.last - self.first) / float(self.end - self.start)


@dataclasses.dataclass(frozen=True)
class Curve:
    """How fast each moment of a clip goes by.

    Attributes:
        pieces: parts of the clip with speeds of their own, in order, none over another.
        speed: of what lies outside of them: 0.5 is half speed, −1 backwards.
    """

    pieces: tuple[Piece, ...] = ()
    speed: Fraction = Fraction(1)

    def over(self, duration: Fraction) -> tuple[Piece, ...]:
        """The pieces and what lies between them, from a clip's start to its end.

        Raises:
            InputError: a piece begins or ends beyond the clip's end.

        Example:
            >>> [float(piece.end) for piece in parse_curve("0.5@1-2").over(Fraction(3))]
            [1.0, 2.0, 3.0]
            >>> [str(piece.seconds) for piece in parse_curve("0.5").over(Fraction(3))]
            ['6']
        """
        filled, at = [], Fraction(0)
        for piece in self.pieces:
            held = piece.start == piece.end  # also of the end, when it shows the last frame
            if piece.end > duration or (piece.start == duration and not held):
                raise InputError(
                    f"speed is given up to {float(piece.end):g} s, but the clip ends at "
                    f"{float(duration):.2f} s; give times within it."
                )
            if piece.start > at:
                filled.append(Piece(at, piece.start, self.speed, self.speed))
            filled.append(piece)
            at = piece.end
        if at < duration:
            filled.append(Piece(at, duration, self.speed, self.speed))
        return tuple(filled)


def parse_curve(text: str | float | Fraction) -> Curve:
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
        >>> parse_curve("0.1").speed
        Fraction(1, 10)
        >>> [str(piece.last) for piece in parse_curve("1:.25@1-2,.25@2-3").pieces]
        ['1/4', '1/4']
    """
    with contextlib.suppress(ValueError):
        text = float(text)
    if not isinstance(text, str):
        return Curve(speed=exact_speed(text))
    pieces = sorted(map(_piece, text.split(",")), key=lambda piece: (piece.start, piece.end))
    for before, after in itertools.pairwise(pieces):
        if after.start < before.end:
            raise InputError(
                f"speed '{text}' gives two speeds at {float(after.start):g} s; let one piece end "
                "where the next begins."
            )
    return Curve(tuple(pieces))


def _piece(words: str) -> Piece:
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
        return Piece(start, end, first, last)
    if hold := _HOLD.fullmatch(words.strip()):
        return Piece(Fraction(hold[2]), Fraction(hold[2]), held=Fraction(hold[1]))
    raise InputError(
        f"speed '{words}' is not understood; give a factor such as 0.5, or pieces such as "
        "0.25@1-2, 1:0.25@1-2, -1@1-2 or hold:1.5@2, joined by commas, times in seconds."
    )


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
