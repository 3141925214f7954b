"""How subtitles look in a picture."""

from __future__ import annotations

import dataclasses
import pathlib

from vidparticles.errors import InputError


@dataclasses.dataclass(frozen=True)
class CaptionStyle:
    """How subtitles look in a picture.

    Attributes:
        size: of the font, as a share of the shorter side of the picture.
        least: pixels of the font, at least.
        outline: width of the dark line around the letters, as a share of the font's size.
        margin: share of the height and of the width that stays free at each edge, as the safe
            area of titles has it.
        color, outline_color: red, green, blue in 0 … 255.
        font: a file of a font; None for one that is installed and has the letters.
    """

    size: float = 0.06
    least: int = 12
    outline: float = 0.09
    margin: float = 0.05
    color: tuple[int, int, int] = (255, 255, 255)
    outline_color: tuple[int, int, int] = (0, 0, 0)
    font: pathlib.Path | None = None

    def __post_init__(self) -> None:
        if not 0 < self.size <= 1 or not 0 <= self.margin < 0.5 or self.outline < 0:
            raise InputError(
                f"captions of size {self.size:g} and margin {self.margin:g} cannot be drawn; give "
                "0 < size ≤ 1 and 0 ≤ margin < 0.5."
            )
