"""Parts of pictures, and pictures at other sizes, as they are stored: nothing becomes RGB."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from vidparticles.video.picture.color import is_rgb
from vidparticles.video.picture.stored import Picture, bits, planes, resized


def cropped(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """A part of a picture.

    Where chroma is stored for pairs of pixels and the part begins within a pair, its chroma is
    the mean of both pairs; else all numbers stay as they are.

    Args:
        picture: of which it is.
        left, top: pixels beside and above it, upright.
        width, height: pixels of it, upright; even where its codec wants them so.

    Raises:
        ValueError: it lies in part outside of the picture.

    Example:
        >>> levels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
        >>> cropped(Picture.of(levels), 2, 0, 2, 1).rgb().tolist()
        [[[6, 7, 8], [9, 10, 11]]]
    """
    right, bottom = left + width, top + height
    if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
        raise ValueError(
            f"{width} × {height} at {left}, {top} is not within {picture.width} × {picture.height}."
        )
    frame, turns = _apart(picture), picture.turns
    if len(frame.format.components) != len(frame.planes):  # packed RGB
        upright = np.rot90(frame.to_ndarray(), turns)[top:bottom, left:right]
        part: Any = np.ascontiguousarray(np.rot90(upright, -turns))
        new = av.VideoFrame.from_ndarray(part, format=frame.format.name)
        return Picture(new, turns=turns, color=picture.color)
    size = (width, height) if turns % 2 else (height, width)
    new = av.VideoFrame(size[1], size[0], frame.format.name)
    for old, plane in zip(planes(frame), planes(new), strict=True):
        upright, place = np.rot90(old, turns), np.rot90(plane, turns)
        down = _taken(upright, top, place.shape[0], picture.height)
        place[:] = _taken(down.T, left, place.shape[1], picture.width).T
    return Picture(new, turns=turns, color=picture.color)


def _taken(plane: np.ndarray, first: int, count: int, whole: int) -> np.ndarray:
    """So many rows of a plane from a row of the picture on, which may be larger than the plane."""
    step = -(-whole // len(plane))  # 2 for chroma of half the size
    at, within = divmod(first, step)
    rows = plane[at : at + count]
    if not within:
        return rows
    # The last may have none after it.
    after = plane[np.minimum(np.arange(at + 1, at + 1 + count), len(plane) - 1)]
    mean = (rows.astype(np.uint32) * (step - within) + after.astype(np.uint32) * within) / step
    return np.round(mean).astype(plane.dtype)


def scaled(picture: Picture, height: int, width: int) -> Picture:
    """A picture at another size; itself where it has it.

    Args:
        picture: at its own size.
        height, width: pixels, upright.

    Example:
        >>> scaled(Picture.of(np.full((8, 8, 3), 70, np.uint8)), 4, 6).rgb()[0, 0].tolist()
        [70, 70, 70]
    """
    if (height, width) == (picture.height, picture.width):
        return picture
    size = (width, height) if picture.turns % 2 else (height, width)
    return Picture(resized(_apart(picture), size), turns=picture.turns, color=picture.color)


def framed(picture: Picture, height: int, width: int) -> Picture:
    """A picture in the middle of a larger one, black around it.

    Args:
        picture: the smaller one.
        height, width: pixels of the larger one, upright; even numbers beyond its own.

    Example:
        >>> framed(Picture.of(np.full((2, 2, 3), 9, np.uint8)), 2, 6).rgb()[0, :, 0].tolist()
        [0, 0, 9, 9, 0, 0]
    """
    if (height, width) == (picture.height, picture.width):
        return picture
    top, left = (height - picture.height) // 2, (width - picture.width) // 2
    frame, turns = _apart(picture), picture.turns
    if is_rgb(frame):
        frame = picture.stored("gbrp16le" if bits(frame) > 8 else "gbrp")
    size = (width, height) if turns % 2 else (height, width)
    new = av.VideoFrame(size[1], size[0], frame.format.name)
    dark = _black(frame, full=picture.color.full)
    for k, (old, plane) in enumerate(zip(planes(frame), planes(new), strict=True)):
        plane[:] = dark[k]
        upright, place = np.rot90(old, turns), np.rot90(plane, turns)
        y, x = top * upright.shape[0] // picture.height, left * upright.shape[1] // picture.width
        place[y : y + upright.shape[0], x : x + upright.shape[1]] = upright
    return Picture(new, turns=turns, color=picture.color)


def _black(frame: av.VideoFrame, *, full: bool) -> list[int]:
    """The number of black in each plane; opaque."""
    deep = bits(frame)
    if is_rgb(frame):
        return [0, 0, 0, 2**deep - 1]
    low = 0 if full else 16 << deep - 8
    return [low, 1 << deep - 1, 1 << deep - 1, 2**deep - 1]


def _apart(picture: Picture) -> av.VideoFrame:
    """A frame whose components lie apart or are packed RGB; itself where it is one of these."""
    frame = picture.frame
    if len(frame.format.components) == len(frame.planes) or is_rgb(frame):
        return frame
    return picture.stored("yuv444p16le" if bits(frame) > 8 else "yuv444p")
