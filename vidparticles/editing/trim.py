"""Trim: a part of a clip, exact to the frame, its sound cut on the same clock."""

from __future__ import annotations

from fractions import Fraction

from vidparticles.editing.reel import PathLike, Written, check_paths, opened, write
from vidparticles.errors import InputError

Span = tuple[Fraction | None, Fraction | None]


def parse_span(text: str) -> Span:
    """START:END in seconds; either may be left out.

    Raises:
        InputError: not two numbers, or the end is not after the start.

    Example:
        >>> parse_span("1.5:3"), parse_span(":2")
        ((Fraction(3, 2), Fraction(3, 1)), (None, Fraction(2, 1)))
    """
    start, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        first, last = (Fraction(part) if part.strip() else None for part in (start, end))
    except (ValueError, ZeroDivisionError):
        raise InputError(f"trim {text!r} is not START:END; give seconds, as in 1.0:3.5.") from None
    if (first or 0) < 0 or (last is not None and last <= (first or 0)):
        raise InputError(f"trim {text!r} holds no time; give 0 ≤ START < END, as in 1.0:3.5.")
    return first, last


def trim(
    path: PathLike,
    out: PathLike,
    start: float | Fraction | None = None,
    end: float | Fraction | None = None,
    *,
    overwrite: bool = False,
) -> Written:
    """Write the frames that begin within start ≤ t < end, with their sound.

    Args:
        path: a video file.
        out: what to write.
        start, end: seconds; None for the clip's own.
        overwrite: replace an existing file.

    Raises:
        InputError: a file cannot be read or written, or no frame is left.
    """
    check_paths(path, out, overwrite)
    span = [None if t is None else Fraction(t) for t in (start, end)]
    with opened(path, start=span[0], end=span[1]) as reel:
        return write(reel, out, overwrite=overwrite)
