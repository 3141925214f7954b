"""A frame with the objects in it: masks, boxes with number and class, paths and forces.

What is in sight has a box and a label in the color of its number; what is hidden is dashed, and
its label is dark. Labels do not cover each other: each is put at the first place at its box that
is free, the largest objects first, and left out where there is none.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from vidparticles.viz import draw
from vidparticles.viz.masks import mask_cover
from vidparticles.viz.objects.moments import ObjectMoment, ShownObject

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Rectangle = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class ObjectStyle:
    """How objects are drawn; lengths are frame heights.

    Attributes:
        least_height: lines of a picture in which a label can be read; smaller ones are enlarged.
        dimmed: light that is left of the frame, so that what is drawn stands out.
        gray: share of its colors that is taken away.
        line: width of a box.
        hidden: opacity of what is out of sight.
        dash: a dash, and the gap behind it.
        letter: height of a label.
        forces: arrows are drawn.
        arrow: the longest arrow.
        half_force: frame heights per second² at which an arrow is half as long.
        least_force: share of the longest arrow below which none is drawn.
    """

    least_height: int = 360
    dimmed: float = 0.8
    gray: float = 0.2
    line: float = 0.005
    hidden: float = 0.7
    dash: float = 0.015
    letter: float = 0.033
    forces: bool = False
    arrow: float = 0.18
    half_force: float = 20.0
    least_force: float = 0.1


def enlargement(height: int, style: ObjectStyle) -> int:
    """How many times as large a picture is drawn, so that what is written on it can be read.

    Example:
        >>> enlargement(128, ObjectStyle()), enlargement(720, ObjectStyle())
        (3, 1)
    """
    return -(-style.least_height // height)


def drawn(
    moments: Iterable[ObjectMoment], style: ObjectStyle
) -> Iterator[tuple[Fraction, np.ndarray, float]]:
    """(seconds, the frame with its objects, how much there is to see in it)."""
    for moment in moments:
        yield moment.time, picture_of(moment.picture.rgb(), moment.objects, style), interest(moment)


def interest(moment: ObjectMoment) -> float:
    """How much there is to see: objects in sight, the longer their paths the more."""
    paths = [np.diff(one.path[:, 1:], axis=0) for one in moment.objects if one.visible]
    return float(sum(1 + min(np.sum(np.hypot(*path.T)), 1) for path in paths))


def picture_of(frame: np.ndarray, objects: Sequence[ShownObject], style: ObjectStyle) -> np.ndarray:
    """A frame with what is known of its objects.

    Args:
        frame: [H, W, 3] uint8.
        objects: in it.
        style: how they are drawn.

    Returns:
        uint8, `enlargement` times as large.
    """
    from PIL import Image, ImageDraw, ImageFont

    times = enlargement(frame.shape[0], style)
    if times > 1:
        frame = frame.repeat(times, 0).repeat(times, 1)
    height, width = frame.shape[:2]
    own, mean = style.dimmed * (1 - style.gray), style.dimmed * style.gray / 3
    mixed = np.column_stack([own * np.eye(3) + mean, np.zeros(3)])
    image = Image.fromarray(frame).convert("RGB", tuple(mixed.ravel().tolist()))
    for one in objects:
        if one.mask is not None:
            _tint(image, one.mask, color_of(one.number))
    pen = ImageDraw.Draw(image, "RGBA")
    font = ImageFont.load_default(size=max(11, round(style.letter * height)))
    # Largest first: small ones lie on top, and large ones have the best places for labels.
    ordered = sorted(objects, key=lambda one: -_area(one.box))
    for one in ordered:
        _path(pen, one, height, style)
    for one in ordered:
        _box(pen, one, height, style)
    if style.forces:
        for one in ordered:
            _arrow(pen, one, height, style)
    taken: list[Rectangle] = []
    for one in sorted(ordered, key=lambda one: not one.visible):
        _label(pen, font, one, (height, width), taken, style)
    return np.asarray(image)


def _tint(image: Image, mask: np.ndarray, color: tuple[int, int, int]) -> None:
    """A mask over an image, as `viz.masks` has it; by Pillow, which is many times as fast."""
    from PIL import Image

    cover = Image.fromarray(np.round(255 * mask_cover(mask)).astype(np.uint8))
    image.paste(color, mask=cover.resize(image.size, Image.Resampling.BILINEAR))


def color_of(number: int) -> tuple[int, int, int]:
    """Red, green and blue of an object, 0 … 255: one of eight, steady for a number."""
    red, green, blue = np.round(255 * draw.LABELS[number % len(draw.LABELS)]).astype(int)
    return int(red), int(green), int(blue)


def _area(box: np.ndarray) -> float:
    return float(np.prod(box[2:] - box[:2]))


def _width(height: int, style: ObjectStyle) -> int:
    return max(1, round(style.line * height))


def _path(pen: ImageDraw, one: ShownObject, height: int, style: ObjectStyle) -> None:
    """Where it came from, fainter the longer ago."""
    points = (height * one.path[:, 1:]).tolist()
    ages = one.path[:, 0] / max(float(one.path[0, 0]), 1e-6)
    for age, start, end in zip(ages, points, points[1:], strict=False):
        ink = (*color_of(one.number), round(255 * (1 - 0.85 * float(age))))
        pen.line((*start, *end), ink, _width(height, style))


def _box(pen: ImageDraw, one: ShownObject, height: int, style: ObjectStyle) -> None:
    opacity = 255 if one.visible else round(255 * style.hidden)
    dash = None if one.visible else style.dash * height
    wide = _width(height, style)
    for line in sides(height * one.box, dash):
        # A dark rim keeps it apart from whatever is behind it.
        pen.line(line, (0, 0, 0, opacity // 2), wide + 2)
    for line in sides(height * one.box, dash):
        pen.line(line, (*color_of(one.number), opacity), wide)


def _label(
    pen: ImageDraw,
    font: Any,
    one: ShownObject,
    shape: tuple[int, int],
    taken: list[Rectangle],
    style: ObjectStyle,
) -> None:
    text, edge = f"{one.number} {one.kind}", max(2, round(0.2 * font.size))
    _, _, across, down = pen.textbbox((0, 0), text, font, "lt")
    size = across + 2 * edge, down + 2 * edge
    spot = free_spot(shape[0] * one.box, size, shape, taken)
    if spot is None:
        return
    left, top = spot
    taken.append((left, top, left + size[0], top + size[1]))
    color, dark = color_of(one.number), (12, 12, 14)
    ground, ink = (color, dark) if one.visible else (dark, color)
    opacity = 255 if one.visible else round(255 * style.hidden)
    corner = (left, top, left + size[0] - 1, top + size[1] - 1)
    pen.rounded_rectangle(corner, edge, (*ground, opacity))
    pen.text((left + edge, top + edge), text, ink, font, "lt")


def free_spot(
    box: np.ndarray, size: tuple[float, float], shape: tuple[int, int], taken: list[Rectangle]
) -> tuple[float, float] | None:
    """Where a label is put: above its box, within it, below it, or next to other labels there.

    Args:
        box: [4] left, top, right, bottom, pixels.
        size: width and height of the label.
        shape: height and width of the picture.
        taken: where others lie.

    Returns:
        Left and top; None where all is taken, or the label is larger than the picture.
    """
    across, down = size
    if across > shape[1] or down > shape[0]:
        return None
    left, top, right, bottom = box.tolist()
    columns = [left, right - across]
    rows = [top - down, top, bottom, bottom - down]
    # Beside others at its own height, and the whole of its box from the top on.
    columns += [t[2] for t in taken] + [t[0] - across for t in taken]
    rows += np.arange(top + down, bottom - down, down).tolist()
    for y, x in itertools.product(rows, columns):
        if x > right or x + across < left:
            continue
        x = min(max(x, 0.0), shape[1] - across)
        y = min(max(y, 0.0), shape[0] - down)
        if not any(t[0] < x + across and x < t[2] and t[1] < y + down and y < t[3] for t in taken):
            return x, y
    return None


def sides(box: np.ndarray, dash: float | None) -> Iterator[Rectangle]:
    """The lines of a box [4], whole or in dashes: from x, y to x, y."""
    left, top, right, bottom = box.tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        length = abs(x1 - x0) + abs(y1 - y0)
        if dash is None or length <= dash:
            yield x0, y0, x1, y1
            continue
        for start in np.arange(0, length, 2 * dash):
            a, b = start / length, min(1, (start + dash) / length)
            yield x0 + a * (x1 - x0), y0 + a * (y1 - y0), x0 + b * (x1 - x0), y0 + b * (y1 - y0)


def _arrow(pen: ImageDraw, one: ShownObject, height: int, style: ObjectStyle) -> None:
    """The force on it, from its middle; white, which is no object's color among the first seven."""
    strength = float(np.hypot(*one.force))
    share = strength / (strength + style.half_force)
    if share < style.least_force:
        return
    along = one.force / strength
    start = one.path[-1, 1:]
    tip = start + style.arrow * share * along
    turned = along[::-1] * [-1, 1]
    barbs = [tip - 0.03 * (along + side * turned) for side in (0.5, -0.5)]
    lines = [(start, tip), *((tip, barb) for barb in barbs)]
    wide = 2 * _width(height, style)
    for ink, more in (((0, 0, 0, 200), 2), ((255, 255, 255, 255), 0)):
        for ends in lines:
            pen.line((height * np.concatenate(ends)).tolist(), ink, wide + more)
