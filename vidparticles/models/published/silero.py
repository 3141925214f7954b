"""Silero VAD: how likely someone speaks, each 32 ms of a recording.

Magnitudes of a Fourier transform, four convolutions over time, a recurrent cell (LSTM) that
remembers what was before, and a decision (network of Silero's version 6.2 for 16 kHz, MIT).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.errors import InputError
from vidparticles.models.published.parts import names
from vidparticles.programs import persistent_jit

RATE = 16000  # samples a second, of the sound that it takes
STEP = 512  # samples, from one decision to the next
_BEFORE = 64  # samples before these, which it looks at too
_WINDOW, _HOP = 256, 128  # samples, of the Fourier transform
_CELL = 128  # numbers that are remembered


@dataclasses.dataclass(frozen=True)
class SileroConfig:
    """How the network is applied.

    Attributes:
        steps: decisions at a time: memory and compiling do not depend on the length of the sound.
    """

    steps: int = 512

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}; expected 1 or more.")


class SpeechFn(Protocol):
    """Tells when someone speaks."""

    def __call__(self, sound: ArrayLike, /) -> np.ndarray:
        """Args: [S] floats in [-1, 1] of 16 kHz; returns [⌈S / 512⌉] in [0, 1]."""


def speech(params: Any, config: SileroConfig | None = None) -> SpeechFn:
    """A function that tells how likely someone speaks, each 32 ms; compiled once.

    Args:
        params: of `parameters`.
        config: how the network is applied; default `SileroConfig()`.

    Example:
        >>> from vidparticles import weights
        >>> if weights.status("silero").state == "there":
        ...     hear = speech(parameters(weights.load("silero")))
    """
    config = config or SileroConfig()

    def run(sound: ArrayLike, /) -> np.ndarray:
        sound = np.asarray(sound)
        if sound.ndim != 1 or not np.issubdtype(sound.dtype, np.floating):
            raise InputError(
                f"the sound is {sound.dtype} {sound.shape}; Silero takes floats [S] in [-1, 1], "
                "of 16,000 a second."
            )
        return np.concatenate([np.zeros(0, np.float32), *stream(params, [sound], config)])

    return run


def stream(
    params: Any, blocks: Iterable[np.ndarray], config: SileroConfig | None = None
) -> Iterator[np.ndarray]:
    """How likely someone speaks, each 32 ms, of sound that is never held whole.

    Args:
        params: of `parameters`.
        blocks: floats [S] in [-1, 1] of 16 kHz, one after another, of any lengths.
        config: how the network is applied.

    Returns:
        In stretches [n] in [0, 1]: in all one for each 512 samples, and for what is left of them.
    """
    config = config or SileroConfig()
    size = config.steps * STEP
    state: ArrayLike = np.zeros((2, _CELL), np.float32)
    held = np.zeros(_BEFORE, np.float32)
    for block in blocks:
        held = np.concatenate([held, block.astype(np.float32)])
        while len(held) >= _BEFORE + size:
            state, likely = _block(params, state, held[: _BEFORE + size])
            yield np.asarray(likely)
            held = held[size:]
    if left := len(held) - _BEFORE:
        _, likely = _block(params, state, np.pad(held, (0, size - left)))
        yield np.asarray(likely)[: -(-left // STEP)]


_LAYOUT = "e2b51648f1039699"  # of its parameters, see `names.layout_of`


def parameters(tensors: Mapping[str, np.ndarray]) -> Any:
    """The network's parameters from the tensors of the published file.

    Args:
        tensors: as `weights.load("silero")` gives them.

    Raises:
        InputError: they are another network's.
    """
    sound = jax.ShapeDtypeStruct((1, _BEFORE + STEP), jnp.float32)
    state = jax.ShapeDtypeStruct((2, _CELL), jnp.float32)
    like = functools.partial(names.shapes_of, Silero().init, state, sound)
    along = (2, 1, 0)  # PyTorch's order of a convolution over time
    layers = {f"model.encoder.{k}.reparam_conv": f"conv{k + 1}" for k in range(4)}
    paths: dict[str, tuple[tuple[str, ...], tuple[int, ...] | None]] = {
        "model.stft.forward_basis_buffer": (("transform", "kernel"), along),
        "model.decoder.rnn.weight_ih": (("cell", "input"), names.DENSE),
        "model.decoder.rnn.weight_hh": (("cell", "memory"), names.DENSE),
        "model.decoder.rnn.bias_ih": (("cell", "input_bias"), None),
        "model.decoder.rnn.bias_hh": (("cell", "memory_bias"), None),
    }
    for name, layer in (layers | {"model.decoder.decoder.2": "decision"}).items():
        paths[f"{name}.weight"] = (layer, "kernel"), along
        paths[f"{name}.bias"] = (layer, "bias"), None
    return names.place(tensors, paths, like, layout=_LAYOUT, what="Silero VAD")


@persistent_jit
def _block(params: Any, state: Array, sound: Array) -> tuple[Array, Array]:
    """Decisions of a block [_BEFORE + steps · STEP], and what is remembered behind it."""
    steps = (len(sound) - _BEFORE) // STEP
    at = np.arange(steps)[:, None] * STEP + np.arange(_BEFORE + STEP)
    found: Any = Silero().apply({"params": params}, state, sound[at])
    return found


# ---------------------------------------------------------------- layers


class _Conv(nn.Module):
    """A convolution over three moments."""

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x = jnp.pad(x, [(0, 0), (1, 1), (0, 0)])
        count = (x.shape[1] - 3) // self.stride + 1
        shifted = (x[:, k :: self.stride][:, :count] @ kernel[k] for k in range(3))
        return nn.relu(sum(shifted, start=bias))


class _Transform(nn.Module):
    """Magnitudes of a Fourier transform, its window in the kernel."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        half = _WINDOW // 2 + 1
        make = nn.initializers.zeros
        kernel = self.param("kernel", make, (_WINDOW, 1, 2 * half))
        x = jnp.pad(x, [(0, 0), (0, _BEFORE)], mode="reflect")
        count = (x.shape[1] - _WINDOW) // _HOP + 1
        at = np.arange(count)[:, None] * _HOP + np.arange(_WINDOW)
        both = x[:, at] @ kernel[:, 0]
        return jnp.sqrt(both[..., :half] ** 2 + both[..., half:] ** 2)


