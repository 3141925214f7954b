"""The network with its loss, as `training.loop.fit` trains a model; see `models.base`."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.base import Batch, Capabilities
from vidparticles.models.moving import files
from vidparticles.models.moving.inputs import Given, of_clips
from vidparticles.models.moving.loss import LossConfig, losses
from vidparticles.models.moving.network import (
    CELL,
    Maps,
    MovingNetwork,
    NetworkConfig,
    NetworkState,
    no_frames,
)
from vidparticles.tracking.background import BackgroundConfig
from vidparticles.tracking.objects.cues import CueConfig


@dataclasses.dataclass(frozen=True)
class Moving:
    """What moves, whatever it is, taught by composites.

    Attributes:
        num_classes: of all models; it tells none apart.
        network: sizes.
        losses: weights.
        cues: how frames are compared with what was there before.
        initial_weights: what training begins with: "" for random numbers, "shipped" for the
            parameters of the package, else a file of them, as of `files.to_bytes`.
    """

    num_classes: int = 1
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    losses: LossConfig = dataclasses.field(default_factory=LossConfig)
    cues: CueConfig = dataclasses.field(
        # What rests is to stay in the cues while the network learns that it is there.
        default_factory=lambda: CueConfig(background=BackgroundConfig(time=2.0))
    )
    initial_weights: str = ""

    @property
    def capabilities(self) -> Capabilities:
        """It finds objects; what follows them is `tracking.objects`."""
        return Capabilities()

    def init(self, key: Array, batch: Batch) -> Any:
        """Parameters of the network, random or those asked for; the batch does not matter.

        Raises:
            InputError: the file of parameters cannot be read, or is of another network.
        """
        if self.initial_weights:
            given, shipped = self.initial_weights, self.initial_weights == "shipped"
            found = files.shipped() if shipped else files.parameters(given)
            return jax.tree.map(jnp.asarray, found)
        return files.random_parameters(key, self.network, batch["video"].shape[2:4])

    def apply(self, params: Any, batch: Batch) -> dict[str, Any]:
        """The maps of whole clips: {"maps": `Maps`, "state": `NetworkState` after them}.

        Args:
            params: of the network.
            batch: "video", "time", and "gate" as of `inputs.of_clips`.
        """
        video = jnp.asarray(batch["video"])
        given = of_clips(video, jnp.asarray(batch["gate"]), jnp.asarray(batch["time"]), self.cues)
        state = self.no_frames(len(video), (video.shape[2], video.shape[3]))
        maps, state = self.step(params, video, given, state)
        return {"maps": maps, "state": state}

    def step(
        self, params: Any, video: Array, given: Given, state: NetworkState
    ) -> tuple[Maps, NetworkState]:
        """Some frames more, [B, T, H, W, 3] uint8, with what is given of them."""
        told: Any = MovingNetwork(self.network).apply({"params": params}, video, *given, state)
        maps, after = told
        return maps, after

    def loss(
        self, params: Any, batch: Batch, key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """The sum of `losses`, and each of them, one an example."""
        del key, train
        told = self.apply(params, batch)["maps"]
        parts = losses(told, batch, self.losses, radius=self.network.radius)
        return sum(parts.values(), jnp.zeros(())), parts

    def no_frames(self, batch: int, shape: tuple[int, int]) -> NetworkState:
        """The state before the first of frames of so many pixels."""
        return no_frames(batch, (shape[0] // CELL, shape[1] // CELL), self.network)
