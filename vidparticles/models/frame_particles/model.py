"""What a clip shows, read from the trajectories of its frames.

The last steps of the founding definition, after preprocessing (`encoder`), particle
initialization (`planes`), interaction rules and motion simulation (`interactions`):

5. spatio-temporal structure (`structure`): how the particles moved, step by step;
6. semantic extraction (`SemanticHead`): a label from it;
7. training (`FrameParticles.loss`): one gradient for the interaction rules and the head;
8. inference (`FrameParticles.apply`).

Beside them, the laws of motion in the picture (`models.motion`) are fitted to tracks of the
same clips; `vidparticles predict` uses these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from vidparticles.errors import InputError
from vidparticles.models import motion
from vidparticles.models.base import Capabilities
from vidparticles.models.frame_particles.interactions import Interactions
from vidparticles.models.frame_particles.planes import CLOCK, ParticlePlanes
from vidparticles.particles import Particles, Trajectory
from vidparticles.tracking.base import scan
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker


def structure(trajectory: Trajectory) -> Array:
    """Spatio-temporal structure: the whole path of every particle in a row.

    Args:
        trajectory: fields [B, G, S + 1, T, ·].

    Returns:
        [B, T, M]: for each frame's particle its positions and velocities in all planes at all
        steps, and its features; not only where it ended.
    """
    p = trajectory.particles
    moving = jnp.concatenate([p.position, p.velocity], axis=-1)
    batch, _, _, frames, _ = moving.shape
    path = moving.transpose(0, 3, 1, 2, 4).reshape(batch, frames, -1)
    still = p.feature[:, :, 0].transpose(0, 2, 1, 3).reshape(batch, frames, -1)
    return jnp.concatenate([path, still], axis=-1)


def splice(key: Array, batch: Mapping[str, Any], part: float) -> tuple[Array, Array, Array]:
    """Some clips of a batch cut to their end, and the next clip's beginning joined on.

    That is what a window sees that slides over a longer file. Told to be half sure of each half,
    a model is sure only of windows that lie on one event, which tells where events begin.

    Args:
        key: of jax.random.
        batch: video [B, T, H, W, 3], label [B], `_mask` [B].
        part: how many of the clips, in [0, 1].

    Returns:
        video as before, the label [B] of what is joined on, and the share [B] of it in (0, 1),
        0 in the clips that stay whole.
    """
    video, mask = jnp.asarray(batch["video"]), jnp.asarray(batch["_mask"])
    rows, frames = video.shape[:2]
    keys = jax.random.split(key)
    chosen = jax.random.bernoulli(keys[0], part, (rows,)) & mask & jnp.roll(mask, -1)
    begin = jnp.where(chosen, jax.random.randint(keys[1], (rows,), 1, max(frames, 2)), 0)
    both = jnp.concatenate([video, jnp.roll(video, -1, axis=0)], axis=1)
    index = begin[:, None] + jnp.arange(frames)
    video = jnp.take_along_axis(both, index[:, :, None, None, None], axis=1)
    return video, jnp.roll(jnp.asarray(batch["label"]), -1), begin / frames


class SemanticHead(nn.Module):
    """Semantic extraction: the same reading of each particle, pooled, then classes."""

    num_classes: int

    @nn.compact
    def __call__(self, read: Array) -> Array:
        """[B, T, M] to logits [B, classes]; the order of the particles does not matter."""
        h = nn.relu(nn.Dense(96)(read))
        h = jnp.concatenate([h.mean(axis=1), h.max(axis=1)], axis=-1)
        return nn.Dense(self.num_classes)(nn.relu(nn.Dense(64)(h)))


@dataclasses.dataclass(frozen=True)
class FrameParticles:
    """Frames as particles of learned planes, moved by learned forces, read by a head.

    Attributes:
        num_classes: size of the logits.
        planes: G, learned planes side by side; each is 2-D.
        charge: size of the learned feature of a particle in a plane.
        interactions: how the particles act on each other and how far they are moved.
        encoder: widths of the frame encoder's convolutions.
        spliced: the part of the clips that go over into another in training, see `splice`.
        motion_weight: of the picture's motion laws in the loss, per squared frame height.
        motion_clips: how many clips of a batch are tracked for it.
        motion_points: points that are followed in each: few, since a training clip is small.
    """

    num_classes: int
    planes: int = 8
    charge: int = 8
    interactions: Interactions = dataclasses.field(default_factory=Interactions)
    encoder: tuple[int, ...] = (16, 32, 32)
    spliced: float = 0.3
    motion_weight: float = 1.0
    motion_clips: int = 1
    motion_points: int = 36

    def __post_init__(self) -> None:
        for name in ("num_classes", "planes", "charge"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least 1.")

    @property
    def capabilities(self) -> Capabilities:
        """Labels, and laws of motion of the picture."""
        return Capabilities(labels=self.num_classes > 1, motion_laws=True)

    @property
    def _particles(self) -> ParticlePlanes:
        return ParticlePlanes(self.planes, self.charge, self.encoder)

    @property
    def _head(self) -> SemanticHead:
        return SemanticHead(self.num_classes)

    def init(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, from the shapes of a batch.

        Returns:
            {"particles": …, "laws": …, "head": …, "motion": …}: the frame encoder, the
            interaction rules of the planes, the head, and the motion laws of the picture.
        """
        keys = jax.random.split(key, 4)
        video, time = jnp.asarray(batch["video"][:1]), jnp.asarray(batch["time"][:1])
        particles = self._particles.init(keys[0], video, time)
        params = {
            "particles": particles,
            "laws": self.interactions.init(keys[1], feature=self.charge + CLOCK),
            "motion": motion.init(keys[3]),
        }
        # Only the shape of what the head reads matters: nothing is simulated.
        read = jax.eval_shape(lambda: structure(self._move(params, video, time)))
        return {**params, "head": self._head.init(keys[2], jnp.zeros(read.shape))}

    def _move(self, params: dict[str, Any], video: Array, time: Array) -> Trajectory:
        # Flax types `apply` for modules that change their variables; ours has none to change.
        start = cast(Particles, self._particles.apply(params["particles"], video, time))
        return self.interactions.simulate(params["laws"], start)

    def loss(
        self, params: dict[str, Any], batch: Mapping[str, Any], key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy; in training of clips some of which are spliced, and with the error of
        the motion laws on a few clips.

        Returns:
            loss [B], and metrics [B]: accuracy, and with train the motion error (the mean over
            the tracked clips, on every row).
        """
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels
        if train and self.spliced:
            video, after, share = splice(key, batch, self.spliced)
            logits = self.apply(params, {**batch, "video": video})["logits"]
            loss = (1 - share) * cross_entropy(logits, batch["label"])
            loss = loss + share * cross_entropy(logits, after)
        else:
            logits = self.apply(params, batch)["logits"]
            loss = cross_entropy(logits, batch["label"])
        metrics = {"accuracy": (jnp.argmax(logits, -1) == batch["label"]).astype(jnp.float32)}
        clips = min(self.motion_clips, len(batch["label"]))
        if train and clips and self.motion_weight:
            error = self._motion_error(params, batch, clips)
            loss = loss + self.motion_weight * error
            metrics["motion_error"] = jnp.broadcast_to(error, loss.shape)
        return loss, metrics

    def _motion_error(self, params: dict[str, Any], batch: Mapping[str, Any], clips: int) -> Array:
        video, time = jnp.asarray(batch["video"][:clips]), jnp.asarray(batch["time"][:clips])
        tracker = point_tracker(PointConfig(count=self.motion_points))
        followed = scan(tracker, (), video, time).trajectory
        return motion.loss(params["motion"], jax.lax.stop_gradient(followed))

    def apply(self, params: dict[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Inference.

        Returns:
            {"logits": [B, classes], "trajectory": Trajectory of the learned planes with fields
            [B, G, S + 1, T, ·]}.
        """
        trajectory = self._move(params, jnp.asarray(batch["video"]), jnp.asarray(batch["time"]))
        logits = self._head.apply(params["head"], structure(trajectory))
        return {"logits": logits, "trajectory": trajectory}

    def motion_laws(self, params: dict[str, Any]) -> motion.Params:
        """The learned laws of motion of the picture, see `models.motion`."""
        return cast(motion.Params, params["motion"])
