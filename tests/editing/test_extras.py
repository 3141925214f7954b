"""Further sounds, subtitles, chapters and tags go along with the picture, or a line names them."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing import extras
from vidparticles.editing.timing.curve import parse_curve
from vidparticles.video import Extras, Span, Subtitles, Writer, open_video

FILE = "faults/many_streams.mkv"
TAGS = {"title": "Two tracks", "artist": "Nobody", "creation_time": "2024-05-06T07:08:09.000000Z"}


def spans(found) -> list[tuple[float, float, str]]:
    return [(round(float(s.start), 2), round(float(s.end), 2), s.text) for s in found]


def held(path) -> tuple[list, list, list]:
    """Cues of both languages and chapters; that all else is there is checked."""
    with open_video(path) as video:
        first, beside = video.audio(), video.extras()
    assert beside.metadata == TAGS
    (voice,) = beside.voices
    assert (beside.language, voice.language) == ("eng", "fra")
    for sound, hertz in [(first, 300), (voice.sound, 900)]:
        wave = sound.samples[4000:-4000, 0]
        strongest = np.argmax(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))))
        assert strongest * sound.rate / len(wave) == pytest.approx(hertz, abs=3)
    assert [track.language for track in beside.subtitles] == ["eng", "fra"]
    return *(spans(track.cues) for track in beside.subtitles), spans(beside.chapters)


EDITS = {
    "trim": (
        editing.trim(1, 3),
        [(0, 0.5, "one"), (1, 2, "two")],
        [(0, 1.5, "un")],
        [(0, 0.49, "First"), (0.49, 2, "Second")],
    ),
    "quick": (
        editing.retime(2),
        [(0.25, 0.75, "one"), (1, 1.5, "two")],
        [(0.5, 1.25, "un")],
        [(0, 0.75, "First"), (0.75, 2, "Second")],
    ),
    "recolor": (
        editing.recolor(editing.Colors(contrast=0.9)),
        [(0.5, 1.5, "one"), (2, 3, "two")],
        [(1, 2.5, "un")],
        [(0, 1.49, "First"), (1.49, 3.99, "Second")],
    ),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov"])
@pytest.mark.parametrize("name", EDITS)
def test_all_that_a_file_holds_is_cut_along(name, suffix, shared_data, tmp_path):
    if name != "trim" and suffix in (".webm", ".mov"):
        pytest.skip("the kinds of files differ in how they are written alone")
    edit, *expected = EDITS[name]
    out = tmp_path / f"out{suffix}"
    made = editing.apply(shared_data / FILE, out, edit)
    assert not made.warnings
    for found, wanted in zip(held(out), expected, strict=True):
        assert [text for _, _, text in found] == [text for _, _, text in wanted]
        times = [pytest.approx(span[:2], abs=0.011) for span in wanted]
        assert [span[:2] for span in found] == times


def test_tracks_of_clips_are_joined(shared_data, tmp_path):
    out = tmp_path / "out.mp4"
    editing.splice([shared_data / FILE] * 2, out)
    english, french, chapters = held(out)
    assert english == [(0.5, 1.5, "one"), (2, 3, "two"), (4.5, 5.5, "one"), (6, 7, "two")]
    assert french == [(1, 2.5, "un"), (5, 6.5, "un")]
    assert [text for _, _, text in chapters] == ["First", "Second"] * 2


def test_cues_follow_a_curve_and_stay_whole_over_its_pieces():
    cues = Subtitles(
        (Span(Fraction(1, 2), Fraction(3, 2), "a"), Span(Fraction(3), Fraction(4), "b"))
    )
    beside = Extras(subtitles=(cues,), chapters=(Span(Fraction(0), Fraction(4), "all"),))
    for words, expected, seconds in [
        ("0.5@1-2", [(0.5, 2, "a"), (4, 5, "b")], 5),
        ("hold:1@1", [(0.5, 2.5, "a"), (4, 5, "b")], 5),
        ("-1", [(0, 1, "b"), (2.5, 3.5, "a")], 4),
        ("-1@1-3", [(0.5, 1, "a"), (2.5, 3, "a"), (3, 4, "b")], 4),
    ]:
        pieces = parse_curve(words).over(Fraction(4))
        found = extras.through(beside, pieces, Fraction(seconds))
        assert spans(found.subtitles[0].cues) == expected
        assert spans(found.chapters) == [(0, seconds, "all")]


def test_what_cannot_be_kept_is_named_in_one_line(shared_data, tmp_path):
    gif, out = tmp_path / "out.gif", tmp_path / "out.mp4"
    made = editing.apply(shared_data / FILE, gif, editing.trim(0, 0.5))
    (line,) = made.warnings
    assert line == f"{gif} cannot hold further sounds, subtitles, chapters, tags; left out."
    odd = tmp_path / "odd.mkv"
    with Writer(odd, rate=5, extras=Extras(metadata={"mood": "gray", "title": "T"})) as writer:
        for _ in range(5):
            writer.add(np.zeros((32, 32, 3), np.uint8))
    made = editing.apply(odd, out, editing.trim(0, 0.5))
    assert made.warnings == (f"{out} cannot hold the tag mood; left out.",)
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "T"
