"""What is told of a stretch of a clip, and how that is made of what is told of its moments."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

UNSURE = "unsure"


@dataclasses.dataclass(frozen=True)
class Told:
    """Something that is told of a stretch of a clip.

    Attributes:
        label: what; `UNSURE` where nothing is likely enough.
        start, end: seconds.
        confidence: in [0, 1]; of labels, see `labels`; 1 for what is measured.
        likeliest: labels that come into question, each with its probability, the likeliest first.
    """

    label: str
    start: float
    end: float
    confidence: float = 1.0
    likeliest: tuple[tuple[str, float], ...] = ()


def runs(
    labels: Sequence[str | None], edges: np.ndarray, *, shortest: float = 0.0
) -> list[tuple[str, int, int]]:
    """Stretches of cells with one label.

    Args:
        labels: of K cells; None for nothing.
        edges: [K + 1] seconds, where the cells begin and the last one ends.
        shortest: seconds; a shorter stretch, the shortest first, takes the label of the longer
            one beside it.

    Returns:
        (label, first cell, cell behind the last), in order; none of nothing.

    Example:
        >>> runs(["a", "a", "b", "a", None], np.arange(6.0), shortest=1.5)
        [('a', 0, 5)]
        >>> runs(["a", "a", "b", None], np.arange(5.0))
        [('a', 0, 2), ('b', 2, 3)]
    """
    found: list[list] = []
    for k, label in enumerate(labels):
        if found and found[-1][0] == label:
            found[-1][2] = k + 1
        else:
            found.append([label, k, k + 1])

    def length(run: list) -> float:
        return float(edges[run[2]] - edges[run[1]])

    while len(found) > 1:
        least = min(range(len(found)), key=lambda k: length(found[k]))
        if length(found[least]) >= shortest:
            break
        beside = [k for k in (least - 1, least + 1) if 0 <= k < len(found)]
        into = max(beside, key=lambda k: length(found[k]))
        found[into][1] = min(found[into][1], found[least][1])
        found[into][2] = max(found[into][2], found[least][2])
        del found[least]
        joined: list[list] = []
        for run in found:
            if joined and joined[-1][0] == run[0]:
                joined[-1][2] = run[2]
            else:
                joined.append(run)
        found = joined
    return [(label, first, stop) for label, first, stop in found if label is not None]
