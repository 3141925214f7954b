"""Sound stays with the picture: each flash has its beep, still after a minute."""

from __future__ import annotations

import functools
import math
import pathlib
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.video import Sound, open_video, probe, write_video

RATE = Fraction(30000, 1001)  # 29.97: taken for 30, it is 60 ms off at the end
FEW = Fraction(3000, 1001)  # for slow motion, which has all frames in between to draw
WHEN = (1.05, 20.0, 40.1, 59.2)  # about where the flashes are, seconds
# 50 ms: at double speed a shorter one may lie where two stretched windows are both faint.
BEEP = 800  # samples at 16 kHz
LIT, IN_STEP = (
    0.3,
    0.003,
)  # how long a flash lasts, how far off a beep may be, seconds


def flashes(rate: Fraction) -> list[int]:
    """The frames at which flashes begin."""
    return [round(t * rate) for t in WHEN]


@pytest.fixture(scope="module")
def minute(tmp_path_factory) -> Callable[[Fraction], pathlib.Path]:
    """60 s, 64 × 48, at a rate: a still picture that flashes, each with a beep."""

    @functools.cache
    def make(rate: Fraction) -> pathlib.Path:
        path = tmp_path_factory.mktemp("minute") / "clip.mp4"
        y, x = np.mgrid[0:48, 0:64]
        dark = np.stack([(x * 7 + y * 3) % 50] * 3, -1).astype(np.uint8)
        bright = dark + np.uint8(180)
        count = round(60 * rate)
        lit = {k + j for k in flashes(rate) for j in range(round(LIT * rate))}
        samples = np.zeros((round(count / rate * 16000), 1), np.float32)
        for k in flashes(rate):
            at = round(k / rate * 16000)
            samples[at : at + BEEP, 0] = 0.8 * np.sin(2 * np.pi * np.arange(BEEP) / 16)
        frames = (bright if k in lit else dark for k in range(count))
        write_video(path, frames, rate=rate, audio=Sound.of(samples, 16000), crf=30)
        return path

    return make


def flashes_and_beeps(path: pathlib.Path) -> tuple[list[float], list[float]]:
    """When the picture turns bright and when a beep begins, seconds."""
    with open_video(path) as video:
        levels = np.array([(t, frame.mean()) for t, frame in video])
        sound = video.audio()
    bright = levels[:, 1] > 160  # above what lies half-way between dark and bright
    onset = bright & ~np.concatenate([[False], bright[:-1]])
    assert sound is not None
    loud = np.flatnonzero(np.abs(sound.samples).max(1) > 0.25) / sound.rate
    beeps = [t for k, t in enumerate(loud) if k == 0 or t - loud[k - 1] > 0.5]
    return levels[onset, 0].tolist(), beeps


def in_step(path: pathlib.Path, expected: list[float]) -> None:
    """Every flash is where it belongs to half a frame of 1/30 s, its beep within 3 ms."""
    seen, heard = flashes_and_beeps(path)
    assert seen == pytest.approx(expected, abs=0.018)
    assert heard == pytest.approx(expected, abs=IN_STEP)


def at(frame: int, rate: Fraction = RATE) -> float:
    return float(frame / rate)


def test_the_clip_itself_is_in_step(minute):
    in_step(minute(RATE), [at(k) for k in flashes(RATE)])


def test_trim_cuts_sound_with_the_picture(minute, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(minute(RATE), out, editing.trim(1.7))
    first = math.ceil((1.7 - 5e-4) * RATE)
    in_step(out, [at(k - first) for k in flashes(RATE) if k >= first])


@pytest.mark.parametrize(("factor", "rate"), [(0.5, FEW), (2, RATE), (1.25, RATE)])
def test_speed_keeps_sound_in_step(factor, rate, minute, tmp_path):
    out = tmp_path / "out.mp4"
    editing.apply(minute(rate), out, editing.retime(factor))
    in_step(out, [at(k, rate) / factor for k in flashes(rate)])
    made = probe(out)
    assert made.rate == rate
    assert float(made.duration) == pytest.approx(at(round(60 * rate), rate) / factor, abs=0.05)


def test_speed_keeps_the_pitch(counted, tmp_path):
    t = np.arange(32000) / 16000
    hum = Sound.of((0.3 * np.sin(2 * np.pi * 500 * t)).astype(np.float32)[:, None], 16000)
    source = counted(frames=48, audio=hum)
    for factor in (0.5, 2):
        out = tmp_path / f"{factor}.mp4"
        editing.apply(source, out, editing.retime(factor))
        with open_video(out) as video:
            sound = video.audio()
        assert sound is not None
        assert float(sound.duration) == pytest.approx(2 / factor, abs=0.1)
        spectrum = np.abs(np.fft.rfft(sound.samples[:, 0]))
        peak = np.argmax(spectrum) * sound.rate / len(sound.samples)
        assert peak == pytest.approx(500, rel=0.02)


def test_splice_keeps_both_halves_in_step(minute, tmp_path):
    out = tmp_path / "out.mp4"
    editing.splice([minute(RATE), minute(RATE)], out)
    in_step(out, [at(k + half) for half in (0, round(60 * RATE)) for k in flashes(RATE)])


def test_a_silent_clip_stays_silent(edited, counted, tmp_path):
    out = tmp_path / "out.mp4"
    assert not edited(counted(), out).sound
    assert probe(out).audio is None


@pytest.mark.parametrize("silent_first", [True, False])
def test_splice_of_a_silent_clip_is_silent_there_alone(silent_first, counted, tmp_path):
    t = np.arange(16000) / 16000
    hum = Sound.of((0.3 * np.sin(2 * np.pi * 500 * t)).astype(np.float32)[:, None], 16000)
    pair = [counted(), counted(audio=hum)]
    out = tmp_path / "out.mp4"
    editing.splice(pair if silent_first else pair[::-1], out)
    with open_video(out) as video:
        sound = video.audio()
    assert sound is not None
    halves = [sound.samples[1600:14400], sound.samples[17600:30400]]  # not the seam
    loudness = [float(np.sqrt(np.mean(half**2))) for half in halves]
    quiet, loud = loudness if silent_first else loudness[::-1]
    assert quiet < 0.005
    assert loud == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
