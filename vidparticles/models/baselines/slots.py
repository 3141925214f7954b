"""Slots that share a picture among them: slot attention through time, as in SAVi (Kipf et al. 2022,
arXiv 2111.12594).

In each frame slots compete for places (Locatello et al. 2020, arXiv 2006.15055), take up what they
won, and meet in one block of attention, which guesses them for the next frame. They begin as
learned vectors, so that who takes what is learned too. If the next frame is predicted, each slot
draws it whole, with an opacity.
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import FrameMaps, StreamingModel, places, spread


class _Frame(nn.Module):
    """Slots after a frame, and as they are expected in the next."""

    features: int

    @nn.compact
    def __call__(self, slots: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        keys, values = given
        query = nn.Dense(self.features, use_bias=False)(nn.LayerNorm()(slots))
        logits = jnp.einsum("bkf,bpf->bkp", query, keys) * self.features**-0.5
        share = jax.nn.softmax(logits, 1) + 1e-6  # places are shared among slots
        taken = jnp.einsum("bkp,bpf->bkf", share / share.sum(-1, keepdims=True), values)
        slots, _ = nn.GRUCell(self.features)(slots, taken)
        slots = slots + _mlp(self.features, nn.LayerNorm()(slots))
        met = nn.LayerNorm()(slots)
        expected = slots + nn.MultiHeadDotProductAttention(4)(met)
        expected = expected + _mlp(self.features, nn.LayerNorm()(expected))
        return expected, slots


class _Network(nn.Module):
    num_classes: int
    count: int
    features: int
    predicts: bool

    @nn.compact
    def __call__(
        self, video: Array, state: Array | None = None
    ) -> tuple[Array, Array | None, Array]:
        maps = FrameMaps()(video)
        seen = maps.reshape(*maps.shape[:2], -1, maps.shape[-1])
        seen = nn.LayerNorm()(_mlp(self.features, nn.LayerNorm()(seen)))
        keys, values = (nn.Dense(self.features, use_bias=False)(seen) for _ in range(2))
        first = self.param("first", nn.initializers.normal(1.0), (self.count, self.features))
        # A state tells how far slots have gone from where they begin, so that it begins with 0.
        start = first + (jnp.zeros((len(video), *first.shape)) if state is None else state)
        step = nn.scan(
            _Frame,
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )
        expected, slots = step(self.features)(start, (keys, values))
        ahead = _Drawn(*video.shape[2:4])(slots) if self.predicts else None
        last = nn.LayerNorm()(slots[:, -1])
        weight = jax.nn.softmax(nn.Dense(1, use_bias=False)(last), -2)
        votes = nn.Dense(self.num_classes)(nn.relu(nn.Dense(self.features)(last)))
        return jnp.sum(weight * votes, -2), ahead, expected - first


class _Drawn(nn.Module):
    """Slots [..., K, F] to a picture [..., height, width, 3]: a spatial broadcast decoder."""

    height: int
    width: int

    @nn.compact
    def __call__(self, slots: Array) -> Array:
        rows, columns = -(-self.height // 4), -(-self.width // 4)
        lead = slots.shape[:-1]
        at = nn.Dense(32)(places(rows, columns))
        x = nn.relu(nn.Dense(32)(slots)[..., None, None, :] + at)
        x = nn.Dense(16 * 4)(nn.relu(nn.Dense(32)(x)))
        x = spread(x.reshape(-1, rows, columns, x.shape[-1]), 4)[:, : self.height, : self.width]
        x = x.reshape(*lead, *x.shape[1:])
        return jnp.sum(jax.nn.softmax(x[..., 3:], -4) * x[..., :3], -4)


def _mlp(features: int, x: Array) -> Array:
    return nn.Dense(features)(nn.relu(nn.Dense(features)(x)))


@dataclasses.dataclass(frozen=True)
class SlotAttention(StreamingModel):
    """Slots followed through a clip, and a label read from them.

    Attributes:
        count: K, slots.
        features: of each.
    """

    count: int = 7
    features: int = 48

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        return _Network(self.num_classes, self.count, self.features, self.predicts)
