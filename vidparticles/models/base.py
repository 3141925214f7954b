"""What training, evaluation and the verbs ask of a model.

A model is pure functions over plain pytrees of parameters:

    model = build("frame_particles", num_classes=6)
    params = model.init(key, batch)
    loss, metrics = model.loss(params, batch, key, train=True)   # one of each an example
    out = model.apply(params, batch)                             # {"logits": [B, classes], …}

A batch is the dict of `vidparticles.data.pipeline`: video [B, T, H, W, 3] uint8,
time [B, T] seconds, label [B], _mask [B].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from jax import Array

Batch = Mapping[str, Any]


class Model(Protocol):
    """What training, evaluation and the commands ask of a model."""

    def init(self, key: Array, batch: Batch) -> Any:
        """Parameters, from the shapes of a batch."""

    def loss(
        self, params: Any, batch: Batch, key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """A loss [B] and metrics [B] an example; outside training rows do not see each other."""

    def apply(self, params: Any, batch: Batch) -> dict[str, Any]:
        """At least logits [B, classes]."""
