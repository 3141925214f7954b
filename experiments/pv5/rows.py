"""How a row of PV-5 is trained, and then tested."""

from __future__ import annotations

import concurrent.futures
import functools
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.pv5.plans import ABLATED, PLANS, Limits, Plan, make
from experiments.pv5.scores import REFERENCES, parts, permanence_figures, tested
from vidparticles.data.pv5 import Source
from vidparticles.storage import write_bytes
from vidparticles.training.state import adamw

# The rate is given at each step: how long a run is depends on the clock as well.
OPTIMIZER = adamw(lambda _: jnp.ones(()), weight_decay=1e-4, clip=1.0)
# Clips between the first training clips of two seeds.
STREAM = 100_000


def exists(name: str, plan: str) -> bool:
    """Whether there is such a row: t4 is scored by prediction, and references are of tasks."""
    if name in REFERENCES:
        return PLANS[plan].task in REFERENCES[name][0]
    if name.startswith("particle_") and plan not in ABLATED:
        return False
    return plan != "t4" or make(name, PLANS[plan]).predicts


def learned(
    name: str,
    plan_name: str,
    seed: int,
    limits: Limits,
    rates: tuple[float, ...],
    kept: pathlib.Path,
) -> dict:
    """Train with each rate, keep the one that is best on validation clips, and test it.

    What was trained is written to `kept`; if it is there already, it is only tested.
    """
    plan = PLANS[plan_name]
    model = make(name, plan)
    if kept.exists():
        best = flax.serialization.msgpack_restore(kept.read_bytes())
    else:
        best = _best(model, plan, seed, limits, rates, f"{plan_name} {name}")
        write_bytes(kept, flax.serialization.msgpack_serialize(best))
    params = best.pop("params")
    best["parameters"] = sum(x.size for x in jax.tree.leaves(params))
    if plan.task == "permanence":
        guess = jax.jit(model.surprise)
        figures = permanence_figures(lambda frames: guess(params, {"video": frames}), limits)
        return best | {"figures": figures}
    figures: dict[str, float] = {}
    for setting, options in limits.of(plan):
        figures |= {setting + k: v for k, v in tested(model, params, plan, options, limits).items()}
    return best | {"figures": figures}


def _best(
    model: Any, plan: Plan, seed: int, limits: Limits, rates: tuple[float, ...], title: str
) -> dict[str, Any]:
    """Of trainings with each rate, the one with the best validation score: what `train` tells of
    it, with "params", "val" and "rate"."""
    best: dict[str, Any] | None = None
    for rate in rates:
        params, told = train(model, plan, seed=seed, rate=rate, limits=limits)
        score = validate(model, params, plan, limits)
        print(f"{title} seed {seed} rate {rate:g}: val {score:.3f}, {told}", flush=True)
        if best is None or score > best["val"]:
            best = {"val": score, "rate": rate, "params": jax.device_get(params), **told}
    assert best is not None, "no learning rates"
    return best


def train(
    model: Any, plan: Plan, *, seed: int, rate: float, limits: Limits
) -> tuple[Any, dict[str, Any]]:
    """Parameters after a curriculum, and what it took.

    A stage ends when nine of ten training clips are right, or when its share of the steps is
    over; the last one goes on to the end. The learning rate warms up over a twentieth and goes
    down to nothing by half a cosine.
    """
    source = Source(plan.task, split="train", **plan.options)
    rng = np.random.default_rng(seed)

    def fetch(step: int, stage: int) -> dict[str, Any]:
        options = {
            k: v[rng.integers(len(v))] if isinstance(v, list) else v
            for k, v in plan.stages[stage].items()
        }
        clips = source.batch(seed * STREAM + step * limits.batch, limits.batch, **options)
        return _batch(plan, clips)

    update = _update(model)
    began, key = time.process_time(), jax.random.key(seed)
    stage, right, step, done = 0, 0.0, 0, 0.0
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(fetch, 0, stage)
        batch = coming.result()
        # From clips as they will be in the end: all that can happen in a scene.
        params = jax.jit(model.init)(key, fetch(0, len(plan.stages) - 1))
        moments = OPTIMIZER.init(params)
        while done < 1:
            coming = pool.submit(fetch, step + 1, stage)
            now = rate * min(done / 0.05 + 0.02, 0.5 + 0.5 * math.cos(math.pi * done), 1.0)
            keys = jax.random.fold_in(key, step)
            params, moments, value, hit = update(params, moments, batch, keys, now)
            right = 0.95 * right + 0.05 * float(hit)
            step += 1
            spent = (time.process_time() - began) / 60
            done = max(step / limits.steps, spent / limits.minutes)
            if stage + 1 < len(plan.stages) and (
                right > 0.9 or done > (stage + 1) / len(plan.stages)
            ):
                stage, right = stage + 1, 0.0
            batch = coming.result()
            if step % 200 == 0:
                print(
                    f"step {step}, {spent:.1f} CPU minutes: stage {stage + 1}, loss "
                    f"{float(value):.3f}, of late {right:.2f} right",
                    flush=True,
                )
    told = {"steps": step, "cpu_minutes": round(spent, 2), "loss": float(value), "stage": stage + 1}
    return params, told


@functools.cache
def _update(model: Any) -> Callable[..., Any]:
    """The jitted step, compiled once for all learning rates and seeds."""

    @jax.jit
    def update(params, moments, batch, key, rate):
        def loss(params):
            each, metrics = model.loss(params, batch, key, train=True)
            return each.mean(), metrics.get("accuracy", jnp.zeros(())).mean()

        (value, right), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        change, moments = OPTIMIZER.update(gradient, moments, params)
        change = jax.tree.map(lambda c: rate * c, change)
        return optax.apply_updates(params, change), moments, value, right

    return update


def _batch(plan: Plan, clips: dict[str, Any]) -> dict[str, Any]:
    """What a model is trained on: of t4, pictures alone."""
    video = {"video": clips["frames"]}
    return video if plan.task == "permanence" else video | {"label": clips["label"]}


def validate(model: Any, params: Any, plan: Plan, limits: Limits) -> float:
    """Accuracy on validation clips of the last stage; of t4, the negative loss."""
    loss = jax.jit(lambda params, batch, key: model.loss(params, batch, key, train=False))
    source = Source(plan.task, split="val", **plan.options)
    options = {k: v[-1] if isinstance(v, list) else v for k, v in plan.stages[-1].items()}
    scores = []
    for start, count in parts(limits.val):
        batch = _batch(plan, source.batch(start, count, **options))
        each, metrics = loss(params, batch, jax.random.key(0))
        scores.append(np.asarray(metrics.get("accuracy", -each)))
    return float(np.concatenate(scores).mean())
