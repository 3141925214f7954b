"""What a clip is, read from the objects in it: `tracking.discs.tracker` with a head.

Each object that is active has a vote, by where it is and what it remembers. How much it counts is
set by what it remembers: the one that was marked decides.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.models.base import Batch, Capabilities
from vidparticles.tracking.base import Tracker, scan
from vidparticles.tracking.discs import scene, tracker
from vidparticles.tracking.discs.memory import stored, used
from vidparticles.tracking.discs.tracker import DiscConfig, DiscState, disc_tracker


@dataclasses.dataclass(frozen=True)
class ObjectParticles:
    """Objects followed through a clip, and a label read from them; see `models.base`.

    Attributes:
        num_classes: size of the logits.
        vote_weight: of what each vote says by itself, in the loss. Of their mixture alone, those
            of what was not marked may answer one class, by exclusion, and the vote of what was
            then never learns it.
        prediction_weight: of the squared errors of two pictures in the loss, in cells of colors
            in 0 … 1: the one of what was seen, and the one that was predicted before each frame.
        memory_weight: of how far the gates of memories are open, in the loss: what is not needed
            is not written, least of all over what is. At 40 nothing was learned any more.
        objects: how objects are followed.
        hidden: units of the head.
        heads: of attention; even.
        attention_scale: of the logits of attention, to start from.
        recompute_above: cells of a clip, above which states are computed again for the gradient.
    """

    num_classes: int
    vote_weight: float = 1.0
    prediction_weight: float = 30.0
    memory_weight: float = 10.0
    objects: DiscConfig = dataclasses.field(default_factory=DiscConfig)
    hidden: int = 32
    heads: int = 4
    attention_scale: float = 4.0
    recompute_above: int = 32_768

    @property
    def capabilities(self) -> Capabilities:
        """It predicts, streams and tracks; with several classes it labels."""
        return Capabilities(
            labels=self.num_classes > 1,
            predicts=True,
            streams=True,
            tracks=True,
            still_scene=self.objects.scene is not None,
        )

    def tracker_of(self, *, recompute: bool = False) -> Tracker:
        """The tracker whose particles are read; `recompute` as of `disc_tracker`."""
        return disc_tracker(self.objects, recompute=recompute)

    @property
    def tracker(self) -> Tracker:
        """The tracker whose particles are read."""
        return self.tracker_of()

    def tracker_params(self, params: dict[str, Any]) -> dict[str, Any]:
        """The tracker's part of the parameters."""
        return params["objects"]

    def init(self, key: Array, batch: Batch) -> dict[str, Any]:
        """Parameters, {"objects": …, "head": …}; of the batch, only a still scene is kept."""
        keys = jax.random.split(key, 4)
        memory, hidden = self.objects.memory, self.hidden
        # In opposite pairs: a head that begins by looking away from the one that matters learns
        # to answer by exclusion, and stays there.
        attention = jax.random.normal(keys[1], (memory, self.heads // 2)) * memory**-0.5
        attention = self.attention_scale * jnp.concatenate([attention, -attention], axis=-1)
        objects = tracker.init(keys[0], self.objects)
        if self.objects.estimate_scene:
            objects["scene"] = scene.estimate(
                objects["foreground"],
                jnp.asarray(batch["video"]),
                stride=self.objects.stride,
                appearance=self.objects.appearance,
            )
        head = {
            "attention": attention,
            "heads": jnp.zeros(self.heads),
            "hidden": jax.random.normal(keys[2], (2 + memory, hidden)),
            "hidden_bias": jnp.zeros(hidden),
            "out": jax.random.normal(keys[3], (hidden, self.num_classes)) * hidden**-0.5,
            "out_bias": jnp.zeros(self.num_classes),
        }
        return {"objects": objects, "head": stored(head, self.objects.memory_rate)}

    def read(self, params: dict[str, Any], state: DiscState) -> Array:
        """Log-probabilities [..., classes], from the objects as they are now.

        log Σ_h w_h Σ_k a_hk p_k(label), where a_h is a softmax over the active and w one over
        the heads of attention. Where nothing is active, all slots count alike.
        """
        attention, votes = self._votes(params, state)
        counts = jax.nn.logsumexp(attention, axis=-1, keepdims=True)
        return jax.nn.logsumexp(counts + votes, axis=-2)

    def _votes(self, params: dict[str, Any], state: DiscState) -> tuple[Array, Array]:
        """log w_h a_hk [..., K, heads], and log p_k [..., K, classes]."""
        head, p = used(params["head"], self.objects.memory_rate), state.particles
        # What an inactive slot holds may be anything, NaN too: 0 · NaN is not 0.
        position, feature = (jnp.where(p.alive[..., None], x, 0) for x in (p.position, p.feature))
        x = jnp.concatenate([4 * (position - 0.5), feature], axis=-1)
        x = jax.nn.relu(x @ head["hidden"] + head["hidden_bias"])
        votes = jax.nn.log_softmax(x @ head["out"] + head["out_bias"])
        attention = jnp.where(p.alive[..., None], feature @ head["attention"], -1e9)
        attention = jax.nn.log_softmax(attention, axis=-2) + jax.nn.log_softmax(head["heads"])
        return attention, votes

    def label_loss(self, params: dict[str, Any], state: DiscState, label: Array) -> Array:
        """How unlikely labels [...] are, in nats [...]: to all votes, and to each by itself.

        −log Σ_hk w_h a_hk p_k(label) − v Σ_hk w_h a_hk log p_k(label), v the `vote_weight`.
        """
        attention, votes = self._votes(params, state)
        vote = jnp.take_along_axis(votes, label[..., None, None], axis=-1)
        together = jax.nn.logsumexp(attention + vote, axis=(-2, -1))
        alone = jnp.sum(jnp.exp(attention) * vote, axis=(-2, -1))
        return -together - self.vote_weight * alone

    def apply(self, params: dict[str, Any], batch: Batch) -> dict[str, Any]:
        """Inference.

        Returns:
            {"logits": [B, classes], "tracks": as of `tracking.base.scan`}.
        """
        video = jnp.asarray(batch["video"])
        cells = video.shape[1] * video.shape[2] * video.shape[3] // self.objects.stride**2
        tracks = scan(
            self.tracker_of(recompute=cells > self.recompute_above),
            self.tracker_params(params),
            video,
            jnp.asarray(batch["time"]),
        )
        return {"logits": self.read(params, tracks.state), "tracks": tracks}

    def loss(
        self, params: dict[str, Any], batch: Batch, key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy, where there are labels and several classes, the errors of both pictures,
        and what memory costs.

        Returns:
            loss [B], and metrics [B]: accuracy where there are labels, reconstruction_error,
            prediction_error and gate_opening.
        """
        out = self.apply(params, batch)
        report = out["tracks"].report
        metrics = {
            name: jnp.mean(getattr(report, name), axis=-1)
            for name in ("reconstruction_error", "prediction_error", "gate_opening")
        }
        pictures = metrics["reconstruction_error"] + metrics["prediction_error"]
        loss = self.prediction_weight * pictures + self.memory_weight * metrics["gate_opening"]
        if "label" in batch and self.num_classes > 1:
            label = jnp.asarray(batch["label"])
            loss += self.label_loss(params, out["tracks"].state, label)
            hit = jnp.argmax(out["logits"], axis=-1) == label
            metrics["accuracy"] = hit.astype(jnp.float32)
        return loss, metrics

    def novelty(self, params: dict[str, Any], batch: Batch) -> Array:
        """How unlikely each frame is after those before it: nats [B, T], 0 in the first.

        It is of the objects, not of pixels, see `tracking.discs.novelty`.
        """
        return self.apply(params, batch)["tracks"].report.novelty.at[:, 0].set(0)

    def init_state(self, params: dict[str, Any], frame: Array, time: Array) -> DiscState:
        """The state before the first frame, for frames [B, H, W, 3] at seconds [B]."""
        return self.tracker.init_fn(self.tracker_params(params), frame, time)

    def step(
        self, params: dict[str, Any], state: DiscState, frame: Array, time: Array
    ) -> tuple[DiscState, dict[str, Any]]:
        """One frame [B, H, W, 3] at seconds [B] more: the state after it, and what is known now.

        Returns:
            state, and {"logits": [B, classes]} as `apply` gives for the clip up to here, "report":
            of the tracker.
        """
        state, report = self.tracker.step_fn(self.tracker_params(params), state, frame, time)
        return state, {"logits": self.read(params, state), "report": report}
