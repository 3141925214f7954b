"""Timelines through the files of editing programs and back."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
from fractions import Fraction
from xml.etree import ElementTree

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from vidparticles.errors import InputError
from vidparticles.video import Span
from vidparticles.video.timelines import (
    Clip,
    Effect,
    Gap,
    Timeline,
    Transition,
    read_timeline,
    write_timeline,
)
from vidparticles.video.timelines.data import misplaced

otio = pytest.importorskip("opentimelineio")

NTSC = [Fraction(n, 1001) for n in (24000, 30000, 60000)]
RATES = [*NTSC, Fraction(24), Fraction(25), Fraction(30), Fraction(60)]
frames = st.integers(41, 5000)  # more than the dissolves at both ends take


@st.composite
def timelines(draw, *, whole=True, fades=True, rates=RATES):
    """Clips, gaps and dissolves; in whole frames, or at any times, speeds and effects."""
    rate = draw(st.sampled_from(rates))
    items = []

    def length():
        if whole or draw(st.booleans()):
            return draw(frames) / rate
        return draw(st.fractions(Fraction(1, 1000), 5000, max_denominator=90000))

    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["clip", "clip", "gap", "fade"] if fades else ["clip", "gap"]))
        if kind == "clip":
            start = length()
            source = draw(st.sampled_from(["/films/a.mp4", "/films/b c.mov", "/films/ü.mp4"]))
            clip = Clip(source, start, start + length())
            if not whole:
                speed = draw(st.sampled_from([1, 2, Fraction(1, 3), -1]))
                effects = draw(st.sampled_from([(), (Effect("recolor", "hue=90"),)]))
                clip = Clip(source, start, clip.end, Fraction(speed), effects)
            items.append(clip)
        elif kind == "gap":
            items.append(Gap(length()))
        else:
            share = draw(st.integers(0, 20)) / rate
            items.append(Transition(share, 20 / rate - share))
    wrong = misplaced(items)
    items = [item for k, item in enumerate(items) if k not in wrong]
    if whole:  # black side by side is one, see below
        pairs = zip([None, *items], items, strict=False)
        items = [item for before, item in pairs if type(before) is not Gap or type(item) is not Gap]
    items = items if any(isinstance(item, Clip) for item in items) else [clip_of(rate)]
    items = items[:-1] if whole and isinstance(items[-1], Gap) else items
    items = items[1:] if whole and isinstance(items[0], Gap) else items
    return Timeline(tuple(items), rate)


def clip_of(rate):
    return Clip("/films/a.mp4", Fraction(0), 10 / rate)


def through(timeline, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/cut{suffix}"
        told = write_timeline(timeline, path)
        return read_timeline(path), told


@settings(max_examples=15)
@given(timelines(whole=False), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_an_otio_holds_all_of_it(timeline, words):
    cue = Span(Fraction(1, 3), Fraction(1, 2), words)
    timeline = Timeline(timeline.items, timeline.rate, (cue,))
    assert through(timeline, ".otio") == (timeline, ())


@settings(max_examples=15)
@given(timelines())
def test_an_xml_holds_whole_frames_gaps_and_dissolves(timeline):
    back, told = through(timeline, ".xml")
    assert (told, back.rate) == ((), timeline.rate)
    assert spans(back) == spans(timeline)
    if all(not isinstance(i, Transition) or i.before == i.after for i in timeline.items):
        assert back == timeline


@settings(max_examples=15)
@given(timelines(fades=False, rates=RATES[3:]))
def test_an_fcpxml_tells_exact_times_and_is_not_read(timeline):
    """What reads it cuts times down to frames by floats, some of which are a frame early."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cut.fcpxml"
        assert write_timeline(timeline, path) == ()
        spine = ElementTree.parse(path).getroot().find(".//spine")
        told = [
            tuple(Fraction(child.get(key, "0s").rstrip("s")) for key in ("start", "duration"))
            for child in spine.findall("clip")
        ]
        with pytest.raises(InputError, match=r"export it as \.otio or \.xml"):
            read_timeline(path)
    assert told == [(clip.start, clip.seconds) for clip in timeline.clips]


def spans(timeline):
    """Which part of a file is seen when, dissolves included: what an EDL tells in its own way."""
    seen = []
    items, starts = timeline.items, timeline.starts
    for k, (item, begun) in enumerate(zip(items, starts, strict=True)):
        if not isinstance(item, Clip):
            continue
        head = items[k - 1] if k and isinstance(items[k - 1], Transition) else None
        (tail,) = items[k + 1 : k + 2] or (None,)
        early = head.before if head else 0
        late = tail.after if isinstance(tail, Transition) else 0
        seen.append((item.source, item.start - early, begun - early, item.end + late))
    return seen


@settings(max_examples=15)
@given(timelines())
def test_an_edl_shows_the_same_parts_at_the_same_times(timeline):
    back, told = through(timeline, ".edl")
    assert not told
    assert back.rate == timeline.rate
    assert spans(back) == spans(timeline)


