"""Rows of the PV-5 table: what each task trains and tests on, and how a row is run.

A model is any of `vidparticles.models.build` that keeps to its `Model`; for t4 it needs
`surprise(params, batch)` [B, T] beside, and to be told by `predicts` that it has one.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from vidparticles import models
from vidparticles.data.pv5 import Source, flash_recall, permanence, shell_game
from vidparticles.models.baselines import surprise, tracker
from vidparticles.particleize.objects import Objects
from vidparticles.training.state import adamw

# Per squared error of a pixel in 0 … 1, beside a cross-entropy.
NEXT = {"prediction_weight": 30.0}
# Name in the table → name in `models` and options. With `_next` behind it: with the auxiliary
# loss of predicting the next frame.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    name + suffix: (name, options)
    for name in ("tsn", "slowfast", "vivit", "lru", "gru")
    for suffix, options in (("", {}), ("_next", NEXT))
} | {
    "particle": ("objects", {}),
    # What its parts are worth.
    "particle_no_dynamics": ("objects", {"objects": {"prior": "look"}}),
    "particle_no_velocity": ("objects", {"objects": {"prior": "rest"}}),
    "particle_no_competition": ("objects", {"objects": {"compete": False}}),
    "particle_no_reconstruction": ("objects", {"prediction_weight": 0.0}),
    # Nobody dies in a grid.
    "particle_memory_on_grid": (
        "objects",
        {"objects": {"prior": "grid", "count": 36, "patience": 1_000_000}},
    ),
}
ABLATED = ("t2", "t2n2", "t3")
# The rate is given at each step: how long a run is depends on the clock as well.
OPTIMIZER = adamw(lambda _: jnp.ones(()), weight_decay=1e-4, clip=1.0)
# Frames that a score of t4 lasts for, when it is held.
HOLD = 7
# Clips between the first training clips of two seeds.
STREAM = 100_000


@dataclasses.dataclass(frozen=True)
class Plan:
    """A task as it is trained and tested.

    Attributes:
        task: of `pv5.TASKS`.
        classes: size of the logits.
        stages: the curriculum, options of the task's `batch`; a list of values of an option is
            one to draw from at each step.
        tests: setting → options.
        options: of all stages and tests.
        things: of `particleize.objects.Objects`, for the particle model: what its tracker starts
            from, as the tracker without learning is told it.
    """

    task: str
    classes: int
    stages: tuple[dict[str, Any], ...] = ({},)
    tests: Mapping[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    things: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _swaps(*counts: int) -> dict[str, dict[str, Any]]:
    return {f"n{n}": {"swaps": n} for n in counts}


UP_TO_4 = ({"swaps": (0, 1)}, {"swaps": (0, 2)}, {"swaps": (0, 4)})
# Idle frames in training up to the longest test but one: 170 frames as with 16 swaps.
PADDED = tuple({**stage, "idle": [0, 40, 120]} for stage in UP_TO_4)
LENGTHS = {f"t{t}": {"frames": t} for t in (64, 128, 256, 512)}
PLANS: dict[str, Plan] = {
    "t1": Plan(
        "first_hit",
        4,
        ({"frames": 64},),
        # In the last, the clip of 64 frames with nothing but waiting put in.
        {**{k: LENGTHS[k] for k in ("t64", "t256", "t512")}, "t64idle448": {"idle": 448}},
        things={"radius": 0.085},
    ),
    "t1order": Plan(
        "first_hit", 24, ({"frames": 64},), {"t64": {}}, {"ask": "order"}, {"radius": 0.085}
    ),
    "t2": Plan("shell_game", 4, UP_TO_4, _swaps(1, 2, 4, 8, 16, 64)),
    "t2n2": Plan("shell_game", 4, UP_TO_4[:2], _swaps(1, 2, 4, 8, 16, 64)),
    "t2pad": Plan("shell_game", 4, PADDED, _swaps(1, 2, 4, 8, 16)),
    "t2cups": Plan("shell_game", 5, UP_TO_4, _swaps(1, 2, 4, 8), {"cups": 5}, {"count": 7}),
    "t2stride": Plan("shell_game", 4, UP_TO_4, _swaps(1, 2, 4, 8), {"stride": 2}),
    "t2occlude": Plan(
        "shell_game",
        4,
        UP_TO_4,
        _swaps(1, 2, 4, 8),
        {"occlude": True},
        {"radius": 0.12, "scene": (32, 32), "still": True},
    ),
    # Lags of 8, 16, 32 and 48 frames after the last flash's slot.
    "t3": Plan(
        "flash_recall",
        8,
        tuple({"frames": 16 + n} for n in (8, 16, 32, 48)),
        LENGTHS,
        things={"radius": 0.09},
    ),
    "t4": Plan(
        "permanence",
        2,
        tests={k: {"kind": k} for k in permanence.KINDS},
        things={
            "radius": 0.09,
            "stride": 1,
            "scene": (32, 32),
            "still": True,
            "walls": True,
            "hard": True,
        },
    ),
    "t5": Plan("texture_flow", 4, tests={"t24": {}}),
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a row may cost.

    Attributes:
        steps: of each training, at most.
        minutes: of CPU time of each training, at most; the schedule ends with whichever is first.
        batch: clips a step.
        val: clips by which a learning rate is chosen.
        test: clips a setting; of t4, a tenth for each kind.
        settings: of each task, at most.
        rates: learning rates that are tried.
    """

    steps: int = 1_500
    minutes: float = 15.0
    batch: int = 16
    val: int = 256
    test: int = 2_000
    settings: int = 10
    rates: tuple[float, ...] = (5e-4, 2e-3)

    def of(self, plan: Plan) -> list[tuple[str, dict[str, Any]]]:
        """The settings of a plan that are tested, and their options."""
        return list(plan.tests.items())[: self.settings]


