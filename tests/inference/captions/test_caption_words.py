"""Words that were heard: only where someone speaks, no loops, and a known text at their times."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.inference.captions.align import aligned, paired
from vidparticles.inference.captions.speech import SpeechConfig, stretches, within
from vidparticles.inference.captions.words import Hearing, heard, without_loops
from vidparticles.video import Sound
from vidparticles.video.subtitles import Word


def distance(a, b) -> int:
    """Levenshtein's, as its definition has it."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        rows.append([i])
        for j, y in enumerate(b, 1):
            ways = rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (x != y)
            rows[i].append(min(ways))
    return rows[-1][-1]


LETTERS = st.lists(st.sampled_from("abcd"), max_size=12)


@given(text=LETTERS, said=LETTERS)
def test_words_are_paired_by_the_least_edit_distance(text, said):
    pairs = paired(text, said)
    found = [k for k in pairs if k is not None]
    assert found == sorted(set(found))
    cost = sum(k is None or said[k] != a for k, a in zip(pairs, text, strict=True))
    assert cost + len(said) - len(found) == distance(text, said)


SPANS = st.lists(st.tuples(st.integers(0, 800), st.integers(1, 900)), max_size=12)


def words_of(rows) -> list[Word]:
    words, at = [], Fraction(0)
    for pause, long in rows:
        start = at + Fraction(pause, 1000)
        at = start + Fraction(long, 1000)
        words.append(Word(f" w{len(words)}", start, at))
    return words


@given(rows=SPANS, speech=SPANS)
@settings(max_examples=200)
def test_no_word_is_in_silence(rows, speech):
    words = words_of(rows)
    spoken = [(word.start, word.end) for word in words_of([(a + 1, b + 49) for a, b in speech])]
    kept = within(words, spoken)
    for word in kept:
        assert word.start < word.end
        assert any(a <= word.start and word.end <= b for a, b in spoken)
    assert [w.start for w in kept] == sorted(w.start for w in kept)
    texts = [word.text for word in kept]
    for word in words:
        if any(a <= word.start and word.end <= b for a, b in spoken) and word.end - word.start >= (
            Fraction(1, 10)
        ):
            assert word.text in texts, "a word that is said is kept"
        if all(a - word.end > 0.3 or word.start - b > 0.3 for a, b in spoken):
            assert word.text not in texts


def test_speech_goes_on_over_short_pauses_and_short_noises_are_none():
    likely = np.zeros(200)
    likely[20:40] = likely[44:60] = 0.9
    likely[100:103] = 0.9
    found = stretches(likely, Fraction(200 * 512, 16000), SpeechConfig(around=0))
    assert found == ((Fraction(20 * 512, 16000), Fraction(60 * 512, 16000)),)
    assert stretches(np.zeros(0), Fraction(0)) == ()


@given(
    before=st.lists(st.sampled_from(["p", "q", "r"]), unique=True),
    phrase=st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True),
    count=st.integers(1, 9),
)
def test_a_phrase_that_comes_over_and_over_is_left_once(before, phrase, count):
    zero = Fraction(0)
    words = [Word(" " + text, zero, zero) for text in [*before, *phrase * count, "end."]]
    kept = [word.text.strip() for word in without_loops(words)]
    assert kept == [*before, *phrase * (1 if count > 3 else count), "end."]


@given(lines=st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5), min_size=1))
def test_a_text_gets_times_that_rise(lines):
    text = [" ".join(line) for line in lines]
    said = words_of([(100, 200)] * 8)
    said = [Word(" " + "abfaceda"[k], w.start, w.end) for k, w in enumerate(said)]
    if not {*"".join(text)} & {*"abfaced"}:
        return
    try:
        rows = aligned(text, said)
    except InputError:
        return  # no word was at the place of its own
    assert [["".join(w.text for w in row)] for row in rows] == [[line] for line in text]
    flat = [*itertools.chain(*rows)]
    assert all(a.start <= b.start for a, b in itertools.pairwise(flat))
    assert all(said[0].start <= w.start <= w.end <= said[-1].end for w in flat)


def test_a_text_of_another_clip_is_refused():
    with pytest.raises(InputError, match="no word of the text was heard"):
        aligned(["entirely different"], words_of([(0, 100)]))


class Parrot:
    """Hears one word a second, with times of what it is given; as faster-whisper's models do."""

    def __init__(self):
        self.lengths = []

    def transcribe(self, samples, **options):
        assert options["word_timestamps"]
        self.lengths.append(len(samples))
        made = type("Made", (), {})
        segment = made()
        segment.words = []
        for k in range(len(samples) // 16000):
            word = made()
            word.word, word.start, word.end, word.probability = (
                f" {len(self.lengths)}{k}",
                k,
                k + 1,
                1,
            )
            segment.words.append(word)
        return [segment], None


def test_only_windows_of_speech_are_heard_on_the_clock_of_the_clip():
    sound = Sound.of(np.zeros((100 * 8000, 2), np.float32), rate=8000)
    model = Parrot()
    speech = [(Fraction(a), Fraction(b)) for a, b in [(2, 4), (10, 29), (40, 41), (90, 92)]]
    words = heard(sound, speech, model, Hearing(window=28))
    assert model.lengths == [27 * 16000, 16000, 2 * 16000]
    starts = [float(word.start) for word in words]
    assert starts == [*range(2, 29), 40, 90, 91]
