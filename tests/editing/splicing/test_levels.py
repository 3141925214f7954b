"""Clips made as loud as the first: what holds of any, and what is heard of some."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles import cli
from vidparticles.editing import splice
from vidparticles.editing.splicing.level import LevelConfig, as_the_first
from vidparticles.video import Sound, cut, open_video, write_video
from vidparticles.video.sound.loudness import Loudness, loudness

RATE = 16000
LOUD = st.builds(Loudness, st.floats(-70, -5), st.floats(-40, 3))


@given(st.lists(st.none() | LOUD, min_size=1, max_size=6))
def test_each_is_as_loud_as_the_first_that_is_heard_or_as_its_peaks_allow(found):
    config = LevelConfig()
    factors = as_the_first(found)
    heard = [one for one in found if one is not None and one.integrated > config.quiet]
    for one, (factor, missing) in zip(found, factors, strict=True):
        if one not in heard:
            assert (factor, missing) == (1, 0)
            continue
        now = one.integrated + 20 * math.log10(factor)
        away = heard[0].integrated - now
        assert missing >= 0
        if missing:
            # Louder, and its highest peak would be above what is allowed, or it is above by itself.
            assert away == pytest.approx(missing)
            peak = one.peak + 20 * math.log10(factor)
            assert peak == pytest.approx(max(config.peak, one.peak))
        else:
            assert abs(away) <= config.apart + 1e-9
            assert factor <= 1 or one.peak + 20 * math.log10(factor) <= config.peak + 1e-9
    if heard:
        assert factors[found.index(heard[0])] == (1, 0)


def clip(path, level, *, spike=0.0):
    """A tone of 1 kHz; with spikes its peaks are high for its loudness."""
    tone = level * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    tone[::8000] += spike
    audio = Sound.of(tone[:, None].astype(np.float32), RATE)
    write_video(path, np.full((20, 48, 64, 3), 90, np.uint8), rate=10, audio=audio)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("levels")
    made = {"first": (0.1, 0.0), "loud": (0.4, 0.0), "noise": (0.001, 0.0), "spiky": (0.02, 0.7)}
    return {n: clip(folder / f"{n}.mp4", level, spike=s) for n, (level, s) in made.items()}


def heard(path) -> list[Loudness]:
    with open_video(path) as video:
        sound = video.audio()
        count = round(video.info.duration / 2)
        return [loudness(cut(sound, 2 * k + 0.1, 2 * k + 1.9)) for k in range(count)]


def test_clips_that_differ_are_brought_to_the_first_and_pictures_are_copied(clips, tmp_path):
    order = ["first", "loud", "noise", "spiky"]
    done = splice([clips[name] for name in order], tmp_path / "out.mp4")
    own = [heard(clips[name])[0].integrated for name in order]
    first, loud, noise, spiky = heard(done.path)
    assert first.integrated == pytest.approx(own[0], abs=0.3)
    assert loud.integrated == pytest.approx(own[0], abs=0.5)
    assert noise.integrated == pytest.approx(own[2], abs=1.0)
    assert own[3] <= spiky.integrated < own[0] - 1
    assert spiky.peak <= -0.5  # of the coder half a decibel
    assert any("spiky.mp4 is" in sentence and "peaks" in sentence for sentence in done.warnings)
    assert done.copied == 1


def test_off_leaves_each_as_it_is(clips, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    words = ["splice", str(clips["first"]), str(clips["loud"]), "-o", str(out)]
    assert cli.main([*words, "--loudness", "off", "--progress", "none"]) == 0
    first, loud = heard(out)
    assert loud.integrated - first.integrated == pytest.approx(12, abs=0.5)
    capsys.readouterr()
