"""PV-5 T5, texture-flow: how does this texture move?

Filtered noise and no objects. It is translated, rotated, zoomed or dissolved into another,
in a random direction and sense, at 0.6 to 1.2 pixels a frame (root mean square over the
picture). A single frame is Gaussian noise of the same spectrum in all four, so that what is
pooled over single frames gives 25 %: a zoom cannot go on with one texture, whose scale would
tell, but fades into a fresh one every few frames, and the others show such a pair at rest,
moved or dissolved as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5.drawing import SIDE

STREAM = 5
CLASSES = ("translation", "rotation", "zoom", "dissolve")
SPEED = (0.6, 1.2)
# A texture repeats after so many pixels, and is sampled so many times a pixel.
PERIOD, FINE = 64, 3
# Wavelength, in pixels, at which its spectrum has fallen to e^−½; a clip varies it by e^±0.35.
GRAIN, SPREAD = 9.0, 0.35
# Frames from a texture's first sight to its full strength, where textures fade.
FADE = 4
CONTRAST = 52
# Root mean square distance of a pixel from the middle.
REACH = SIDE / np.sqrt(6)


def batch(indices: Sequence[int] | np.ndarray, *, frames: int = 24) -> dict[str, Any]:
    """The clips of these indices.

    Args:
        indices: B of them; a clip is a function of its index and of the options.
        frames: T.

    Returns:
        frames uint8 [B, T, 32, 32, 3], gray; label int32 [B], the index in CLASSES; and truth:
        speed [B] (pixels a frame), way [B] (radians: the direction of a translation; the sign
        of its cosine is the sense of a rotation or zoom).

    Example:
        >>> clips = batch([0, 1])
        >>> clips["frames"].shape, bool((clips["label"] < 4).all())
        ((2, 24, 32, 32, 3), True)
    """
    if frames < 1:
        raise ValueError(f"frames is {frames}; expected at least 1.")
    drawn = [_clip(rng_of(STREAM, int(index)), frames) for index in indices]
    gray, label, speed, way = (np.array(x) for x in zip(*drawn, strict=True))
    return {
        "frames": np.repeat(gray[..., None], 3, axis=-1),
        "label": label.astype(np.int32),
        "truth": {"speed": speed, "way": way},
    }


def _clip(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, int, float, float]:
    label = int(rng.integers(len(CLASSES)))
    speed, way = rng.uniform(*SPEED), rng.uniform(0, 2 * np.pi)
    scale, phase = np.exp(rng.uniform(-SPREAD, SPREAD)), rng.random()
    # Of a rotation in radians a frame, of a zoom in powers of e.
    rate = np.sign(np.cos(way)) * speed / REACH
    clock = np.arange(frames)[:, None, None]
    pixel = np.arange(SIDE) + 0.5 - SIDE / 2
    # Points of the plane are complex numbers, x + i y.
    point = pixel + 1j * pixel[:, None]

    def layer(point: np.ndarray, age: np.ndarray | float) -> np.ndarray:
        """A new texture at an age from −1, first sight, over 0, full strength, to 1, last sight."""
        grown = _sample(_texture(rng, scale), point * np.exp(-rate * FADE * age))
        return np.cos(np.pi / 2 * age) * grown

    def two_layers(point: np.ndarray) -> np.ndarray:
        """What a zoom looks like at one instant; squares of their strengths add up to 1."""
        return layer(point, phase) + layer(point, phase - 1)

    name = CLASSES[label]
    if name == "translation":
        picture = two_layers(point - speed * np.exp(1j * way) * clock)
    elif name == "rotation":
        picture = two_layers(point * np.exp(-1j * rate * clock))
    else:
        picture = np.zeros((frames, SIDE, SIDE))
        for birth in range(-1, frames // FADE + 2):
            age = clock / FADE + phase - birth
            seen = np.abs(age[:, 0, 0]) < 1
            if name == "zoom":
                picture[seen] += layer(point, age[seen])
            else:
                picture[seen] += np.cos(np.pi / 2 * age[seen]) * two_layers(point)
    gray = np.clip(127.5 + CONTRAST * picture, 0, 255).round().astype(np.uint8)
    return gray, label, speed, way


def _texture(rng: np.random.Generator, scale: float) -> np.ndarray:
    """Periodic Gaussian noise of variance 1, [PERIOD · FINE] squared."""
    n = PERIOD * FINE
    # Only the low frequencies are drawn: the others are nothing after the filter.
    wave = np.fft.fftfreq(PERIOD)[:, None], np.fft.rfftfreq(PERIOD)[None]
    gain = np.exp(-0.5 * (GRAIN * scale) ** 2 * (wave[0] ** 2 + wave[1] ** 2))
    spectrum = np.fft.rfft2(rng.standard_normal((PERIOD, PERIOD)).astype(np.float32)) * gain
    spectrum[0, 0] = 0
    fine = np.zeros((n, n // 2 + 1), complex)
    half = PERIOD // 2
    fine[:half, : half + 1], fine[-half:, : half + 1] = spectrum[:half], spectrum[half:]
    noise = np.fft.irfft2(fine, (n, n))
    return (noise / noise.std()).astype(np.float32)


def _sample(texture: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The texture at complex points in pixels, bilinear."""
    n = len(texture)
    x, y = point.real * FINE, point.imag * FINE
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    i, j = x0.astype(np.int32) % n, y0.astype(np.int32) % n
    right, down = (i + 1) % n, (j + 1) % n
    flat = texture.ravel()
    above = flat[j * n + i] * (1 - fx) + flat[j * n + right] * fx
    below = flat[down * n + i] * (1 - fx) + flat[down * n + right] * fx
    return above * (1 - fy) + below * fy
