"""What the numbers of a stored picture mean: matrix, range, primaries, transfer (ITU-T H.273)."""

from __future__ import annotations

import dataclasses

import av
import numpy as np

_UNSPECIFIED = (2, 3)  # code points that say nothing: unspecified, reserved
_FULL = 2  # as FFmpeg writes the range
# Luma of red and of blue, by the code point of the matrix.
_LUMA = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
# What the scaler calls the matrices, by the code point.
_SCALER = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
PQ, HLG = 16, 18  # transfers
_SCREENS = (1, 4, 5, 6, 7, 22)  # primaries that differ by less than is seen


@dataclasses.dataclass(frozen=True)
class Color:
    """How stored numbers become light, by the code points of ITU-T H.273.

    Attributes:
        matrix: between RGB and luma and chroma.
        primaries: what red, green and blue are.
        transfer: from numbers to light.
        full: black and white are the least and the largest number; else 16 and 235 of 8 bits.
    """

    matrix: int
    primaries: int
    transfer: int
    full: bool = False

    @property
    def hdr(self) -> bool:
        """It tells of light brighter than paper: PQ or HLG (ITU-R BT.2100)."""
        return self.transfer in (PQ, HLG)

    @property
    def screen(self) -> Color:
        """What `Picture.rgb` is in: the color itself, where a common screen can show it."""
        return BT709 if self.hdr or self.primaries not in _SCREENS else self

    @property
    def told(self) -> str:
        """What a user should know of pictures that were brought to `screen`; "" where none was."""
        if self.hdr:
            return f"{'PQ' if self.transfer == PQ else 'HLG'} was tone-mapped to 8 bits of BT.709."
        return "" if self.screen == self else "wide colors were brought to 8 bits of BT.709."

    @property
    def scaler(self) -> int:
        """The matrix as the scaler names it."""
        return _SCALER.get(self.matrix, 1)

    @property
    def range(self) -> int:
        """The range as FFmpeg numbers it: 1 limited, 2 full."""
        return _FULL if self.full else 1

    def to_yuv(self) -> np.ndarray:
        """[3, 3] RGB in [0, 1] → luma in [0, 1], chroma in [−½, ½].

        Example:
            >>> BT709.to_yuv()[0].round(4).tolist()
            [0.2126, 0.7152, 0.0722]
        """
        red, blue = _LUMA.get(self.matrix, _LUMA[1])
        luma = np.array([red, 1 - red - blue, blue])
        return np.stack(
            [luma, (np.eye(3)[2] - luma) / (2 - 2 * blue), (np.eye(3)[0] - luma) / (2 - 2 * red)]
        )


BT709 = Color(matrix=1, primaries=1, transfer=1)
BT601 = Color(matrix=6, primaries=6, transfer=6)


def is_rgb(frame: av.VideoFrame) -> bool:
    """Whether a frame holds red, green and blue themselves, or a palette of them."""
    return frame.format.is_rgb or frame.format.has_palette


def color_of(frame: av.VideoFrame) -> Color:
    """The color description of a decoded frame.

    What it does not say follows from what it does, and where it says nothing from its size, by
    the convention of players: BT.709 from 1280 wide or more than 576 high, else BT.601. RGB is
    taken as pictures on screens are, and becomes BT.709.

    Example:
        >>> color_of(av.VideoFrame(1280, 720)) == BT709, color_of(av.VideoFrame(640, 480)) == BT601
        (True, True)
    """
    if is_rgb(frame):
        return BT709
    usual = BT709 if frame.width >= 1280 or frame.height > 576 else BT601
    told = {
        "matrix": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
    }
    told = {name: code for name, code in told.items() if code not in _UNSPECIFIED and code}
    if told.get("matrix", told.get("primaries")) == 1:
        usual = BT709
    elif told.get("matrix") in (5, 6) or told.get("primaries") in (5, 6):
        primaries = told.get("primaries", told.get("matrix", 6))
        usual = dataclasses.replace(BT601, matrix=primaries, primaries=primaries)
    elif told.get("matrix") in (9, 10) or told.get("primaries") == 9:
        usual = Color(matrix=9, primaries=9, transfer=14)
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    return dataclasses.replace(usual, **told, full=full)
