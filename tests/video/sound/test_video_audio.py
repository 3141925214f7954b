"""Sound: cut to the sample, joined without drift, stretched with its pitch kept."""

import itertools
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.video import (
    Sound,
    cut,
    join,
    open_video,
    read_audio,
    resample,
    reverse,
    silence,
    stretch,
    write_video,
)
from vidparticles.video.sound import read


def tone(hertz: float, seconds: float, rate: int, channels: int = 1) -> Sound:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return Sound.of(np.repeat(wave[:, None], channels, 1).astype(np.float32), rate)


def pitch(audio: Sound) -> float:
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
    sound = Sound.of(np.arange(rate * 2, dtype=np.float32)[:, None], rate)
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


@pytest.mark.parametrize("factor", [0.5, 0.8, 2, 4])
@pytest.mark.parametrize("kind", ["click", "beep", "struck"])
def test_stretched_onsets_stay_in_step(factor, kind):
    """One about every second, over hiss: each is heard within 2 ms of where it belongs."""
    rate, rng = 8000, np.random.default_rng(0)
    seconds = np.arange(1, 7) + rng.uniform(0, 0.3, 6)
    ring = 0.8 * np.sin(2 * np.pi * 440 * np.arange(800) / rate)
    shape = {
        "click": np.full(4, 0.9),
        "beep": ring[:400],
        "struck": ring * np.exp(-np.arange(800) / 160),
    }[kind]
    samples = rng.normal(0, 0.003, (8 * rate, 1))
    for second in seconds:
        samples[round(second * rate) :][: len(shape), 0] += shape
    out = np.abs(stretch(Sound.of(samples, rate), factor).samples[:, 0])
    loud = np.flatnonzero(out > 0.25) / rate
    onsets = loud[np.diff(loud, prepend=-1) > 0.2 * min(1, factor)]
    late = np.argmax(shape > 0.25) / rate
    np.testing.assert_allclose(onsets, seconds * float(factor) + late, atol=0.002)


def in_blocks(sound: Sound, size: int) -> Sound:
    """The same, given in blocks of one size."""

    def read(first: int, last: int):
        for at in range(first, last, size):
            yield from sound.read(at, min(at + size, last))

    return Sound(sound.rate, sound.channels, sound.length, read)


CHANGES: dict = {
    "cut": lambda s: cut(s, 0.1, 2.5),
    "join": lambda s: join([s, cut(s, 0, 1)], durations=[Fraction(5, 3), Fraction(2, 3)]),
    "resample": lambda s: resample(s, rate=16000, channels=1),
    "reverse": reverse,
    "slow": lambda s: stretch(s, 1.7),
    "quick": lambda s: stretch(s, Fraction(2, 3)),
    "chain": lambda s: stretch(reverse(resample(cut(s, 0.2, 2), rate=48000)), 1.1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_comes_out_does_not_depend_on_the_blocks(name):
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (22050, 2)) * (np.arange(22050) % 5000 < 3000)[:, None]
    sound = Sound.of(noise, 11025)
    whole = CHANGES[name](sound).samples
    other = CHANGES[name](in_blocks(sound, 97))
    np.testing.assert_array_equal(other.samples, whole)
    for first, last in [(0, 1), (3000, 9001), (len(whole) - 5, len(whole))]:
        part = np.concatenate([*other.blocks(first, last)])
        np.testing.assert_array_equal(part, whole[first:last])


@pytest.mark.parametrize("name", ["cut", "join", "resample", "reverse", "slow", "quick"])
def test_an_hour_is_never_held(name):
    """Of what an edit asks for, little is left when a block has come out of it."""
    held: list[weakref.ref] = []
    most = 0

    def read(first: int, last: int):
        for at in range(first, last, 4096):
            block = np.zeros((min(4096, last - at), 1), np.float32)
            block[::500] = 0.5
            held.append(weakref.ref(block))
            yield block
            del block

    hour = Sound(8000, 1, 3600 * 8000, read)
    made = 0
    for block in CHANGES[name](hour).blocks():
        made += len(block)
        held[:] = [ref for ref in held if ref() is not None]
        most = max(most, len(held))
        del block
        if made > 200_000:
            break
    assert most * 4096 < 150_000


def test_a_part_of_a_file_is_read_alone(tmp_path, monkeypatch):
    path = tmp_path / "minute.mp4"
    write_video(path, np.zeros((60, 16, 16, 3), np.uint8), rate=1, audio=tone(440, 60, 16000))
    decoded = []
    real = read._decoded

    def counting(*args):
        for at, samples in real(*args):
            decoded.append(len(samples))
            yield at, samples

    with open_video(path) as video:
        sound = video.audio()
        whole = sound.samples
        monkeypatch.setattr(read, "_decoded", counting)
        part = cut(sound, 30, 32).samples
    assert sum(decoded) / 16000 < 2.6
    np.testing.assert_allclose(part, whole[30 * 16000 : 32 * 16000], atol=1e-4)


def test_the_clock_of_a_joined_recording_is_mended(shared_data):
    path = shared_data / "faults" / "clock_jump.ts"
    with open_video(path) as video:
        assert (len(video), video.info.duration, video.info.rate) == (100, 4.0, 25)
        assert len([frame for _, frame in video]) == 100
        assert any("clock leaps by +998.0 s at 2.0 s" in warning for warning in video.warnings)
        sound = video.audio()
    assert float(sound.duration) == pytest.approx(4.02, abs=0.01)
    # The tone goes on: it is silent only where the coder begins, each time for one frame.
    loud = np.abs(sound.samples[:176000, 0]).reshape(-1, 200).max(1) > 0.05
    assert np.sum(~loud) <= 2 * 1024 / 200


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
    """Sound and picture begin at different times in the container: what is first is at 0."""
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
            assert opened.times[0] == max(0, -late)
        want = cut(sound, min(0, -late), 2)
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
