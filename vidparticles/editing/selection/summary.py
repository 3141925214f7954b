"""The best parts that fit into so many seconds, and not all of them alike.

A knapsack whose worth is submodular: of a piece its own value counts, and how well it stands for
others that look like it, which a second one like it hardly adds to. Taken in the order of gain a
second, compared with the best single piece, the sum is at least (1 − 1/e) / 2 of the best
possible one (Leskovec et al., KDD 2007).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from vidparticles.editing.selection.signals import Signals
from vidparticles.editing.selection.spans import united

Part = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class SummaryConfig:
    """How the best parts are chosen.

    Attributes:
        piece: seconds of the pieces that parts are divided into, about,
        shortest: and at least.
        diversity: share of the worth that is standing for others, in [0, 1].
        alike: distance of looks, over that of the most different pictures of the clip, at which
            one stands for 60 % of the other.
    """

    piece: float = 2.5
    shortest: float = 1.0
    diversity: float = 0.5
    alike: float = 0.15


def summary(
    parts: Sequence[Part],
    value: np.ndarray,
    signals: Signals,
    speaks: np.ndarray,
    seconds: float,
    config: SummaryConfig,
) -> list[Part]:
    """Parts of parts that last no longer than so many seconds together.

    Args:
        parts: first steps and the steps behind, in order and apart.
        value: [T] what a step is worth, above 0.
        signals: of the clip.
        speaks: [T] bool; no piece begins or ends within speech where it can be helped.
        seconds: at most.
        config: how they are chosen.

    Returns:
        As `parts`; those that follow one another as one.
    """
    budget = int(seconds / signals.step + 1e-9)
    if sum(stop - first for first, stop in parts) <= budget:
        return list(parts)
    pieces = [piece for part in parts for piece in _pieces(part, value, speaks, signals, config)]
    fitting = [piece for piece in pieces if piece[1] - piece[0] <= budget]
    if not fitting:  # somebody speaks on and on: the best moments, cut where they are
        first, stop = max(pieces, key=lambda p: value[p[0] : p[1]].sum())
        sums = np.convolve(value[first:stop], np.ones(budget), "valid") if budget else [0.0]
        best = first + int(np.argmax(sums))
        return [(best, best + budget)] if budget else []
    chosen = best_under(*worth(fitting, value, signals.look, config), budget)
    return [(int(a), int(b)) for a, b in united([fitting[k] for k in chosen])]


def worth(
    pieces: Sequence[Part], value: np.ndarray, look: np.ndarray, config: SummaryConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """What `best_under` takes: values [P], likeness [P, P], costs [P], diversity."""
    values = np.array([value[a:b].sum() for a, b in pieces])
    looks = np.array([look[a:b].mean(0) for a, b in pieces])
    apart = np.sqrt(((looks[:, None] - looks[None]) ** 2).sum(-1))
    likeness = np.exp(-((apart / max(config.alike * apart.max(), 1e-9)) ** 2) / 2)
    return values, likeness, np.array([b - a for a, b in pieces]), config.diversity


def total(chosen: Sequence[int], values: np.ndarray, likeness: np.ndarray, share: float) -> float:
    """The worth of some of the pieces."""
    if not len(chosen):
        return 0.0
    some = [*chosen]
    return float(
        (1 - share) * values[some].sum() + share * (values * likeness[:, some].max(1)).sum()
    )


def best_under(
    values: np.ndarray, likeness: np.ndarray, costs: np.ndarray, share: float, budget: int
) -> list[int]:
    """Which pieces to take, in order.

    Args:
        values: [P] of each, not negative.
        likeness: [P, P] in [0, 1], how far one stands for another; 1 of itself.
        costs: [P] of each, above 0.
        share: of the worth that is standing for others.
        budget: of all that are taken together.

    Example:
        >>> alike = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> best_under(np.array([3.0, 2.9, 2.0]), alike, np.ones(3, int), 0.9, 2)
        [0, 2]
    """
    taken: list[int] = []
    stands = np.zeros(len(values))
    left, open_ = budget, costs <= budget
    while open_.any():
        gain = (1 - share) * values + share * (
            values[:, None] * np.maximum(likeness - stands[:, None], 0)
        ).sum(0)
        best = int(np.argmax(np.where(open_, gain / costs, -1)))
        taken.append(best)
        stands = np.maximum(stands, likeness[:, best])
        left -= int(costs[best])
        open_[best] = False
        open_ &= costs <= left
    single = max(
        (k for k in range(len(values)) if costs[k] <= budget),
        key=lambda k: total([k], values, likeness, share),
        default=None,
    )
    if single is not None and total([single], values, likeness, share) > total(
        taken, values, likeness, share
    ):
        return [single]
    return sorted(taken)


def _pieces(
    part: Part, value: np.ndarray, speaks: np.ndarray, signals: Signals, config: SummaryConfig
) -> list[Part]:
    """A part divided where least happens, and nobody speaks."""
    first, stop = part
    long, short = (max(1, round(s / signals.step)) for s in (config.piece, config.shortest))
    found = []
    while stop - first >= long + short:
        ends = np.arange(first + short, min(first + 2 * long - short, stop - short) + 1)
        within = speaks[ends - 1] & speaks[ends]
        if within.all():  # a long speech: to its end
            end = int(ends[-1])
            while end < stop and speaks[end - 1] and speaks[end]:
                end += 1
        else:
            around = value[ends - 1] + value[ends] + 0.1 * np.abs(ends - first - long) / long
            end = int(ends[np.argmin(np.where(within, np.inf, around))])
        found.append((first, end))
        first = end
    if first < stop:
        found.append((first, stop))
    return found
