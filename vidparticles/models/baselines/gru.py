"""A gated recurrent unit over frames (Cho et al. 2014, arXiv 1406.1078)."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import FrameToken, NextFrame, StreamingModel


class _Network(nn.Module):
    num_classes: int
    features: int
    predicts: bool

    @nn.compact
    def __call__(
        self, video: Array, state: Array | None = None
    ) -> tuple[Array, Array | None, Array]:
        if state is None:
            state = jnp.zeros((len(video), self.features))
        recurrent = nn.RNN(nn.GRUCell(self.features), return_carry=True)
        state, hidden = recurrent(nn.gelu(FrameToken()(video)), initial_carry=state)
        ahead = NextFrame(*video.shape[2:4])(hidden) if self.predicts else None
        return nn.Dense(self.num_classes)(nn.LayerNorm()(hidden[:, -1])), ahead, state


@dataclasses.dataclass(frozen=True)
class Gru(StreamingModel):
    """One GRU layer over frame tokens, read after the last frame.

    Attributes:
        features: of its state.
    """

    features: int = 128

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        return _Network(self.num_classes, self.features, self.predicts)
