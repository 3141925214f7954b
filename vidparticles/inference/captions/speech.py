"""When someone speaks, as exactly as words are timed, and words that are not said then."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from vidparticles.inference.understanding.networks import networks
from vidparticles.models.published import silero
from vidparticles.video import Sound, resample
from vidparticles.video.subtitles import Word

Stretch = tuple[Fraction, Fraction]


@dataclasses.dataclass(frozen=True)
class SpeechConfig:
    """When someone is taken to speak.

    Attributes:
        begins, ends: likelihood of speech, from which on and below which it begins and ends.
        shortest: seconds of it, at least.
        pause: seconds without it that do not end it.
        around: seconds by which it is taken to be longer at both ends: a word begins softly.
        apart: seconds from it, at most, at which a word that was heard is taken to be said in it.
    """

    begins: float = 0.5
    ends: float = 0.35
    shortest: float = 0.15
    pause: float = 0.25
    around: float = 0.1
    apart: float = 0.3


DEFAULT = SpeechConfig()


def spoken(sound: Sound, config: SpeechConfig = DEFAULT) -> tuple[Stretch, ...]:
    """Stretches of a sound in which someone speaks, by Silero.

    Args:
        sound: read in blocks, whatever its length.
        config: when someone is taken to speak.

    Returns:
        (start, end) in seconds, in order, apart from one another.

    Raises:
        InputError: the weights of Silero are not here; the sentence says how to get them.
    """
    from vidparticles import weights

    weights.verify("silero")
    hear = networks(names=("silero",)).hear
    assert hear is not None
    same = resample(sound, rate=silero.RATE, channels=1)
    likely = [*hear(block[:, 0] for block in same.blocks())]
    return stretches(np.concatenate([np.zeros(0), *likely]), sound.duration, config)


def stretches(
    likely: np.ndarray, duration: Fraction, config: SpeechConfig = DEFAULT
) -> tuple[Stretch, ...]:
    """Stretches of speech, of its likelihood.

    Args:
        likely: [n] in [0, 1], each of 512 samples of 16 kHz.
        duration: seconds of the sound.
        config: when someone is taken to speak.

    Example:
        >>> likely = np.repeat([0.0, 0.9, 0.4, 0.0], 25)
        >>> [(float(a), float(b)) for a, b in stretches(likely, Fraction(16, 5))]
        [(0.7, 2.5)]
    """
    found: list[list[int]] = []
    speaks = False
    for k, value in enumerate(likely):
        if value >= config.begins or (speaks and value >= config.ends):
            if not speaks:
                found.append([k, k])
            found[-1][1], speaks = k + 1, True
        else:
            speaks = False
    step = Fraction(silero.STEP, silero.RATE)
    around, pause = (Fraction(x).limit_denominator(1000) for x in (config.around, config.pause))
    joined: list[list[Fraction]] = []
    for first, stop in found:
        start, end = first * step, stop * step
        if joined and start - joined[-1][1] < pause:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    kept = [
        (max(start - around, Fraction(0)), min(end + around, duration))
        for start, end in joined
        if end - start >= config.shortest
    ]
    return tuple((start, end) for start, end in kept if start < end)


def within(
    words: Sequence[Word], speech: Sequence[Stretch], config: SpeechConfig = DEFAULT
) -> list[Word]:
    """Words that are said while someone speaks, none longer than that.

    Args:
        words: in order.
        speech: stretches of speech, in order.
        config: how far a word may be from one.

    Returns:
        Words in the stretch that holds most of them; those far from any are left out. Neither
        their beginnings nor their ends go back.
    """
    kept: list[Word] = []
    least = Fraction(1, 50)
    for word in words:
        apart, place = min(
            (
                (max(a - word.end, word.start - b, -_shared(word, (a, b))), (a, b))
                for a, b in speech
            ),
            default=(None, None),
        )
        if apart is None or place is None or apart > config.apart:
            continue
        start = min(max(word.start, place[0], kept[-1].start if kept else Fraction(0)), place[1])
        end = max(min(word.end, place[1]), start)
        if end - start < least:
            start, end = max(start - least, place[0]), min(start + least, place[1])
            start = max(start, kept[-1].start if kept else Fraction(0))
        if start < end:
            kept.append(dataclasses.replace(word, start=start, end=end))
    return kept


def _shared(word: Word, stretch: Stretch) -> Fraction:
    return max(Fraction(0), min(word.end, stretch[1]) - max(word.start, stretch[0]))
