"""`vidparticles caption`: what is said in a clip, as subtitles."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from vidparticles.errors import InputError, reason
from vidparticles.inference.captions import speech as speaking
from vidparticles.inference.captions.align import aligned
from vidparticles.inference.captions.words import Hearing, heard, load_model
from vidparticles.storage import PathLike
from vidparticles.video import Span, Subtitles, read_audio
from vidparticles.video.subtitles import (
    LayoutConfig,
    Word,
    arranged,
    clipped,
    cues_of,
    escaped,
    lines_of,
)


@dataclasses.dataclass(frozen=True)
class Captions:
    """What is said in a clip.

    Attributes:
        path: the clip.
        seconds: of its sound.
        subtitles: cues, within the clip.
        words: with their times; of a text that was aligned, its own.
        speech: (start, end) in seconds where someone speaks.
    """

    path: pathlib.Path
    seconds: float
    subtitles: Subtitles
    words: tuple[Word, ...] = ()
    speech: tuple[tuple[Fraction, Fraction], ...] = ()


def caption(
    path: PathLike,
    *,
    text: PathLike | None = None,
    weights: PathLike | None = None,
    model: Any = None,
    hearing: Hearing | None = None,
    speech: speaking.SpeechConfig = speaking.DEFAULT,
    layout: LayoutConfig | None = None,
) -> Captions:
    """Subtitles of what is said in a clip: words where someone speaks, none in silence.

    Args:
        path: a video or a file of sound.
        text: a file of what is said, whose lines are to be the cues; else what is heard is.
        weights: a folder with a Whisper model of CTranslate2; default, `whisper-tiny-en`.
        model: of `words.load_model`, loaded once for many clips.
        hearing: how words are heard.
        speech: when someone is taken to speak.
        layout: what viewers can read.

    Raises:
        MissingExtraError: faster-whisper is not installed.
        InputError: the clip has no sound or cannot be read, weights are not here, or nothing of
            the text is said in the clip.
    """
    layout = layout or LayoutConfig()
    lines = None if text is None else _lines(pathlib.Path(text))
    sound = read_audio(path)
    if sound is None:
        raise InputError(f"{path} has no sound to caption; give a clip in which someone speaks.")
    network = load_model(weights) if model is None else model
    stretches = speaking.spoken(sound, speech)
    words = speaking.within(heard(sound, stretches, network, hearing), stretches, speech)
    if lines is None:
        track = cues_of(words, layout)
    else:
        if not words:
            raise InputError(f"{path}: nobody was heard to speak, so {text} has no times.")
        rows = aligned(lines, words)
        words = [word for row in rows for word in row]
        track = _of_lines(rows, layout)
    return Captions(
        path=pathlib.Path(path),
        seconds=float(sound.duration),
        subtitles=clipped(track, [(Fraction(0), sound.duration)]),
        words=tuple(words),
        speech=stretches,
    )


def _of_lines(rows: Sequence[Sequence[Word]], layout: LayoutConfig) -> Subtitles:
    """A cue for each line, or more where it does not fit."""
    cues: list[Span] = []
    for row in rows:
        lines = lines_of("".join(word.text for word in row), layout)
        if len(lines) > layout.lines:
            cues += cues_of(row, layout).cues
        else:
            cues.append(Span(row[0].start, row[-1].end, escaped("\n".join(lines))))
    return arranged(Subtitles(tuple(cues)), layout)


def _lines(path: pathlib.Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)}); give a file of text in UTF-8."
        ) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path} holds no text; give what is said in the clip, line by line.")
    return lines
