"""`edit`, `splice`, `show` and `predict` as functions: what they write, in one pass."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from vidparticles.editing import Reel, parse_span, trim
from vidparticles.editing.edit import edit
from vidparticles.errors import InputError
from vidparticles.inference.predict import predict
from vidparticles.video import open_video, probe
from vidparticles.viz.show import show


def test_one_pass_is_trim_then_speed_then_colors(clip, tmp_path):
    once, cut, quick, gray = (tmp_path / f"{name}.mp4" for name in ("once", "a", "b", "c"))
    edit(clip, once, trim="0.5:1.5", speed=2, recolor="gray")
    edit(clip, cut, trim="0.5:1.5")
    edit(cut, quick, speed=2)
    edit(quick, gray, recolor="gray")
    with open_video(once) as one, open_video(gray) as three:
        assert len(one) == len(three) == 12
        assert one.info.rate == three.info.rate == 24
        for (at, a), (same, b) in zip(one, three, strict=True):
            assert at == pytest.approx(same)
            assert np.abs(a.astype(int) - b).mean() < 6  # encoded once and three times
            assert np.ptp(a.astype(int), axis=-1).max() < 12  # gray
        sounds = one.audio(), three.audio()
    assert all(s is not None and abs(float(s.duration) - 0.5) < 0.05 for s in sounds)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "nothing to do"),
        ({"trim": "3"}, "START:END"),
        ({"trim": "2:1"}, "holds no time"),
        ({"trim": "one:2"}, "START:END"),
        ({"trim": "1:1/0"}, "START:END"),
        ({"trim": "9f:9f"}, "holds no time"),
        ({"trim": "1.5f:9f"}, "START:END"),
        ({"trim": "0:30:1:00"}, "1:05-1:10"),
        ({"speed": 0.0}, "out of range"),
        ({"recolor": "hue=loud"}, "not understood"),
    ],
)
def test_options_are_judged_before_anything_is_written(options, says, clip, tmp_path):
    with pytest.raises(InputError, match=says):
        edit(clip, tmp_path / "out.mp4", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("span", "frames"),
    [
        ("12f:36f", (12, 36)),
        ("12f-1.5", (12, 36)),
        ("0:00.5-0:01.5", (12, 36)),
        ("0:00:01-", (24, 48)),
        (":24f", (0, 24)),
        ("40f:999f", (40, 48)),
        ("0.5:1.5", (12, 36)),
    ],
)
def test_spans_are_in_seconds_frames_or_on_the_clock(span, frames):
    times = [Fraction(k, 24) for k in range(48)]
    reel = Reel(iter(enumerate(range(48))), times, Fraction(2), Fraction(24), height=2, width=2)
    part = trim(*parse_span(span))(reel)
    assert [frame for _, frame in part.frames] == [*range(*frames)]
    assert part.duration == Fraction(frames[1] - frames[0], 24)


def test_to_a_gif_and_back(clip, tmp_path):
    gif, back = tmp_path / "out.gif", tmp_path / "out.mp4"
    made = edit(clip, gif, trim=":0.5")
    assert not made.sound
    assert probe(gif).duration == pytest.approx(0.5, abs=0.03)
    assert edit(gif, back, recolor="swap").frames == probe(gif).frames


def test_show_keeps_the_clip_and_draws_over_it(clip, tmp_path):
    out, still = tmp_path / "out.mp4", tmp_path / "out.png"
    show(clip, out, points=True)
    with open_video(clip) as own, open_video(out) as shown:
        assert len(own) == len(shown)
        assert shown.info.audio is not None
        changed = np.abs(shown[30].astype(int) - own[30]).max(-1) > 40
    assert 0.001 < changed.mean() < 0.4
    show(clip, still, points=True)
    assert Image.open(still).size == (128, 128)
    with pytest.raises(InputError, match="exists"):
        show(clip, still, points=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4", "out.png"]


def test_predict_begins_where_the_clip_ends(clip, tmp_path):
    out = tmp_path / "out.mp4"
    made = predict(clip, out, seconds=0.5)
    assert (made.frames, made.sound) == (12, False)
    with open_video(clip) as own, open_video(out) as ahead:
        last = own[len(own) - 1].astype(int)
        away = [np.abs(ahead[k] - last).mean() for k in (0, 11)]
    assert away[0] < away[1]
    assert away[0] < 6


@pytest.mark.parametrize("seconds", [0, -1, 61, float("nan")])
def test_predict_refuses_times_out_of_range(seconds, clip, tmp_path):
    with pytest.raises(InputError, match="out of range"):
        predict(clip, tmp_path / "out.mp4", seconds=seconds)
