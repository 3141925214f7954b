"""Loudness against the standard's own test tones and its gates, and sound brought to a level."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.video import Sound
from vidparticles.video.sound.loudness import UNHEARD, amplified, gain, loudness

RATE = 48000


def levelled(sound: Sound, target: float) -> Sound:
    return amplified(sound, gain(sound, target))


def tone(level: float, seconds: float, *, channels: int = 2, rate: int = RATE) -> np.ndarray:
    """1 kHz at decibels of full scale, as EBU Tech 3341 has it."""
    wave = np.sin(2 * np.pi * 1000 * np.arange(int(seconds * rate)) / rate)
    return np.repeat((10 ** (level / 20) * wave)[:, None], channels, 1).astype(np.float32)


@pytest.mark.parametrize("rate", [48000, 44100])
@pytest.mark.parametrize("level", [-23, -33])
def test_the_tones_of_the_standard(level, rate):
    """EBU Tech 3341, cases 1 and 2: ±0.1 LU."""
    found = loudness(Sound.of(tone(level, 5, rate=rate), rate))
    assert found.integrated == pytest.approx(level, abs=0.1)
    assert found.peak == pytest.approx(level, abs=0.2)


def test_the_quiet_between_does_not_count():
    """EBU Tech 3341, case 3: −36, −23, −36 dB is −23 LUFS, by the gate of −10 LU."""
    parts = [tone(-36, 10), tone(-23, 60), tone(-36, 10)]
    assert loudness(Sound.of(np.concatenate(parts), RATE)).integrated == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("samples", [np.zeros((RATE, 2)), np.zeros((0, 1)), tone(-20, 0.1)])
def test_what_is_not_heard_is_left_as_it_is(samples):
    sound = Sound.of(samples.astype(np.float32), RATE)
    assert loudness(sound).integrated == UNHEARD
    assert gain(sound, -23) == 1


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_it_is_brought_to_a_level_in_one_factor(channels):
    rng = np.random.default_rng(0)
    samples = (0.02 * rng.normal(size=(RATE * 3, channels))).astype(np.float32)
    samples[RATE : 2 * RATE] *= 3
    new = levelled(Sound.of(samples, RATE), -23)
    assert loudness(new).integrated == pytest.approx(-23, abs=0.1)
    ratio = new.samples / samples
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
    part = np.concatenate([*new.blocks(1000, 2000)])
    np.testing.assert_array_equal(part, new.samples[1000:2000])


def test_it_is_rather_quieter_than_clipped():
    samples = tone(-40, 3)
    samples[RATE] = 0.5  # a click
    new = levelled(Sound.of(samples, RATE), -16)
    assert loudness(new).peak <= -0.9
    assert loudness(new).integrated < -20
