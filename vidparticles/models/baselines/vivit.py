"""Video vision transformer, factorised encoder: attention within frames, then over them.

Arnab et al., ICCV 2021, arXiv 2103.15691, model 2. Its published size is ViViT-B/16×2 with
four temporal layers and 400 classes, 115.1 M parameters. (Other video transformers: VTN
2102.00719, TimeSformer 2102.05095.)
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import ClipModel, FrameToken, NextFrame


def sinusoids(count: int, width: int) -> Array:
    """Positions of any number as sines and cosines [count, width] (arXiv 1706.03762).

    Example:
        >>> sinusoids(2, 4)[0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    rate = 1e4 ** (-jnp.arange(width // 2) / (width // 2))
    angle = jnp.arange(count)[:, None] * rate
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=-1)


class _Transformer(nn.Module):
    """Pre-norm layers of self-attention and a perceptron."""

    layers: int
    heads: int
    hidden: int

    @nn.compact
    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """[..., L, F], unchanged in shape."""
        for _ in range(self.layers):
            y = nn.LayerNorm()(x)
            x = x + nn.MultiHeadDotProductAttention(self.heads)(y, y, mask=mask)
            y = nn.gelu(nn.Dense(self.hidden)(nn.LayerNorm()(x)))
            x = x + nn.Dense(x.shape[-1])(y)
        return nn.LayerNorm()(x)


class _Small(nn.Module):
    """Temporal layers over frame tokens with sinusoidal positions, and a class token."""

    num_classes: int
    layers: int
    predicts: bool

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, Array | None]:
        x = FrameToken()(video)
        batch, frames, width = x.shape
        x = x + sinusoids(frames, width)
        summary = self.param("class", nn.initializers.normal(0.02), (width,))
        # It comes last: with a mask it sees every frame, and no frame sees it.
        x = jnp.concatenate([x, jnp.broadcast_to(summary, (batch, 1, width))], axis=1)
        mask = nn.make_causal_mask(x[..., 0]) if self.predicts else None
        x = _Transformer(self.layers, heads=4, hidden=2 * width)(x, mask)
        ahead = NextFrame(*video.shape[2:4])(x[:, :-1]) if self.predicts else None
        return nn.Dense(self.num_classes)(x[:, -1]), ahead


class _Published(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, None]:
        def with_class(x: Array, name: str) -> Array:
            """A class token put first, and learned positions."""
            token = self.param(f"{name}_class", nn.initializers.zeros, (x.shape[-1],))
            token = jnp.broadcast_to(token, (*x.shape[:-2], 1, x.shape[-1]))
            x = jnp.concatenate([token, x], axis=-2)
            return x + self.param(f"{name}_position", nn.initializers.normal(0.02), x.shape[-2:])

        x = nn.Conv(768, (2, 16, 16), (2, 16, 16), "VALID")(video)
        x = with_class(x.reshape(*x.shape[:2], -1, 768), "space")
        x = _Transformer(12, heads=12, hidden=3072)(x)[:, :, 0]
        x = _Transformer(4, heads=12, hidden=3072)(with_class(x, "time"))[:, 0]
        return nn.Dense(self.num_classes)(x), None


@dataclasses.dataclass(frozen=True)
class Vivit(ClipModel):
    """Attention over all frames at once.

    Attributes:
        layers: temporal ones, of the small network.
    """

    layers: int = 2

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        if self.size == "published":
            return _Published(self.num_classes)
        return _Small(self.num_classes, self.layers, self.predicts)
