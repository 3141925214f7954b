"""Residual stages with kernels in time, for the baselines of published size.

Bottleneck blocks of ResNet-50 (He et al. 2016, arXiv 1512.03385). Group normalization of each
frame (arXiv 1803.08494) stands where the papers have batch normalization: it has the same
parameters, and rows of a batch do not see each other.
"""

from __future__ import annotations

import flax.linen as nn
from jax import Array

BLOCKS = (3, 4, 6, 3)


class Norm(nn.Module):
    """Group normalization of each frame, 16 channels a group."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, T, H, W, C], unchanged in shape."""
        groups = max(1, x.shape[-1] // 16)
        return nn.GroupNorm(groups, reduction_axes=(-3, -2, -1))(x)


class Stem(nn.Module):
    """7 × 7 convolution of stride 2 and max-pooling: a quarter of the resolution."""

    width: int
    kernel: int = 1

    @nn.compact
    def __call__(self, video: Array) -> Array:
        """[B, T, H, W, 3] to [B, T, H / 4, W / 4, width]."""
        x = nn.Conv(self.width, (self.kernel, 7, 7), (1, 2, 2), use_bias=False)(video)
        return nn.max_pool(nn.relu(Norm()(x)), (1, 3, 3), (1, 2, 2), "SAME")


class Stage(nn.Module):
    """Bottleneck blocks; the first halves the resolution by its stride.

    Attributes:
        width: of the bottleneck; the output has four times as many channels.
        blocks: how many.
        stride: 1 or 2.
        kernel: in time, of each block's first convolution.
    """

    width: int
    blocks: int
    stride: int = 1
    kernel: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, T, H, W, C] to [B, T, H / stride, W / stride, 4 · width]."""
        for block in range(self.blocks):
            stride = (1, self.stride, self.stride) if block == 0 else (1, 1, 1)
            y = nn.Conv(self.width, (self.kernel, 1, 1), use_bias=False)(x)
            y = nn.Conv(self.width, (1, 3, 3), stride, use_bias=False)(nn.relu(Norm()(y)))
            y = nn.Conv(4 * self.width, (1, 1, 1), use_bias=False)(nn.relu(Norm()(y)))
            if block == 0:
                x = Norm()(nn.Conv(4 * self.width, (1, 1, 1), stride, use_bias=False)(x))
            x = nn.relu(x + Norm()(y))
        return x
