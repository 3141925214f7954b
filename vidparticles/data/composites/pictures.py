"""What composites are made of: photographs with a clear licence, and procedural pictures.

Photographs are those that scikit-image, scikit-learn and matplotlib bring along; no network is
asked. Those of a folder can be added.

| pictures | from | licence |
|---|---|---|
| astronaut, hubble_deep_field, moon | scikit-image | public domain (NASA) |
| brick, camera, cell, chelsea, coffee, grass, gravel, retina | scikit-image | CC0 |
| clock_motion, coins, page, rocket, text | scikit-image | public domain |
| grace_hopper | matplotlib | public domain (US Navy) |
| china, flower | scikit-learn | CC BY 2.0, danielbuechele and vultilion (Flickr) |
"""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vidparticles.errors import InputError, require

_SKIMAGE = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png"),
    *("coffee.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "moon.png"),
    *("page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
_SKLEARN = ("china", "flower")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_HEIGHT = 240  # lines of a photograph as it is kept


@functools.cache
def photographs(folder: str = "") -> tuple[np.ndarray, ...]:
    """The photographs, uint8 [h, w, 3], the shorter side 240 pixels.

    Args:
        folder: of further pictures, in any depth; "" for none.

    Raises:
        InputError: the folder is not there or holds no picture, or a package is missing.
    """
    paths = [pathlib.Path(path) for path in _bundled()]
    if folder:
        more = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix.lower() in _SUFFIXES)
        if not more:
            raise InputError(f"{folder} holds no picture; give a folder of .jpg, .png or .webp.")
        paths += more
    return tuple(_opened(path) for path in paths)


def _bundled() -> list[str]:
    skimage = require("skimage", extra="train").__path__[0]
    sklearn = require("sklearn", extra="train").__path__[0]
    matplotlib = require("matplotlib", extra="train").get_data_path()
    found = [os.path.join(skimage, "data", name) for name in _SKIMAGE]
    found += [os.path.join(sklearn, "datasets", "images", name + ".jpg") for name in _SKLEARN]
    return [*found, os.path.join(matplotlib, "sample_data", "grace_hopper.jpg")]


def _opened(path: pathlib.Path) -> np.ndarray:
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except OSError as error:
        raise InputError(f"{path} cannot be read as a picture; take it out of the folder.") from (
            error
        )
    scale = _HEIGHT / min(picture.size)
    wide, high = (max(1, round(scale * side)) for side in picture.size)
    return np.asarray(picture.resize((wide, high), Image.Resampling.BOX, reducing_gap=2.0))


def picture(
    rng: np.random.Generator,
    bank: Sequence[np.ndarray],
    shape: tuple[int, int],
    *,
    natural: float = 0.65,
) -> np.ndarray:
    """A ground or a texture: a part of a photograph, or a procedural picture.

    Args:
        rng: of everything random.
        bank: photographs.
        shape: rows and columns.
        natural: how probable a photograph is.

    Returns:
        float32 [h, w, 3] in 0 … 255.
    """
    made = [_noise, _leaves, _stripes, _rooms, _plain]
    if rng.random() < natural:
        found = _crop(rng, bank[int(rng.integers(len(bank)))], shape)
    else:
        found = made[rng.choice(len(made), p=[0.3, 0.25, 0.1, 0.2, 0.15])](rng, shape)
    if rng.random() < 0.15:
        found = np.repeat(found.mean(-1, keepdims=True), 3, -1)
    elif rng.random() < 0.4:  # another light, other colors
        found = found @ (np.eye(3) + rng.normal(0, 0.12, (3, 3)))
    contrast, light = rng.uniform(0.5, 1.2), rng.uniform(-40, 40)
    return np.clip((found - 128) * contrast + 128 + light, 0, 255).astype(np.float32)


def _crop(rng: np.random.Generator, whole: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A part of a photograph: one pixel of it or up to all of it makes one, mirrored or not."""
    high, wide = shape
    most = min(whole.shape[0] / high, whole.shape[1] / wide)
    scale = float(np.exp(rng.uniform(np.log(min(0.4, most)), np.log(most))))
    h, w = scale * high, scale * wide
    top, left = rng.uniform(0, whole.shape[0] - h), rng.uniform(0, whole.shape[1] - w)
    part = Image.fromarray(whole).resize(
        (wide, high), Image.Resampling.BILINEAR, (left, top, left + w, top + h)
    )
    found = np.asarray(part, np.float32)
    return found[:, ::-1] if rng.random() < 0.5 else found


def _noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Noise whose amplitude falls as a power of the frequency, as in natural pictures."""
    high, wide = shape
    frequency = np.hypot(np.fft.fftfreq(high)[:, None], np.fft.rfftfreq(wide))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(high, wide, 3)), axes=(0, 1))
    fallen = spectrum * (frequency ** -rng.uniform(0.6, 2.0))[..., None]
    found = np.fft.irfft2(fallen, s=shape, axes=(0, 1))
    found = found / (found.std((0, 1)) + 1e-6)
    mixed = found @ (rng.uniform(0, 1, (3, 3)) ** 2 + 0.3 * np.eye(3))
    return 128 + rng.uniform(25, 60) * mixed / (mixed.std() + 1e-6)


def _leaves(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Discs of all sizes over each other ("dead leaves"): edges and areas as in pictures."""
    high, wide = shape
    y, x = np.mgrid[:high, :wide].astype(np.float32)
    found = np.zeros((high, wide, 3)) + rng.uniform(30, 220, 3)
    for _ in range(60):
        radius = min(shape) * 0.03 / rng.uniform(0.05, 1)
        a, b = rng.uniform(0, wide), rng.uniform(0, high)
        inside = (x - a) ** 2 + ((y - b) * rng.uniform(0.6, 1.7)) ** 2 < radius**2
        shade = rng.uniform(20, 235, 3) * (0.4 + 0.6 * rng.random())
        found[inside] = shade + rng.normal(0, rng.uniform(0, 14), (int(inside.sum()), 3))
    return found


def _stripes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Stripes or checks, in which motion along them cannot be seen."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    angle, length = rng.uniform(0, np.pi), rng.uniform(4, max(shape) / 2)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / length + rng.uniform(0, 6))
    if rng.random() < 0.4:
        wave = wave * np.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / length)
    hard = np.clip(wave * rng.uniform(1, 8), -1, 1)
    return rng.uniform(60, 200, 3) + hard[..., None] * rng.normal(0, 45, 3)


def _rooms(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A wall, a floor and boxes before it, each a plain color with a gradient and grain."""
    high, wide = shape
    y, x = np.mgrid[:high, :wide]

    def shade() -> np.ndarray:
        slope = rng.normal(0, 20, 2)
        light = slope[0] * (x / wide - 0.5) + slope[1] * (y / high - 0.5)
        return rng.uniform(40, 220, 3) + light[..., None]

    found = shade()
    edge = rng.uniform(0.4, 0.8) * high + rng.normal(0, 0.1) * (x - wide / 2)
    found = np.where((y > edge)[..., None], shade(), found)
    for _ in range(rng.integers(2, 9)):
        h, w = high * rng.uniform(0.05, 0.5), wide * rng.uniform(0.03, 0.4)
        top, left = rng.uniform(-0.1, 0.9) * high, rng.uniform(-0.1, 0.95) * wide
        inside = (y > top) & (y < top + h) & (x > left) & (x < left + w)
        found = np.where(inside[..., None], shade(), found)
    return found + rng.normal(0, rng.uniform(0, 6), (high, wide, 1))


def _plain(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.zeros((*shape, 3)) + rng.uniform(0, 255, 3)
