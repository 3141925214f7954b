"""How PV-5's rows are scored, and the rows of what learns nothing."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from experiments.pv5.plans import PLANS, Limits, Plan
from vidparticles import models
from vidparticles.data.pv5 import Source, flash_recall, seconds, shell_game
from vidparticles.models.baselines import novelty, tracker

# Frames that a score of t4 lasts for, when it is held.
HOLD = 7


def figures_of(model: Any, params: Any, plan: Plan, limits: Limits) -> dict[str, float]:
    """All figures of a trained model on a plan, by setting."""
    if plan.task == "permanence":
        novel = jax.jit(model.novelty)

        def score(frames: np.ndarray) -> Any:
            return novel(params, {"video": frames, "time": seconds(frames)})

        return permanence_figures(score, limits)
    answers = _answers(model, track=plan.task == "flash_recall" and model.capabilities.tracks)
    figures: dict[str, float] = {}
    for setting, options in limits.of(plan):
        found = tested(functools.partial(answers, params), plan, options, limits)
        figures |= {setting + key: value for key, value in found.items()}
    return figures


def _answers(model: Any, *, track: bool) -> Callable[..., tuple[Array, Any]]:
    """Jitted: the answer to each clip, and with `track` where which particles were."""

    @jax.jit
    def run(params: Any, batch: dict[str, Array]) -> tuple[Array, Any]:
        out = model.apply(params, batch)
        answer = out["logits"].argmax(-1)
        if not track:
            return answer, None
        p = out["tracks"].trajectory.particles
        return answer, (p.position, p.alive, out["tracks"].identity)

    return run


def tested(
    run: Callable[[dict[str, Any]], tuple[Array, Any]],
    plan: Plan,
    options: dict[str, Any],
    limits: Limits,
) -> dict[str, float]:
    """Accuracy, and of objects on t3 how many clips have an identity swap, and how many errors."""
    swapped, wrong = [], []

    def answer(clips: dict[str, Any]) -> np.ndarray:
        guess, found = jax.device_get(run({"video": clips["frames"], "time": clips["time"]}))
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
        for clips in (source.batch(*part) for part in parts(limits.test))
    ]
    return float(np.concatenate(right).mean())


def parts(total: int, size: int = 40) -> list[tuple[int, int]]:
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
        clips = [source.batch(*part) for part in parts(max(2, limits.test // 10))]
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
    """Whether, in each clip, any object has in the end another identity on it than at first: [B].

    Which an object has at first is told in the first frame in which a particle lies on each:
    objects that touch when a clip begins are found one after the other.

    Args:
        path: [B, T, N, 2] of particles.
        truth: [B, T, K, 2] of objects.
        alive: [B, T, N], which particles there are.
        identity: [B, T, N] of theirs.
        radius: of objects.
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
        discs = {"count": flash_recall.DISCS, "radius": flash_recall.RADIUS}
        path = tracker.follow(frames, **discs)
        alive = np.ones(path.shape[:3], bool)
        identity = np.broadcast_to(np.arange(path.shape[2]), alive.shape)
        told = {"alive": alive, "identity": identity, "radius": flash_recall.RADIUS}
        swapped.append(identity_swaps(path, clips["truth"]["position"], **told))
        return tracker.flash_recall(frames, flash_recall.HUES, **discs)

    # It takes a millisecond a frame, and its errors are few.
    found = {
        "": accuracy(plan, options, answer, dataclasses.replace(limits, test=limits.test // 10))
    }
    return found | ({"_swapped": float(np.concatenate(swapped).mean())} if swapped else {})


def _untrained(plan: Plan, options: dict[str, Any], limits: Limits) -> dict[str, float]:
    """Accuracy of the object particles before any training, read out by the tracker's rule.

    Their objects are followed by what is engineered; the mark is found, and the answer read from
    where its object was, by hand: what a trained model has to learn.
    """
    model = models.build("object_particles", num_classes=2, objects=dict(plan.objects))
    source = Source(plan.task, split="test", **plan.options, **options)
    first = source.batch(0, 2)
    params = model.init(jax.random.key(0), {"video": first["frames"], "time": first["time"]})
    run, swapped = _answers(model, track=True), []

    def answer(clips: dict[str, Any]) -> np.ndarray:
        frames = clips["frames"]
        _, found = jax.device_get(run(params, {"video": frames, "time": clips["time"]}))
        path, alive, identity = found
        there = np.where(alive[..., None], path, 9.0)
        if plan.task == "shell_game":
            return tracker.marked_slot(there, frames, shell_game.slots(plan.options.get("cups", 4)))
        told = {"alive": alive, "identity": identity, "radius": flash_recall.RADIUS}
        swapped.append(identity_swaps(path, clips["truth"]["position"], **told))
        return tracker.marked_hue(there, frames, flash_recall.HUES)

    found = {
        "": accuracy(plan, options, answer, dataclasses.replace(limits, test=limits.test // 5))
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
    "untrained": (("shell_game", "flash_recall"), _untrained),
    "shortcut": (("shell_game", "flash_recall"), _shortcut),
    "frame_difference": (("permanence",), novelty.frame_difference),
    "linear_extrapolation": (("permanence",), novelty.linear_extrapolation),
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
