"""Blur or mosaic of what should not be seen: boxes, objects, faces.

    apply("in.mp4", "out.mp4", blur(faces_of(find)))
    apply("in.mp4", "out.mp4", blur(boxes_of(lambda index, time: [(20, 10, 80, 90)]), mosaic=True))

Nothing becomes RGB: the planes of a picture are changed where it is covered, and stay as they are
elsewhere.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

from vidparticles.editing.base import Edit
from vidparticles.editing.effects.paint import (
    Region,
    blurred,
    box_region,
    in_squares,
    mask_region,
    painted,
)
from vidparticles.editing.effects.regions import FindFaces, FindObjects
from vidparticles.editing.reel import Doubt, Frames, Reel
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Picture

Box = Sequence[float]  # left, top, right, bottom
BoxesFn = Callable[[int, Fraction], Sequence[Box]]  # (index, seconds) → boxes in pixels, upright


@dataclasses.dataclass(frozen=True)
class BlurConfig:
    """How what is covered is changed.

    Attributes:
        strength: deviation of the blur, shares of the shorter side of what is covered.
        cells: squares of a mosaic over that side.
        margin: of a face at each side, shares of its sides; of a mask half of that.
        soft: over which the cover ends outside of that, shares of the shorter side.
    """

    strength: float = 0.2
    cells: int = 6
    margin: float = 0.2
    soft: float = 0.15


DEFAULT = BlurConfig()


class Covered(Protocol):
    """What is covered in the frames of a reel."""

    def __call__(
        self, frames: Frames, first: int, /
    ) -> Iterator[tuple[Fraction, Picture, list[Region]]]:
        """Args: the reel's frames from one on, the index of that."""


class Cover(Protocol):
    """Says of a reel what is to be covered."""

    def __call__(
        self, reel: Reel, config: BlurConfig, /
    ) -> tuple[Covered, Callable[[], Sequence[Doubt]]]:
        """What is covered, and when it may not have been."""


def blur(cover: Cover, *, mosaic: bool = False, config: BlurConfig = DEFAULT) -> Edit:
    """An edit that blurs what is covered; times and sound stay.

    Args:
        cover: of `boxes_of`, `objects_of` or `faces_of`.
        mosaic: in squares of one color each instead.
        config: how much.

    Example:
        >>> import numpy as np
        >>> frames = [(0, Picture.of(np.full((40, 40, 3), 9, np.uint8)))]
        >>> reel = Reel(iter(frames), [0], duration=1, rate=1, height=40, width=40)
        >>> blurred = blur(boxes_of(lambda index, time: [(0, 0, 20, 20)]))(reel)
        >>> len(list(blurred.frames))
        1
    """
    change = functools.partial(blurred, strength=config.strength)
    if mosaic:
        change = functools.partial(in_squares, cells=config.cells)

    def edit(reel: Reel) -> Reel:
        covered, doubts = cover(reel, config)

        def changed(frames: Frames, first: int) -> Frames:
            for time, picture, regions in covered(frames, first):
                yield time, painted(picture, regions, change)

        before = reel.doubts
        return reel.with_frames(changed, doubts=lambda: [*before(), *doubts()])

    return edit


def _nothing(reel: Reel) -> Doubt:
    return Doubt(0.0, float(reel.duration), "nothing was found to cover")


def _none() -> Sequence[Doubt]:
    return ()


def boxes_of(boxes: BoxesFn) -> Cover:
    """Covers boxes.

    Args:
        boxes: (index of a frame, its seconds) → boxes in pixels of the upright picture.
    """

    def cover(reel: Reel, config: BlurConfig) -> tuple[Covered, Callable[[], Sequence[Doubt]]]:
        def covered(frames: Frames, first: int) -> Iterator[tuple[Fraction, Picture, list[Region]]]:
            for index, (time, picture) in enumerate(frames, first):
                told = boxes(index, time)
                yield time, picture, _regions(told, reel, 0.0, config.soft)

        return covered, _none

    return cover