def test_what_a_file_cannot_hold_is_one_sentence(tmp_path):
    rate = Fraction(25)
    clip = Clip("/a.mp4", Fraction(1, 3), Fraction(2), effects=(Effect("recolor", "gray"),))
    fades = (clip, Transition(1 / rate, 1 / rate, "wipe"), clip)
    whole = Timeline(fades, rate, (Span(Fraction(0), Fraction(1), "words"),))
    (told,) = write_timeline(whole, tmp_path / "a.edl")
    for name in ("recolor", "wipe other than as a dissolve", "captions", "between frames of 25"):
        assert name in told
    assert read_timeline(tmp_path / "a.edl").clips[0].start == Fraction(8, 25)
    quick = Timeline((Clip("/a.mp4", Fraction(0), Fraction(2), Fraction(2)),), rate)
    for suffix in (".edl", ".xml", ".fcpxml"):
        with pytest.raises(InputError, match=r"2 times its speed; write an \.otio"):
            write_timeline(quick, tmp_path / f"b{suffix}")
    with pytest.raises(InputError, match=r"23\.976 frames a second"):
        write_timeline(Timeline((clip_of(NTSC[0]),), NTSC[0]), tmp_path / "b.fcpxml")
    assert [path.name for path in tmp_path.iterdir()] == ["a.edl"]


def test_black_at_an_end_is_told_and_black_beside_black_is_one(tmp_path):
    tick = Fraction(1, 25)
    gap, clip = Gap(tick), clip_of(Fraction(25))
    cut = Timeline((gap, clip, gap, gap, clip, gap), Fraction(25))
    (told,) = write_timeline(cut, tmp_path / "a.xml")
    assert "black at its end" in told
    assert read_timeline(tmp_path / "a.xml").items == (gap, clip, Gap(2 * tick), clip)
    (told,) = write_timeline(cut, tmp_path / "a.edl")
    assert "black at its beginning, black at its end" in told
    assert read_timeline(tmp_path / "a.edl").items == (clip, Gap(2 * tick), clip)


def test_what_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "a.otio").write_text("{")
    (tmp_path / "b.edl").write_text("TITLE: b\n001  AX V C 00:00:00:00 00:00:01:00 00:00:00:00\n")
    empty = otio.schema.Timeline("empty")
    otio.adapters.write_to_file(empty, str(tmp_path / "c.otio"))
    nested = otio.schema.Timeline("nested", tracks=[otio.schema.Track(kind="Video")])
    nested.tracks[0].append(otio.schema.Stack())
    otio.adapters.write_to_file(nested, str(tmp_path / "d.otio"))
    missing = otio.schema.Timeline("missing", tracks=[otio.schema.Track(kind="Video")])
    missing.tracks[0].append(otio.schema.Clip("shot 3"))
    otio.adapters.write_to_file(missing, str(tmp_path / "e.otio"))
    sentences = {
        "a.otio": "is not a timeline that can be read",
        "b.edl": "tells no frames a second",
        "c.otio": "shows nothing",
        "d.otio": "flatten it first",
        "e.otio": "clip 'shot 3' names no file",
        "f.otio": "no such file",
    }
    for name, told in sentences.items():
        with pytest.raises(InputError, match=told):
            read_timeline(tmp_path / name)


def test_a_file_that_has_moved_with_its_timeline_is_found(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    cut = Timeline((Clip("/gone/a.mp4", Fraction(1), Fraction(2)),), Fraction(25))
    write_timeline(cut, tmp_path / "cut.otio")
    assert read_timeline(tmp_path / "cut.otio").clips[0].source == str(tmp_path / "a.mp4")


def test_another_programs_timeline_with_time_codes_is_read(tmp_path):
    """A tape that begins at 01:00:00:00, and a speed that was changed after we wrote it."""
    rate = 25.0
    start = otio.opentime.RationalTime(90000, rate)
    media = otio.schema.ExternalReference(
        "file:///films/a.mp4",
        otio.opentime.TimeRange(start, otio.opentime.RationalTime(1000, rate)),
    )
    used = otio.opentime.TimeRange(
        otio.opentime.RationalTime(90050, rate), otio.opentime.RationalTime(50, rate)
    )
    clip = otio.schema.Clip("a", media, used, metadata={"vidparticles": {"speed": "1/3"}})
    clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=0.5))
    whole = otio.schema.Timeline("other", tracks=[otio.schema.Track(kind="Video")])
    whole.tracks[0].append(clip)
    otio.adapters.write_to_file(whole, str(tmp_path / "a.otio"))
    (read,) = read_timeline(tmp_path / "a.otio").items
    assert read == Clip("/films/a.mp4", Fraction(2), Fraction(3), Fraction(1, 2))


def test_without_the_extra_the_sentence_holds_the_line_that_installs_it(tmp_path):
    code = (
        "import sys; sys.modules['opentimelineio'] = None\n"
        "from vidparticles.video.timelines import read_timeline\n"
        "try: read_timeline(sys.argv[1])\n"
        "except Exception as error: print(error)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "a.otio")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "pip install 'vidparticles[timeline]'" in said


def test_what_is_written_is_what_others_read(tmp_path):
    """In OpenTimelineIO's own words: frames of the rate, the file's URL, picture and sound."""
    rate = NTSC[0]
    cut = Timeline((Clip("/films/a b.mp4", 24 / rate, 48 / rate),), rate)
    write_timeline(cut, tmp_path / "a.otio")
    told = json.loads((tmp_path / "a.otio").read_text())
    tracks = told["tracks"]["children"]
    assert [track["kind"] for track in tracks] == ["Video", "Audio"]
    clip = tracks[0]["children"][0]
    start = clip["source_range"]["start_time"]
    assert (start["value"], start["rate"]) == (24.0, pytest.approx(23.976, abs=1e-3))
    assert clip["media_references"]["DEFAULT_MEDIA"]["target_url"] == "file:///films/a%20b.mp4"
