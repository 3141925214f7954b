"""Temporal segment network: logits of single frames, averaged.

Wang et al., ECCV 2016, arXiv 1608.00859. Its published size is the RGB stream on ResNet-50
with 400 classes, 24.33 M parameters (as in mmaction2's model zoo; the paper itself had
BN-Inception).
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
from jax import Array

from vidparticles.models.baselines.clip_model import ClipModel, FrameToken, NextFrame
from vidparticles.models.baselines.resnet import BLOCKS, Stage, Stem


class _Small(nn.Module):
    num_classes: int
    predicts: bool

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, Array | None]:
        x = nn.gelu(FrameToken()(video))
        x = nn.gelu(nn.Dense(128)(x))
        ahead = NextFrame(*video.shape[2:4])(x) if self.predicts else None
        return nn.Dense(self.num_classes)(x).mean(1), ahead


class _Published(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, None]:
        x = Stem(64)(video)
        for i, blocks in enumerate(BLOCKS):
            x = Stage(64 * 2**i, blocks, stride=1 if i == 0 else 2)(x)
        return nn.Dense(self.num_classes)(x.mean((2, 3))).mean(1), None


@dataclasses.dataclass(frozen=True)
class Tsn(ClipModel):
    """Frames seen one by one; what it scores above chance is not motion."""

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        if self.size == "published":
            return _Published(self.num_classes)
        return _Small(self.num_classes, self.predicts)
