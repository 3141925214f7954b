"""Speed that changes: ramps and holds, their frames, lengths and sound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing.reel import opened
from vidparticles.editing.timing.curve import Piece, parse_curve
from vidparticles.editing.timing.retime import RetimeConfig, retime, schedule
from vidparticles.errors import InputError
from vidparticles.video import Sound, open_video


def test_a_ramp_takes_as_long_as_its_speed_says():
    ramp = Piece(Fraction(1), Fraction(3), Fraction(1), Fraction(1, 4))
    s = np.linspace(1, 3, 100001)
    speed = 1 + (0.25 - 1) * (s - 1) / 2
    took = np.concatenate([[0], np.cumsum((1 / speed[1:] + 1 / speed[:-1]) / 2 * np.diff(s))])
    assert float(ramp.seconds) == pytest.approx(took[-1], rel=1e-6)
    for share in (0.2, 0.5, 0.9):
        after = share * took[-1]
        at = ramp.at(Fraction(after))
        assert float(at) == pytest.approx(np.interp(after, took, s))
        assert float(ramp.after(at)) == pytest.approx(after, abs=2e-6)


def test_a_curve_shows_every_moment_in_order_and_none_twice_but_in_a_hold():
    pieces = parse_curve("1:0.5@1-2, hold:1@2, 0.5:2@2-4").over(Fraction(5))
    times = [Fraction(k, 25) for k in range(125)]
    moments = list(schedule(pieces, times, Fraction(25)))
    shown = [times[m.index] + m.share / 25 for m in moments]
    steps = np.diff(np.array(shown, float))
    assert (steps >= 0).all()
    assert (steps == 0).sum() == pytest.approx(25, abs=1)
    assert steps.max() == pytest.approx(2 / 25, rel=0.05)
    assert (shown[0], float(shown[-1])) == (0, pytest.approx(5, abs=0.05))


def test_frames_sound_and_length_follow_a_curve(counted, numbers, tmp_path):
    t = np.arange(16000) / 16000
    hum = Sound.of((0.3 * np.sin(2 * np.pi * 500 * t)).astype(np.float32)[:, None], 16000)
    source, out = counted(frames=24, audio=hum), tmp_path / "out.mp4"
    made = editing.apply(source, out, editing.retime("2@0-0.5, hold:0.5@0.75"))
    # Half a second at double speed, a quarter as it is, the hold, a quarter as it is.
    assert made.seconds == pytest.approx(0.25 + 0.25 + 0.5 + 0.25, abs=0.03)
    assert made.frames == 30
    assert numbers(out) == [*range(0, 12, 2), *range(12, 18), *[18] * 12, *range(18, 24)]
    with open_video(out) as video:
        sound = video.audio()
    assert sound is not None
    assert float(sound.duration) == pytest.approx(1.25, abs=0.05)
    loud = np.abs(sound.samples[:, 0])
    rate = sound.rate
    assert loud[int(0.6 * rate) : int(0.9 * rate)].max() < 0.03
    assert loud[int(0.3 * rate) : int(0.45 * rate)].max() > 0.2


def test_backwards_are_the_same_moments_in_the_opposite_order():
    there = parse_curve("0.5:2@1-2").over(Fraction(3))
    back = parse_curve("-2:-0.5@1-2").over(Fraction(3))
    assert [p.seconds for p in back] == [p.seconds for p in there]
    times = [Fraction(k, 24) for k in range(72)]
    runs = [list(schedule(pieces, times, Fraction(24))) for pieces in (there, back)]
    assert [m.time for m in runs[0]] == [m.time for m in runs[1]]
    shown = [[(m.index, m.share) for m in run] for run in runs]
    turned = [k for k, m in enumerate(runs[1]) if m.backwards]
    inside = slice(turned[0], turned[-1] + 1)
    assert shown[1][inside] == shown[0][inside][::-1]
    assert shown[1][: turned[0]] == shown[0][: turned[0]]
    assert shown[1][turned[-1] + 1 :] == shown[0][turned[-1] + 1 :]
    piece = back[1]
    for share in (Fraction(0), Fraction(1, 3), Fraction(1)):
        mirrored = piece.forwards.at(piece.seconds * (1 - share))
        assert float(piece.at(piece.seconds * share)) == pytest.approx(float(mirrored))


def test_a_part_backwards_is_in_its_place_with_its_sound(counted, numbers, tmp_path):
    t = np.arange(16000) / 16000
    chirp = np.where((t > 0.3) & (t < 0.35), 0.5 * np.sin(2 * np.pi * 800 * t), 0)
    sound = Sound.of(chirp.astype(np.float32)[:, None], 16000)
    source = counted(frames=24, audio=sound)
    for curve, wanted, loud in (
        ("-1", [*range(24)][::-1], (0.65, 0.7)),
        ("-1@0.25-0.75", [*range(6), *range(6, 18)[::-1], *range(18, 24)], (0.65, 0.7)),
        ("-2@0-0.5", [*range(10, -1, -2), *range(12, 24)], (0.075, 0.1)),
    ):
        out = tmp_path / f"{curve}.mp4"
        made = editing.apply(source, out, editing.retime(curve))
        assert numbers(out) == wanted
        assert made.frames == len(wanted)
        with open_video(out) as video:
            heard = video.audio()
        strong = np.flatnonzero(np.abs(heard.samples[:, 0]) > 0.1) / heard.rate
        assert strong.min() == pytest.approx(loud[0], abs=0.03)
        assert strong.max() == pytest.approx(loud[1], abs=0.03)


def test_frames_between_are_the_same_backwards(counted, tmp_path):
    source = counted(frames=6)
    pictures = []
    for factor in (0.5, -0.5):
        with opened(source) as reel:
            pictures.append([f.rgb() for _, f in retime(factor)(reel).frames])
    assert len(pictures[0]) == 12
    for there, back in zip(pictures[0], pictures[1][::-1], strict=True):
        np.testing.assert_array_equal(there, back)


@pytest.mark.parametrize("held", [1, 5 * 48 * 64 * 3])
def test_uneven_frames_are_turned_however_few_are_held(held, counted):
    backwards = retime(-1, config=RetimeConfig(held_bytes=held))
    times = [0.0, 0.1, 0.13, 0.3, 0.5, 0.52, 0.6, 0.9, 1.0, 1.25]
    source = counted(frames=10, times=times)
    with opened(source) as reel:
        forwards = [frame.rgb() for _, frame in reel.frames]
    with opened(source) as reel:
        once = backwards(reel)
        for (_, shown), frame in zip(once.frames, forwards[::-1], strict=True):
            np.testing.assert_array_equal(shown.rgb(), frame)
        # Each is shown for as long as it was.
        lengths = np.diff([*map(float, reel.times), float(reel.duration)])
        there = np.diff([*map(float, once.times), float(once.duration)])
        np.testing.assert_allclose(there, lengths[::-1], atol=1e-9)


def test_a_real_clip_turned_twice_is_itself(shared_data, tmp_path):
    """To the bit out of the file, and through files but for their compression."""
    clip = shared_data / "clips" / "carphone_pristine.mp4"
    out, again = tmp_path / "out.mp4", tmp_path / "again.mp4"
    with opened(clip) as reel:
        part = editing.trim(0, 1)(reel)
        back = [frame.rgb() for _, frame in retime(-1)(part).frames][::-1]
        for shown, (_, frame) in zip(back, part.frames, strict=True):
            np.testing.assert_array_equal(shown, frame.rgb())
    editing.apply(clip, tmp_path / "part.mp4", editing.trim(0, 1))
    editing.apply(tmp_path / "part.mp4", out, editing.retime(-1))
    editing.apply(out, again, editing.retime(-1))
    with open_video(again) as video:
        for (_, shown), frame in zip(video, back, strict=True):
            assert np.abs(shown.astype(int) - frame).mean() < 8


@pytest.mark.parametrize("times", [None, [0, 0.1, 0.25, 0.7]], ids=["even", "uneven"])
def test_the_end_can_be_held(times, counted, numbers, tmp_path):
    source, out = counted(frames=len(times or range(24)), times=times), tmp_path / "out.mp4"
    with open_video(source) as video:
        end, count = float(video.info.duration), len(video)
    made = editing.apply(source, out, editing.retime(f"hold:1@{end:g}"))
    assert made.seconds == pytest.approx(end + 1, abs=0.01)
    shown = numbers(out)
    assert shown[:count] == [*range(count)]
    assert set(shown[count:]) == {count - 1}


@pytest.mark.parametrize(
    ("curve", "says"),
    [
        ("fast", "not understood"),
        ("0.5@2-1", "ends before"),
        ("0.5@0-1,2@0.5-1", "two speeds"),
        ("0@0-1", "out of range"),
        ("-1:1@0-1", "turns round"),
        ("-0.01", "out of range"),
        ("0.5@0-9", "within"),
        ("hold:1@9", "within"),
        ("", "not understood"),
    ],
)
def test_curves_that_cannot_be(curve, says, counted, tmp_path):
    with pytest.raises(InputError, match=says):
        editing.apply(counted(), tmp_path / "out.mp4", editing.retime(curve))
    assert not list(tmp_path.iterdir())
