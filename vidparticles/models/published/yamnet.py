"""YAMNet: which of the 521 kinds of sound of AudioSet are heard, each 0.48 s of a recording.

A log mel spectrogram, a MobileNet (Howard et al. 2017) on stretches of 0.96 s of it, and a score in
[0, 1] of each kind by itself (Plakal and Ellis, tensorflow/models, research/audioset/yamnet,
Apache-2.0). The weights are published as `yamnet.h5` and are in no package registry, so that they
are given by path. They were never run here: what this computes was compared with the published
definition in Keras on weights that nobody trained, features (in float64) and scores to 1e-4 on
real sounds.

What is equal to upstream's arithmetic and costs less on a CPU: convolutions of one channel each
are sums of shifted products, those of one place are products.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.errors import InputError
from vidparticles.models.published.parts import names
from vidparticles.models.published.parts.layers import each_channel
from vidparticles.programs import persistent_jit

RATE = 16000  # samples a second, of the sound that it takes
CLASSES = 521
HOP = 7680  # samples, from one window to the next: 0.48 s
WINDOW = 15600  # samples of a window: 0.96 s, and what the last transform of it needs
_FRAME, _STEP, _LENGTH = 400, 160, 512  # samples, of the Fourier transform
_FRAMES = 96  # transforms of a window
_BANDS, _LOWEST, _HIGHEST = 64, 125.0, 7500.0  # of the mel scale; Hz
_FLOOR = 0.001  # is added before the logarithm


@dataclasses.dataclass(frozen=True)
class YamnetConfig:
    """How the network is applied.

    Attributes:
        windows: at a time: memory and compiling do not depend on the length of the sound.
    """

    windows: int = 16

    def __post_init__(self) -> None:
        if self.windows < 1:
            raise InputError(f"windows is {self.windows}; expected 1 or more.")


def stream(
    params: Any, blocks: Iterable[np.ndarray], config: YamnetConfig | None = None
) -> Iterator[np.ndarray]:
    """How much each kind of sound is heard, each 0.48 s, of sound that is never held whole.

    Args:
        params: of `parameters`.
        blocks: floats [S] in [-1, 1] of 16 kHz, one after another, of any lengths.
        config: how the network is applied; default `YamnetConfig()`.

    Returns:
        In stretches [n, 521] in [0, 1]: window k is of the samples HOP · k … HOP · k + WINDOW - 1,
        the last one filled up with silence; in all `count(S)` of them.

    Raises:
        InputError: a block is no such array.
    """
    config = config or YamnetConfig()
    size = HOP * (config.windows - 1) + WINDOW
    held = np.zeros(0, np.float32)
    length = done = 0
    for block in blocks:
        block = np.asarray(block)
        if block.ndim != 1 or not np.issubdtype(block.dtype, np.floating):
            raise InputError(
                f"a block of sound is {block.dtype} {block.shape}; YAMNet takes floats [S] in "
                "[-1, 1], of 16,000 a second."
            )
        length += len(block)
        held = np.concatenate([held, block.astype(np.float32)])
        while len(held) >= size:
            yield _scores(params, held[:size])
            held, done = held[HOP * config.windows :], done + config.windows
    if left := count(length) - done:
        yield _scores(params, np.pad(held, (0, size - len(held))))[:left]


def count(length: int) -> int:
    """Windows of a sound of so many samples: one at least, and none of no sound.

    Example:
        >>> count(0), count(1), count(WINDOW), count(WINDOW + 1), count(WINDOW + HOP)
        (0, 1, 1, 2, 2)
    """
    return 1 + -(-max(0, length - WINDOW) // HOP) if length else 0


_LAYOUT = "e672147c0316bf20"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.read_file("yamnet.h5", "keras")` gives them.

    Raises:
        InputError: they are another network's.
    """
    patches = jax.ShapeDtypeStruct((1, _FRAMES, _BANDS), jnp.float32)
    like = functools.partial(names.shapes_of, Yamnet().init, patches)
    parts = {"layer1/conv": "layer1"}
    for k in range(2, len(_LAYERS) + 1):
        for part in ("depthwise", "pointwise"):
            parts[f"layer{k}/{part}_conv"] = f"layer{k}_{part}"
    norm = {"beta": "bias", "moving_mean": "mean", "moving_variance": "var"}
    # Keras has a group for each layer, and in it its weights by names that begin with the layer's.
    paths: dict[str, tuple[tuple[str, ...], None]] = {}
    for layer, part in parts.items():
        kernel = "depthwise_kernel" if "depthwise" in layer else "kernel"
        paths[f"{layer}/{layer}/{kernel}:0"] = (part, "kernel"), None
        for name, leaf in norm.items():
            paths[f"{layer}/bn/{layer}/bn/{name}:0"] = (part, leaf), None
    for leaf in ("kernel", "bias"):
        paths[f"logits/logits/{leaf}:0"] = ("logits", leaf), None
    return names.place(tensors, paths, like, layout=_LAYOUT, what="YAMNet")


