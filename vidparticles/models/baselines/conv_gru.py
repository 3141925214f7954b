"""A gated recurrent unit at each place of the picture: ConvGRU (Ballas et al. 2016,
arXiv 1511.06432), read by pooling.

What is remembered stays where it is, and goes to other places by convolutions alone.
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import FrameMaps, NextFrame, StreamingModel
from vidparticles.models.moving.layers import HE, conv3


class _Cell(nn.Module):
    """One frame more; the sums over the input are done already."""

    features: int

    @nn.compact
    def __call__(self, memory: Array, given: Array) -> tuple[Array, Array]:
        c = self.features
        of_gates = self.param("gates", HE, (3, 3, c, 2 * c))
        of_new = self.param("new", HE, (3, 3, c, c))
        gates = nn.sigmoid(given[..., : 2 * c] + conv3(memory, of_gates))
        keep, reset = gates[..., :c], gates[..., c:]
        new = jnp.tanh(given[..., 2 * c :] + conv3(reset * memory, of_new))
        memory = keep * memory + (1 - keep) * new
        return memory, memory


class _Network(nn.Module):
    num_classes: int
    features: int
    predicts: bool

    @nn.compact
    def __call__(
        self, video: Array, state: Array | None = None
    ) -> tuple[Array, Array | None, Array]:
        maps = FrameMaps()(video)
        if state is None:
            state = jnp.zeros((len(video), *maps.shape[2:4], self.features))
        given = nn.Dense(3 * self.features)(maps)
        cell = nn.scan(
            _Cell,
            variable_broadcast="params",
            split_rngs={"params": False},
            in_axes=1,
            out_axes=1,
        )
        state, memory = cell(self.features)(state, given)
        # Where it looks is told by what is remembered there; the pool knows places by FrameMaps.
        known = jnp.concatenate([memory, maps], -1)
        known = known.reshape(*known.shape[:2], -1, known.shape[-1])
        known = nn.LayerNorm()(nn.relu(nn.Dense(2 * self.features)(known)))
        weight = jax.nn.softmax(nn.Dense(1, use_bias=False)(known), -2)
        pooled = jnp.sum(weight * known, -2)
        ahead = NextFrame(*video.shape[2:4])(pooled) if self.predicts else None
        return nn.Dense(self.num_classes)(pooled[:, -1]), ahead, state


@dataclasses.dataclass(frozen=True)
class ConvGru(StreamingModel):
    """One ConvGRU layer over maps of frames, read after the last frame.

    Attributes:
        features: of its state, at each place.
    """

    features: int = 32

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        return _Network(self.num_classes, self.features, self.predicts)
