"""What training carries from step to step, and the optimizer that moves it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from vidparticles.errors import InputError

PyTree = Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """All that a run is, after `step` steps.

    Attributes:
        step: int32 scalar, the number of updates done.
        params: what the model learns.
        opt_state: the optimizer's own.
        ema: exponential moving average of params; what is evaluated and shipped.
    """

    step: Array
    params: PyTree
    opt_state: PyTree
    ema: PyTree


def create(params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step; the average starts at the parameters.

    Example:
        >>> state = create({"w": jnp.ones(2)}, optax.sgd(0.1))
        >>> int(state.step), state.ema["w"].tolist()
        (0, [1.0, 1.0])
    """
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state=optimizer.init(params),
        ema=jax.tree.map(jnp.copy, params),
    )


def learning_rate(*, peak: float, steps: int, warmup: float = 0.1) -> Callable[[Array], Array]:
    """Warm-up from 0 to `peak`, then half a cosine down to 0 (Loshchilov & Hutter 2017).

    Args:
        peak: the highest learning rate, > 0.
        steps: updates in all.
        warmup: the part of them that warms up, in [0, 1).

    Returns:
        A function from the number of updates done to the learning rate.

    Example:
        >>> rate = learning_rate(peak=1.0, steps=100, warmup=0.1)
        >>> [round(float(rate(s)), 3) for s in (0, 10, 55, 100)]
        [0.0, 1.0, 0.5, 0.0]
    """
    if steps < 1:
        raise InputError(f"steps is {steps}; expected at least 1, the number of updates.")
    if not 0 <= warmup < 1:
        raise InputError(f"warmup is {warmup}; expected a part of the steps, from 0 to below 1.")
    return optax.warmup_cosine_decay_schedule(
        init_value=peak if int(warmup * steps) == 0 else 0.0,
        peak_value=peak,
        warmup_steps=int(warmup * steps),
        decay_steps=steps,
    )


def adamw(
    schedule: Callable[[Array], Array], *, weight_decay: float, clip: float
) -> optax.GradientTransformation:
    """AdamW behind a clip of the global gradient norm; only matrices decay.

    Biases, scales and the strengths of the laws are vectors or scalars: pulling those to
    zero would change the physics, not regularise it.

    Args:
        schedule: what `learning_rate` gives.
        weight_decay: decoupled weight decay, ≥ 0.
        clip: the largest global gradient norm, > 0.
    """
    if clip <= 0:
        raise InputError(f"clip is {clip}; expected a positive gradient norm (inf for none).")
    return optax.chain(
        optax.clip_by_global_norm(clip),
        optax.adamw(
            schedule,
            weight_decay=weight_decay,
            mask=lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
        ),
    )


def ema_decay(decay: float, step: Array) -> Array:
    """min(decay, (1 + s) / (10 + s)): an average that does not remember the initialization.

    Args:
        decay: the decay of long runs, in [0, 1).
        step: s, the number of updates done before this one.

    Example:
        >>> [round(float(ema_decay(0.99, s)), 3) for s in (0, 90, 10_000)]
        [0.1, 0.91, 0.99]
    """
    return jnp.minimum(decay, (1.0 + step) / (10.0 + step))


def ema_update(ema: PyTree, params: PyTree, decay: Array | float) -> PyTree:
    """decay · ema + (1 − decay) · params, leaf by leaf."""
    return jax.tree.map(lambda e, p: e + (1 - decay) * (p - e), ema, params)
