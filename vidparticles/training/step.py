"""One step of training and one of evaluation, over all devices.

A model gives a loss an example, ``model.loss(params, batch, key, *, train) -> (loss [B],
metrics of [B])``; the step takes the mean over the examples of the global batch whose `_mask`
is true. So the loss does not depend on how the batch lies over devices and processes, nor on
the rows that pad the last batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from vidparticles.numerics import masked_mean
from vidparticles.training import sharding
from vidparticles.training.state import TrainState, ema_decay, ema_update

Batch = Mapping[str, Array]


def train_step(
    model: Any, optimizer: optax.GradientTransformation, *, decay: float, mesh: Mesh
) -> Callable[[TrainState, Batch, Array], tuple[TrainState, dict[str, Array]]]:
    """The jitted update; the state that goes in is given up (donated).

    Args:
        model: what `vidparticles.models.build` gives.
        optimizer: what `state.adamw` gives.
        decay: of the moving average, in [0, 1).
        mesh: what `sharding.data_mesh` gives.

    Returns:
        ``step(state, batch, key) -> (state, metrics)``. Randomness is fold_in(key, state.step).
        Metrics are scalars: `loss`, `grad_norm` (before the clip), those of the model, and
        `finite`, false when the loss or a gradient is not (see `check_finite`).
    """

    def step(state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, dict[str, Array]]:
        noise = jax.random.fold_in(key, state.step)

        def mean_loss(params: Any) -> tuple[Array, dict[str, Array]]:
            loss, metrics = model.loss(params, batch, noise, train=True)
            mask = batch["_mask"]
            means = {name: masked_mean(m, mask, axis=0) for name, m in metrics.items()}
            return masked_mean(loss, mask, axis=0), means

        (loss, metrics), grads = jax.value_and_grad(mean_loss, has_aux=True)(state.params)
        grad_norm = optax.global_norm(grads)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        new = TrainState(
            step=state.step + 1,
            params=params,
            opt_state=opt_state,
            ema=ema_update(state.ema, params, ema_decay(decay, state.step)),
        )
        finite = jnp.isfinite(loss) & jnp.isfinite(grad_norm)
        return new, {**metrics, "loss": loss, "grad_norm": grad_norm, "finite": finite}

    same, rows = sharding.everywhere(mesh), sharding.over_data(mesh)
    return jax.jit(
        step, in_shardings=(same, rows, same), out_shardings=(same, same), donate_argnums=0
    )


def check_finite(step: int, metrics: Mapping[str, Any], *, last_good: str) -> None:
    """Stop a run whose numbers are gone, before they reach a checkpoint.

    Args:
        step: the step that gave the metrics, from 1.
        metrics: what the train step gave, on the host.
        last_good: where to go on from, what `Checkpoints.describe` says.

    Raises:
        FloatingPointError: in a sentence that names the step.

    Example:
        >>> check_finite(7, {"finite": False, "loss": float("nan"), "grad_norm": 1.0},
        ...              last_good="the last good checkpoint is out/checkpoints/5")
        Traceback (most recent call last):
        ...
        FloatingPointError: Step 7 gave a loss of nan and a gradient norm of 1.0; the run stopped; \
the last good checkpoint is out/checkpoints/5; lower config.optimizer.learning_rate or \
config.optimizer.clip and start again.
    """
    if bool(metrics["finite"]):
        return
    raise FloatingPointError(
        f"Step {step} gave a loss of {float(metrics['loss'])} and a gradient norm of "
        f"{float(metrics['grad_norm'])}; the run stopped; {last_good}; lower "
        "config.optimizer.learning_rate or config.optimizer.clip and start again."
    )


def eval_step(model: Any, *, mesh: Mesh) -> Callable[[Any, Batch], dict[str, Array]]:
    """The jitted evaluation of one batch.

    Returns:
        ``step(params, batch) -> {"probability": [B, C], "label": [B], "index": [B], "_mask":
        [B]}`` of the global batch, the same on every process; `metrics.evaluate` joins them.
    """

    def step(params: Any, batch: Batch) -> dict[str, Array]:
        probability = jax.nn.softmax(model.apply(params, batch)["logits"])
        return {
            "probability": probability,
            **{name: batch[name] for name in ("label", "index", "_mask")},
        }

    same, rows = sharding.everywhere(mesh), sharding.over_data(mesh)
    return jax.jit(step, in_shardings=(same, rows), out_shardings=same)
