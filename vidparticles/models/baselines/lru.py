"""A gated linear recurrence over frames: LRU (Orvieto et al. 2023, arXiv 2303.06349).

Two layers of diagonal complex recurrences whose decay and input are gated, as in RG-LRU
(De et al. 2024, arXiv 2402.19427):

    hₜ = aₜ hₜ₋₁ + √(1 − |aₜ|²) iₜ uₜ,   aₜ = exp(−c softplus(Λ) rₜ + iθ)

with rₜ and iₜ in (0, 1) from the input. Linear in h, so that a clip is one associative scan.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import (
    WIDTH,
    FrameToken,
    NextFrame,
    StreamingModel,
)

SHARPNESS = 8.0  # c
SLOWEST, FASTEST = 0.999, 0.9  # |a| at the start, at r = 1


def scan(decay: Array, drive: Array, before: Array) -> Array:
    """hₜ = decayₜ hₜ₋₁ + driveₜ along axis 1.

    Args:
        decay, drive: [B, T, H], real or complex.
        before: [B, H], the state before the first step.

    Returns:
        [B, T, H].

    Example:
        >>> half, one = jnp.full((1, 3, 1), 0.5), jnp.ones((1, 3, 1))
        >>> scan(half, one, jnp.zeros((1, 1)))[0, :, 0].tolist()
        [1.0, 1.5, 1.75]
    """

    def then(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
        return a[0] * b[0], b[0] * a[1] + b[1]

    product, total = jax.lax.associative_scan(then, (decay, drive), axis=1)
    return total + product * before[:, None]


def _slow(key: Array, shape: tuple[int, ...]) -> Array:
    """Λ for which |a| is uniform between FASTEST and SLOWEST at r = 1."""
    size = jax.random.uniform(key, shape, minval=FASTEST, maxval=SLOWEST)
    return jnp.log(jnp.expm1(-jnp.log(size) / SHARPNESS))


class _Layer(nn.Module):
    features: int

    @nn.compact
    def __call__(self, x: Array, before: Array) -> tuple[Array, Array]:
        """[B, T, F] and the state [B, H] to [B, T, F] and the state after."""
        n = self.features
        y = nn.LayerNorm()(x)
        drive = nn.Dense(2 * n, use_bias=False)(y)
        gates = nn.sigmoid(nn.Dense(2 * n)(y))
        slow = nn.softplus(self.param("decay", _slow, (n,)))
        turn = self.param("turn", nn.initializers.uniform(jnp.pi / 10), (n,))
        log_size = -SHARPNESS * slow * gates[..., :n]
        decay = jnp.exp(log_size + 1j * turn)
        # 1 − |a|² loses all digits as |a| nears 1; expm1 does not.
        keep = jnp.sqrt(-jnp.expm1(2 * log_size)) * gates[..., n:]
        h = scan(decay, keep * (drive[..., :n] + 1j * drive[..., n:]), before)
        y = nn.Dense(2 * x.shape[-1])(jnp.concatenate([h.real, h.imag], axis=-1))
        value, gate = jnp.split(y, 2, axis=-1)
        return x + value * nn.sigmoid(gate), h[:, -1]


class _Network(nn.Module):
    num_classes: int
    features: int
    layers: int
    predicts: bool

    @nn.compact
    def __call__(
        self, video: Array, state: list[Array] | None = None
    ) -> tuple[Array, Array | None, Any]:
        if state is None:
            state = [jnp.zeros((len(video), self.features), jnp.complex64)] * self.layers
        x, after = FrameToken()(video), []
        for before in state:
            x, last = _Layer(self.features)(x, before)
            after.append(last)
        x = nn.LayerNorm()(x)
        ahead = NextFrame(*video.shape[2:4])(x) if self.predicts else None
        return nn.Dense(self.num_classes)(x[:, -1]), ahead, after


@dataclasses.dataclass(frozen=True)
class Lru(StreamingModel):
    """Gated diagonal linear recurrences over frame tokens, read after the last frame.

    Attributes:
        features: complex numbers of a layer's state.
        layers: how many.
    """

    features: int = WIDTH
    layers: int = 2

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        return _Network(self.num_classes, self.features, self.layers, self.predicts)
