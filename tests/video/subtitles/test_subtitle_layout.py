"""Lines, lengths and gaps of cues keep to the rules, and cues to their words."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.video import Span, Subtitles
from vidparticles.video.subtitles import (
    LayoutConfig,
    Word,
    arranged,
    clipped,
    cues_of,
    escaped,
    lines_of,
    plain,
    scaled,
    shifted,
)
from vidparticles.video.subtitles.layout import width

CONFIG = LayoutConfig()
TOKENS = st.text(
    st.sampled_from("abcde\u00e9\u5b57\u3042\ud55c.,?!'\u0301"), min_size=1, max_size=60
)
WORDS = st.lists(
    st.tuples(st.booleans(), TOKENS, st.integers(0, 3000), st.integers(20, 1500)), max_size=30
)


def spoken(rows) -> list[Word]:
    """Words one after another: (space before, text, pause, length in ms)."""
    words, at = [], Fraction(0)
    for space, text, pause, long in rows:
        start = at + Fraction(pause, 1000)
        at = start + Fraction(long, 1000)
        words.append(Word(" " * space + text, start, at))
    return words


@given(rows=WORDS)
@settings(max_examples=100, deadline=None)
def test_cues_of_words_keep_the_rules(rows):
    words = spoken(rows)
    cues = cues_of(words).cues
    shown = "".join(plain(c.text) for c in cues)
    assert "".join(shown.split()) == "".join("".join(w.text for w in words).split())
    starts = {word.start for word in words}
    for cue, after in itertools.zip_longest(cues, cues[1:]):
        lines = plain(cue.text).split("\n")
        assert cue.start in starts
        assert len(lines) <= CONFIG.lines or len(lines_of("".join(lines))) > CONFIG.lines
        assert all(width(line) <= CONFIG.columns for line in lines)
        assert 0 < cue.end - cue.start <= CONFIG.longest
        if after is not None:
            assert cue.end <= after.start
            room = after.start - cue.start
            if room >= 2 * CONFIG.gap:
                assert after.start - cue.end >= CONFIG.gap
            if room >= CONFIG.shortest + CONFIG.gap:
                assert cue.end - cue.start >= CONFIG.shortest


@given(text=st.text(st.sampled_from("ab cd.,\u5b57\u3002\u0301-"), max_size=200))
def test_lines_are_as_few_as_can_be(text):
    """As a plain filling of lines from the first on has them, and no wider."""
    lines = lines_of(text)
    assert all(line and width(line) <= CONFIG.columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    if "\u5b57" not in text and all(len(word) <= 42 for word in text.split()):
        count, free = 0, 0
        for word in text.split():
            if width(word) + 1 > free:
                count, free = count + 1, CONFIG.columns + 1
            free -= width(word) + 1
        assert len(lines) == count


def test_lines_break_where_a_clause_ends_and_not_behind_an_article():
    assert lines_of("I came here to bury him, not to praise the noble Caesar now") == [
        "I came here to bury him,",
        "not to praise the noble Caesar now",
    ]
    assert lines_of("\u5929\u6c14\u5f88\u597d\uff0c" * 6)[0].endswith("\uff0c")


ROWS = st.lists(
    st.tuples(st.integers(0, 10**5), st.integers(1, 20_000), st.text("ab c\n", max_size=250)),
    max_size=6,
)


def track_of(rows) -> Subtitles:
    cues = (Span(Fraction(a, 1000), Fraction(a + n, 1000), escaped(t)) for a, n, t in rows)
    return Subtitles(tuple(sorted((c for c in cues if c.text), key=lambda cue: cue.start)), "eng")


@given(rows=ROWS)
@settings(max_examples=100, deadline=None)
def test_arranged_cues_are_within_the_rules(rows):
    track = track_of(rows)
    found = arranged(track)
    assert found.language == "eng"
    texts = ["".join("".join(plain(c.text) for c in t.cues).split()) for t in (track, found)]
    assert sorted(texts[0]) == sorted(texts[1])
    assert {c.start for c in track.cues} <= {c.start for c in found.cues}
    for cue in found.cues:
        lines = plain(cue.text).split("\n")
        assert len(lines) <= 2
        assert max(map(width, lines)) <= 42
        assert 0 < cue.end - cue.start <= CONFIG.longest


def test_how_a_cue_looks_is_kept_where_it_fits():
    track = Subtitles((Span(Fraction(0), Fraction(3), r"{\i1}Yes.{\i0}\NNo."),))
    assert arranged(track) == track


@given(rows=ROWS, by=st.integers(-50_000, 50_000), factor=st.fractions(Fraction(1, 4), 4))
def test_moved_and_moved_back(rows, by, factor):
    track = track_of(rows)
    seconds = Fraction(by, 1000)
    assert scaled(scaled(track, factor), 1 / factor) == track
    late = shifted(track, abs(seconds))
    assert shifted(late, -abs(seconds)) == track
    cut = shifted(track, -abs(seconds))
    assert cut == shifted(clipped(track, [(abs(seconds), Fraction(10**6))]), -abs(seconds))


def test_a_scale_of_nothing_is_refused():
    with pytest.raises(InputError, match="factor over 0"):
        scaled(Subtitles(()), 0)
    with pytest.raises(InputError, match="show no text"):
        LayoutConfig(columns=0)
    with pytest.raises(InputError, match="shortest ≤ longest"):
        LayoutConfig(shortest=Fraction(9))
