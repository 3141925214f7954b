"""One frame and nothing else: what a clip gives away without motion."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from vidparticles.models.base import Capabilities
from vidparticles.models.frame_particles.encoder import FrameEncoder


class _Network(nn.Module):
    num_classes: int
    encoder: tuple[int, ...]

    @nn.compact
    def __call__(self, frame: Array) -> Array:
        h = nn.LayerNorm()(FrameEncoder(self.encoder)(frame.astype(jnp.float32) / 127.5 - 1))
        return nn.Dense(self.num_classes)(nn.relu(nn.Dense(96)(h)))


@dataclasses.dataclass(frozen=True)
class SingleFrame:
    """The particle model's own encoder on a single frame.

    Trained on a frame drawn at random from each clip, tested on the middle one. What it
    scores above chance is not motion.

    Attributes:
        num_classes: size of the logits.
        encoder: widths of the frame encoder, as in `FrameParticles`.
    """

    num_classes: int
    encoder: tuple[int, ...] = (16, 32, 32)

    @property
    def capabilities(self) -> Capabilities:
        """Labels alone."""
        return Capabilities(labels=self.num_classes > 1)

    @property
    def _network(self) -> _Network:
        return _Network(self.num_classes, self.encoder)

    def init(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, from the shapes of a batch."""
        return {"recognition": self._network.init(key, batch["video"][:1, 0])}

    def loss(
        self, params: dict[str, Any], batch: Mapping[str, Any], key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy [B] and accuracy [B]."""
        video = jnp.asarray(batch["video"])
        rows, frames = video.shape[:2]
        drawn = jax.random.randint(key, (rows,), 0, frames)
        index = drawn if train else jnp.full((rows,), frames // 2)
        logits = self._read(params, video[jnp.arange(rows), index])
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        return loss, {"accuracy": (jnp.argmax(logits, -1) == batch["label"]).astype(jnp.float32)}

    def apply(self, params: dict[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Logits [B, classes] of the middle frame."""
        video = jnp.asarray(batch["video"])
        return {"logits": self._read(params, video[:, video.shape[1] // 2])}

    def _read(self, params: dict[str, Any], frame: Array) -> Array:
        # Flax types `apply` for modules that change their variables; ours has none to change.
        return cast(Array, self._network.apply(params["recognition"], frame))
