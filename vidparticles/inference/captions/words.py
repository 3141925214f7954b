"""Which words are said, and when: Whisper by faster-whisper, asked only where someone speaks."""

from __future__ import annotations

import dataclasses
import logging
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from vidparticles import weights
from vidparticles.errors import InputError, reason, require
from vidparticles.inference.captions.speech import Stretch
from vidparticles.progress import counted
from vidparticles.storage import PathLike
from vidparticles.video import Sound, resample
from vidparticles.video.subtitles import Word

_RATE = 16000  # samples a second that Whisper takes


@dataclasses.dataclass(frozen=True)
class Hearing:
    """How words are heard.

    Attributes:
        language: two letters (ISO 639-1), or None to have it told from the sound; tiny.en knows
            English alone.
        window: seconds of sound that are heard at once; stretches of speech are joined up to it.
        beam: guesses that are followed.
        repeats: times in a row that a phrase may come; one that comes more often is kept once,
            since the network falls into such loops.
        phrase: words of a phrase that is looked for, at most.
    """

    language: str | None = None
    window: float = 28.0
    beam: int = 5
    repeats: int = 3
    phrase: int = 12


def load_model(path: PathLike | None = None) -> Any:
    """The network of faster-whisper.

    Args:
        path: a folder as CTranslate2 has models; default, the weights `whisper-tiny-en`.

    Raises:
        MissingExtraError: faster-whisper is not installed.
        InputError: the weights are not here, or the folder holds no such model.
    """
    whisper = require("faster_whisper", extra="speech")
    logging.getLogger("faster_whisper").setLevel(logging.ERROR)
    options = {"device": "cpu", "compute_type": "int8", "cpu_threads": os.cpu_count() or 1}
    if path is None:
        files = {name: data.tobytes() for name, data in weights.load("whisper-tiny-en").items()}
        return whisper.WhisperModel("whisper-tiny-en", files=files, **options)
    folder = pathlib.Path(path)
    absent = [name for name in ("model.bin", "config.json") if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"{folder} has no {absent[0]}; give a folder with a Whisper model of CTranslate2 "
            "(model.bin, config.json, tokenizer.json, vocabulary)."
        )
    try:
        return whisper.WhisperModel(str(folder), local_files_only=True, **options)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(
            f"{folder} cannot be read as a Whisper model of CTranslate2 ({reason(error)})."
        ) from error


def heard(
    sound: Sound, speech: Sequence[Stretch], model: Any, config: Hearing | None = None
) -> list[Word]:
    """Words that are said in stretches of a sound.

    Args:
        sound: of which a window is read at a time.
        speech: (start, end) in seconds, in order.
        model: of `load_model`.
        config: how words are heard.

    Returns:
        In order, as the network times them.
    """
    config = config or Hearing()
    same = resample(sound, rate=_RATE, channels=1)
    words: list[Word] = []
    windows = list(_windows(speech, config.window))
    for start, end in counted(windows, len(windows), work="hearing"):
        first, last = round(start * _RATE), round(end * _RATE)
        samples = np.concatenate([block[:, 0] for block in same.blocks(first, last)])
        segments, _ = model.transcribe(
            samples,
            language=config.language,
            beam_size=config.beam,
            word_timestamps=True,
            condition_on_previous_text=False,  # else one error goes on from window to window
        )
        for segment in segments:
            for word in segment.words or ():
                at, until = (Fraction(t).limit_denominator(1000) for t in (word.start, word.end))
                likely = float(word.probability)
                words.append(Word(word.word, start + at, start + until, likely))
    return without_loops(sorted(words, key=lambda word: word.start), config)


def without_loops(words: Sequence[Word], config: Hearing | None = None) -> list[Word]:
    """Words in which no phrase comes over and over: of one that does, the first is left.

    Args:
        words: in order.
        config: how often is too often.

    Example:
        >>> zero = Fraction(0)
        >>> said = [Word(text, zero, zero) for text in "so I say I say I say I say no".split()]
        >>> [word.text for word in without_loops(said)]
        ['so', 'I', 'say', 'no']
    """
    config = config or Hearing()
    names = [normal(word.text) for word in words]
    kept, at = list[Word](), 0
    while at < len(words):
        for size in range(1, config.phrase + 1):
            phrase, count = names[at : at + size], 1
            while names[at + count * size : at + (count + 1) * size] == phrase:
                count += 1
            if count > config.repeats:
                kept += words[at : at + size]
                at += count * size
                break
        else:
            kept.append(words[at])
            at += 1
    return kept


def normal(word: str) -> str:
    """A word as words are compared: small letters and digits alone.

    Example:
        >>> normal(" Feed’st,")
        'feedst'
    """
    return re.sub(r"[\W_]+", "", word.casefold())


def _windows(speech: Sequence[Stretch], longest: float) -> Iterator[Stretch]:
    window: Stretch | None = None
    for start, end in speech:
        if window is not None and end - window[0] <= longest:
            window = window[0], end
            continue
        if window is not None:
            yield window
        window = start, end
    if window is not None:
        yield window
