"""What is heard: speech, other sound, silence; and which kinds of sound, with YAMNet's file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vidparticles.errors import InputError
from vidparticles.inference.understanding.told import UNSURE, Told, runs
from vidparticles.models.published import silero, yamnet
from vidparticles.video import Sound, resample

# Likelihoods of speech, each `silero.STEP` samples, of blocks of sound of 16 kHz.
HearFn = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]
# Scores [n, K] of kinds of sound, each `yamnet.HOP` samples, of such blocks.
ScoreFn = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class SoundConfig:
    """When sound is called what.

    Attributes:
        speech: mean likelihood of speech, at least.
        silent: root mean square of the samples, of which 1 is the loudest, at most: −50 dB.
        smooth: seconds over which both are averaged.
        shortest: seconds that any of it takes.
    """

    speech: float = 0.5
    silent: float = 10 ** (-50 / 20)
    smooth: float = 0.5
    shortest: float = 0.5


def heard(
    sound: Sound | None, hear: HearFn | None, config: SoundConfig | None = None
) -> tuple[Told, ...]:
    """What is heard and when: "speech", "sound" or "silence"; nothing of a clip without sound.

    Args:
        sound: of the clip; read in blocks, so that memory does not grow with its length.
        hear: tells speech; None where that network is not here: then speech is sound.
        config: when sound is called what.

    Example:
        >>> quiet = Sound.of(np.zeros((16000, 1), np.float32), rate=16000)
        >>> [(t.label, t.start, t.end) for t in heard(quiet, None)]
        [('silence', 0.0, 1.0)]
    """
    config = config or SoundConfig()
    if sound is None or not sound.length:
        return ()
    same = resample(sound, rate=silero.RATE, channels=1)
    powers: list[np.ndarray] = []
    blocks = _measured(same, silero.STEP, powers)
    if hear is None:
        for _ in blocks:
            pass
        likely = None
    else:
        likely = np.concatenate([*hear(blocks)])
    power = np.concatenate(powers)
    width = max(1, round(config.smooth * silero.RATE / silero.STEP))
    loud = np.sqrt(_smoothed(power, width))
    says = np.zeros(len(loud)) if likely is None else _smoothed(likely, width)
    names = [
        "silence" if a <= config.silent else "speech" if b >= config.speech else "sound"
        for a, b in zip(loud, says, strict=True)
    ]
    edges = np.minimum(np.arange(len(names) + 1) * silero.STEP / silero.RATE, float(sound.duration))
    return tuple(
        Told(
            name,
            float(edges[a]),
            float(edges[b]),
            float(says[a:b].mean()) if name == "speech" else 1.0,
        )
        for name, a, b in runs(names, edges, shortest=config.shortest)
    )


@dataclasses.dataclass(frozen=True)
class SoundKinds:
    """What tells kinds of sound.

    Attributes:
        score: how much each is heard.
        labels: what they are called, in the order of the scores.
    """

    score: ScoreFn
    labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class KindsConfig:
    """When a kind of sound is told.

    YAMNet's scores are no probabilities: its authors say that they are not calibrated, and nobody
    measured here how often a score is right.

    Attributes:
        sure: mean score of a kind, at least, from which on it is told.
        guess: the same, from which on it is among what an unsure stretch may be.
        smooth: seconds over which scores are averaged.
        silent: root mean square of the samples, of which 1 is the loudest, at most: −50 dB.
            Nothing is told of what is as quiet.
        most: kinds that are told of a moment.
        guesses: kinds that an unsure stretch may be.
    """

    sure: float = 0.5
    guess: float = 0.1
    smooth: float = 1.44
    silent: float = 10 ** (-50 / 20)
    most: int = 5
    guesses: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.guess <= self.sure <= 1:
            raise InputError(
                f"guess is {self.guess} and sure {self.sure}; expected 0 < guess ≤ sure ≤ 1."
            )


def kinds(
    sound: Sound | None, named: SoundKinds, config: KindsConfig | None = None
) -> tuple[Told, ...]:
    """Which kinds of sound are heard and when; several at a time, by when they begin.

    A window is 0.96 s and begins each 0.48 s. So each 0.48 s of the sound are in two windows, and
    have the mean of their scores; then means are taken over time. Where no kind is sure, the
    stretch is `UNSURE`, with what it may be. Of silence, and of a clip without sound, nothing.

    Args:
        sound: of the clip; read in blocks.
        named: tells the kinds.
        config: when one is told.

    Example:
        >>> def score(blocks):
        ...     yield np.tile(np.float32([0.9, 0.2]), (yamnet.count(sum(map(len, blocks))), 1))
        >>> loud = Sound.of(np.ones((32000, 1), np.float32), rate=16000)
        >>> [(t.label, t.start, t.end) for t in kinds(loud, SoundKinds(score, ("Music", "Dog")))]
        [('Music', 0.0, 2.0)]
    """
    config = config or KindsConfig()
    if sound is None or not sound.length:
        return ()
    same = resample(sound, rate=yamnet.RATE, channels=1)
    powers: list[np.ndarray] = []
    windows = np.concatenate([*named.score(_measured(same, yamnet.HOP, powers))])
    # The last window may end behind the sound, or the sound up to 15 ms behind it.
    power = np.concatenate(powers)[: len(windows) + 1]
    inner = np.pad(windows, [(1, 1), (0, 0)], mode="edge")
    both = (inner[1:] + inner[:-1])[: len(power)] / 2
    width = max(1, round(config.smooth * yamnet.RATE / yamnet.HOP))
    scores = np.apply_along_axis(_smoothed, 0, both, width)
    edges = np.arange(len(scores) + 1) * yamnet.HOP / yamnet.RATE
    edges[-1] = float(sound.duration)

    rank = (-scores).argsort(1, kind="stable").argsort(1)
    silent = np.sqrt(power) <= config.silent
    sure = (scores >= config.sure) & (rank < config.most) & ~silent[:, None]
    found = []
    for k in np.flatnonzero(sure.any(0)):
        for name, a, b in runs([named.labels[k] if yes else None for yes in sure[:, k]], edges):
            confidence = float(scores[a:b, k].mean())
            found.append(Told(name, float(edges[a]), float(edges[b]), confidence))
    unsure = ~sure.any(1) & ~silent
    for name, a, b in runs([UNSURE if yes else None for yes in unsure], edges):
        mean = scores[a:b].mean(0)
        first = [k for k in (-mean).argsort()[: config.guesses] if mean[k] >= config.guess]
        likeliest = tuple((named.labels[k], float(mean[k])) for k in first)
        found.append(Told(name, float(edges[a]), float(edges[b]), float(mean.max()), likeliest))
    return tuple(sorted(found, key=lambda told: (told.start, -told.confidence)))


def _measured(same: Sound, step: int, powers: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The blocks [S] of a sound of one channel.

    Args:
        same: the sound.
        step: samples.
        powers: gets the mean square of each so many samples, and of what is left of them.
    """
    held = np.zeros(0, np.float32)
    for block in same.blocks():
        yield block[:, 0]
        held = np.concatenate([held, block[:, 0]])
        whole = len(held) // step * step
        powers.append((held[:whole].reshape(-1, step) ** 2).mean(1))
        held = held[whole:]
    if len(held):
        powers.append((held[None] ** 2).mean(1))


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Means over so many values around each, fewer at the ends."""
    count = np.ones(len(values))
    kernel = np.ones(min(width, len(values)))
    total = np.convolve(values, kernel, "same")
    return total[: len(values)] / np.convolve(count, kernel, "same")[: len(values)]
