"""Speed that changes: ramps and holds, their frames, lengths and sound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing.curve import Piece, parse_curve, places, whole
from vidparticles.errors import InputError
from vidparticles.video import Audio, open_video


def test_a_ramp_takes_as_long_as_its_speed_says():
    ramp = Piece(Fraction(1), Fraction(3), Fraction(1), Fraction(1, 4))
    s = np.linspace(1, 3, 100001)
    speed = 1 + (0.25 - 1) * (s - 1) / 2
    took = np.concatenate([[0], np.cumsum((1 / speed[1:] + 1 / speed[:-1]) / 2 * np.diff(s))])
    assert float(ramp.seconds) == pytest.approx(took[-1], rel=1e-6)
    for share in (0.2, 0.5, 0.9):
        after = share * took[-1]
        assert float(ramp.place(Fraction(after))) == pytest.approx(np.interp(after, took, s))


def test_a_curve_shows_every_moment_in_order_and_none_twice_but_in_a_hold():
    pieces = whole(parse_curve("1:0.5@1-2, hold:1@2, 0.5:2@2-4"), Fraction(5))
    shown = [at for _, at in places(pieces, Fraction(25))]
    steps = np.diff(np.array(shown, float))
    assert (steps >= 0).all()
    assert (steps == 0).sum() == pytest.approx(25, abs=1)
    assert steps.max() == pytest.approx(2 / 25, rel=0.05)
    assert (shown[0], float(shown[-1])) == (0, pytest.approx(5, abs=0.05))


def test_frames_sound_and_length_follow_a_curve(counted, numbers, tmp_path):
    t = np.arange(16000) / 16000
    hum = Audio((0.3 * np.sin(2 * np.pi * 500 * t)).astype(np.float32)[:, None], 16000)
    source, out = counted(frames=24, audio=hum), tmp_path / "out.mp4"
    made = editing.speed(source, out, "2@0-0.5,hold:0.5@0.75")
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


@pytest.mark.parametrize(
    ("curve", "says"),
    [
        ("fast", "not understood"),
        ("0.5@2-1", "ends before"),
        ("0.5@0-1,2@0.5-1", "two speeds"),
        ("0@0-1", "out of range"),
        ("0.5@0-9", "within"),
        ("hold:1@9", "within"),
        ("", "not understood"),
    ],
)
def test_curves_that_cannot_be(curve, says, counted, tmp_path):
    with pytest.raises(InputError, match=says):
        editing.speed(counted(), tmp_path / "out.mp4", curve)
    assert not list(tmp_path.iterdir())
