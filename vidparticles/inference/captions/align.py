"""A known text at the times at which it is said: its words are paired with those heard."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from vidparticles.errors import InputError
from vidparticles.inference.captions.words import normal
from vidparticles.video.subtitles import Word


def paired(text: Sequence[str], heard: Sequence[str]) -> list[int | None]:
    """Which word that was heard each word of a text is, by the least edit distance.

    Args:
        text, heard: words, as `normal` has them.

    Returns:
        One for each word of the text, rising: an index, also of a word heard in its place; None
        where nothing was heard.

    Example:
        >>> paired("to be or not to be".split(), "to be not two be".split())
        [0, 1, None, 2, 3, 4]
    """
    count, width = len(text), len(heard)
    codes = {word: k for k, word in enumerate(dict.fromkeys((*text, *heard)))}
    own, other = (np.array([codes[word] for word in words], int) for words in (text, heard))
    along = np.arange(width + 1)
    row = along.astype(np.int32)
    ways = np.zeros((count + 1, width + 1), np.uint8)  # 0 pair, 1 left out, 2 heard beside
    ways[0, 1:] = 2
    for k in range(count):
        pair = row[:-1] + (own[k] != other)
        best = np.concatenate([[row[0] + 1], np.minimum(pair, row[1:] + 1)])
        ways[k + 1, 0] = 1
        ways[k + 1, 1:] = row[1:] + 1 < pair
        new = np.minimum.accumulate(best - along) + along
        ways[k + 1][new < best] = 2
        row = new.astype(np.int32)
    found: list[int | None] = [None] * count
    k, j = count, width
    while k:
        way = ways[k, j]
        if way == 0:
            k, j = k - 1, j - 1
            found[k] = j
        elif way == 1:
            k -= 1
        else:
            j -= 1
    return found


def aligned(lines: Sequence[str], heard: Sequence[Word]) -> list[list[Word]]:
    """The lines of a text with the times of their words.

    A word that was not heard shares the time between its neighbors by its letters.

    Args:
        lines: of the text; empty ones are left out.
        heard: words, in order.

    Returns:
        The words of each line, in order of time.

    Raises:
        InputError: no word of the text was heard.

    Example:
        >>> said = [Word(" one", *map(Fraction, (1, 2))), Word(" three", *map(Fraction, (4, 5)))]
        >>> [(w.text, str(w.start), str(w.end)) for w in aligned(["One two", "three"], said)[0]]
        [('One', '1', '2'), (' two', '2', '4')]
    """
    rows = [line.split() for line in lines if line.strip()]
    text = [word for row in rows for word in row]
    pairs = paired([normal(word) for word in text], [normal(word.text) for word in heard])
    if not any(
        k is not None and normal(heard[k].text) == normal(word)
        for k, word in zip(pairs, text, strict=True)
    ):
        raise InputError("no word of the text was heard in the sound; give the text of this clip.")
    spans = _filled(text, pairs, heard)
    words = iter(
        Word((" " if k else "") + word, *next(spans_of))
        for spans_of in [iter(spans)]
        for row in rows
        for k, word in enumerate(row)
    )
    return [list(itertools.islice(words, len(row))) for row in rows]


def _filled(
    text: Sequence[str], pairs: Sequence[int | None], heard: Sequence[Word]
) -> list[tuple[Fraction, Fraction]]:
    """When each word of a text is said."""
    known = [k for k, pair in enumerate(pairs) if pair is not None]
    spans: list[tuple[Fraction, Fraction]] = []
    ends = [-1, *known, len(text)]
    for before, after in itertools.pairwise(ends):
        unknown = text[before + 1 : after]
        start = spans[-1][1] if spans else heard[0].start
        last = heard[-1].end
        stop = heard[pairs[after] or 0].start if after < len(text) else max(last, start)
        room = max(stop - start, Fraction(0))
        total, done = sum(map(len, unknown)), 0
        for word in unknown:
            edges = (done, done := done + len(word))
            first, end = (start + room * part / total for part in edges)
            spans.append((first, end))
        if after < len(text):
            said = heard[pairs[after] or 0]
            begin = max(said.start, spans[-1][0] if spans else said.start)
            spans.append((begin, max(said.end, begin)))
    return spans
