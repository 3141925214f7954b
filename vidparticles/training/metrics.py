"""Scores of a classifier over a whole split, with their uncertainty."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from vidparticles.errors import InputError
from vidparticles.training import peers, sharding


def wilson(correct: int, count: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927); 95 % at the default z.

    Unlike p ± z √(p(1−p)/n) it is inside [0, 1] and not of zero width at p = 0 and p = 1.

    Args:
        correct: successes, 0 … count.
        count: trials; 0 gives (0, 1), nothing is known.
        z: quantile of the normal distribution.

    Example:
        >>> tuple(round(x, 3) for x in wilson(8, 10))
        (0.49, 0.943)
    """
    if count == 0:
        return 0.0, 1.0
    p, s = correct / count, z * z / count
    center = (p + s / 2) / (1 + s)
    half = math.sqrt(p * (1 - p) * s + s * s / 4) / (1 + s)
    return max(0.0, center - half), min(1.0, center + half)


@dataclasses.dataclass(frozen=True)
class Score:
    """Accuracy of a classifier.

    Attributes:
        confusion: int [C, C], counts of (true class, predicted class).
        loss: mean cross-entropy in nats; nan where the predictor gives no probabilities.
    """

    confusion: np.ndarray
    loss: float = math.nan

    @property
    def count(self) -> int:
        """The number of examples."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """The number of them predicted right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """correct / count."""
        return self.correct / max(self.count, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson(self.correct, self.count)

    @property
    def per_class(self) -> np.ndarray:
        """Recall of each class [C]; nan where it has no example."""
        total = self.confusion.sum(axis=1)
        return np.where(total > 0, np.diag(self.confusion) / np.maximum(total, 1), np.nan)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{100 * self.accuracy:.1f} % [{100 * low:.1f}, {100 * high:.1f}] "
            f"({self.correct} of {self.count})"
        )


def score(
    labels: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    *,
    num_classes: int,
) -> Score:
    """The score of predictions that are already there.

    Example:
        >>> print(score([0, 1, 1, 1], [0, 1, 1, 0], num_classes=2))
        75.0 % [30.1, 95.4] (3 of 4)
    """
    confusion = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(confusion, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    return Score(confusion)


def evaluate(
    eval_step: Callable[[Any, Mapping[str, Any]], dict[str, Any]],
    params: Any,
    batches: Iterable[Mapping[str, np.ndarray]],
    *,
    mesh: Mesh,
) -> Score:
    """One pass over a split; the windows of one clip give one prediction.

    Args:
        eval_step: what `step.eval_step` gives.
        params: of the model.
        batches: this process' rows of each batch, with `_mask`, and with `index`, the clip a
            row was cut from; every process has equally many.
        mesh: what `sharding.data_mesh` gives.

    Returns:
        The score over clips, as of `by_clip`.

    Raises:
        InputError: there is no clip.
    """

    def rows() -> Iterator[tuple[int, int, np.ndarray]]:
        for batch in batches:
            rows_of_all = sharding.global_batch(batch, mesh)
            with peers.meeting():
                got = jax.device_get(eval_step(params, rows_of_all))
            for row in np.flatnonzero(got["_mask"]):
                yield int(got["index"][row]), int(got["label"][row]), got["probability"][row]

    return by_clip(rows())


def by_clip(rows: Iterable[tuple[int, int, np.ndarray]]) -> Score:
    """The score over clips; a clip's probabilities are the mean of those of its windows.

    Args:
        rows: of each window the clip it was cut from, its label and probabilities [C].

    Raises:
        InputError: there is no clip.
    """
    windows: dict[int, list[np.ndarray]] = {}
    label: dict[int, int] = {}
    for clip, truth, probability in rows:
        windows.setdefault(clip, []).append(probability)
        label[clip] = truth
    if not windows:
        raise InputError("the split to evaluate holds no clip that can be read.")
    clips = sorted(windows)
    mean = np.stack([np.mean(windows[clip], axis=0, dtype=np.float64) for clip in clips])
    truths = np.array([label[clip] for clip in clips])
    nats = -np.log(np.maximum(mean[np.arange(len(clips)), truths], 1e-30))
    counted = score(truths, mean.argmax(-1), num_classes=mean.shape[1])
    return dataclasses.replace(counted, loss=float(nats.mean()))
