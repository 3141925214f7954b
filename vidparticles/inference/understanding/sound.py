"""What is heard: speech, other sound, silence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vidparticles.inference.understanding.told import Told, runs
from vidparticles.models.published import silero
from vidparticles.video import Sound, resample

# Likelihoods of speech, each `silero.STEP` samples, of blocks of sound of 16 kHz.
HearFn = Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]


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

    def blocks() -> Iterator[np.ndarray]:
        held = np.zeros(0, np.float32)
        for block in same.blocks():
            yield block[:, 0]
            held = np.concatenate([held, block[:, 0]])
            whole = len(held) // silero.STEP * silero.STEP
            powers.append((held[:whole].reshape(-1, silero.STEP) ** 2).mean(1))
            held = held[whole:]
        if len(held):
            powers.append((held[None] ** 2).mean(1))

    if hear is None:
        for _ in blocks():
            pass
        likely = None
    else:
        likely = np.concatenate([*hear(blocks())])
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


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Means over so many values around each, fewer at the ends."""
    count = np.ones(len(values))
    kernel = np.ones(min(width, len(values)))
    total = np.convolve(values, kernel, "same")
    return total[: len(values)] / np.convolve(count, kernel, "same")[: len(values)]
