"""What networks call what they see, smoothed within a shot, and how sure that is.

A network of 400 actions names one of them for whatever it is shown, often with a probability near
one. What tells better whether it knows what it sees is its highest logit (Hendrycks et al. 2022,
arXiv 1911.11132). So the confidence of a label is a share of clips: of those on which the network
was wrong, as it mostly has to be where none of its labels fits, the share on which it was less
sure than here. They are the clips of tests/data/understanding/calibration.csv, labelled before it
was run on them. Below `least`, nothing is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from vidparticles.inference.cuts import Shot
from vidparticles.inference.understanding.features import ClipFeatures
from vidparticles.inference.understanding.told import UNSURE, Told, runs
from vidparticles.models.published.parts import labels


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The highest logits of clips on which a network was wrong, as a logistic distribution.

    Attributes:
        center, scale: of the distribution.
        least: confidence below which nothing is named.
    """

    center: float
    scale: float
    least: float = 0.95

    def __call__(self, logit: np.ndarray | float) -> np.ndarray:
        """Share of these clips whose highest logit is lower."""
        return 1 / (1 + np.exp(-(np.asarray(logit) - self.center) / self.scale))


@dataclasses.dataclass(frozen=True)
class LabelConfig:
    """How labels are told.

    Attributes:
        cell: seconds for which one label is told.
        smooth: seconds, standard deviation of the weights over which logits are averaged.
        shortest: seconds that a label of actions takes.
        likeliest: labels that are named beside.
        tags: at most, of a shot.
        action, tag: how sure their labels are.
    """

    cell: float = 0.5
    smooth: float = 1.0
    shortest: float = 1.0
    likeliest: int = 3
    tags: int = 3
    # Of 42 clips with a wrong action 2 are as sure as that, of 32 with a wrong tag one.
    action: Calibration = Calibration(center=10.60, scale=1.861)
    tag: Calibration = Calibration(center=6.264, scale=0.623)


def actions(
    seen: ClipFeatures,
    shots: Sequence[Shot],
    *,
    blank: Sequence[Told] = (),
    config: LabelConfig | None = None,
) -> tuple[Told, ...]:
    """What is done in a clip, and when; stretches of which nothing is likely enough are unsure.

    Args:
        seen: what the networks saw.
        shots: of the clip: no label goes from one over into the next.
        blank: stretches in which there is nothing to be seen.
        config: how labels are told.

    Returns:
        Nothing without that network.
    """
    config = config or LabelConfig()
    names = labels.read("kinetics400")
    parts = seen.steps.shape[1]
    at = (np.arange(parts) + 0.5) / parts
    times = seen.starts[:, None] + at * (seen.ends - seen.starts)[:, None]
    told: list[Told] = []
    for shot, edges, rows in _smoothed(times.ravel(), seen.steps, shots, config):
        top = rows.argmax(1)
        sure = config.action(rows.max(1))
        middles = (edges[1:] + edges[:-1]) / 2
        nothing = [any(b.start <= now < b.end for b in blank) for now in middles]
        said = [
            names[k] if s >= config.action.least and not n else UNSURE
            for k, s, n in zip(top, sure, nothing, strict=True)
        ]
        shortest = min(config.shortest, shot.end - shot.start)
        for label, a, b in runs(said, edges, shortest=shortest):
            mean = rows[a:b].mean(0)
            which = names.index(label) if label != UNSURE else int(mean.argmax())
            confidence = float(config.action(mean[which]))
            told.append(_told(label, edges[a], edges[b], confidence, mean, names, config))
    return tuple(told)


def tags(
    seen: ClipFeatures, shots: Sequence[Shot], *, config: LabelConfig | None = None
) -> tuple[Told, ...]:
    """What is in the picture of each shot, where that is sure; the surest first.

    Args:
        seen: what the networks saw.
        shots: of the clip.
        config: how labels are told.
    """
    config = config or LabelConfig()
    names = labels.read("imagenet")
    told: list[Told] = []
    for shot in shots:
        inside = _inside(seen.times, shot)
        if not inside.any():
            continue
        mean = seen.picture_logits[inside].mean(0)
        for k in np.argsort(-mean)[: config.tags]:
            if (sure := float(config.tag(mean[k]))) >= config.tag.least:
                told.append(_told(names[k], shot.start, shot.end, sure, mean, names, config))
    return tuple(told)


def _smoothed(
    times: np.ndarray, logits: np.ndarray, shots: Sequence[Shot], config: LabelConfig
) -> Iterator[tuple[Shot, np.ndarray, np.ndarray]]:
    """Of each shot in which there is something: it, edges of cells [K + 1], mean logits [K, C]."""
    flat = logits.reshape(-1, logits.shape[-1])
    for shot in shots:
        inside = _inside(times, shot)
        if not inside.any():
            continue
        count = max(1, round((shot.end - shot.start) / config.cell))
        edges = np.linspace(shot.start, shot.end, count + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        away = (middles[:, None] - times[inside]) / config.smooth
        # Of those that are nearest at least, however far that is.
        weight = np.exp(-0.5 * (away**2 - (away**2).min(1, keepdims=True)))
        yield shot, edges, weight / weight.sum(1, keepdims=True) @ flat[inside]


def _inside(times: np.ndarray, shot: Shot) -> np.ndarray:
    return (times >= shot.start - 1e-6) & (times < shot.end + 1e-6)


def _told(
    label: str,
    start: float,
    end: float,
    confidence: float,
    logits: np.ndarray,
    names: Sequence[str],
    config: LabelConfig,
) -> Told:
    powers = np.exp(logits - logits.max())
    best = np.argsort(-logits)[: config.likeliest]
    likeliest = tuple((names[k], round(float(powers[k] / powers.sum()), 4)) for k in best)
    return Told(label, float(start), float(end), round(confidence, 4), likeliest)
