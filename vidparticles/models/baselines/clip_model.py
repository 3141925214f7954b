"""What the learned baselines share: a frame's token, the next frame, and the loss.

Every one of them reads a frame by the same encoder and can be given the same help as the
particle model: to say, beside the label, what the next frame will show.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from vidparticles.errors import InputError
from vidparticles.models.base import Capabilities
from vidparticles.models.frame_particles.encoder import HE

Size = Literal["small", "published"]
# Of a frame's token, in the small networks.
WIDTH = 96


class FrameToken(nn.Module):
    """One frame to one vector: three convolutions that halve the picture, then all places."""

    width: int = WIDTH

    @nn.compact
    def __call__(self, frames: Array) -> Array:
        """[..., H, W, 3] in 0 … 1 to [..., width]."""
        lead = frames.shape[:-3]
        x = frames.reshape(-1, *frames.shape[-3:])
        for width in (16, 32, 32):
            x = nn.relu(nn.Conv(width, (3, 3), (2, 2), kernel_init=HE)(x))
        # Pictures are mostly black: without this a token is small beside what is added to it.
        return nn.LayerNorm()(nn.Dense(self.width)(x.reshape(*lead, -1)))


class FrameMaps(nn.Module):
    """One frame to a vector at each place: the first two of the convolutions of `FrameToken`, and
    where the place is."""

    @nn.compact
    def __call__(self, frames: Array) -> Array:
        """[..., H, W, 3] in 0 … 1 to [..., H / 4, W / 4, 48]."""
        lead = frames.shape[:-3]
        x = frames.reshape(-1, *frames.shape[-3:])
        for width in (16, 32):
            x = nn.relu(nn.Conv(width, (3, 3), (2, 2), kernel_init=HE)(x))
        x = nn.Dense(48)(x) + nn.Dense(48)(places(*x.shape[1:3]))
        return nn.LayerNorm()(x).reshape(*lead, *x.shape[1:])


def places(rows: int, columns: int) -> Array:
    """Where places of a picture are, [rows, columns, 2]: x and y in [−1, 1].

    Example:
        >>> places(1, 2).tolist()
        [[[-0.5, 0.0], [0.5, 0.0]]]
    """
    y, x = (2 * (jnp.arange(n) + 0.5) / n - 1 for n in (rows, columns))
    return jnp.stack(jnp.broadcast_arrays(x, y[:, None]), -1)


class NextFrame(nn.Module):
    """What was understood up to a frame to the picture of the next one."""

    height: int
    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., F] to [..., height, width, 3]."""
        rows, columns = -(-self.height // 8), -(-self.width // 8)
        lead = x.shape[:-1]
        x = nn.relu(nn.Dense(rows * columns * 32)(x)).reshape(-1, rows, columns, 32)
        x = nn.relu(spread(nn.Dense(4 * 32)(x), 2))
        # Pixels from depth (arXiv 1609.05158): transposed convolutions cost XLA's CPU thrice.
        x = spread(nn.Conv(16 * 3, (3, 3))(x), 4)[:, : self.height, : self.width]
        return x.reshape(*lead, *x.shape[1:])


def spread(x: Array, factor: int) -> Array:
    """Channels to pixels: [B, H, W, factor² · C] to [B, factor · H, factor · W, C]."""
    batch, height, width, _ = x.shape
    x = x.reshape(batch, height, width, factor, factor, -1).swapaxes(2, 3)
    return x.reshape(batch, factor * height, factor * width, -1)


@dataclasses.dataclass(frozen=True)
class ClipModel(abc.ABC):
    """A network that reads a whole clip; see `vidparticles.models.Model`.

    Attributes:
        num_classes: size of the logits.
        prediction_weight: of the squared error of the predicted next frames in the loss; 0 for
            a network that predicts none.
        size: "small", for PV-5; or "published", the one its paper measured.
    """

    num_classes: int
    prediction_weight: float = 0.0
    size: Size = "small"

    def __post_init__(self) -> None:
        if self.size not in get_args(Size):
            raise InputError(f"size is {self.size!r}; expected one of {', '.join(get_args(Size))}.")
        if self.size == "published" and self.prediction_weight:
            raise InputError(
                f"prediction_weight is {self.prediction_weight}; networks of published size do "
                f"not predict frames: give 0, or size='small'."
            )

    @property
    @abc.abstractmethod
    def network(self) -> nn.Module:
        """[B, T, H, W, 3] in 0 … 1 to logits [B, classes] and next frames [B, T, H, W, 3]."""

    @property
    def predicts(self) -> bool:
        """Whether the network predicts frames; then it never looks ahead."""
        return self.prediction_weight > 0

    @property
    def capabilities(self) -> Capabilities:
        """Labels, and with a `prediction_weight` coming frames."""
        return Capabilities(labels=self.num_classes > 1, predicts=self.predicts)

    def init(self, key: Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, from the shapes of a batch."""
        return {"network": self.network.init(key, _pixels(batch["video"][:1]))}

    def apply(self, params: dict[str, Any], batch: Mapping[str, Any]) -> dict[str, Any]:
        """Inference.

        Returns:
            {"logits": [B, classes]}, and if it predicts "prediction" [B, T − 1, H, W, 3] in
            0 … 1: of frames 1 … T − 1, each from those before it.
        """
        logits, ahead = self._run(params, batch)
        return {"logits": logits} | ({} if ahead is None else {"prediction": ahead[:, :-1]})

    def _run(self, params: dict[str, Any], batch: Mapping[str, Any]) -> tuple[Array, Array | None]:
        # Flax types `apply` for modules that change their variables; ours has none to change.
        out = self.network.apply(params["network"], _pixels(batch["video"]))
        return cast(tuple[Array, Array | None], out[:2])

    def loss(
        self, params: dict[str, Any], batch: Mapping[str, Any], key: Array, *, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy, where the batch has labels, and the error of predicted frames.

        Returns:
            loss [B], and metrics [B]: accuracy and prediction_error (mean squared, of pixels in
            0 … 1), each where there is one.
        """
        out = self.apply(params, batch)
        loss = jnp.zeros(len(batch["video"]))
        metrics = {}
        if "label" in batch:
            label = jnp.asarray(batch["label"])
            loss += optax.softmax_cross_entropy_with_integer_labels(out["logits"], label)
            metrics["accuracy"] = (jnp.argmax(out["logits"], -1) == label).astype(jnp.float32)
        if self.predicts:
            error = _error(out["prediction"], batch["video"]).mean(1)
            loss += self.prediction_weight * error
            metrics["prediction_error"] = error
        return loss, metrics

    def novelty(self, params: dict[str, Any], batch: Mapping[str, Any]) -> Array:
        """How far each frame is from its prediction: mean squared [B, T], 0 in the first.

        Raises:
            InputError: the model predicts no frames.
        """
        if not self.predicts:
            raise InputError(
                "this model predicts no frames, so that it cannot tell which are new; build it "
                "with prediction_weight above 0."
            )
        error = _error(self.apply(params, batch)["prediction"], batch["video"])
        return jnp.pad(error, ((0, 0), (1, 0)))


@dataclasses.dataclass(frozen=True)
class StreamingModel(ClipModel):
    """A clip model with a state of constant size: one frame in, one answer out.

    Its network takes the state before a clip and gives the one after it.
    """

    @property
    def capabilities(self) -> Capabilities:
        """Those of a clip model, and streaming."""
        return dataclasses.replace(super().capabilities, streams=True)

    def init_state(self, params: dict[str, Any], frame: Array, time: Array) -> Any:
        """The state before the first frame, from the shape of a frame [B, H, W, 3]; not of time."""
        video = _pixels(frame[:, None])
        shapes = jax.eval_shape(self.network.apply, params["network"], video)[2]
        return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def step(
        self, params: dict[str, Any], state: Any, frame: Array, time: Array
    ) -> tuple[Any, dict[str, Any]]:
        """One frame [B, H, W, 3] more, whenever it comes: the state after it, and what is known.

        Returns:
            state, and {"logits": [B, classes]} as `apply` gives for the clip up to here, and if
            it predicts "prediction" [B, H, W, 3], of the frame to come.
        """
        out = self.network.apply(params["network"], _pixels(frame[:, None]), state)
        logits, ahead, state = cast(tuple[Array, Array | None, Any], out)
        return state, {"logits": logits} | ({} if ahead is None else {"prediction": ahead[:, 0]})


def _pixels(video: Any) -> Array:
    return jnp.asarray(video).astype(jnp.float32) / 255


def _error(prediction: Array, video: Any) -> Array:
    """Mean squared error [B, T − 1] of predicted frames."""
    return jnp.square(prediction - _pixels(video[:, 1:])).mean((2, 3, 4))
