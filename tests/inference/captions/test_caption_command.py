"""`vidparticles caption`: from sound, a text, events or another file; mistakes are sentences."""

from __future__ import annotations

import importlib
import pathlib
import sys
from fractions import Fraction

import pytest

from vidparticles import cli, weights
from vidparticles.errors import InputError, MissingExtraError
from vidparticles.inference import captions
from vidparticles.inference.captions import caption, describe
from vidparticles.inference.understanding.movers import Movement
from vidparticles.inference.understanding.report import Report
from vidparticles.inference.understanding.told import UNSURE, Told
from vidparticles.video import subtitles
from vidparticles.video.subtitles import plain

SRT = "1\n00:00:01,000 --> 00:00:02,500\nTom & Ann\n\n2\n00:00:04,000 --> 00:00:05,000\n2 < 3\n"
module = importlib.import_module("vidparticles.inference.captions.words")


@pytest.fixture
def srt(tmp_path) -> pathlib.Path:
    (tmp_path / "a.srt").write_text(SRT)
    return tmp_path / "a.srt"


def test_a_file_is_converted_scaled_and_shifted(srt, tmp_path, capsys):
    out = tmp_path / "b.vtt"
    words = ["caption", str(srt), "-o", str(out), "--scale", "2", "--shift", "1.5"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out == f"{out}  2 cues, the last until 11.50 s\n"
    cues = subtitles.read(out).cues
    assert [(float(c.start), float(c.end)) for c in cues] == [(3.5, 6.5), (9.5, 11.5)]
    assert [plain(c.text) for c in cues] == ["Tom & Ann", "2 < 3"]
    assert "2 &lt; 3" in out.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["A", "-o", "b.txt"], "cannot write '.txt'"),
        (["A", "-o", "b.vtt", "--template", "x"], "--template is of --events"),
        (["A", "-o", "b.vtt", "--events"], "--events are of a video"),
        (["clip.mp4", "-o", "b.vtt", "--readable"], "--readable is of a file of subtitles"),
        (["clip.mp4", "-o", "b.vtt", "--events", "--language", "en"], "--language is of speech"),
        (["clip.mp4", "-o", "b.vtt", "--events", "--template", "{who}"], "has no {who}"),
        (["A", "-o", "b.vtt", "--encoding", "utf-99"], "not text in utf-99"),
        (["A", "-o", "b.vtt", "--scale", "0"], "factor over 0"),
    ],
)
def test_mistakes_are_sentences(words, said, srt, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["caption", *(str(srt) if w == "A" else w for w in words)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == [srt]


def test_what_is_not_installed_or_not_there_is_said(shared_data, monkeypatch, tmp_path):
    sonnet = shared_data / "speech-align" / "sonnet001.mp3"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no model\.bin; give a folder with a Whisper model"):
        caption(sonnet, weights=tmp_path / "empty")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="vidparticles weights get whisper-tiny-en"):
        caption(sonnet)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'vidparticles\[speech\]'"):
        caption(sonnet)


def test_events_are_told_by_a_template():
    report = Report(
        pathlib.Path("a.mp4"), 90.0, 900, 64, 48, (),
        actions=(Told("fencing", 61.0, 64.0, 0.8), Told(UNSURE, 64.0, 70.0)),
        movements=(Movement("a person crosses", 2.0, 3.0, "person", (1,)),),
    )  # fmt: skip
    cues = describe(report, "{start} \u2013 {kind}: {what} ({confidence} %)").cues
    assert [(float(c.start), plain(c.text)) for c in cues] == [
        (2, "0:02.0 \u2013 movements: a person crosses (100 %)"),
        (61, "1:01.0 \u2013 actions: fencing (80 %)"),
    ]


def test_what_happens_last_is_not_told_beyond_the_end(tmp_path, monkeypatch):
    report = Report(
        pathlib.Path("a.mp4"), 10.0, 100, 64, 48, (),
        actions=(Told("arm wrestling between two men at a table", 9.6, 10.0, 0.8),),
    )  # fmt: skip
    monkeypatch.setattr("vidparticles.inference.understand", lambda path: report)
    (tmp_path / "a.mp4").write_bytes(b"")
    out = tmp_path / "a.srt"
    assert cli.main(["caption", str(tmp_path / "a.mp4"), "--events", "-o", str(out)]) == 0
    (cue,) = subtitles.read(out).cues
    assert (float(cue.start), float(cue.end)) == (9.6, 10.0)


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("faster_whisper")
    for name in ("whisper-tiny-en", "silero"):
        if weights.status(name).state != "there":
            pytest.skip(f"the weights {name} are not here")
    return module.load_model()


@pytest.mark.slow
def test_nobody_is_heard_in_noise_and_silence(network, shared_data):
    for name, times in [("n", 0), ("zero", 0), ("sn", 1), ("ns", 1)]:
        found = caption(shared_data / "speech-align" / "vad" / f"{name}.wav", model=network)
        assert len(found.speech) >= times
        if not times:
            assert not found.words
        for word in found.words:
            assert any(a <= word.start and word.end <= b for a, b in found.speech)


@pytest.mark.slow
def test_a_sonnet_is_heard_and_aligned(network, shared_data):
    """Lines of a text begin where its authors' own tool has them, half of them within 0.2 s."""
    folder = shared_data / "speech-align"
    found = captions.caption(folder / "sonnet001.mp3", text=folder / "sonnet001.txt", model=network)
    cues, expected = found.subtitles.cues, subtitles.read(folder / "sonnet001.srt").cues
    texts = [plain(c.text).replace("\n", " ") for c in cues]
    assert texts == [plain(c.text) for c in expected]
    off = sorted(abs(a.start - b.start) for a, b in zip(cues, expected, strict=True))
    assert off[len(off) // 2] <= Fraction(1, 5)
