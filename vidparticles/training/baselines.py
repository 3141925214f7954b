"""Predictors that learn next to nothing: what a score is printed beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vidparticles.errors import require
from vidparticles.training.metrics import Score, by_clip, score


def majority(train: Sequence[int], test: Sequence[int], *, num_classes: int) -> Score:
    """Always the most frequent class of the training split (the first of equals).

    Example:
        >>> print(majority([1, 1, 0], [0, 1, 1, 1], num_classes=2))
        75.0 % [30.1, 95.4] (3 of 4)
    """
    usual = int(np.bincount(train, minlength=num_classes).argmax())
    return score(test, [usual] * len(test), num_classes=num_classes)


def motion_energy(video: np.ndarray) -> np.ndarray:
    """How much a clip changes from frame to frame, and how that is spread.

    Args:
        video: uint8 [B, T, H, W, 3], T ≥ 2.

    Returns:
        float32 [B, 6]: of the absolute difference of gray values between successive frames
        (0 … 1), the mean, standard deviation and maximum over time of its mean over the
        picture, and the same three of its largest value over 8 × 8 blocks of the picture.

    Example:
        >>> still = np.full((1, 4, 16, 16, 3), 9, np.uint8)
        >>> motion_energy(still).tolist()
        [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    gray = video.astype(np.float32).mean(-1) / 255
    change = np.abs(np.diff(gray, axis=1))
    whole = change.mean((2, 3))
    high, wide = change.shape[2] // 8 * 8, change.shape[3] // 8 * 8
    blocks = change[:, :, :high, :wide].reshape(*change.shape[:2], 8, high // 8, 8, wide // 8)
    busiest = blocks.mean((3, 5)).max((2, 3))
    parts = [f(x, axis=1) for x in (whole, busiest) for f in (np.mean, np.std, np.max)]
    return np.stack(parts, axis=-1)


def motion_energy_score(
    train: Iterable[Mapping[str, np.ndarray]],
    test: Iterable[Mapping[str, np.ndarray]],
    *,
    num_classes: int,
) -> Score:
    """Logistic regression on `motion_energy`, fitted on one split and scored on another.

    It is fitted on windows and scored, like a model, on clips.

    Args:
        train: batches of one pass over the training split, with `_mask` and `index`.
        test: batches of one pass over the split to score.
        num_classes: C.
    """
    linear_model = require("sklearn.linear_model", extra="train")
    pipeline = require("sklearn.pipeline", extra="train")
    preprocessing = require("sklearn.preprocessing", extra="train")

    def collect(batches: Iterable[Mapping[str, np.ndarray]]) -> tuple[np.ndarray, ...]:
        parts = [
            [x[b["_mask"]] for x in (motion_energy(b["video"]), b["label"], b["index"])]
            for b in batches
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    features, labels, _ = collect(train)
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=1000)
    ).fit(features, labels)
    features, labels, clips = collect(test)
    probability = np.zeros((len(labels), num_classes))
    probability[:, model.classes_] = model.predict_proba(features)
    return by_clip(zip(clips.tolist(), labels.tolist(), probability, strict=True))