class _Cell(nn.Module):
    """A recurrent cell, step after step (LSTM; Hochreiter and Schmidhuber 1997)."""

    @nn.compact
    def __call__(self, state: Array, x: Array) -> tuple[Array, Array]:
        """Args: what is told and kept [2, F], what comes in [S, F]; returns both anew, [S, F]."""
        zeros = nn.initializers.zeros
        shape, width = (_CELL, 4 * _CELL), (4 * _CELL,)
        inward, memory = self.param("input", zeros, shape), self.param("memory", zeros, shape)
        bias = self.param("input_bias", zeros, width) + self.param("memory_bias", zeros, width)

        def step(state: Array, given: Array) -> tuple[Array, Array]:
            told, kept = state
            gates = jnp.split(given + told @ memory, 4)
            enter, keep, tell = (nn.sigmoid(gates[k]) for k in (0, 1, 3))
            kept = keep * kept + enter * jnp.tanh(gates[2])
            told = tell * jnp.tanh(kept)
            return jnp.stack([told, kept]), told

        return lax.scan(step, state, x @ inward + bias)


class Silero(nn.Module):
    """How likely someone speaks."""

    @nn.compact
    def __call__(self, state: Array, sound: Array) -> tuple[Array, Array]:
        """Args: what is remembered [2, 128], steps of sound [S, 576]; returns it anew and [S]."""
        x = _Transform(name="transform")(sound)
        for k, (features, stride) in enumerate(((128, 1), (64, 2), (64, 2), (_CELL, 1)), start=1):
            x = _Conv(features, stride, name=f"conv{k}")(x)
        state, told = _Cell(name="cell")(state, x[:, 0])
        return state, nn.sigmoid(_Decision(name="decision")(nn.relu(told)))


class _Decision(nn.Module):
    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", nn.initializers.zeros, (1, x.shape[-1], 1))
        bias = self.param("bias", nn.initializers.zeros, (1,))
        return x @ kernel[0, :, 0] + bias[0]
