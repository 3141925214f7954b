"""SlowFast: few frames in detail and many in little, joined by lateral links.

Feichtenhofer et al., ICCV 2019, arXiv 1812.03982. Its published size is SlowFast 8×8, R50,
with 400 classes and links of kernel 7: 34.57 M parameters.
"""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from vidparticles.models.baselines.clip_model import WIDTH, ClipModel, FrameToken, NextFrame
from vidparticles.models.baselines.resnet import BLOCKS, Norm, Stage, Stem

# The slow path sees every 8th frame, the fast one every 2nd.
SLOW, FAST = 8, 2


class _Small(nn.Module):
    """Two temporal convolutions a path, over frame tokens."""

    num_classes: int
    predicts: bool

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, Array | None]:
        # Who predicts the next frame must not have seen it.
        padding = "CAUSAL" if self.predicts else "SAME"

        def over_time(width: int, x: Array, *, kernel: int = 3, stride: int = 1) -> Array:
            return nn.gelu(nn.Conv(width, (kernel,), (stride,), padding)(x))

        token = FrameToken()(video)
        slow, fast = token[:, ::SLOW], token[:, ::FAST]
        fast = over_time(WIDTH // 4, fast)
        slow = over_time(WIDTH, slow)
        # A causal convolution of stride 4 begins with its window's end on the first frame.
        link = over_time(WIDTH // 2, fast, kernel=5, stride=SLOW // FAST)
        fast = over_time(WIDTH // 4, fast)
        slow = over_time(WIDTH, jnp.concatenate([slow, link], axis=-1))
        both = jnp.concatenate([slow.mean(1), fast.mean(1)], axis=-1)
        ahead = None
        if self.predicts:
            # The last of each path that a frame may know of.
            frames = jnp.arange(video.shape[1])
            known = jnp.concatenate([token, slow[:, frames // SLOW], fast[:, frames // FAST]], -1)
            ahead = NextFrame(*video.shape[2:4])(nn.gelu(nn.Dense(WIDTH)(known)))
        return nn.Dense(self.num_classes)(both), ahead


class _Published(nn.Module):
    num_classes: int

    @nn.compact
    def __call__(self, video: Array) -> tuple[Array, None]:
        def link(slow: Array, fast: Array) -> Array:
            """What the fast path has found, at the slow path's frames."""
            stride = (SLOW // FAST, 1, 1)
            x = nn.Conv(2 * fast.shape[-1], (7, 1, 1), stride, use_bias=False)(fast)
            return jnp.concatenate([slow, nn.relu(Norm()(x))], axis=-1)

        slow, fast = Stem(64)(video[:, ::SLOW]), Stem(8, kernel=5)(video[:, ::FAST])
        for i, blocks in enumerate(BLOCKS):
            stride = 1 if i == 0 else 2
            slow = link(slow, fast)
            slow = Stage(64 * 2**i, blocks, stride, kernel=3 if i > 1 else 1)(slow)
            fast = Stage(8 * 2**i, blocks, stride, kernel=3)(fast)
        both = jnp.concatenate([slow.mean((1, 2, 3)), fast.mean((1, 2, 3))], axis=-1)
        return nn.Dense(self.num_classes)(both), None


@dataclasses.dataclass(frozen=True)
class SlowFast(ClipModel):
    """Two paths over time whose memory is the reach of their convolutions."""

    @property
    def network(self) -> nn.Module:
        """See `ClipModel`."""
        if self.size == "published":
            return _Published(self.num_classes)
        return _Small(self.num_classes, self.predicts)
