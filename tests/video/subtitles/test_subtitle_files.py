"""Files of subtitles come back as they were, here and in pysubs2 and webvtt-py, of any text."""

from __future__ import annotations

import html
import re
from fractions import Fraction

import pysubs2
import pytest
import webvtt
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.video import Span, Subtitles, subtitles
from vidparticles.video.subtitles.markup import JOINER, cleaned, escaped, plain

# What readers of subtitles take for something else than text, among any Unicode.
TRAPS = [
    "00:00:01,000 --> 00:00:02,000", "00:01.000 --> 00:02.000", "1", "42", "<i>", "</b>", "< / u >",
    "{\\an8}", "{i}", "\\N", "\\h", "\\", "&amp;", "&", "<00:00:01.000>", "WEBVTT", "NOTE", "STYLE",
    "-->", "->", "1:00:01,5 and 1:00:02.5", "\u0663:\u0664", JOINER, "\ufeff", "\ufdd3", "\x00",
    "\r", "\x85", "\u2028", "\t", "Dialogue: 0,", ";", "[Events]", "\U0001f600", "\ud800", "<\\i>",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(st.sampled_from([*TRAPS, "\n", " "]), st.text(max_size=5)), min_size=1, max_size=6
).map("".join)
TRACKS = st.lists(
    st.tuples(st.integers(0, 35 * 10**6), st.integers(10, 10**4), TEXTS), min_size=1, max_size=4
)


def track_of(rows) -> Subtitles:
    """Cues on hundredths of a second, which all formats hold."""
    cues = [
        Span(Fraction(start // 10, 100), Fraction((start + long) // 10, 100), escaped(text))
        for start, long, text in rows
    ]
    return Subtitles(tuple(sorted(cues, key=lambda cue: (cue.start, cue.end))))


def told(track: Subtitles) -> list[tuple[Fraction, Fraction, str]]:
    return [(c.start, c.end, plain(c.text)) for c in track.cues if plain(c.text)]


@pytest.mark.parametrize("kind", ["srt", "vtt", "ass"])
@given(rows=TRACKS)
@settings(max_examples=60, deadline=None)
@example(rows=[(1000, 1000, "one\n2")])
@example(rows=[(1000, 1000, "a"), (3000, 1000, "<b>x</b>\n{\\i1}y\n00:00:01,000 00:00:02,000")])
def test_any_text_comes_back(kind, rows, tmp_path_factory):
    track = track_of(rows)
    path = tmp_path_factory.mktemp("any") / f"track.{kind}"
    subtitles.write(track, path)
    assert told(subtitles.read(path)) == told(track)


@given(rows=TRACKS)
@settings(max_examples=60, deadline=None)
def test_other_readers_see_the_same_cues(rows, tmp_path_factory):
    """Times and texts by pysubs2 (.srt, .vtt) and webvtt-py (.vtt)."""
    track = track_of(rows)
    expected = told(track)
    assume(expected)  # pysubs2 knows a file by its cues
    folder = tmp_path_factory.mktemp("others")
    for kind in ("srt", "vtt"):
        subtitles.write(track, folder / f"a.{kind}")
        found = pysubs2.load(str(folder / f"a.{kind}"))
        texts = [event.text.replace(r"\N", "\n").replace(JOINER, "") for event in found]
        if kind == "vtt":
            texts = [*map(html.unescape, texts)]
        times = [(Fraction(e.start, 1000), Fraction(e.end, 1000)) for e in found]
        assert [(*time, text) for time, text in zip(times, texts, strict=True)] == expected
    read = webvtt.read(str(folder / "a.vtt"))
    texts = [html.unescape(caption.raw_text).replace(JOINER, "") for caption in read]
    assert texts == [text for _, _, text in expected]
    starts = [caption.start_in_seconds for caption in read]
    assert starts == [int(start) for start, _, _ in expected]


@given(text=st.text(max_size=30))
def test_markup_of_plain_text_is_that_text(text):
    assert plain(escaped(text)) == cleaned(text)


def test_how_text_looks_goes_from_one_format_to_another(tmp_path):
    track = Subtitles((Span(Fraction(1), Fraction(2), r"{\i1}a{\i0} \{b\}"),))
    for kind, expected in [("srt", "<i>a</i> {b}"), ("vtt", "<i>a</i> {b}")]:
        assert expected in subtitles.text_of(track, kind)
        subtitles.write(track, tmp_path / f"a.{kind}")
        assert subtitles.read(tmp_path / f"a.{kind}").cues[0].text == r"{\i1}a{\i0} \{b\}"


VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE a comment
of two lines

intro
00:01.000 --> 00:02.500 align:start position:10%
<v Ann>Tom &amp; <00:00:01.500><c>Ann</c>
{x} 1:00:01.000 1:00:02.000

NOTE the end

01:00:00.000 --> 01:00:01.000
late
"""


def test_what_others_write_is_read(tmp_path):
    path = tmp_path / "a.vtt"
    path.write_bytes(VTT.replace("\n", "\r\n").encode("utf-8-sig"))
    first, second = told(subtitles.read(path))
    assert first == (1, Fraction(5, 2), "Tom & Ann\n{x} 1:00:01.000 1:00:02.000")
    assert second == (3600, 3601, "late")
    wide = tmp_path / "b.srt"
    wide.write_bytes(
        "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<font color='red'>é</font>".encode("utf-16")
    )
    assert told(subtitles.read(wide)) == [(1, 2, "é")]


def test_another_encoding_is_asked_for(tmp_path):
    path = tmp_path / "a.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\ncafé".encode("cp1252"))
    with pytest.raises(InputError, match=r"a\.srt is not text in utf-8; .*--encoding"):
        subtitles.read(path)
    assert told(subtitles.read(path, encoding="cp1252")) == [(1, 2, "café")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "", "is no file of subtitles"),
        ("a.srt", "Just a text.\n", "holds no cues"),
        ("a.vtt", "WEBVTT\n\nJust a text.\n", "holds no cues"),
        ("none.srt", None, "cannot be read"),
    ],
)
def test_what_is_no_file_of_subtitles_is_said(name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        subtitles.read(tmp_path / name)


def test_no_cues_are_a_file_too(tmp_path):
    for kind in ("srt", "vtt", "ass"):
        path = subtitles.write(Subtitles(()), tmp_path / f"a.{kind}")
        assert subtitles.read(path).cues == ()
    assert len(webvtt.read(str(tmp_path / "a.vtt"))) == 0


def test_what_no_file_can_say_is_refused(tmp_path):
    late = Subtitles((Span(Fraction(359_999), Fraction(360_001), "a"),))
    with pytest.raises(InputError, match=r"after 100 h, .*shift it"):
        subtitles.write(late, tmp_path / "a.srt")
    assert not list(tmp_path.iterdir())


def test_the_sonnets_own_files_say_the_same(shared_data):
    """.srt and .vtt of one recording, of another author."""
    folder = shared_data / "speech-align"
    first, second = (told(subtitles.read(folder / f"sonnet001.{k}")) for k in ("srt", "vtt"))
    assert first == second
    lines = (folder / "sonnet001.txt").read_text().splitlines()
    assert [text for _, _, text in first] == [line for line in lines if line.strip()]
    assert re.match("1$", first[0][2])