SMOKE = Limits(steps=3, minutes=1.0, batch=2, val=4, test=20, settings=2, rates=(2e-3,))


def make(name: str, plan: Plan) -> Any:
    """The model of a row."""
    base, options = MODELS[name]
    if base == "objects":
        options = {**options, "objects": Objects(**{**plan.things, **options.get("objects", {})})}
    return models.build(base, num_classes=plan.classes, **options)


def exists(name: str, plan: str) -> bool:
    """Whether there is such a row: t4 is scored by prediction, and references are of tasks."""
    if name in REFERENCES:
        return PLANS[plan].task in REFERENCES[name][0]
    if name.startswith("particle_") and plan not in ABLATED:
        return False
    return plan != "t4" or make(name, PLANS[plan]).predicts


def learned(name: str, plan_name: str, seed: int, limits: Limits, rates: tuple[float, ...]) -> dict:
    """Train with each rate, keep the one that is best on validation clips, and test it."""
    plan = PLANS[plan_name]
    model = make(name, plan)
    best: dict[str, Any] | None = None
    for rate in rates:
        params, told = train(model, plan, seed=seed, rate=rate, limits=limits)
        score = validate(model, params, plan, limits)
        print(f"{plan_name} {name} seed {seed} rate {rate:g}: val {score:.3f}, {told}", flush=True)
        if best is None or score > best["val"]:
            best = {"val": score, "rate": rate, "params": params, **told}
    assert best is not None, "no learning rates"
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
    for start, count in _parts(limits.val):
        batch = _batch(plan, source.batch(start, count, **options))
        each, metrics = loss(params, batch, jax.random.key(0))
        scores.append(np.asarray(metrics.get("accuracy", -each)))
    return float(np.concatenate(scores).mean())


