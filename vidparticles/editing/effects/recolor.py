"""Recolor: hue, saturation, exposure, brightness and contrast, or a look, of all or of an object.

In the luma and chroma in which pictures are stored the former are a scaling and a rotation.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from vidparticles.editing.base import Edit
from vidparticles.editing.effects.cube import Cube, through_cube
from vidparticles.editing.effects.paint import mask_region, mixed
from vidparticles.editing.effects.regions import FindObjects
from vidparticles.editing.reel import Frames, Reel
from vidparticles.errors import InputError, nearest
from vidparticles.video import Picture

PRESETS = {
    "gray": "saturation=0",
    "vivid": "saturation=1.5,contrast=1.1",
    "faded": "saturation=0.5,contrast=0.85,brightness=0.05",
    "swap": "hue=180",
}


@dataclasses.dataclass(frozen=True)
class Colors:
    """A change of colors.

    Attributes:
        hue: degrees to turn it by.
        saturation: factor, 0 is gray, 1 unchanged.
        brightness: added, −1 … 1 of the range from black to white.
        contrast: factor around mid-gray, 1 unchanged.
        exposure: stops by which the light is more, as by a transfer of power 2.2.

    Example:
        >>> Colors(contrast=2).change()[1].tolist()
        [-0.5, 0.0, 0.0]
    """

    hue: float = 0.0
    saturation: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    exposure: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "hue": (-3600, 3600),
            "saturation": (0, 10),
            "brightness": (-1, 1),
            "contrast": (0, 10),
            "exposure": (-5, 5),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name}={value:g} is out of range; give {low} to {high}.")

    def change(self) -> tuple[np.ndarray, np.ndarray]:
        """[3, 3] and [3]: luma in [0, 1] and chroma in [−½, ½] become matrix · them + offset."""
        turn = math.radians(self.hue)
        light = 2 ** (self.exposure / 2.2)
        chroma = self.saturation * self.contrast * light
        matrix = np.array(
            [
                [self.contrast * light, 0, 0],
                [0, chroma * math.cos(turn), -chroma * math.sin(turn)],
                [0, chroma * math.sin(turn), chroma * math.cos(turn)],
            ]
        )
        return matrix, np.array([(1 - self.contrast) / 2 + self.brightness, 0, 0])


def parse_colors(text: str) -> Colors:
    """A change of colors from words: KEY=VALUE,…, a preset by name, or degrees of hue.

    Raises:
        InputError: an unknown key or preset, or a value that is no number.

    Example:
        >>> parse_colors("hue=90,saturation=1.5")
        Colors(hue=90.0, saturation=1.5, brightness=0.0, contrast=1.0, exposure=0.0)
        >>> parse_colors("gray").saturation, parse_colors("-30").hue
        (0.0, -30.0)
    """
    text = PRESETS.get(text.strip(), text)
    known = [field.name for field in dataclasses.fields(Colors)]
    values = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = "hue", key
        key = key.strip()
        if key not in known:
            raise InputError(f"recolor has no {key!r}.{nearest(key, known)}")
        try:
            values[key] = float(value)
        except ValueError:
            raise InputError(
                f"recolor {text!r} is not understood; give KEY=VALUE, as in "
                f"hue=90,saturation=1.2, or one of {', '.join(PRESETS)}."
            ) from None
    return Colors(**values)


def recolor(look: Colors | Cube, find: FindObjects | None = None) -> Edit:
    """An edit that changes the colors; times, sound and rotation stay.

    Args:
        look: the change: `parse_colors` makes one from words; or a table, which `read_cube` reads.
        find: finds what alone is changed, through its soft mask; default, all is. Then the
            frames are run through twice.

    Example:
        >>> from vidparticles.editing import Reel
        >>> frames = [(0, Picture.of(np.full((2, 2, 3), 100, np.uint8)))]
        >>> reel = Reel(iter(frames), [0], duration=1, rate=1, height=2, width=2)
        >>> next(recolor(Colors(brightness=0.2))(reel).frames)[1].rgb()[0, 0].tolist()
        [151, 151, 151]
    """

    def edit(reel: Reel) -> Reel:
        found = functools.cache(lambda: find(reel) if find else None)

        def changed(frames: Frames, first: int) -> Frames:
            objects = found()
            if objects is None:
                yield from ((time, recolored(picture, look)) for time, picture in frames)
                return
            for time, picture, masks in objects.masks(frames, first):
                if masks:
                    mask = np.minimum(np.sum([*masks.values()], 0), 1)
                    region = mask_region(mask, margin=0, soft=0)
                    if region is not None:
                        picture = mixed(picture, recolored(picture, look), region)
                yield time, picture

        return reel.with_frames(changed)

    return edit


def recolored(picture: Picture, look: Colors | Cube) -> Picture:
    """One picture in its new colors; what they are outside of its range is clipped.

    `Colors` change luma and chroma as they are stored, by tables: luma has one, and the new Cb and
    Cr are looked up by both old ones. A table of red, green and blue needs these.
    """
    if isinstance(look, Cube):
        new = through_cube(picture.levels(), look)
        color, turns, cover = picture.color, picture.turns, picture.cover()
        return Picture.of(new, color=color, turns=turns, cover=cover)
    colors = look

    def change(planes: Sequence[np.ndarray], bits: int) -> list[np.ndarray]:
        luma, *chroma = planes
        if bits > 8:
            table = _luma(colors, bits, picture.color.full)
            return [table.take(luma), *_turned(colors, chroma, bits)]
        # Two bytes are one number: half as many to look up, and `take` is the quickest for it.
        pairs = np.frombuffer(luma.tobytes() + bytes(luma.size % 2), np.uint16)
        new = _luma_pairs(colors, picture.color.full).take(pairs).view(np.uint8)
        blue_red = _chroma_pairs(colors).take(chroma[0].astype(np.uint16) << 8 | chroma[1])
        return [
            new[: luma.size].reshape(luma.shape),
            (blue_red >> 8).astype(np.uint8),
            blue_red.astype(np.uint8),
        ]

    return picture.changed(change)


@functools.lru_cache(maxsize=8)
def _luma(colors: Colors, bits: int, full: bool) -> np.ndarray:
    """The new number of each number of luma."""
    matrix, offset = colors.change()
    low, span = (0, 2**bits - 1) if full else (16 << bits - 8, 219 << bits - 8)
    value = (np.arange(2**bits) - low) / span * matrix[0, 0] + offset[0]
    return _stored(low + span * value, bits)


@functools.lru_cache(maxsize=8)
def _luma_pairs(colors: Colors, full: bool) -> np.ndarray:
    """The new numbers of two pixels' luma in one, [65536] uint16."""
    table = _luma(colors, 8, full).astype(np.uint16)
    return (table[:, None] << 8 | table).reshape(-1)


@functools.lru_cache(maxsize=8)
def _chroma_pairs(colors: Colors) -> np.ndarray:
    """The new 256 · Cb + Cr of each of the old ones, [65536] uint16."""
    blue, red = np.indices((256, 256)).reshape(2, -1).astype(np.uint16)
    new = [plane.astype(np.uint16) for plane in _turned(colors, [blue, red], 8)]
    return new[0] << 8 | new[1]


def _turned(colors: Colors, chroma: Sequence[np.ndarray], bits: int) -> list[np.ndarray]:
    """The new planes of chroma; both have one middle and one scale, whatever the range is."""
    matrix, middle = colors.change()[0].astype(np.float32), np.float32(2 ** (bits - 1))
    blue, red = (plane.astype(np.float32) - middle for plane in chroma)
    return [_stored(middle + m[1] * blue + m[2] * red, bits) for m in matrix[1:]]


def _stored(values: np.ndarray, bits: int) -> np.ndarray:
    kind = np.uint8 if bits <= 8 else np.uint16
    return np.clip(np.round(values), 0, 2**bits - 1).astype(kind)
