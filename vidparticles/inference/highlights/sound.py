"""How loud a clip is and how likely someone speaks in it, in steps of time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from vidparticles.editing.selection.signals import SILENT
from vidparticles.inference.understanding.sound import HearFn
from vidparticles.models.published import silero
from vidparticles.video import Sound, resample


@dataclasses.dataclass(frozen=True)
class HearingConfig:
    """What counts as speech where no network tells it.

    Attributes:
        above: decibels over the clip's quiet tenth,
        least: and at least at this level.
    """

    above: float = 9.0
    least: float = -50.0


def listened(
    sound: Sound | None,
    hear: HearFn | None,
    *,
    step: float,
    count: int,
    config: HearingConfig | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Loudness and speech of a clip.

    Args:
        sound: of the clip; read in blocks.
        hear: tells speech; None where that network is not here: then what is loud is taken for it.
        step: seconds of a step.
        count: T, how many there are.
        config: what is loud.

    Returns:
        [T] decibels of which 0 is the loudest, and [T] the highest likelihood of speech.

    Example:
        >>> tone = np.sin(np.arange(16384) * 0.3) * np.repeat([0.01, 1], 8192)
        >>> sound = Sound.of(tone[:, None].astype(np.float32), 16000)
        >>> loud, speech = listened(sound, None, step=0.512, count=3)
        >>> loud.round().tolist(), speech.tolist()
        ([-43.0, -3.0, -120.0], [0.0, 1.0, 0.0])
    """
    config = config or HearingConfig()
    loudness, speech = np.full(count, SILENT), np.zeros(count)
    if sound is None or not sound.length or not count:
        return loudness, speech
    powers: list[np.ndarray] = []

    def blocks() -> Iterator[np.ndarray]:
        held = np.zeros(0, np.float32)
        for block in resample(sound, rate=silero.RATE, channels=1).blocks():
            yield block[:, 0]
            held = np.concatenate([held, block[:, 0]])
            whole = len(held) // silero.STEP * silero.STEP
            powers.append((held[:whole].reshape(-1, silero.STEP).astype(np.float64) ** 2).mean(1))
            held = held[whole:]
        if len(held):
            powers.append((held[None].astype(np.float64) ** 2).mean(1))

    if hear is None:
        for _ in blocks():
            pass
        likely = None
    else:
        likely = np.concatenate([*hear(blocks())])
    power = np.concatenate(powers)
    # Of a step count all pieces of sound that begin in it.
    at = np.minimum((np.arange(len(power)) * silero.STEP / silero.RATE / step).astype(int), count)
    sums, pieces = (np.bincount(at, w, count + 1)[:count] for w in (power, np.ones(len(power))))
    mean = sums / np.maximum(pieces, 1)
    loudness = 10 * np.log10(np.maximum(mean, 10 ** (SILENT / 10)))
    if likely is None:
        heard = loudness[loudness > SILENT]
        floor = float(np.quantile(heard, 0.1)) if len(heard) else SILENT
        return loudness, (loudness >= max(floor + config.above, config.least)).astype(float)
    speech = np.zeros(count + 1)
    np.maximum.at(speech, at, likely[: len(at)])
    return loudness, speech[:count]
