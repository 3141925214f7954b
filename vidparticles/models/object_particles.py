"""What a clip is, read from the things in it: `tracking.objects.tracker` with a head.

Each thing that is alive has a vote, by where it is and what it remembers. How much it counts is
set by what it remembers: the one that was marked decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.base import Capabilities
from vidparticles.tracking.objects import scene
from vidparticles.tracking.objects import tracker as objects
from vidparticles.tracking.objects.state import quickened, slowed
from vidparticles.tracking.objects.tracker import Objects, Things

HEADS = 4  # of attention; even
SHARP = 4.0  # of attention, to start from
LONG = 32_768  # cells of a clip, above which states are computed again on the way back


@dataclasses.dataclass(frozen=True)
class ObjectClassifier:
    """Things followed through a clip, and a label read from them; see `vidparticles.models.Model`.

    Attributes:
        num_classes: size of the logits.
        prediction_weight: of the squared errors of two pictures in the loss, in cells of colors
            in 0 … 1: the one of what was seen, and the one that was predicted before each frame.
        memory_weight: of how far the gates of memories are open, in the loss: what is not needed
            is not written, least of all over what is. At 40 nothing was learned any more.
        objects: how things are followed.
        hidden: units of the head.
    """

    num_classes: int
    prediction_weight: float = 30.0
    memory_weight: float = 10.0
    objects: Objects = dataclasses.field(default_factory=Objects)
    hidden: int = 32

    @property
    def capabilities(self) -> Capabilities:
        """It predicts and streams; with several classes it labels."""
        return Capabilities(
            labels=self.num_classes > 1,
            predicts=True,
            streams=True,
            tracks=True,
            still_scene=self.objects.scene is not None,
        )

    def tracker_params(self, params: dict[str, Any]) -> dict[str, Any]:
        """The tracker's part of the parameters."""
        return params["objects"]

    def init(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, {"objects": …, "head": …}; of the batch, only a still scene is kept."""
        keys = jax.random.split(key, 4)
        memory, hidden = self.objects.memory, self.hidden
        # In opposite pairs: a head that begins by looking away from the one that matters learns
        # to answer by exclusion, and stays there.
        attention = jax.random.normal(keys[1], (memory, HEADS // 2)) * memory**-0.5
        tracker = objects.init(keys[0], self.objects)
        if self.objects.still:
            tracker["scene"] = scene.estimate(
                tracker["evidence"],
                jnp.asarray(batch["video"]),
                stride=self.objects.stride,
                look=self.objects.look,
            )
        return {
            "objects": tracker,
            "head": slowed(
                {
                    "attention": SHARP * jnp.concatenate([attention, -attention], axis=-1),
                    "heads": jnp.zeros(HEADS),
                    "hidden": jax.random.normal(keys[2], (2 + memory, hidden)),
                    "hidden_bias": jnp.zeros(hidden),
                    "out": jax.random.normal(keys[3], (hidden, self.num_classes)) * hidden**-0.5,
                    "out_bias": jnp.zeros(self.num_classes),
                }
            ),
        }

    def read(self, params: dict[str, Any], things: Things) -> Array:
        """Log-probabilities [..., classes], from the things as they are now.

        log Σ_h w_h Σ_k a_hk p_k(label), where a_h is a softmax over the living and w one over
        the heads of attention. Where nothing lives, all places count alike.
        """
        head, p = quickened(params["head"]), things.particles
        x = jnp.concatenate([4 * (p.position - 0.5), p.feature], axis=-1)
        x = jax.nn.relu(x @ head["hidden"] + head["hidden_bias"])
        votes = jax.nn.log_softmax(x @ head["out"] + head["out_bias"])
        attention = jnp.where(p.alive[..., None], p.feature @ head["attention"], -1e9)
        attention = jax.nn.log_softmax(attention, axis=-2) + jax.nn.log_softmax(head["heads"])
        counts = jax.nn.logsumexp(attention, axis=-1, keepdims=True)
        return jax.nn.logsumexp(counts + votes, axis=-2)

    def apply(self, params: dict[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Inference.

        Returns:
            {"logits": [B, classes], "followed": what `tracking.objects.tracker.follow` gives}.
        """
        video = jnp.asarray(batch["video"])
        cells = video.shape[1] * video.shape[2] * video.shape[3] // self.objects.stride**2
        followed = objects.follow(
            params["objects"], video, config=self.objects, recompute=cells > LONG
        )
        return {"logits": self.read(params, followed.things), "followed": followed}

    def loss(
        self, params: dict[str, Any], batch: Mapping[str, Any], key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy, where there are labels and several classes, the errors of both pictures,
        and what memory costs.

        Returns:
            loss [B], and metrics [B]: accuracy where there are labels, reconstruction_error,
            prediction_error and opened.
        """
        out = self.apply(params, batch)
        seen = out["followed"].seen
        reconstruction = jnp.mean(seen.reconstruction, axis=-1)
        prediction = jnp.mean(seen.prediction, axis=-1)
        opened = jnp.mean(seen.opened, axis=-1)
        loss = self.prediction_weight * (reconstruction + prediction) + self.memory_weight * opened
        metrics = {
            "reconstruction_error": reconstruction,
            "prediction_error": prediction,
            "opened": opened,
        }
        if "label" in batch and self.num_classes > 1:
            label = jnp.asarray(batch["label"])
            loss -= jnp.take_along_axis(out["logits"], label[:, None], axis=-1)[:, 0]
            hit = jnp.argmax(out["logits"], axis=-1) == label
            metrics["accuracy"] = hit.astype(jnp.float32)
        return loss, metrics

    def surprise(self, params: dict[str, Any], batch: Mapping[str, Any]) -> Array:
        """How unlikely each frame is after those before it: nats [B, T], 0 in the first.

        It is of the things, not of pixels, see `tracking.objects.novelty`.
        """
        return self.apply(params, batch)["followed"].seen.surprise.at[:, 0].set(0)

    def start(self, params: dict[str, Any], frame: Array) -> Things:
        """The state before the first frame, for frames [B, H, W, 3]."""
        *batch, height, width, _ = frame.shape
        return objects.start(self.objects, tuple(batch), size=(height, width))

    def step(
        self, params: dict[str, Any], state: Things, frame: Array
    ) -> tuple[Things, dict[str, Any]]:
        """One frame [B, H, W, 3] more: the state after it, and what is known now.

        Returns:
            state, and {"logits": [B, classes]} as `apply` gives for the clip up to here, "seen":
            what `tracking.objects.tracker.step` gives.
        """
        state, seen = objects.step(params["objects"], state, frame, config=self.objects)
        return state, {"logits": self.read(params, state), "seen": seen}