# ---------------------------------------------------------------- features


def log_mel(sound: np.ndarray) -> np.ndarray:
    """The logarithm of how loud a sound is in 64 bands of the mel scale, each 10 ms.

    Magnitudes of the Fourier transform of 25 ms under Hann's window, summed with weights that are
    triangles over mel = 1127 ln(1 + f / 700 Hz) from 125 Hz to 7500 Hz. It is computed in float64:
    of a loud sound the rounding of a transform in float32 is seen in quiet bands, where the
    logarithm makes up to 0.001 of it on speech.

    Args:
        sound: [S] floats in [-1, 1] of 16 kHz, at least 400.

    Returns:
        float32 [1 + ⌊(S - 400) / 160⌋, 64].

    Example:
        >>> round(float(log_mel(np.zeros(400))[0, 0]), 3)  # of no sound, ln 0.001
        -6.908
    """
    steps = (len(sound) - _FRAME) // _STEP + 1
    at = np.arange(steps)[:, None] * _STEP + np.arange(_FRAME)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
    magnitude = np.abs(np.fft.rfft(sound[at] * hann, _LENGTH))
    return np.log(magnitude @ _mel_weights() + _FLOOR).astype(np.float32)


@functools.cache
def _mel_weights() -> np.ndarray:
    """[257, 64]: how much of each frequency is in each band; none of the constant part."""

    def mel(hertz: np.ndarray) -> np.ndarray:
        return 1127 * np.log1p(hertz / 700)

    at = mel(np.arange(_LENGTH // 2 + 1) * RATE / _LENGTH)[:, None]
    lowest, highest = mel(np.array([_LOWEST, _HIGHEST]))
    edges = np.linspace(lowest, highest, _BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.minimum((at - low) / (middle - low), (high - at) / (high - middle))
    weights[0] = 0
    return np.maximum(weights, 0)


def _scores(params: Any, sound: np.ndarray) -> np.ndarray:
    """[B, 521] of sound [HOP · (B - 1) + WINDOW]."""
    features = log_mel(sound)
    at = np.arange(0, len(features) - _FRAMES + 1, HOP // _STEP)[:, None] + np.arange(_FRAMES)
    return np.asarray(_apply(params, features[at])[0])


@persistent_jit
def _apply(params: Any, features: Array) -> tuple[Array]:
    found: Any = Yamnet().apply({"params": params}, features)
    return (found,)


# ---------------------------------------------------------------- layers


class _Layer(nn.Module):
    """A convolution with the batch normalization and the rectifier behind it.

    Attributes:
        features: as many as it gives.
        size: places of its window.
        stride: places from one to the next.
        each: whether each channel is by itself.
    """

    features: int
    size: int = 1
    stride: int = 1
    each: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        ends = (self.features, 1) if self.each else (x.shape[-1], self.features)
        kernel = self.param("kernel", zeros, (self.size, self.size, *ends))
        width = (self.features,)
        bias, mean = self.param("bias", zeros, width), self.param("mean", zeros, width)
        scale = lax.rsqrt(self.param("var", ones, width) + 1e-4)
        bias = bias - mean * scale
        window, step = (self.size, self.size), (self.stride, self.stride)
        if self.each:
            around = lax.padtype_to_pads(x.shape[1:3], window, step, "SAME")
            kernel = kernel[..., 0] * scale
            return nn.relu(each_channel(x, kernel, bias, stride=self.stride, ends=around))
        if self.size == 1:
            return nn.relu(x @ (kernel[0, 0] * scale) + bias)
        layout = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, kernel * scale, step, "SAME", dimension_numbers=layout)
        return nn.relu(y + bias)


# (stride, features)
_LAYERS = (
    (2, 32),
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    *((1, 512),) * 5,
    (2, 1024),
    (1, 1024),
)


class Yamnet(nn.Module):
    """How much each kind of sound is heard."""

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """Args: log mel spectrograms [B, 96, 64]; returns scores [B, 521] in [0, 1]."""
        (stride, width), *others = _LAYERS
        x = _Layer(width, 3, stride, name="layer1")(features[..., None])
        for k, (stride, wide) in enumerate(others, start=2):
            each = _Layer(x.shape[-1], 3, stride, each=True, name=f"layer{k}_depthwise")
            x = _Layer(wide, name=f"layer{k}_pointwise")(each(x))
        decide = nn.Dense(CLASSES, kernel_init=nn.initializers.zeros, name="logits")
        return nn.sigmoid(decide(x.mean((1, 2))))
