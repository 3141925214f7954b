"""Cues out of words that are timed, and cues of others brought to the rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction

from vidparticles.video.extras import Span, Subtitles
from vidparticles.video.subtitles.layout import (
    DEFAULT,
    LayoutConfig,
    ends_clause,
    ends_sentence,
    lines_of,
    width,
)
from vidparticles.video.subtitles.markup import escaped, plain

_LONG_PAUSE = 0.5  # seconds between words that are as good an end as that of a clause


@dataclasses.dataclass(frozen=True)
class Word:
    """A word that is spoken.

    Attributes:
        text: with the space before it, where one is written, and what follows it, as "," does.
        start, end: seconds.
        likelihood: in [0, 1], of who heard it.
    """

    text: str
    start: Fraction
    end: Fraction
    likelihood: float = 1.0


def cues_of(words: Sequence[Word], config: LayoutConfig = DEFAULT) -> Subtitles:
    """Words as cues: parts of sentences that fit, each from its first word on.

    Args:
        words: in the order of their beginnings.
        config: what viewers can read.

    Example:
        >>> times = [(Fraction(k), Fraction(k + 1)) for k in (0, 1, 4)]
        >>> spoken = [Word(text, *time) for text, time in zip(("To", " go.", " No"), times)]
        >>> [(cue.text, str(cue.start), str(cue.end)) for cue in cues_of(spoken).cues]
        [('To go.', '0', '2'), ('No', '4', '5')]
    """
    spans = []
    for group in _groups(words, config):
        text = "\n".join(lines_of(_text(group), config))
        if text:
            spans.append(Span(group[0].start, max(w.end for w in group), escaped(text)))
    return Subtitles(_timed(spans, config))


def arranged(subtitles: Subtitles, config: LayoutConfig = DEFAULT) -> Subtitles:
    """Cues as viewers can read them: lines broken, long ones divided, short ones shown longer.

    Args:
        subtitles: the track. A cue whose lines fit keeps them and how they look; another is
            divided by the room that its text takes.
        config: what viewers can read. Beginnings stay, and cues at once stay so.

    Example:
        >>> track = Subtitles((Span(Fraction(0), Fraction(1, 10), "Yes."),))
        >>> str(arranged(track).cues[0].end)
        '5/6'
    """
    spans: list[Span] = []
    for cue in sorted(subtitles.cues, key=lambda cue: cue.start):
        text = plain(cue.text)
        lines = text.split("\n")
        if len(lines) <= config.lines and max(map(width, lines)) <= config.columns:
            spans.append(cue)
            continue
        lines = lines_of(text, config)
        parts = [lines[k : k + config.lines] for k in range(0, len(lines), config.lines)]
        total = sum(map(width, lines))
        done = 0
        for part in parts:
            edges = [done, done := done + sum(map(width, part))]
            start, end = (cue.start + (cue.end - cue.start) * at / total for at in edges)
            spans.append(Span(start, end, escaped("\n".join(part))))
    return dataclasses.replace(subtitles, cues=_timed(spans, config))


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _groups(words: Sequence[Word], config: LayoutConfig) -> Iterator[list[Word]]:
    """Words of one cue each."""
    group: list[Word] = []
    for word in words:
        if group and word.start - group[-1].end >= config.pause:
            yield group
            group = []
        while group and not _fits([*group, word], config):
            at = _best_end(group, word)
            yield group[:at]
            group = group[at:]
        group.append(word)
        if ends_sentence(word.text) and word.end - group[0].start >= config.shortest:
            yield group
            group = []
    if group:
        yield group


def _fits(words: Sequence[Word], config: LayoutConfig) -> bool:
    longest = words[-1].end - words[0].start > config.longest
    return not longest and len(lines_of(_text(words), config)) <= config.lines


def _best_end(group: Sequence[Word], after: Word) -> int:
    """How many words of a cue that is full to show: to where a part of a sentence ends, of late."""

    def worth(count: int) -> float:
        last, following = group[count - 1], [*group, after][count]
        paused = min(max(float(following.start - last.end), 0.0) / _LONG_PAUSE, 1.0)
        told = 2.0 if ends_sentence(last.text) else float(ends_clause(last.text))
        return told + paused + 1.5 * count / len(group)

    return max(range(1, len(group) + 1), key=worth)


def _timed(spans: Sequence[Span], config: LayoutConfig) -> tuple[Span, ...]:
    """Spans in order, that end when they have been read and before the next one begins."""
    found = []
    for k, span in enumerate(spans):
        read = Fraction(width(plain(span.text).replace("\n", ""))) / Fraction(config.speed)
        least = max(config.shortest, read.limit_denominator(1000))
        end = span.start + min(max(span.end - span.start, least), config.longest)
        following = next((s.start for s in spans[k + 1 :] if s.start > span.start), None)
        if following is not None and span.end <= following + config.gap:
            room = following - span.start
            end = min(end, following - (config.gap if room >= 2 * config.gap else 0))
        elif following is not None:  # they were meant to be there at once
            end = min(end, max(span.end, following))
        found.append(Span(span.start, end, span.text))
    return tuple(found)
