"""A frame by index or time is the frame of the sequential decode, whatever the file is like."""

import pathlib

import av
import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.video import open_video, probe

MADE = [
    "plain.mp4",
    "one_group.mkv",
    "open_gop.mp4",
    "open_gop.mkv",
    "refresh.mp4",
    "cra.mp4",
    "transport.ts",
    "mpeg2.mpg",
    "reordered.avi",
    "hidden.webm",
    "vp9.webm",
    "variable.mp4",
    "variable.mkv",
    "ten_bit.mkv",
    "edits.mp4",
]


@pytest.mark.parametrize("name", MADE)
def test_any_order_equals_the_sequential_decode(made, linear_decode, name):
    path = made(name)
    want = np.stack(list(linear_decode(path).values()))
    rng = np.random.default_rng(1)
    with open_video(path) as video:
        assert len(video) == len(want) == video.info.frames
        run = list(video)
        np.testing.assert_array_equal(np.stack([frame for _, frame in run]), want)
        np.testing.assert_array_equal([time for time, _ in run], video.times)
        for place in rng.integers(0, len(want), 12):
            np.testing.assert_array_equal(video[place], want[place])
        for count in (2, 9, 30):
            places = rng.integers(-len(want), len(want), count)
            np.testing.assert_array_equal(video.frames(places), want[places])
        assert video.warnings == ()


def test_every_frame_comes_small_as_asked(made):
    with open_video(made("plain.mp4")) as video:
        small = video.frames(range(len(video)), size=(24, 40))
        every = [frame for _, frame in video.every(size=(24, 40))]
        np.testing.assert_array_equal(np.stack(every), small)


@pytest.mark.parametrize("name", ["plain.mp4", "variable.mp4", "variable.mkv", "edits.mp4"])
def test_the_frame_at_a_time_is_the_one_shown_then(made, name):
    with open_video(made(name)) as video:
        assert video.times[0] == 0
        assert (np.diff(video.times) > 0).all()
        ends = np.append(video.times[1:], video.info.duration)
        for place in (0, 7, 21, len(video) - 1):
            for share in (0.0, 0.4, 0.95):
                seconds = video.times[place] + share * (ends[place] - video.times[place])
                assert video.index_at(seconds) == place
        assert video.index_at(-1) == 0
        assert video.index_at(1e9) == len(video) - 1


def test_variable_times_are_kept(made):
    with open_video(made("variable.mp4")) as video:
        want = np.array([i * 20 + i * i % 19 for i in range(60)]) / 600
        np.testing.assert_allclose(video.times, want, atol=1e-9)
        assert video.info.variable_rate
        assert float(video.info.rate) == pytest.approx(59 / want[-1])
    with open_video(made("variable.mkv")) as video:  # this container counts milliseconds
        want = np.array([i * 30 + i * i % 23 for i in range(60)]) / 600
        np.testing.assert_allclose(video.times, want, atol=1.01e-3)
    steady = probe(made("one_group.mkv"))
    assert (steady.rate, steady.variable_rate) == (30, False)


def test_edits_show_their_spans_and_no_more(made, linear_decode):
    """Two edits of one recording, the second beginning before the first one's end."""
    source = linear_decode(made("open_gop.mp4"))
    with open_video(made("edits.mp4")) as video:
        shown = [
            int(np.argmin([np.abs(f.astype(int) - g).sum() for g in source.values()]))
            for _, f in video
        ]
        first = [i for i in range(60) if 0.45 <= i / 30 + 1e-9 < 1.2]
        second = [i for i in range(60) if 0.7 <= i / 30 + 1e-9 < 1.9]
        assert shown == first + second
        np.testing.assert_allclose(np.diff(video.times), 1 / 30, atol=0.02)


def clips(folder: pathlib.Path) -> list[pathlib.Path]:
    skip = (".tsv", ".csv", ".json", ".npz", "")
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix not in skip)


