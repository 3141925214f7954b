"""Parts of a picture changed through a soft cover, in the planes in which it is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from vidparticles.video import Picture
from vidparticles.video.picture.color import is_rgb
from vidparticles.video.picture.stored import planes


@dataclasses.dataclass(frozen=True)
class Region:
    """A part of a picture.

    Attributes:
        left, top: pixels, even, upright.
        cover: [h, w] float32 in [0, 1], how much of each pixel is changed; even sides where the
            picture does not end.
        size: pixels of the shorter side of what is in it.
    """

    left: int
    top: int
    cover: np.ndarray
    size: float


class Change(Protocol):
    """Changes a part of a plane."""

    def __call__(self, part: np.ndarray, size: float, /) -> np.ndarray:
        """Args: [h, w] float32, and the size of what is in it, in samples of the plane."""


def box_region(
    box: Sequence[float], height: int, width: int, *, margin: float, soft: float
) -> Region | None:
    """A box, larger by a margin, all of it covered; beyond that the cover ends softly.

    Args:
        box: left, top, right, bottom, pixels.
        height, width: of the picture.
        margin: at each side, shares of the box's own sides.
        soft: over which the cover ends, shares of its shorter side.

    Returns:
        The region; None where it is not in the picture.

    Example:
        >>> region = box_region((4, 4, 12, 12), 40, 40, margin=0.25, soft=0)
        >>> region.left, region.top, region.cover.shape, float(region.cover.min())
        (2, 2, (12, 12), 1.0)
    """
    left, top, right, bottom = (float(side) for side in box)
    wide, high = right - left, bottom - top
    if not (wide > 0 and high > 0):
        return None
    left, right = left - margin * wide, right + margin * wide
    top, bottom = top - margin * high, bottom + margin * high
    edge = max(1.0, soft * min(wide, high)) if soft else 0.0
    x0, x1 = _even(left - edge, right + edge, width)
    y0, y1 = _even(top - edge, bottom + edge, height)
    if x0 >= x1 or y0 >= y1:
        return None
    beyond = [
        np.maximum(np.maximum(low - (np.arange(a, b) + 1), np.arange(a, b) - high_), 0)
        for a, b, low, high_ in ((y0, y1, top, bottom), (x0, x1, left, right))
    ]
    off = np.hypot(beyond[0][:, None], beyond[1])
    cover = np.clip(1 - off / edge, 0, 1) if edge else off == 0
    return Region(x0, y0, cover.astype(np.float32), min(wide, high))


def mask_region(mask: np.ndarray, *, margin: float, soft: float) -> Region | None:
    """What a mask covers, larger by a margin, its edge softened.

    Args:
        mask: [H, W] in [0, 1].
        margin: by which it is larger, shares of its shorter side.
        soft: over which the cover ends, likewise.

    Returns:
        The region; None where there is none.

    Example:
        >>> mask = np.zeros((20, 20), np.float32)
        >>> mask[8:12, 8:12] = 1
        >>> region = mask_region(mask, margin=0.5, soft=0)
        >>> region.left, region.cover.shape
        (6, (8, 8))
    """
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.max(1) > 0.02), np.flatnonzero(mask.max(0) > 0.02)
    if not len(rows):
        return None
    size = float(min(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)
    more, edge = round(margin * size), round(soft * size)
    y0, y1 = _even(rows[0] - more - edge, rows[-1] + 1 + more + edge, height)
    x0, x1 = _even(columns[0] - more - edge, columns[-1] + 1 + more + edge, width)
    cover = mask[y0:y1, x0:x1].astype(np.float32)
    for axis in (0, 1):
        if more or edge:  # the edge is softened outwards
            cover = maximum_filter1d(cover, 2 * (more + edge // 2) + 1, axis=axis)
    for axis in (0, 1):
        if edge:
            cover = uniform_filter1d(cover, 2 * (edge // 2) + 1, axis=axis, mode="nearest")
    return Region(x0, y0, cover, size)


def _even(low: float, high: float, whole: int) -> tuple[int, int]:
    """Pixels that hold a span, from an even one on to an even one or the end."""
    first = max(0, int(np.floor(low)) // 2 * 2)
    last = -(-int(np.ceil(high)) // 2) * 2
    return first, min(whole, max(last, 0))


def painted(picture: Picture, regions: Sequence[Region], change: Change) -> Picture:
    """A picture whose regions are changed through their covers.

    Args:
        picture: it stays as it is where no region is.
        regions: one after the other.
        change: of a part of a plane, luma and chroma alike.
    """
    if not regions:
        return picture
    return picture.changed(
        lambda own, bits: [_painted(plane, picture, regions, change, bits) for plane in own]
    )


def _painted(
    plane: np.ndarray, picture: Picture, regions: Sequence[Region], change: Change, bits: int
) -> np.ndarray:
    new = plane.copy()
    upright = np.rot90(new, picture.turns)
    step = [
        -(-whole // own)
        for whole, own in zip((picture.height, picture.width), upright.shape, strict=True)
    ]
    for region in regions:
        cover = halved(region.cover, step)
        y, x = region.top // step[0], region.left // step[1]
        part = upright[y : y + cover.shape[0], x : x + cover.shape[1]]
        old = part.astype(np.float32)
        changed = change(old, region.size / max(step))
        mixed = old + cover * (changed - old)
        part[...] = np.clip(np.round(mixed), 0, 2**bits - 1).astype(plane.dtype)
    return new


def mixed(old: Picture, new: Picture, region: Region) -> Picture:
    """A picture that is another one as far as a region covers it.

    Args:
        old: the picture.
        new: as large as it, or as the region: then it is laid there.
        region: where.
    """
    whole = (new.height, new.width) == (old.height, old.width)

    def change(own: Sequence[np.ndarray], bits: int) -> list[np.ndarray]:
        form = old.frame.format.name
        if is_rgb(old.frame) or len(old.frame.planes) < 3:  # what `changed` brings it to
            form = "yuv444p16le" if bits > 8 else "yuv444p"
        found = []
        for plane, other in zip(own, planes(new.stored(form)), strict=False):
            out = plane.copy()
            upright, other = np.rot90(out, old.turns), np.rot90(other, old.turns)
            step = [
                -(-whole // part)
                for whole, part in zip((old.height, old.width), upright.shape, strict=True)
            ]
            cover = halved(region.cover, step, mean=True)
            y, x = region.top // step[0], region.left // step[1]
            here = slice(y, y + cover.shape[0]), slice(x, x + cover.shape[1])
            before = upright[here].astype(np.float32)
            other = other[here] if whole else other[: cover.shape[0], : cover.shape[1]]
            after = before + cover * (other.astype(np.float32) - before)
            upright[here] = np.round(after).astype(plane.dtype)
            found.append(out)
        return found

    return old.changed(change)


def halved(cover: np.ndarray, step: Sequence[int], *, mean: bool = False) -> np.ndarray:
    """A cover [h, w] for a plane of so many times fewer rows and columns: the largest of each."""
    for axis, by in enumerate(step):
        if by > 1:
            starts = np.arange(0, cover.shape[axis], by)
            if mean:
                counts = np.diff(starts, append=cover.shape[axis])
                shape = (-1, 1) if axis == 0 else (1, -1)
                cover = np.add.reduceat(cover, starts, axis=axis) / counts.reshape(shape)
            else:
                cover = np.maximum.reduceat(cover, starts, axis=axis)
    return cover


def blurred(part: np.ndarray, size: float, *, strength: float) -> np.ndarray:
    """A part of a plane under three box filters, which are nearly a Gaussian.

    Args:
        part: [h, w] float32.
        size: of what is in it.
        strength: deviation of the Gaussian, shares of the size.
    """
    radius = max(1, round(strength * size))
    for axis in (0, 1):
        for _ in range(3):
            part = uniform_filter1d(part, 2 * radius + 1, axis=axis, mode="nearest")
    return part


def in_squares(part: np.ndarray, size: float, *, cells: int) -> np.ndarray:
    """A part of a plane in squares of one level each.

    Args:
        part: [h, w] float32.
        size: of what is in it.
        cells: squares over that size.

    Example:
        >>> in_squares(np.float32([[0, 2, 5, 7]]), 4, cells=2).tolist()
        [[1.0, 1.0, 6.0, 6.0]]
    """
    side = max(2, round(size / cells))
    for axis in (0, 1):
        starts = np.arange(0, part.shape[axis], side)
        counts = np.diff(starts, append=part.shape[axis])
        shape = (-1, 1) if axis == 0 else (1, -1)
        means = np.add.reduceat(part, starts, axis=axis) / counts.reshape(shape)
        part = np.repeat(means, counts, axis=axis).astype(np.float32)
    return part
