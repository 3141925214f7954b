"""Text as it is laid over a picture: once for a cue, in the pixels that it covers alone."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from vidparticles.editing.captions.fonts import font_for
from vidparticles.editing.captions.style import CaptionStyle
from vidparticles.video.subtitles.layout import LayoutConfig, lines_of
from vidparticles.video.subtitles.layout import width as columns_of
from vidparticles.video.subtitles.markup import Look, cleaned

_SLANT = 0.2  # of italics: to the right, a pixel up


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Text in pixels of an upright picture.

    Attributes:
        left, top: pixels, of its upper left corner.
        color: uint8 [h, w, 3] RGB.
        cover: uint8 [h, w], how opaque it is.
    """

    left: int
    top: int
    color: np.ndarray
    cover: np.ndarray


def draw(
    text: str,
    height: int,
    width: int,
    *,
    aspect: float = 1.0,
    style: CaptionStyle,
    look: Look | None = None,
) -> Drawn | None:
    """Text in a picture, broken where it would not fit.

    Args:
        text: plain; its own line ends are kept.
        height, width: pixels of the picture, upright.
        aspect: width of a pixel over its height.
        style: how it looks. It is drawn smaller where it would not fit at all.
        look: where it is, by default below in the middle; italics are letters that are slanted.

    Returns:
        None where nothing of it is to be seen.
    """
    text, look = cleaned(text), look or Look()
    if not text:
        return None
    shown_width = width * aspect  # in square pixels, in which text is drawn
    wide = shown_width * (1 - 2 * style.margin)
    high = height * (1 - 2 * style.margin)
    size = max(style.least, round(style.size * min(height, shown_width)))
    while True:
        font = font_for(text, size, style.font)
        stroke = max(1, round(style.outline * size))
        lines = _wrapped(text, font, wide - 2 * stroke)
        line_height = sum(font.getmetrics()) + stroke
        lean = round(_SLANT * line_height) if look.italic else 0
        across = max(font.getlength(line) for line in lines) + 2 * stroke + lean
        if size <= 6 or (across <= wide and len(lines) * line_height + stroke <= high):
            break
        size = max(6, size * 9 // 10)
    box = (round(min(across + size, shown_width)), len(lines) * line_height + stroke + 1)
    cover, inner = Image.new("L", box), Image.new("L", box)
    for k, line in enumerate(lines):
        at = (box[0] / 2, stroke / 2 + k * line_height)
        for image, wide_stroke in ((cover, stroke), (inner, 0)):
            new = Image.new("L", box)
            ImageDraw.Draw(new).text(at, line, 255, font, "ma", stroke_width=wide_stroke)
            if look.italic:
                middle = (k + 0.5) * line_height
                leaning = (1, _SLANT, -_SLANT * middle, 0, 1, 0)
                new = new.transform(box, Image.Transform.AFFINE, leaning, Image.Resampling.BICUBIC)
            image.paste(ImageChops.lighter(image, new))
    if aspect != 1:
        narrow = (max(1, round(box[0] / aspect)), box[1])
        cover, inner = cover.resize(narrow), inner.resize(narrow)
    free, edges = (height - cover.height, width - cover.width), (height, width)
    (up, down), (far_left, far_right) = (
        (round(style.margin * edge), room - round(style.margin * edge))
        for edge, room in zip(edges, free, strict=True)
    )
    row, column = divmod(look.place - 1, 3)
    left = (far_left, free[1] // 2, far_right)[column]
    top = (down, free[0] // 2, up)[row]
    return _placed(np.asarray(cover), np.asarray(inner), (left, top), (height, width), style)


def _placed(
    cover: np.ndarray,
    inner: np.ndarray,
    at: tuple[int, int],
    size: tuple[int, int],
    style: CaptionStyle,
) -> Drawn | None:
    """What of a drawing lies in the picture, without empty rows and columns."""
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    if not len(rows):
        return None
    (left, top), (height, width) = at, size
    first = max(rows[0], -top), max(columns[0], -left)
    last = min(rows[-1] + 1, height - top), min(columns[-1] + 1, width - left)
    part = slice(first[0], last[0]), slice(first[1], last[1])
    share = inner[part][..., None] / np.float32(255)
    light, dark = (np.asarray(c, np.float32) for c in (style.color, style.outline_color))
    color = np.round(share * light + (1 - share) * dark).astype(np.uint8)
    return Drawn(int(left + first[1]), int(top + first[0]), color, cover[part])


def _wrapped(text: str, font: ImageFont.FreeTypeFont, wide: float) -> list[str]:
    """The lines of a text, each broken evenly into as many as it takes."""
    found = []
    for line in text.split("\n"):
        length = font.getlength(line)
        if length <= wide:
            found.append(line)
            continue
        # Columns that fit, by the mean width of the signs of this very line.
        columns = max(1, int(columns_of(line) * wide / length))
        parts = lines_of(line, LayoutConfig(columns=columns))
        while columns > 1 and max(map(font.getlength, parts)) > wide:
            columns -= 1
            parts = lines_of(line, LayoutConfig(columns=columns))
        found += parts
    return found
