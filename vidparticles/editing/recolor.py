"""Recolor: hue, saturation, brightness and contrast of every frame.

In luma and chroma (ITU-R BT.709) these are a rotation and a scaling; together with the
changes from and to RGB they make one matrix and one offset, applied by a jitted step.
"""

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.editing.base import Edit
from vidparticles.editing.reel import Frames
from vidparticles.errors import InputError, nearest

PRESETS = {
    "gray": "saturation=0",
    "vivid": "saturation=1.5,contrast=1.1",
    "faded": "saturation=0.5,contrast=0.85,brightness=0.05",
    "swap": "hue=180",
}
_TO_YUV = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]]
)


@dataclasses.dataclass(frozen=True)
class Colors:
    """A change of colors.

    Attributes:
        hue: degrees to turn it by.
        saturation: factor, 0 is gray, 1 unchanged.
        brightness: added, −1 … 1 of the range from black to white.
        contrast: factor around mid-gray, 1 unchanged.

    Example:
        >>> Colors(saturation=0).matrix()[0][:, 0].round(4).tolist()
        [0.2126, 0.2126, 0.2126]
    """

    hue: float = 0.0
    saturation: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        limits = {
            "hue": (-3600, 3600),
            "saturation": (0, 10),
            "brightness": (-1, 1),
            "contrast": (0, 10),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name}={value:g} is out of range; give {low} to {high}.")

    def matrix(self) -> tuple[np.ndarray, np.ndarray]:
        """new RGB = matrix · RGB + offset, both in 0 … 255."""
        turn = math.radians(self.hue)
        chroma = self.saturation * self.contrast
        change = np.array(
            [
                [self.contrast, 0, 0],
                [0, chroma * math.cos(turn), -chroma * math.sin(turn)],
                [0, chroma * math.sin(turn), chroma * math.cos(turn)],
            ]
        )
        offset = 127.5 * (1 - self.contrast) + 255 * self.brightness
        return np.linalg.inv(_TO_YUV) @ change @ _TO_YUV, np.full(3, offset)


def parse_colors(text: str) -> Colors:
    """A change of colors from words: KEY=VALUE,…, a preset by name, or degrees of hue.

    Raises:
        InputError: an unknown key or preset, or a value that is no number.

    Example:
        >>> parse_colors("hue=90,saturation=1.5")
        Colors(hue=90.0, saturation=1.5, brightness=0.0, contrast=1.0)
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


@jax.jit
def apply_matrix(frame: Array, matrix: Array, offset: Array) -> Array:
    """round(matrix · RGB + offset) of a frame [..., 3] uint8, clipped to uint8."""
    rgb = [frame[..., c].astype(jnp.float32) for c in range(3)]
    # Three sums of planes: a product with a 3 × 3 matrix is not fused by XLA on CPU.
    new = [sum(matrix[r, c] * rgb[c] for c in range(3)) + offset[r] for r in range(3)]
    return jnp.clip(jnp.round(jnp.stack(new, -1)), 0, 255).astype(jnp.uint8)


def recolor(colors: Colors) -> Edit:
    """An edit that changes the colors; times, sound and rotation stay.

    Args:
        colors: the change; `parse_colors` makes one from words.

    Example:
        >>> from vidparticles.editing import Reel
        >>> frames = [(0, np.full((2, 2, 3), 100, np.uint8))]
        >>> reel = Reel(iter(frames), [0], duration=1, rate=1, height=2, width=2)
        >>> next(recolor(Colors(brightness=0.2))(reel).frames)[1][0, 0].tolist()
        [151, 151, 151]
    """
    matrix, offset = (jnp.asarray(x, jnp.float32) for x in colors.matrix())

    def changed(frames: Frames, first: int) -> Frames:
        del first
        return ((time, np.asarray(apply_matrix(frame, matrix, offset))) for time, frame in frames)

    return lambda reel: reel.with_frames(changed)
