"""What a timeline says is what its file shows and sounds."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from tests.editing.conftest import number_of
from vidparticles import cli
from vidparticles.editing import compose
from vidparticles.editing.edit import edit
from vidparticles.errors import InputError
from vidparticles.video import Encoding, Sound, Span, open_video
from vidparticles.video.timelines import (
    Clip,
    Effect,
    Gap,
    Timeline,
    Transition,
    concatenate,
    write_timeline,
)

RATE, TICK = Fraction(24000, 1001), Fraction(1001, 24000)
FRAMES, HZ = 48, 8000


@pytest.fixture(scope="module")
def source(counted):
    """48 numbered frames; the sound's level tells the frame that shows."""
    at = np.arange(round(FRAMES * TICK * HZ)) / HZ
    level = (np.floor(at * float(RATE) + 1e-6) / FRAMES - 0.5).astype(np.float32)
    return counted(frames=FRAMES, rate=RATE, audio=Sound.of(level[:, None], HZ))


def shown(reel):
    return [number_of(picture.rgb()) for _, picture in reel.frames]


@settings(max_examples=15)
@given(st.data())
def test_frames_and_sound_are_those_of_the_timeline(source, data):
    spans = data.draw(
        st.lists(st.tuples(st.integers(0, 46), st.integers(1, 10)), min_size=1, max_size=6)
    )
    gap = data.draw(st.integers(0, 3))
    clips = [Clip(str(source), a * TICK, min(a + n, FRAMES) * TICK) for a, n in spans if a < FRAMES]
    items = (*clips[:1], *([Gap(gap * TICK)] if gap else []), *clips[1:])
    timeline = Timeline(items, RATE)
    wanted: list = []
    for item in items:
        black = isinstance(item, Gap)
        count = round(item.seconds / TICK)
        wanted += (
            [None] * count if black else range(first := round(item.start / TICK), first + count)
        )
    with compose.opened(timeline) as reel:
        assert (reel.duration, reel.rate) == (timeline.seconds, RATE)
        assert [number or 0 for number in wanted] == shown(reel)
        heard = reel.audio.samples[:, 0]
        for k, number in enumerate(wanted):
            middle = heard[round((k + Fraction(1, 2)) * TICK * HZ)]
            level = 0 if number is None else number / FRAMES - 0.5
            assert middle == pytest.approx(level, abs=0.05)  # as AAC keeps steps


def test_a_dissolve_shows_both_in_even_steps_and_crosses_their_sound(counted):
    dark = counted(frames=30, rate=10, audio=Sound.of(np.full((24000, 1), 0.5, np.float32), HZ))
    tick = Fraction(1, 10)
    a, b = Clip(str(dark), 5 * tick, 15 * tick), Clip(str(dark), 10 * tick, 20 * tick)
    fade = Transition(2 * tick, 3 * tick)
    with compose.opened(Timeline((a, fade, b), Fraction(10))) as reel:
        assert (reel.duration, len(reel.times)) == (2, 20)
        pictures = [picture.rgb().astype(float) for _, picture in reel.frames]
        heard = reel.audio.samples[:, 0]
    with open_video(dark) as video:
        for k in range(20):
            if k < 8 or k >= 13:
                assert number_of(pictures[k]) == (5 + k if k < 8 else k)
                continue
            share = (k - 7) / 6
            want = (1 - share) * video[5 + k].astype(float) + share * video[k].astype(float)
            assert np.abs(pictures[k] - want).mean() < 2
    # Of one steady sound and itself nothing changes.
    np.testing.assert_allclose(heard[2000:-2000], 0.5, atol=0.05)


