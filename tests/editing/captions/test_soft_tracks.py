"""Subtitles as tracks of mp4, mkv and webm: what is read back says the same at the same times."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vidparticles import cli
from vidparticles.editing import add_track, apply, retime, trim
from vidparticles.video import Span, Subtitles, subtitles
from vidparticles.video.subtitles import escaped, plain

TEXTS = [
    "To be, or not to be\nthat is the question",
    "3 < 4 > 2 & <b>no tag</b>",
    "{\\an8} {braces} back\\slash \\N",
    "00:00:01.000 --> 00:00:02.000",
    "\u4f60\u597d \u0645\u0631\u062d\u0628\u0627 \U0001f600",
]


def track(count: int = len(TEXTS)) -> Subtitles:
    return Subtitles(
        tuple(
            Span(Fraction(k, 4), Fraction(k, 4) + Fraction(1, 5), escaped(text))
            for k, text in enumerate(TEXTS[:count])
        ),
        "eng",
    )


def told(path) -> list[tuple[float, float, str]]:
    return [
        (round(float(c.start), 2), round(float(c.end), 2), plain(c.text))
        for c in subtitles.read(path).cues
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_any_text_is_kept(suffix, counted, tmp_path):
    out = tmp_path / f"a{suffix}"
    made = apply(counted(frames=36, rate=24), out, add_track(track()))
    assert not made.warnings
    wanted = [(k / 4, round(k / 4 + 0.2, 2), text) for k, text in enumerate(TEXTS)]
    assert told(out) == wanted


def test_edits_after_it_carry_the_cues(counted, tmp_path):
    out = tmp_path / "a.mkv"
    apply(counted(frames=36, rate=24), out, add_track(track(2)), trim(0.25), retime(0.5))
    assert told(out) == [(0, 0.4, TEXTS[1])]


def test_the_command_adds_draws_and_shifts(counted, tmp_path, capsys):
    clip, file, out = counted(frames=24), tmp_path / "a.srt", tmp_path / "a.mp4"
    subtitles.write(track(1), file)
    words = ["edit", str(clip), "--subtitles", str(file), "--shift", "0.5", "-o", str(out)]
    assert cli.main(words) == 0
    assert told(out) == [(0.5, 0.7, TEXTS[0])]
    burnt = tmp_path / "b.mp4"
    assert cli.main(["edit", str(clip), "--burn", str(file), "-o", str(burnt)]) == 0
    capsys.readouterr()
    for wrong, said in [
        (["--shift", "1", "--speed", "2"], "--shift is of subtitles"),
        (["--font", "x.ttf", "--subtitles", str(file)], "--font is of subtitles in the picture"),
        (["--subtitles", str(tmp_path / "no.srt")], "cannot be read"),
        (["--burn", str(clip)], "has no subtitles in text"),
    ]:
        assert cli.main(["edit", str(clip), *wrong, "-o", str(tmp_path / "c.mp4")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "c.mp4").exists()
