"""What is written is what is read back; a file is whole or it is not there."""

import contextlib
import resource
import signal
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.errors import InputError
from vidparticles.video import Sound, Writer, check_output, open_video, probe, write_video
from vidparticles.video.write import exact_rate


def smooth(count: int, height: int, width: int) -> np.ndarray:
    """Frames whose color changes slowly, so that coding keeps them nearly as they are."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    frames = [np.stack([x * 200 + 20, y * 200 + 3 * i, 120 + 0 * x], -1) for i in range(count)]
    return np.clip(frames, 0, 255).astype(np.uint8)


RATES = st.sampled_from([Fraction(30000, 1001), 12.5, 25, 24000 / 1001, 60, Fraction(7, 3)])


@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(16, 50),
    width=st.integers(16, 50),
    rate=RATES,
    rotation=st.sampled_from([0, 90, 180, 270]),
    suffix=st.sampled_from([".mp4", ".mov", ".mkv"]),
)
def test_frames_come_back_at_their_rate(tmp_path_factory, height, width, rate, rotation, suffix):
    path = tmp_path_factory.mktemp("w") / f"clip{suffix}"
    frames = smooth(9, height, width)
    write_video(path, frames, rate=rate, rotation=rotation, crf=8)
    with open_video(path) as video:
        turns = rotation if suffix != ".mkv" or rotation == 0 else video.info.rotation
        assert (video.info.rotation, video.info.frames) == (turns, 9)
        # 4:2:0 needs even sizes: an odd one is followed by a copy of its last row or column
        assert (video.info.height, video.info.width) == (height + height % 2, width + width % 2)
        tick = 1e-3 if suffix == ".mkv" else 1e-9
        np.testing.assert_allclose(video.times, np.arange(9) / float(exact_rate(rate)), atol=tick)
        if suffix != ".mkv":
            assert (video.info.rate, video.info.variable_rate) == (exact_rate(rate), False)
            assert video.info.duration == pytest.approx(9 / float(exact_rate(rate)))
        back = video.frames(range(9)).astype(int)
        assert np.abs(back[:, :height, :width] - frames).mean() < 4
        if height % 2:
            assert np.abs(back[:, -1] - back[:, -2]).mean() < 6


@settings(max_examples=8, deadline=None)
@given(
    steps=st.lists(st.integers(1, 90000), min_size=3, max_size=12),
    start=st.integers(0, 90000),
)
def test_any_times_come_back(tmp_path_factory, steps, start):
    path = tmp_path_factory.mktemp("w") / "clip.mp4"
    times = [Fraction(start + sum(steps[:i]), 90000) for i in range(len(steps))]
    write_video(path, smooth(len(times), 20, 24), times=times)
    with open_video(path) as video:
        want = np.array([float(t - times[0]) for t in times])
        np.testing.assert_allclose(video.times, want, atol=1e-9)


@pytest.mark.parametrize("count", [2, 5, 40])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_last_of_uneven_frames_shows_as_long_as_it_should(tmp_path, suffix, count):
    """Also where frames are reordered, so that the last in the file is not the last shown."""
    times = [Fraction(k, 15) + Fraction(k % 3, 300) for k in range(count)]
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (count, 48, 64, 3), dtype=np.uint8)
    for end in (times[-1] + Fraction(1, 15), times[-1] + 2):
        path = tmp_path / f"{float(end):.3f}{suffix}"
        with Writer(path, duration=end) as writer:
            for frame, time in zip(frames, times, strict=True):
                writer.add(frame, time)
        assert probe(path).duration == pytest.approx(float(end), abs=2e-3)
    path = tmp_path / f"as_before{suffix}"
    write_video(path, frames, times=times)
    assert probe(path).duration == pytest.approx(float(2 * times[-1] - times[-2]), abs=2e-3)


def test_colors_are_true_and_tagged(tmp_path):
    path = tmp_path / "bars.mp4"
    bars = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [90, 90, 90]]
    )
    frame = np.repeat(np.repeat(bars[None, :, None], 32, 0), 32, 2).reshape(32, -1, 3)
    write_video(path, [frame.astype(np.uint8)] * 3, rate=10, crf=1)
    with open_video(path) as video:
        seen = video[1].reshape(32, 6, 32, 3)[8:24, :, 8:24].mean((0, 2))
    assert np.abs(seen - bars).max() < 4
    with av.open(str(path)) as container:
        decoded = next(container.decode(video=0))
    assert (decoded.colorspace, decoded.color_primaries, decoded.color_range) == (1, 1, 1)
    assert decoded.format.name == "yuv420p"


def test_a_gif_keeps_times_and_nearly_its_colors(tmp_path):
    path = tmp_path / "clip.gif"
    frames = smooth(8, 31, 45)
    write_video(path, frames, rate=20, audio=Sound.of(np.zeros((4000, 1), np.float32), 8000))
    with open_video(path) as video:
        assert video.info.audio is None
        np.testing.assert_allclose(video.times, np.arange(8) / 20)
        assert video.info.duration == pytest.approx(0.4)
        assert np.abs(video.frames(range(8)).astype(int) - frames).mean() < 4


def onsets(samples: np.ndarray, rate: int) -> np.ndarray:
    loud = np.abs(samples[:, 0]) > 0.3
    at = np.flatnonzero(loud)
    return at[np.diff(at, prepend=-rate) > rate // 10] / rate


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), 25])
def test_sound_keeps_step_for_a_minute(tmp_path, rate):
    """A flash and a click at every 5 s, up to the end of 60 s."""
    path, sound_rate = tmp_path / "minute.mp4", 44100
    count = int(60 * rate)
    flashes = [round(s * rate) for s in range(1, 60, 5)] + [count - 6]
    samples = np.zeros((60 * sound_rate, 1), np.float32)
    for i in flashes:
        at = round(i / exact_rate(rate) * sound_rate)
        samples[at : at + 400, 0] = 0.9 * np.sin(np.arange(400) * 0.4)
    dark, bright = np.full((32, 32, 3), 20, np.uint8), np.full((32, 32, 3), 240, np.uint8)
    shown = (bright if i in set(flashes) else dark for i in range(count))
    write_video(path, shown, rate=rate, audio=Sound.of(samples, sound_rate))
    with open_video(path) as video:
        seen = np.array([time for time, frame in video if frame.mean() > 130])
        heard = onsets(video.audio().samples, sound_rate)
        assert len(seen) == len(heard) == len(flashes)
        assert np.abs(seen - heard).max() < 0.002
        assert abs(float(video.audio().duration) - video.info.duration) < 0.04


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".mkv"])
def test_a_full_disk_leaves_nothing(tmp_path, suffix):
    """The system's limit on a file's size stands for the end of the disk."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 120, 160, 3), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
        with pytest.raises(InputError, match="disk is full"):
            write_video(tmp_path / f"noise{suffix}", noise, rate=20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_at_the_last_byte_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    monkeypatch.setattr("os.link", full)
    with pytest.raises(InputError, match="disk is full"):
        write_video(tmp_path / "clip.mp4", smooth(2, 16, 16), rate=20)
    assert list(tmp_path.iterdir()) == []


def test_failing_frames_leave_nothing_and_keep_their_words(tmp_path):
    def frames():
        yield from smooth(90, 32, 32)
        assert len(list(tmp_path.iterdir())) == 1  # hidden, under another name
        assert not (tmp_path / "clip.mp4").exists()
        raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError, match="the model broke"):
        write_video(tmp_path / "clip.mp4", frames(), rate=20)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_survives_a_failure(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, smooth(3, 32, 32), rate=20)
    old = path.read_bytes()
    with contextlib.suppress(ZeroDivisionError):
        write_video(path, (1 // 0 for _ in range(2)), rate=20, overwrite=True)
    assert path.read_bytes() == old
    write_video(path, smooth(7, 32, 32), rate=20, overwrite=True)
    assert probe(path).frames == 7
    assert list(tmp_path.iterdir()) == [path]


def test_outputs_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "clip.mp4"
    write_video(path, smooth(2, 16, 16), rate=20)
    for bad, words in [
        (path, "exists; give --overwrite"),
        (tmp_path / "none" / "clip.mp4", "folder .* does not exist"),
        (tmp_path / "clip.xyz", "ends in .mp4"),
        (tmp_path / "clip", "ends in .mp4"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            check_output(bad)
        assert str(bad) in str(caught.value)
    assert check_output(path, overwrite=True) == path
    with pytest.raises(InputError, match="no frames"):
        write_video(tmp_path / "empty.mp4", [], rate=20)
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_frames_are_named(tmp_path):
    path = tmp_path / "clip.mp4"
    good = smooth(2, 16, 16)
    for frames, more, words in [
        ([good[0].astype(float)], {"rate": 20}, "expected uint8"),
        ([good[0], good[1][:8]], {"rate": 20}, "frame 1 is"),
        (good, {}, "give rate or times"),
        (good, {"times": [0.0]}, "shorter|longer"),
        (good, {"times": [0.5, 0.5]}, "not after"),
        (good, {"rate": 0}, "cannot be written"),
    ]:
        with pytest.raises(ValueError, match=words):
            write_video(path, frames, **more)
    assert list(tmp_path.iterdir()) == []