def tested(
    model: Any, params: Any, plan: Plan, options: dict[str, Any], limits: Limits
) -> dict[str, float]:
    """Accuracy, and of things on t3 how many clips have an identity swap, and how many errors."""
    swapped, wrong = [], []

    @jax.jit
    def run(params: Any, frames: Array) -> tuple[Array, Any]:
        out = model.apply(params, {"video": frames})
        followed = out.get("followed")
        if followed is None or plan.task != "flash_recall":
            return out["logits"].argmax(-1), None
        p = followed.trajectory.particles
        return out["logits"].argmax(-1), (p.position, p.alive, followed.identity)

    def answer(clips: dict[str, Any]) -> np.ndarray:
        guess, found = jax.device_get(run(params, clips["frames"]))
        if found is not None:
            path, alive, identity = found
            told = {"alive": alive, "identity": identity, "radius": flash_recall.RADIUS}
            swapped.append(identity_swaps(path, clips["truth"]["position"], **told))
            wrong.append(guess != clips["label"])
        return guess

    found = {"": accuracy(plan, options, answer, limits)}
    if swapped:
        swap, error = np.concatenate(swapped), np.concatenate(wrong)
        found["_swapped"] = float(swap.mean())
        if error.any():
            found["_errors_swapped"] = float(swap[error].mean())
    return found


def accuracy(
    plan: Plan, options: dict[str, Any], answer: Callable[[dict[str, Any]], Any], limits: Limits
) -> float:
    """Of answers [B] to test clips, as a part of one."""
    source = Source(plan.task, split="test", **plan.options, **options)
    right = [
        np.asarray(answer(clips)) == clips["label"]
        for clips in (source.batch(*part) for part in _parts(limits.test))
    ]
    return float(np.concatenate(right).mean())


def _parts(total: int, size: int = 40) -> list[tuple[int, int]]:
    """Starts and sizes of batches: 40 clips of 650 frames are 80 MB."""
    return [(start, min(size, total - start)) for start in range(0, total, size)]


