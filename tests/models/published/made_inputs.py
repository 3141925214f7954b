"""Parameters that no one has trained and pictures that no one has filmed, the same everywhere.

With numpy alone: `record.py` runs upstream's code on them, the tests run ours.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np


def tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Tensors by upstream's names, such that layer after layer keeps the size of its input."""
    made = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        value = rng.uniform(-1, 1, shape)
        if len(shape) > 1:
            transposed = name.endswith("lastconv.weight") or ".up" in name
            inputs = shape[0] * 4 if transposed else np.prod(shape[1:])
            value *= np.sqrt(6 / inputs) * (0.1 if "lastconv" in name else 1)
        elif name.endswith(("running_var", "bn.weight")):
            value = 1 + 0.3 * value
        elif name.endswith("1.weight"):  # slopes
            value = 0.25 + 0.1 * value
        else:
            value *= 0.1
        made[name] = value.astype(np.float32)
    return made


def pair(height: int = 64, width: int = 96) -> np.ndarray:
    """[2, H, W, 3] uint8: waves that slide behind a square that moves the other way."""
    down, across = np.mgrid[0:height, 0:width]
    frames = []
    for k in (0, 1):
        x, y = across - 4.5 * k, down + 2.25 * k
        waves = [np.sin(x / 5 + y / 9 + c) + np.sin(x / 13 - y / 4 + 2 * c) for c in range(3)]
        frame = 128 + 50 * np.stack(waves, axis=-1)
        left = 30 + 6 * k
        thing = np.arange(24)[:, None] * 7 % 97 + np.arange(24) * 5 % 61 + 40
        frame[20:44, left : left + 24] = thing[..., None]
        frames.append(np.clip(frame, 0, 255).round().astype(np.uint8))
    return np.stack(frames)


def film(count: int, cuts: Sequence[int]) -> np.ndarray:
    """[T, 27, 48, 3] uint8: another scene of sliding waves from each of the cuts on."""
    down, across = np.mgrid[0:27, 0:48]
    frames = []
    for k in range(count):
        scene = sum(k >= cut for cut in cuts)
        x, y = across + 0.7 * k, down - 0.3 * k * scene
        color = np.cos(np.arange(3) * (1 + scene) + scene)
        waves = np.sin(x / (4 + scene) + 2.1 * scene) + np.sin(y / (3 + scene % 2) + x / 11)
        frame = 100 + 35 * scene % 90 + (30 * waves[..., None] + 25) * color
        frames.append(np.clip(frame, 0, 255).round().astype(np.uint8))
    return np.stack(frames)


def graph_tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """As `tensors`, of TensorFlow's order of axes, in halves of floats."""
    made = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        value = rng.uniform(-1, 1, shape)
        if len(shape) > 1:
            each = "depthwise" in name or "segment" in name
            inputs = shape[0] * shape[1] * (1 if each else shape[2])
            value *= np.sqrt(6 / inputs)
        else:
            value *= 0.1
        made[name] = value.astype(np.float16)
    return made


def for_nanodet() -> np.ndarray:
    """[416, 416, 3] blue, green and red, normalized."""
    return ((pair(416, 416)[0] - 110) / 57).astype(np.float32)


def for_selfie() -> np.ndarray:
    """[256, 256, 3] in [0, 1]."""
    return (pair(256, 256)[0] / 255).astype(np.float32)
