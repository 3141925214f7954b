"""A copied piece holds the very frames, their times and their sound."""

import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.video import Sound, copy_trim, cut, frame_span, open_video, write_video

CASES = ["plain.mp4", "open_gop.mp4", "open_gop.mkv", "refresh.mp4", "cra.mp4", "variable.mp4"]


@pytest.mark.parametrize("name", CASES)
def test_a_copied_piece_equals_the_source_to_the_bit(made, tmp_path, linear_decode, name):
    rng = np.random.default_rng(3)
    with open_video(made(name)) as video:
        for k in range(4):
            start = rng.uniform(0, video.info.duration - 0.2)
            end = rng.uniform(start + 0.15, video.info.duration)
            out = tmp_path / f"{k}.mp4"
            assert copy_trim(made(name), out, start, end)
            first, stop = frame_span(video.table, start, end)
            want = video.frames(range(first, stop))
            with open_video(out) as piece:
                assert len(piece) == stop - first
                np.testing.assert_array_equal(piece.frames(range(len(piece))), want)
                np.testing.assert_allclose(
                    piece.times, video.times[first:stop] - video.times[first], atol=1e-9
                )
            plain = linear_decode(out)  # any reader sees the same
            np.testing.assert_array_equal(np.stack(list(plain.values())), want)


def test_the_sound_of_a_copied_piece_is_cut_to_the_sample(tmp_path):
    rate, source, out = 16000, tmp_path / "a.mp4", tmp_path / "b.mp4"
    noise = np.random.default_rng(0).normal(0, 0.1, (rate * 4, 1)).astype(np.float32)
    noise = np.apply_along_axis(np.convolve, 0, noise, np.ones(8) / 8, mode="same")
    frames = np.random.default_rng(1).integers(0, 255, (100, 32, 32, 3), dtype=np.uint8)
    write_video(source, frames, rate=25, audio=Sound.of(noise.astype(np.float32), rate))
    assert copy_trim(source, out, 1.3, 3.1)
    with open_video(source) as video, open_video(out) as piece:
        assert (piece.info.frames, piece.info.duration) == (45, pytest.approx(1.8))
        first, stop = frame_span(video.table, 1.3, 3.1)
        sound, heard = video.audio(), piece.audio()
        want = cut(sound, video.table.time_of(first), video.table.time_of(stop)).samples[:, 0]
        got = heard.samples[: len(want), 0]
        lags = {k: np.dot(np.roll(want, k), got) for k in range(-30, 31)}
        assert max(lags, key=lags.get) == 0


def test_what_cannot_be_copied_is_told_and_nothing_written(made, tmp_path):
    assert not copy_trim(made("reordered.avi"), tmp_path / "a.mp4", 0, 1)
    assert not copy_trim(made("hidden.webm"), tmp_path / "b.mp4", 0, 1)
    assert not copy_trim(made("plain.mp4"), tmp_path / "c.mkv", 0, 1)
    with pytest.raises(InputError, match="no frame shows between 7 s and 8 s"):
        copy_trim(made("plain.mp4"), tmp_path / "d.mp4", 7, 8)
    assert list(tmp_path.iterdir()) == []


def test_a_span_keeps_the_frames_that_begin_in_it(made):
    with open_video(made("plain.mp4")) as video:
        assert frame_span(video.table, 0, 2) == (0, 60)
        assert frame_span(video.table, 0.5, 1) == (15, 30)
        assert frame_span(video.table, 0.51, 1.01) == (16, 31)
        assert frame_span(video.table, 0.333333, 0.366667) == (10, 11)


def test_rotation_goes_with_a_copy(tmp_path, encode):
    source = encode(tmp_path / "turned.mp4", rotation=90, options={"g": "10"})
    assert copy_trim(source, tmp_path / "piece.mp4", 0.5, 1)
    with open_video(source) as video, open_video(tmp_path / "piece.mp4") as piece:
        assert piece.info.rotation == 90
        np.testing.assert_array_equal(piece[0], video[15])