def held(scores: np.ndarray) -> np.ndarray:
    """The highest of each score [B, T] and of those of the six frames before it.

    Example:
        >>> held(np.array([[0, 2, 1, 0, 0, 0, 0, 0, 0]])).tolist()
        [[0, 2, 2, 2, 2, 2, 2, 2, 1]]
    """
    padded = np.pad(scores, ((0, 0), (HOLD - 1, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, HOLD, axis=1).max(-1)


def permanence_figures(score: Callable[[np.ndarray], Any], limits: Limits) -> dict[str, float]:
    """ROC-AUC over frames of each kind and their mean; the delay at 5 % false positives.

    The first two frames are left out: nothing can be extrapolated to them. The delay is the
    median, over clips, of frames from the first positive to the first whose score is above that
    of 95 % of negative frames; what is never noticed counts as the rest of the clip. All of it
    also of scores that are `held`, as what happens in one frame is positive for 6 to 8.
    """
    tests = limits.of(PLANS["t4"])
    scores, labels = [], []
    for kind, _ in tests:
        source = Source("permanence", split="test", kind=kind)
        clips = [source.batch(*part) for part in _parts(max(2, limits.test // 10))]
        scores.append(np.concatenate([np.asarray(score(c["frames"])) for c in clips])[:, 2:])
        labels.append(np.concatenate([c["label"] for c in clips])[:, 2:] > 0)
    kinds = [kind for kind, _ in tests]
    return _noticed(kinds, scores, labels, "") | _noticed(
        kinds, [held(x) for x in scores], labels, "_held"
    )


def _noticed(
    kinds: list[str], scores: list[np.ndarray], labels: list[np.ndarray], suffix: str
) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    figures: dict[str, float] = {}
    delays = []
    for kind, score, label in zip(kinds, scores, labels, strict=True):
        figures[kind + suffix] = float(roc_auc_score(label.ravel(), score.ravel()))
        limit = np.quantile(score[~label], 0.95)
        for first, row in zip(label.argmax(1), score, strict=True):
            noticed = np.flatnonzero(row[first:] > limit)
            delays.append(noticed[0] if len(noticed) else len(row) - first)
    figures[f"mean{suffix}"] = float(np.mean(list(figures.values())))
    figures[f"delay{suffix}"] = float(np.median(delays))
    return figures


def identity_swaps(
    path: np.ndarray,
    truth: np.ndarray,
    *,
    alive: np.ndarray,
    identity: np.ndarray,
    radius: float,
) -> np.ndarray:
    """Whether, in each clip, any thing has in the end another identity on it than at first: [B].

    Whose a thing is at first is told in the first frame in which a particle lies on each: things
    that touch when a clip begins are found one after the other.

    Args:
        path: [B, T, N, 2] of particles.
        truth: [B, T, K, 2] of things.
        alive: [B, T, N], which particles there are.
        identity: [B, T, N] of theirs.
        radius: of things.
    """
    distance = np.linalg.norm(path[:, :, :, None] - truth[:, :, None], axis=-1)
    distance = np.where(alive[..., None], distance, np.inf)
    owner = np.take_along_axis(identity, distance.argmin(2), axis=2)
    others = np.sort(owner, axis=-1)
    apart = (others[..., 1:] != others[..., :-1]).all(-1)
    on_each = (distance.min(2) < radius).all(-1) & apart
    first = on_each.argmax(1)
    return (owner[np.arange(len(owner)), first] != owner[:, -1]).any(-1)


def _tracker(plan: Plan, options: dict[str, Any], limits: Limits) -> dict[str, float]:
    """Accuracy of the tracker, and how many of its clips have an identity swap."""
    swapped = []

    def answer(clips: dict[str, Any]) -> np.ndarray:
        frames = clips["frames"]
        if plan.task == "shell_game":
            slots = shell_game.slots(plan.options.get("cups", 4))
            return tracker.shell_game(frames, slots, radius=shell_game.RADIUS)
        things = {"count": flash_recall.DISCS, "radius": flash_recall.RADIUS}
        path = tracker.follow(frames, **things)
        alive = np.ones(path.shape[:3], bool)
        identity = np.broadcast_to(np.arange(path.shape[2]), alive.shape)
        told = {"alive": alive, "identity": identity, "radius": flash_recall.RADIUS}
        swapped.append(identity_swaps(path, clips["truth"]["position"], **told))
        return tracker.flash_recall(frames, flash_recall.HUES, **things)

    # It takes a millisecond a frame, and its errors are few.
    found = {
        "": accuracy(plan, options, answer, dataclasses.replace(limits, test=limits.test // 10))
    }
    return found | ({"_swapped": float(np.concatenate(swapped).mean())} if swapped else {})


def _shortcut(plan: Plan, options: dict[str, Any], limits: Limits) -> dict[str, float]:
    """The slot where the cup began; or a hue that was shown, but not by whom."""

    def answer(clips: dict[str, Any]) -> np.ndarray:
        truth = clips["truth"]
        return truth["start"] if plan.task == "shell_game" else truth["hue"][:, 0]

    return {"": accuracy(plan, options, answer, limits)}


# What learns nothing: name → of the plans of which tasks, and how it is scored.
REFERENCES: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "tracker": (("shell_game", "flash_recall"), _tracker),
    "shortcut": (("shell_game", "flash_recall"), _shortcut),
    "frame_difference": (("permanence",), surprise.frame_difference),
    "linear_extrapolation": (("permanence",), surprise.linear_extrapolation),
}


def reference(name: str, plan_name: str, limits: Limits) -> dict[str, Any]:
    """A row of what learns nothing."""
    plan, (_, how) = PLANS[plan_name], REFERENCES[name]
    if plan.task == "permanence":
        return {"figures": permanence_figures(how, limits)}
    return {
        "figures": {
            setting + more: value
            for setting, options in limits.of(plan)
            for more, value in how(plan, options, limits).items()
        }
    }
