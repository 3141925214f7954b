"""How text is laid out in lines of subtitles.

The usual rules, as broadcasters and Netflix' guides for timed text have them: two lines of at
most 42 columns, broken where a sentence or a clause ends or else evenly; signs of East Asian
scripts are two columns wide, and lines break between any of them but those of Korean.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from fractions import Fraction

from vidparticles.errors import InputError

_STOPS = re.compile(r"[.!?…。！？؟][\"'”’)\]»]*$")
_PAUSES = re.compile(r"[,;:，、；：–—][\"'”’)\]»]*$")
# A piece that lines may be broken around: one wide sign with the marks behind it, or a word.
_WIDE = r"[\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003fffd]"
_PIECE = re.compile(rf"{_WIDE}[。，、；：！？）」』”’\u0300-\u036f]*|(?:(?!{_WIDE})\S)+|\s+")


@dataclasses.dataclass(frozen=True)
class LayoutConfig:
    """What viewers can read.

    Attributes:
        columns: of a line, at most; a letter takes one, an East Asian sign two.
        lines: of a cue, at most.
        speed: columns a second that are read.
        shortest: seconds that a cue shows, at least, where the next one leaves them.
        longest: seconds that it shows, at most.
        gap: seconds from one cue to the next, at least, where both have room.
        pause: seconds without a word, from which on the next one begins another cue.
    """

    columns: int = 42
    lines: int = 2
    speed: float = 20.0
    shortest: Fraction = Fraction(5, 6)
    longest: Fraction = Fraction(7)
    gap: Fraction = Fraction(1, 12)
    pause: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if min(self.columns, self.lines) < 1 or self.speed <= 0:
            raise InputError(
                f"{self.columns} columns, {self.lines} lines at {self.speed:g} columns a second "
                "show no text; give at least 1 of each."
            )
        if not 0 < self.shortest <= self.longest:
            raise InputError(
                f"cues of {float(self.shortest):g} to {float(self.longest):g} s cannot be; give "
                "0 < shortest ≤ longest."
            )


DEFAULT = LayoutConfig()


def width(text: str) -> int:
    """Columns that a line of text takes.

    Example:
        >>> width("don't"), width("字幕")
        (5, 4)
    """
    narrow = sum(1 for sign in text if not unicodedata.combining(sign))
    return narrow + sum(1 for sign in text if unicodedata.east_asian_width(sign) in "WF")


def lines_of(text: str, config: LayoutConfig = DEFAULT) -> list[str]:
    """Text in as few lines as it takes, the breaks where they disturb least.

    Args:
        text: plain; its own line ends are spaces. A word that is longer than a line is broken.
        config: its `columns` count; there may be more than its `lines`.

    Example:
        >>> lines_of("From fairest creatures we want increase, that beauty's rose might not die")
        ['From fairest creatures we want increase,', "that beauty's rose might not die"]
        >>> lines_of("short")
        ['short']
    """
    pieces = _pieces(" ".join(text.split()), config.columns)
    count = len(pieces)
    # The least of (lines, then cost) from each piece on; a line's cost grows with what it leaves
    # free, so that lines come out alike, and is less where it ends with a clause.
    best: list[tuple[int, float, int]] = [(0, 0.0, count)] * (count + 1)
    for first in range(count - 1, -1, -1):
        found: list[tuple[int, float, int]] = []
        for stop in range(first + 1, count + 1):
            line = "".join(pieces[first:stop]).strip()
            free = config.columns - width(line)
            if free < 0 and found:
                break
            rest = best[stop]
            cost = (free / config.columns) ** 2
            if stop < count:
                cost += 0.0 if _STOPS.search(line) else 0.05 if _PAUSES.search(line) else 0.2
            found.append((rest[0] + bool(line), rest[1] + cost, stop))
        best[first] = min(found)
    lines, at = [], 0
    while at < count:
        stop = best[at][2]
        lines.append("".join(pieces[at:stop]).strip())
        at = stop
    return [line for line in lines if line]


def _pieces(text: str, columns: int) -> list[str]:
    """Words, wide signs and spaces; none wider than a line."""
    found = []
    for piece in _PIECE.findall(text):
        part = ""
        for sign in piece:
            if part and width(part + sign) > columns:
                found.append(part)
                part = ""
            part += sign
        found.append(part)
    return found


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with a word."""
    return bool(_STOPS.search(text))


def ends_clause(text: str) -> bool:
    """Whether a part of a sentence ends with a word."""
    return bool(_PAUSES.search(text))