def test_effects_speeds_and_captions_are_rendered(source, tmp_path):
    clip = Clip(str(source), Fraction(0), 24 * TICK, Fraction(2), (Effect("recolor", "gray"),))
    words = Span(Fraction(0), Fraction(1, 2), "words")
    timeline = Timeline((clip, clip), RATE, (words,))
    out = tmp_path / "a.mp4"
    write_timeline(timeline, tmp_path / "cut.otio")
    done = edit(tmp_path / "cut.otio", out)
    assert (done.frames, done.copied) == (24, 0)
    with open_video(out) as video:
        assert number_of(video[13]) == 2
        assert [cue.text for cue in video.extras().subtitles[0].cues] == ["words"]
    unknown = dataclasses.replace(clip, effects=(Effect("glow", ""),))
    write_timeline(Timeline((unknown,)), tmp_path / "glow.otio")
    with pytest.raises(InputError, match="'glow' is not known"):
        edit(tmp_path / "glow.otio", out, overwrite=True)
    end = Clip(str(source), 10 * TICK, 48 * TICK)
    beyond = Timeline((end, Transition(10 * TICK, 10 * TICK), end), RATE)
    with pytest.raises(InputError, match="which it does not hold"):
        compose.render(beyond, tmp_path / "b.mp4")


def test_the_same_cuts_are_copied_and_encoded_where_an_encoding_is_asked_for(source, tmp_path):
    cut = compose.keep(source, [(0, 24 * TICK), (30 * TICK, 40 * TICK)])
    copied = compose.render(cut, tmp_path / "a.mp4")
    anew = compose.render(cut, tmp_path / "b.mp4", encoding=Encoding(crf=20))
    assert copied.copied > 0.5
    assert anew.copied == 0
    read = []
    for done in (copied, anew):
        with open_video(done.path) as video:
            read.append([number_of(frame) for _, frame in video])
            assert video.info.duration == pytest.approx(float(34 * TICK), abs=1e-3)
    assert read[0] == read[1] == [*range(24), *range(30, 40)]


def test_edit_lists_what_is_kept_and_writes_it_as_a_timeline(source, tmp_path, capsys):
    cut, out = tmp_path / "cut.otio", tmp_path / "out.mp4"
    words = ["edit", str(source), "--trim", "12f:24f"]
    assert cli.main([*words, "--dry-run"]) == 0
    assert "0:00.500 – 0:01.001" in capsys.readouterr().out
    assert cli.main([*words, "--dry-run", "--json"]) == 0
    (span,) = json.loads(capsys.readouterr().out)["spans"]
    assert span["start"] == pytest.approx(float(12 * TICK))
    assert list(tmp_path.iterdir()) == []
    assert cli.main([*words, "--speed", "2@0-0.1", "--recolor", "gray", "-o", str(cut)]) == 0
    assert "2 parts" in capsys.readouterr().out
    assert cli.main(["edit", str(cut), "--trim", "0.1:", "-o", str(out)]) == 0
    with open_video(out) as video:
        assert [number_of(frame) for _, frame in video][-1] == 23
    capsys.readouterr()
    for more, told in (
        (["--stabilize"], "cannot hold --stabilize"),
        (["--speed", "1:0.5@0-0.2"], "changes on its way"),
    ):
        assert cli.main([*words, *more, "-o", str(tmp_path / "b.otio")]) == 2
        assert told in capsys.readouterr().err
    assert cli.main(words) == 2
    assert "-o/--output" in capsys.readouterr().err


def test_one_file_again_and_again_stays_on_one_clock(source):
    """After hundreds of cuts each part begins to the sample where its first frame does."""
    part = compose.keep(source, [(7 * TICK, 8 * TICK), (20 * TICK, 22 * TICK)])
    many = concatenate(*[part] * 80)
    with compose.opened(many) as reel:
        assert reel.duration == 240 * TICK
        heard = reel.audio.samples[:, 0]
    steps = np.flatnonzero(np.abs(np.diff(heard)) > 0.1)
    begins = [round(start * HZ) for start in many.starts[1:]]
    assert np.abs(steps[:, None] - np.array(begins)).min(0).max() <= 8  # 1 ms