@pytest.mark.parametrize("name", ["clips", "scene-cuts", "decode-exact"])
def test_every_real_file_gives_its_frames_or_one_sentence(shared_data, linear_decode, name):
    rng = np.random.default_rng(2)
    read = 0
    for path in clips(shared_data / name):
        if path.suffix in (".mp3", ".wav"):
            with pytest.raises(InputError, match="sound only"):
                open_video(path)
            continue
        with open_video(path) as video:
            places = rng.integers(0, len(video), 4)
            want = linear_decode(path, set(places.tolist()))
            if path.name != "corrupted.mp4":  # its n-th frame that decodes is not its n-th
                got = video.frames(places)
                for place, frame in zip(places, got, strict=True):
                    np.testing.assert_array_equal(frame, want[place], err_msg=str(path))
            read += 1
    assert read


def test_a_frame_that_does_not_decode_shows_the_one_before(shared_data):
    path = shared_data / "clips" / "corrupted.mp4"
    with open_video(path) as video:
        run = [frame for _, frame in video]
        assert len(run) == len(video)
        assert "1 of 50 frames do not decode" in video.warnings[0]
        held = [i for i in range(1, len(run)) if np.array_equal(run[i], run[i - 1])]
        assert held
        places = np.array([3, 24, held[0], 27, 30, 41, 49, 27])
        np.testing.assert_array_equal(video.frames(places), np.stack([run[i] for i in places]))
        np.testing.assert_array_equal(video[held[0]], run[held[0]])


@pytest.mark.parametrize("name", ["trunc.mp4", "trunc.mkv"])
def test_a_file_that_is_cut_short_gives_what_it_holds(tmp_path, encode, name):
    whole = tmp_path / f"whole{name[-4:]}"
    encode(whole, options={"g": "20", "x264-params": "bframes=2"}, frames=150, faststart=True)
    data = whole.read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 55 // 100])
    with open_video(whole) as video:
        want = np.stack([frame for _, frame in video])
    with open_video(path) as video:
        assert 40 < len(video) < 150
        assert any("cut short" in warning for warning in video.warnings)
        run = np.stack([frame for _, frame in video])
        places = np.round(video.times * 30).astype(int)
        np.testing.assert_array_equal(run[:40], want[places[:40]])
        mixed = [len(video) - 1, 0, 13]
        np.testing.assert_array_equal(video.frames(mixed), run[mixed])


def test_frames_turn_upright_and_come_at_any_size(tmp_path, encode, linear_decode):
    for turn in (90, 180, 270):
        path = encode(tmp_path / f"{turn}.mp4", rotation=turn, frames=6)
        info = probe(path)
        assert info.rotation == turn
        assert (info.height, info.width) == ((96, 128) if turn == 180 else (128, 96))
        with open_video(path) as video:
            np.testing.assert_array_equal(video[3], linear_decode(path)[3])
            small = video.frames([3, 0], size=(40, 60))
            assert small.shape == (2, 40, 60, 3)
            assert abs(small[0].mean() - video[3].mean()) < 3


def test_a_kept_index_opens_the_same_video(made):
    with open_video(made("open_gop.mp4")) as video:
        table, want = video.table, video.frames([50, 3])
    with open_video(made("open_gop.mp4"), table=table) as again:
        np.testing.assert_array_equal(again.frames([50, 3]), want)


def test_places_outside_are_refused_by_name(made):
    with open_video(made("plain.mp4")) as video, pytest.raises(IndexError, match="60 frames"):
        video[60]


def test_ten_bits_are_told(made):
    info = probe(made("ten_bit.mkv"))
    assert (info.bit_depth, info.codec) == (10, "hevc")


def test_refresh_points_are_not_starts(made):
    """What the container flags as keyframes there would give wrong frames."""
    with av.open(str(made("refresh.mp4"))) as container:
        flagged = sum(packet.is_keyframe for packet in container.demux(video=0))
    assert flagged > 1
    assert probe(made("refresh.mp4")).keyframes == 1
    assert probe(made("open_gop.mp4")).keyframes >= 5
