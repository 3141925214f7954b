"""Parameters that no one has trained and pictures that no one has filmed, the same everywhere.

With numpy alone: `record.py` runs upstream's code on them, the tests run ours.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

VOCABULARY = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "two", "fight", "##ers", "##ing", "in", "the"),
    *("rain", "cafe", "!", ",", "人", "山", "a", "##b", "##bb", "'", "s", "ring"),
)
TEXTS = (
    "Two fighters, fighting in the RAIN!",
    "",
    "Café 人山 zebra",
    "abbb the ring's [MASK]",
    "two " * 100,
)


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
        elif re.search(r"(running_var|bn\d?\.weight|LayerNorm\.weight)$", name):
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


def flax_tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """As `tensors`, of Flax' names and order of axes."""
    made = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        value = rng.uniform(-1, 1, shape)
        if name.endswith("kernel"):
            value *= np.sqrt(6 / np.prod(shape[:-1]))
        elif name.endswith("var"):
            value = 1 + 0.3 * value
        else:
            value *= 0.1
        made[name] = value.astype(np.float32)
    return made


def keras_tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """As `tensors`, of the names and the order of axes of Keras."""
    made = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        value = rng.uniform(-1, 1, shape)
        if name.endswith("kernel:0"):
            value *= np.sqrt(6 / np.prod(shape[:2] if "depthwise" in name else shape[:-1]))
        elif name.endswith("variance:0"):
            value = 1 + 0.5 * value
        else:
            value *= 0.2
        made[name] = value.astype(np.float32)
    return made


def clip(count: int, height: int, width: int) -> np.ndarray:
    """[T, H, W, 3] uint8: waves of three lengths that slide in three directions."""
    down, across = np.mgrid[0:height, 0:width]
    frames = []
    for k in range(count):
        waves = [
            np.sin((across - 2 * k) / (5 + 3 * c) + c) + np.cos((down + k * c) / (9 + c))
            for c in range(3)
        ]
        frames.append(np.clip(128 + 60 * np.stack(waves, axis=-1), 0, 255))
    return np.round(np.stack(frames)).astype(np.uint8)


def for_centerface(kind: str) -> np.ndarray:
    """[1, 64, 96, 3] in [0, 255]; of made-up parameters, which add up more, a small part."""
    return clip(1, 64, 96).astype(np.float32) * np.float32(0.0001 if kind == "made" else 1)


def sound(count: int) -> np.ndarray:
    """[S] floats in [-1, 1], 16 kHz: a voice that comes and goes, and noise."""
    time = np.arange(count) / 16000
    pitch = 140 + 20 * np.sin(2 * np.pi * 3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    voice = sum(np.sin(k * phase) / k * (1 + np.cos(k - 3)) for k in range(1, 20))
    loud = np.clip(np.sin(2 * np.pi * 1.3 * time), 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.01, count)
    return (0.15 * voice * loud + noise).astype(np.float32)