def _regions(boxes: Sequence[Box], reel: Reel, margin: float, soft: float) -> list[Region]:
    found = (box_region(box, reel.height, reel.width, margin=margin, soft=soft) for box in boxes)
    return [region for region in found if region is not None]


def read_boxes(path: PathLike) -> BoxesFn:
    """Boxes from a table.

    Args:
        path: a .csv file whose first line names its columns: left, top, right, bottom in pixels of
            the upright picture, and frame (an index from 0) or start and end (seconds).

    Raises:
        InputError: it cannot be read, or is no such table.
    """
    path = pathlib.Path(path)
    wanted = ["left", "top", "right", "bottom"]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(f"{path} cannot be read; give a .csv file of boxes.") from None
    names = set(rows[0]) if rows else set()
    by_frame = "frame" in names
    if not names >= {*wanted} or not (by_frame or names >= {"start", "end"}):
        raise InputError(
            f"{path} is no table of boxes; its first line should be "
            "frame,left,top,right,bottom or start,end,left,top,right,bottom."
        )
    frames: dict[int, list[Box]] = {}
    spans: list[tuple[Fraction, Fraction, Box]] = []
    for number, row in enumerate(rows, start=2):
        try:
            box = [float(row[name]) for name in wanted]
            if by_frame:
                frames.setdefault(int(row["frame"]), []).append(box)
            else:
                spans.append((Fraction(row["start"]), Fraction(row["end"]), box))
        except (TypeError, ValueError):
            raise InputError(
                f"{path}, line {number}: a number is missing; each line has {', '.join(names)}."
            ) from None
        if box[2] <= box[0] or box[3] <= box[1]:
            raise InputError(
                f"{path}, line {number}: the box holds nothing; give left < right and top < bottom."
            )

    def boxes(index: int, time: Fraction) -> Sequence[Box]:
        return [*frames.get(index, []), *(box for a, b, box in spans if a <= time < b)]

    return boxes


def objects_of(find: FindObjects) -> Cover:
    """Covers objects by their masks; by their boxes while they are out of sight.

    Args:
        find: finds them.
    """

    def cover(reel: Reel, config: BlurConfig) -> tuple[Covered, Callable[[], Sequence[Doubt]]]:
        found = functools.cache(lambda: find(reel))

        def covered(frames: Frames, first: int) -> Iterator[tuple[Fraction, Picture, list[Region]]]:
            objects = found()
            for index, (time, picture, masks) in enumerate(objects.masks(frames, first), first):
                seen = objects.seen[index]
                boxes = seen.box[[int(n) not in masks for n in seen.number]] * reel.height
                regions = _regions(list(boxes), reel, 0.0, config.soft)
                for mask in masks.values():
                    region = mask_region(mask, margin=config.margin / 2, soft=config.soft / 2)
                    regions += [] if region is None else [region]
                yield time, picture, regions

        def doubts() -> Sequence[Doubt]:
            return () if any(len(seen.number) for seen in found().seen) else (_nothing(reel),)

        return covered, doubts

    return cover


def faces_of(find: FindFaces) -> Cover:
    """Covers faces.

    Args:
        find: finds them.
    """

    def cover(reel: Reel, config: BlurConfig) -> tuple[Covered, Callable[[], Sequence[Doubt]]]:
        found = functools.cache(lambda: find(reel))

        def covered(frames: Frames, first: int) -> Iterator[tuple[Fraction, Picture, list[Region]]]:
            boxes = found().boxes
            for index, (time, picture) in enumerate(frames, first):
                told = list(boxes[index] * reel.height)
                yield time, picture, _regions(told, reel, config.margin, config.soft)

        def doubts() -> Sequence[Doubt]:
            none = not any(len(boxes) for boxes in found().boxes)
            return [*([_nothing(reel)] if none else []), *found().doubts]

        return covered, doubts

    return cover
