"""Progress: what is told to whom, and what a command shows of it."""

from __future__ import annotations

import io
import itertools
import json
import time

import pytest

from vidparticles import cli, progress
from vidparticles.bar import ProgressBar
from vidparticles.progress import counted, listening


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_whoever_listens_last_is_told_and_the_items_stay_what_they_are():
    outer, inner = [], []
    with listening(lambda *words: outer.append(words)):
        assert list(counted("ab", 2, work="one")) == ["a", "b"]
        with listening(lambda *words: inner.append(words)):
            assert list(itertools.islice(counted("abc", 3, work="two"), 2)) == ["a", "b"]
        with listening(None):
            list(counted("a", 1, work="three"))
    list(counted("a", 1, work="four"))
    assert outer == [("one", 0, 2), ("one", 1, 2), ("one", 2, 2)]
    assert inner == [("two", 0, 3), ("two", 1, 3)]  # an item is done when the next is asked for


def test_a_line_of_json_says_how_fast_and_how_long():
    stream = io.StringIO()
    bar = ProgressBar("json", stream=stream)
    bar._show()
    bar("writing", 0, 10)
    bar("writing", 1, 10)  # from here on: what was compiled before is no measure
    time.sleep(0.02)
    bar("writing", 4, 10)
    bar._show()
    early, late = map(json.loads, stream.getvalue().splitlines())
    assert (early["work"], early["done"], early["rate"], early["seconds_left"]) == (
        *("starting", 0),
        *(None, None),
    )
    assert (late["work"], late["done"], late["total"]) == ("writing", 4, 10)
    assert 0 < late["rate"] <= 3 / 0.02
    assert late["seconds_left"] == pytest.approx(6 / late["rate"])


@pytest.mark.parametrize(
    ("kind", "stream", "shown"),
    [
        ("bar", Terminal(), True),
        ("bar", io.StringIO(), False),
        ("json", io.StringIO(), True),
        ("none", Terminal(), False),
    ],
)
def test_it_is_shown_where_somebody_looks_even_before_the_first_frame(kind, stream, shown):
    with ProgressBar(kind, stream=stream, patience=0):
        for _ in range(200):
            if stream.getvalue():
                break
            time.sleep(0.01 if shown else 0.001)
    assert ("starting" in stream.getvalue()) == shown


def test_what_is_soon_done_shows_nothing():
    stream = Terminal()
    with ProgressBar("bar", stream=stream, patience=60) as bar:
        bar("writing", 1, 2)
    assert not stream.getvalue()


@pytest.mark.parametrize(
    ("words", "work", "total"),
    [
        (["edit", "CLIP", "--recolor", "gray", "-o", "OUT.mp4"], "writing", 48),
        (["cuts", "CLIP"], "looking", 48),
        (["splice", "CLIP", "CLIP", "-o", "OUT.mp4"], "copying", 96),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else None,
)
def test_verbs_tell(words, work, total, clip, tmp_path, monkeypatch):
    told = []

    class Listener(ProgressBar):
        def __call__(self, *words):
            told.append(words)

    monkeypatch.setattr(cli, "ProgressBar", Listener)
    names = {"CLIP": str(clip), "OUT.mp4": str(tmp_path / "out.mp4")}
    assert cli.main([names.get(word, word) for word in words]) == 0
    assert told == [(work, done, total) for done in range(total + 1)]
    assert progress._listener.get(None) is None
