"""Sound: cut to the sample, joined without drift, stretched with its pitch kept."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.video import (
    Audio,
    cut,
    join,
    open_video,
    read_audio,
    resample,
    silence,
    stretch,
    write_video,
)


def tone(hertz: float, seconds: float, rate: int, channels: int = 1) -> Audio:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.repeat(wave[:, None], channels, 1).astype(np.float32), rate)


def pitch(audio: Audio) -> float:
    """Hertz of the strongest tone."""
    wave = audio.samples[:, 0] * np.hanning(len(audio.samples))
    return float(np.argmax(np.abs(np.fft.rfft(wave))) * audio.rate / len(wave))


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([8000, 44100, 48000]),
    fps=st.sampled_from([Fraction(30000, 1001), Fraction(25), Fraction(24000, 1001)]),
    frames=st.lists(st.integers(0, 90), min_size=2, max_size=12),
)
def test_neighboring_cuts_share_and_lose_no_sample(rate, fps, frames):
    sound = Audio(np.arange(rate * 2, dtype=np.float32)[:, None], rate)
    places = sorted(frames)
    pieces = [cut(sound, a / fps, b / fps) for a, b in itertools.pairwise(places)]
    whole = cut(sound, places[0] / fps, places[-1] / fps)
    np.testing.assert_array_equal(np.concatenate([p.samples for p in pieces]), whole.samples)


@settings(max_examples=20, deadline=None)
@given(spans=st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_many_joins_do_not_drift(spans):
    fps = Fraction(30000, 1001)
    pieces = [silence(0.01, rate=44100, channels=1)] * len(spans)
    joined = join(pieces, durations=[n / fps for n in spans])
    assert len(joined.samples) == round(sum(spans) / fps * 44100)


def test_joins_mix_rates_and_channels():
    joined = join([tone(440, 1, 8000), tone(440, 1, 48000, 2)])
    assert (joined.rate, joined.channels, len(joined.samples)) == (48000, 2, 96000)
    assert pitch(cut(joined, 0.1, 0.9)) == pytest.approx(440, abs=2)
    with pytest.raises(ValueError, match="at least one"):
        join([])


def test_cuts_reach_beyond_the_sound():
    sound = tone(100, 1, 8000)
    around = cut(sound, -0.5, 1.5)
    assert len(around.samples) == 16000
    assert not around.samples[:4000].any()
    np.testing.assert_array_equal(around.samples[4000:12000], sound.samples)
    assert not cut(sound, 3, 4).samples.any()
    assert len(cut(sound, -3, -2).samples) == 8000
    with pytest.raises(ValueError, match="end ≥ start"):
        cut(sound, 1, 0)


@pytest.mark.parametrize("factor", [0.3, Fraction(1, 2), 0.9, 1.5, 2, 5])
def test_stretching_keeps_pitch_and_hits_the_length(factor):
    sound = tone(440, 2, 16000, 2)
    longer = stretch(sound, factor)
    assert longer.samples.shape == (round(32000 * Fraction(factor)), 2)
    assert pitch(longer) == pytest.approx(440, abs=4)
    assert 0.4 < np.abs(longer.samples[500:-500]).max() < 0.6


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_stretched_clicks_stay_in_step(factor):
    """A click at every second, 60 s long: each is within 40 ms of where it belongs."""
    rate = 8000
    clicks = np.arange(1, 60)
    samples = np.zeros((60 * rate, 1), np.float32)
    for second in clicks:
        samples[second * rate : second * rate + 80] = 0.9
    out = np.abs(stretch(Audio(samples, rate), factor).samples[:, 0])
    for second in clicks:
        want = second * factor
        near = out[int((want - 0.2) * rate) : int((want + 0.2) * rate)]
        assert near.max() > 0.3
        assert np.abs(np.flatnonzero(near > 0.3) / rate - 0.2).max() < 0.04


def test_resampling_keeps_time_and_pitch():
    sound = tone(440, 1.5, 44100)
    other = resample(sound, rate=16000, channels=2)
    assert other.samples.shape == (24000, 2)
    assert pitch(other) == pytest.approx(440, abs=1)
    np.testing.assert_allclose(other.samples[:, 0], other.samples[:, 1], atol=1e-6)
    back = resample(other, rate=44100, channels=1)
    inside = slice(2000, -2000)
    np.testing.assert_allclose(back.samples[inside], sound.samples[inside], atol=0.01)
    with pytest.raises(ValueError, match="layout"):
        resample(sound, rate=16000, channels=11)


def test_sound_that_starts_late_follows_silence(tmp_path):
    """Sound and picture begin at different times in the container; sample 0 is frame 0."""
    for late, name in [(1.0, "late.mkv"), (-0.5, "early.mkv")]:
        path = tmp_path / name
        sound = tone(440, 2, 8000)
        with av.open(str(path), "w") as out:
            video = out.add_stream("libx264", rate=10)
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            voice = out.add_stream("pcm_s16le", rate=8000, layout="mono")
            for i in range(20):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 9 * i, np.uint8))
                frame.pts, frame.time_base = i + 10, Fraction(1, 10)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            for at in range(0, 16000, 1000):
                block = np.ascontiguousarray((sound.samples[at : at + 1000].T * 32767).astype("i2"))
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
                frame.sample_rate = 8000
                frame.pts, frame.time_base = at + round((1 + late) * 8000), Fraction(1, 8000)
                out.mux(voice.encode(frame))
            out.mux(voice.encode(None))
        with open_video(path) as opened:
            heard = opened.audio()
        want = cut(sound, -late, 2)
        assert len(heard.samples) == len(want.samples)
        np.testing.assert_allclose(heard.samples, want.samples, atol=1e-4)
        np.testing.assert_array_equal(read_audio(path).samples, heard.samples)


def test_no_sound_is_none(tmp_path):
    path = tmp_path / "mute.mp4"
    write_video(path, np.zeros((3, 16, 16, 3), np.uint8), rate=10)
    assert read_audio(path) is None
    with open_video(path) as video:
        assert video.audio() is None


def test_every_sound_of_the_real_clips_fits_its_picture(shared_data):
    heard = []
    for path in sorted((shared_data / "clips").iterdir()):
        if path.suffix in (".mp4", ".mkv", ".webm", ".avi"):
            with open_video(path) as video:
                sound = video.audio()
                if sound is not None:
                    assert abs(float(sound.duration) - video.info.duration) < 0.5, path
                    assert np.abs(sound.samples).max() < 2, path
                    heard.append(sound.samples.any())
    assert len(heard) > 8
    assert sum(heard) > 5  # the others are silent by any decoder
