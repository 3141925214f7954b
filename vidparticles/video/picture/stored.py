"""A picture as it is stored, turned into RGB only where somebody looks at it.

What an edit only moves goes from the decoder to the encoder as it is. Of RGB there are two kinds:
`rgb`, 8 bits for screens, models and drawing, and `levels`, the picture's own red, green and blue
to the last bit, for what is laid elsewhere and stored again.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Sequence

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from vidparticles.video.picture.color import BT709, Color, color_of, is_rgb
from vidparticles.video.picture.tone import from_screen, on_screen

# To planes: on the way to packed RGB the scaler rounds down, by 1 to 2 levels.
_TO_RGB = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
_SMALLER = Interpolation.AREA | Interpolation.ACCURATE_RND
# All columns are weighed for the chroma, not every second; cubic, it comes back the sharpest.
_TO_YUV = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
Change = Callable[[Sequence[np.ndarray], int], Sequence[np.ndarray]]
_DEEP = 256  # of 16 bits the scaler uses 256 a level
_FULL = 2  # range, as FFmpeg numbers it


class Picture:
    """A decoded picture as it is stored; nobody alters it.

    Args:
        frame: as it came from the decoder.
        turns: quarter turns counter-clockwise that make it upright.
        color: what its numbers mean; default, what the frame says.

    Example:
        >>> picture = Picture.of(np.full((4, 6, 3), 90, np.uint8))
        >>> picture.height, picture.width, picture.rgb()[0, 0].tolist()
        (4, 6, [90, 90, 90])
    """

    def __init__(
        self,
        frame: av.VideoFrame,
        *,
        turns: int = 0,
        color: Color | None = None,
    ):
        self.frame, self.turns = frame, turns % 4
        self.color = color or color_of(frame)

    @classmethod
    def of(
        cls,
        array: np.ndarray,
        *,
        color: Color = BT709,
        turns: int = 0,
        cover: np.ndarray | None = None,
    ) -> Picture:
        """A picture of RGB.

        Args:
            array: [H, W, 3] upright, uint8; or float32 of the same levels, 0 … 255 with
                fractions, which more bits can hold.
            color: what it will be stored as; the levels are those of this color's own RGB.
            turns: quarter turns counter-clockwise that make the stored picture upright.
            cover: [H, W] upright, uint8, how opaque it is; None for wholly.
        """
        kinds = ("rgb24", "gbrp16le")
        if cover is not None:
            kinds = ("rgba", "gbrap16le")
            array = np.concatenate([array, cover[..., None].astype(array.dtype)], -1)
        stored = np.rot90(array, -turns)
        if array.dtype == np.uint8:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format=kinds[0])
        else:
            deep = np.clip(np.round(stored * _DEEP), 0, 255 * _DEEP).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(deep), format=kinds[1])
        return cls(frame, turns=turns, color=color)

    @property
    def height(self) -> int:
        """Pixels, upright."""
        return self.frame.width if self.turns % 2 else self.frame.height

    @property
    def width(self) -> int:
        """Pixels, upright."""
        return self.frame.height if self.turns % 2 else self.frame.width

    @property
    def alpha(self) -> bool:
        """Something of it is transparent, or may be where only its frames together tell."""
        if not any(component.is_alpha for component in self.frame.format.components):
            return False
        if not is_rgb(self.frame):
            return True
        cover = self._cover()
        return bool(cover.min() < (255 if cover.itemsize == 1 else 255 * _DEEP))

    @property
    def kind(self) -> str:
        """The pixel format; without alpha where nothing is transparent."""
        name = self.frame.format.name
        opaque = "rgb24" if bits(self.frame) <= 8 else "gbrp16le"
        return opaque if is_rgb(self.frame) and not self.alpha else name

    def rgb(self, size: tuple[int, int] | None = None) -> np.ndarray:
        """The picture as a common screen shows it; HDR and wide colors are brought to it.

        Args:
            size: height and width, by area averaging; default, its own.

        Returns:
            uint8 [height, width, 3], upright.
        """
        height, width = size or (self.height, self.width)
        stored = (width, height) if self.turns % 2 else (height, width)
        same = stored == (self.frame.height, self.frame.width)
        frame = self.frame
        if self.color.screen != self.color:
            deep = _scaled(self._planes("gbrp16le", stored), stored, "rgb48le", _TO_RGB)
            rgb = on_screen(deep, self.color)
        else:
            if not is_rgb(frame):
                frame = self._planes("gbrp", stored)
            elif not same:
                frame = _scaled(frame, stored, "rgb24", _SMALLER)
            rgb = _scaled(frame, stored, "rgb24", _TO_RGB).to_ndarray()
        return np.array(np.rot90(rgb, self.turns), order="C")

    def levels(self) -> np.ndarray:
        """The picture's own RGB, for what is stored again; `Picture.of` takes it.

        Returns:
            [H, W, 3] upright, uint8; of more than 8 bits float32 of the same levels, 0 … 255.
        """
        if bits(self.frame) <= 8 and self.color.screen == self.color:
            return self.rgb()
        deep = self._planes("gbrp16le", (self.frame.height, self.frame.width)).to_ndarray()
        return np.array(np.rot90(deep, self.turns), np.float32, order="C") / _DEEP

    def cover(self) -> np.ndarray | None:
        """How opaque the picture is, [H, W] upright, uint8; None where it is wholly so."""
        if not self.alpha:
            return None
        cover = self._cover() >> bits(self.frame) - 8
        return np.array(np.rot90(cover, self.turns), np.uint8, order="C")

    def _cover(self) -> np.ndarray:
        if not is_rgb(self.frame):
            return planes(self.frame)[3]
        return self.frame.to_ndarray()[..., 0 if self.frame.format.name.startswith("a") else -1]

    def changed(self, change: Change) -> Picture:
        """A picture with other luma and chroma.

        Args:
            change: (luma and two planes of chroma as stored, bits) → new planes; they are views
                and must not be written to. RGB is brought to planes of full size.

        Returns:
            The picture; what covers it (alpha) stays.
        """
        frame = self.frame
        if is_rgb(frame) or not frame.format.is_planar or len(frame.planes) < 3:
            deep = bits(frame) > 8
            frame = self.stored("yuv444p16le" if deep else "yuv444p")
        new = av.VideoFrame(frame.width, frame.height, frame.format.name)
        old = planes(frame)
        changed = [*change(old[:3], bits(frame)), *old[3:]]
        for plane, values in zip(planes(new), changed, strict=True):
            plane[:] = values
        return Picture(new, turns=self.turns, color=self.color)

    def like(self, other: Picture) -> Picture:
        """The same picture, stored in the color and turn of another; itself where it is so.

        Between HDR and what is not, white is paper (203 nits).
        """
        if (self.color, self.turns) == (other.color, other.turns):
            return self
        color = dataclasses.replace(other.color, matrix=self.color.matrix, full=self.color.full)
        if color == self.color:
            levels = self.levels()
        elif other.color.screen == other.color:
            levels = self.rgb()
        else:
            levels = from_screen(self.rgb(), other.color)
        return Picture.of(levels, color=other.color, turns=other.turns)

    def stored(self, pixel_format: str, *, even: bool = False) -> av.VideoFrame:
        """The frame as an encoder takes it, not turned; itself where it is so already.

        Args:
            pixel_format: of the new frame.
            even: an odd height or width is followed by a copy of the last row or column.
        """
        size = (self.frame.height, self.frame.width)
        frame = self.frame
        if frame.format.name != pixel_format:
            deep = is_rgb(frame) and self.color.full and pixel_format[-2:] not in ("le", "be")
            frame = _scaled(
                frame,
                size,
                pixel_format + "16le" * deep,
                _TO_YUV,
                src_colorspace=None if is_rgb(frame) else self.color.scaler,
                src_color_range=_FULL if is_rgb(frame) else self.color.range,
                dst_colorspace=self.color.scaler,
                dst_color_range=self.color.range,
            )
            frame = _shallow(frame, pixel_format) if deep else frame
        if not even or not (size[0] % 2 or size[1] % 2):
            return frame
        larger = av.VideoFrame(size[1] + size[1] % 2, size[0] + size[0] % 2, pixel_format)
        for old, new in zip(planes(frame), planes(larger), strict=True):
            beyond = [(0, m - n) for m, n in zip(new.shape, old.shape, strict=True)]
            new[:] = np.pad(old, beyond, mode="edge")
        return larger

    def _planes(self, pixel_format: str, size: tuple[int, int]) -> av.VideoFrame:
        """Red, green and blue apart, at a height and width, not turned."""
        same = size == (self.frame.height, self.frame.width)
        return _scaled(
            self.frame,
            size,
            pixel_format,
            _TO_RGB if same else _SMALLER,
            src_colorspace=None if is_rgb(self.frame) else self.color.scaler,
            src_color_range=None if is_rgb(self.frame) else self.color.range,
            dst_color_range=_FULL,
        )


def resized(frame: av.VideoFrame, size: tuple[int, int]) -> av.VideoFrame:
    """A stored frame at another height and width."""
    return _scaled(frame, size, "rgb24" if is_rgb(frame) else frame.format.name, _TO_YUV)


def _shallow(frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    """8 of 16 bits in full range, rounded: the scaler rounds chroma down there."""
    new = av.VideoFrame(frame.width, frame.height, pixel_format)
    for k, (old, plane) in enumerate(zip(planes(frame), planes(new), strict=True)):
        middle = 128 * (k in (1, 2))  # of chroma it is 32768, and 128 of 8 bits
        plane[:] = (old.astype(np.uint32) + middle + 128) // 257
    return new


def _scaled(
    frame: av.VideoFrame,
    size: tuple[int, int],
    pixel_format: str,
    interpolation: Interpolation,
    **colors: int | None,
) -> av.VideoFrame:
    given = (frame.height, frame.width, frame.format.name)
    scaler = _scaler(threading.get_ident(), given, size, pixel_format, interpolation)
    return scaler.reformat(
        frame,
        width=size[1],
        height=size[0],
        format=pixel_format,
        interpolation=interpolation,
        threads=1,
        **colors,
    )


@functools.lru_cache(maxsize=32)
def _scaler(*use: object) -> VideoReformatter:
    """What converts one kind of picture in one thread: making one takes longer than its use."""
    del use
    return VideoReformatter()


def bits(frame: av.VideoFrame) -> int:
    """Of the largest component."""
    return max(component.bits for component in frame.format.components)


def planes(frame: av.VideoFrame) -> list[np.ndarray]:
    """Views of the planes of a frame whose components lie apart: [H, W] each, chroma its own."""
    found = []
    dtype: np.dtype[np.unsignedinteger] = np.dtype(np.uint8)
    if bits(frame) > 8:
        dtype = np.dtype(">u2" if frame.format.name.endswith("be") else "<u2")
    for plane in frame.planes:
        line, height = abs(plane.line_size), plane.height
        first = (height - 1) * line if plane.line_size < 0 else 0
        strides = (plane.line_size, dtype.itemsize)
        found.append(np.ndarray((height, plane.width), dtype, memoryview(plane), first, strides))
    return found
