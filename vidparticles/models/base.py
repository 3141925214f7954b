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

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from jax import Array

Batch = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a model can do: the only thing that verbs and benchmarks ask to know it.

    Attributes:
        labels: it tells classes apart: `apply` gives logits of two classes or more.
        predicts: it foresees frames: `novelty(params, batch)` is [B, T], see `Novel`.
        streams: frame by frame in a state of constant size, see `Streaming`.
        tracks: what it reads are particles of a tracker: `tracker` is a `tracking.base.Tracker`,
            and `tracker_params(params)` are its parameters.
        motion_laws: its parameters hold laws of motion of the picture, `motion_laws(params)`.
        still_scene: its `init` takes a scene from the pictures of a batch, so that frames of
            another size or scene cannot be given to it.
    """

    labels: bool = False
    predicts: bool = False
    streams: bool = False
    tracks: bool = False
    motion_laws: bool = False
    still_scene: bool = False


class Model(Protocol):
    """What training, evaluation and the verbs ask of a model."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do beside this."""

    def init(self, key: Array, batch: Batch) -> Any:
        """Parameters; they may depend on what a real batch of the training data holds."""

    def loss(
        self, params: Any, batch: Batch, key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """A loss [B] and metrics [B] an example; outside training rows do not see each other."""

    def apply(self, params: Any, batch: Batch) -> dict[str, Any]:
        """At least logits [B, classes]."""


class Novel(Model, Protocol):
    """A model that foresees frames, and so can tell which of them are new."""

    def novelty(self, params: Any, batch: Batch) -> Array:
        """How unlikely each frame is after those before it, [B, T]; 0 in the first."""


class Streaming(Model, Protocol):
    """A model with a state of constant size: one frame in, one answer out."""

    def init_state(self, params: Any, frame: Array, time: Array) -> Any:
        """The state before the first frame, for frames [B, H, W, 3] at seconds [B]."""

    def step(
        self, params: Any, state: Any, frame: Array, time: Array
    ) -> tuple[Any, dict[str, Any]]:
        """One frame more: the state, and what `apply` gives for the clip up to here."""
