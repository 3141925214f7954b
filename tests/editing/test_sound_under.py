"""Sound left out and laid under: as long as the picture, low under speech; pictures stay."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.editing.edit import BY_LEVEL, edit
from vidparticles.editing.effects.sound import (
    STEP,
    SoundConfig,
    by_level,
    ducked,
    lay_under,
    mute,
    repeated,
)
from vidparticles.editing.reel import Reel
from vidparticles.errors import InputError
from vidparticles.video import Sound, open_video, probe, read_audio, write_video

RATE = 8000


def reel(seconds: Fraction | int, audio: Sound | None = None) -> Reel:
    """So long, without a picture."""
    return Reel(iter(()), [0], Fraction(seconds), Fraction(1), 2, 2, audio=audio)


def tone(seconds: float, pitch: float = 400, level: float = 0.2, rate: int = RATE) -> np.ndarray:
    """A steady sound [S, 1]."""
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * pitch * t)).astype(np.float32)[:, None]


@pytest.fixture
def music(tmp_path):
    """A file of one second of a steady tone."""
    path = tmp_path / "music.mp4"
    frames = np.zeros((5, 32, 32, 3), np.uint8)
    write_video(path, frames, rate=5, audio=Sound.of(tone(1.0, 440, rate=16000), 16000))
    return path


@given(
    own=st.integers(50, 900), wanted=st.integers(1, 3000), over=st.integers(0, 60), data=st.data()
)
@settings(max_examples=50, deadline=None)
def test_a_sound_is_repeated_to_the_sample_however_it_is_read(own, wanted, over, data):
    noise = np.random.default_rng(own).normal(size=(own, 2)).astype(np.float32)
    config = SoundConfig(over=over / RATE, fade=0.0)
    long = repeated(Sound.of(noise, RATE), reel(Fraction(wanted, RATE)), config)
    assert long.length == wanted
    whole = long.samples
    first = data.draw(st.integers(0, wanted - 1))
    last = data.draw(st.integers(first + 1, wanted))
    np.testing.assert_allclose(
        np.concatenate([*long.blocks(first, last)]), whole[first:last], atol=1e-6
    )
    if over == 0:
        turns = np.concatenate([noise] * -(-wanted // own))[:wanted]
        np.testing.assert_array_equal(whole, turns)


def test_a_sound_is_low_under_speech_and_back_after_it():
    speech = np.zeros(200)
    speech[80:120] = 0.9
    config = SoundConfig()
    gain = ducked(speech, config)
    low = 10 ** (-config.under / 20)
    np.testing.assert_allclose(gain[75:125], low, rtol=1e-6)
    assert np.allclose(gain[:60], 1)
    assert np.allclose(gain[140:], 1)
    assert np.abs(np.diff(20 * np.log10(gain))).max() < config.under / 5


def test_what_is_heard_is_the_clip_and_the_sound_below(music):
    quiet, loud = tone(2, 100, 0.0), tone(2, 100, 0.5)
    own = Sound.of(np.concatenate([quiet, loud, quiet]), RATE)
    new = lay_under(music)(reel(6, own)).audio
    assert new.duration == 6
    assert new.rate == RATE
    below = new.samples[:, 0] - own.samples[:, 0]

    def level(start, end):
        return np.sqrt(np.mean(below[round(start * RATE) : round(end * RATE)] ** 2))

    assert 20 * np.log10(level(0.3, 1.5) / level(2.2, 3.8)) == pytest.approx(14, abs=0.5)
    assert level(4.6, 5.4) == pytest.approx(level(0.3, 1.5), rel=0.1)
    assert level(5.95, 6) < 0.1 * level(0.3, 1.5)
    told = by_level(own)
    assert len(told) == -(-own.length // round(STEP * RATE))
    assert told[: round(1.9 / STEP)].max() == 0
    assert told[round(2.1 / STEP) : round(3.9 / STEP)].min() == 1


def test_speech_alone_lowers_it(music):
    own = Sound.of(tone(3, 100, 0.5), RATE)
    says = np.zeros(round(3 / STEP))
    says[: len(says) // 2] = 1
    below = lay_under(music, speech=lambda sound: says)(reel(3, own)).audio.samples - own.samples
    first, last = (np.sqrt(np.mean(part**2)) for part in (below[4000:10000], below[16000:19000]))
    assert first < 0.3 * last


def test_a_silent_clip_has_the_sound_alone(music):
    new = lay_under(music)(mute()(reel(2, Sound.of(tone(2), RATE)))).audio
    assert new.rate == 16000
    assert new.duration == 2


@pytest.mark.parametrize("rotation", [0, 90])
def test_the_picture_is_copied_where_the_sound_alone_is_new(rotation, music, tmp_path):
    path, out, none = (tmp_path / name for name in ("clip.mp4", "out.mp4", "none.mp4"))
    frames = np.random.default_rng(0).integers(0, 255, (12, 32, 48, 3), np.uint8)
    audio = Sound.of(tone(0.5, rate=16000), 16000)
    write_video(path, frames, rate=24, audio=audio, rotation=rotation)
    done = edit(path, out, sound=str(music))
    assert done.warnings == (BY_LEVEL,)
    assert edit(path, none, mute=True).sound is False
    assert read_audio(none) is None
    assert probe(out).rotation == probe(path).rotation == rotation
    with open_video(path) as own, open_video(out) as new, open_video(none) as still:
        assert len(own) == len(new) == len(still) == 12
        for (at, a), (then, b), (_, c) in zip(own, new, still, strict=True):
            assert at == pytest.approx(then)
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)
        sound = new.audio()
    assert float(sound.duration) == pytest.approx(0.5, abs=0.03)


def test_a_file_without_sound_is_told(tmp_path):
    path = tmp_path / "mute.mp4"
    write_video(path, np.zeros((3, 32, 32, 3), np.uint8), rate=5)
    with pytest.raises(InputError, match="holds no sound"):
        lay_under(path)
