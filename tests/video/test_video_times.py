"""When frames show, where a file's own time stamps do not tell it plainly."""

from fractions import Fraction

import av
import numpy as np
import pytest

from vidparticles.video import Sound, Writer, open_video, write_video


@pytest.mark.parametrize("name", ["plain.mp4", "one_group.mkv", "ten_bit.mkv", "mpeg2.mpg"])
def test_frames_stored_in_coding_order_are_all_there(name, made, linear_decode, tmp_path):
    """Some recorders give a packet as its time of showing when it is decoded."""
    source, out = made(name), tmp_path / "stamped.mp4"
    with av.open(str(source)) as container, av.open(str(out), "w") as copy:
        stream = container.streams.video[0]
        copied = copy.add_stream_from_template(stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        for k, packet in enumerate(packets):
            packet.pts = packet.dts = round(k / (30 * stream.time_base))
            packet.stream = copied
            copy.mux(packet)
    whole = linear_decode(source)
    with open_video(out) as video:
        assert len(video) == len(whole) == 60
        np.testing.assert_allclose(video.times, np.arange(60) / 30, atol=1e-3)
        for k, (_, frame) in enumerate(video):
            np.testing.assert_array_equal(frame, whole[k])
        np.testing.assert_array_equal(video[17], whole[17])


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_chunks_that_an_avi_skips_take_their_time(codec, scene, tmp_path):
    path, shown = tmp_path / "skips.avi", [0, 22, 34, 35]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=30)
        stream.width, stream.height = 128, 96
        stream.pix_fmt = "yuv420p" if codec == "mpeg4" else "yuvj420p"
        for at in shown:
            frame = av.VideoFrame.from_ndarray(scene(at), format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with open_video(path) as video:
        assert video.times.tolist() == pytest.approx([at / 30 for at in shown])
        assert video.info.duration == pytest.approx(36 / 30)
        assert len(list(video)) == 4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("rates", [(Fraction(60000, 1001), 30), (30, Fraction(60000, 1001))])
def test_a_track_lasts_until_its_last_frame_has_been_shown(rates, suffix, scene, tmp_path):
    """Gaps that grow, between frames that are not stored in their order."""
    path, time = tmp_path / f"clip{suffix}", Fraction(0)
    with Writer(path, duration=Fraction(30 / rates[0]) + Fraction(15 / rates[1])) as writer:
        for k in range(45):
            writer.add(scene(k), time)
            time += 1 / Fraction(rates[k >= 30])
    with av.open(str(path)) as container:
        stated = container.streams.video[0].duration
        tick = container.streams.video[0].time_base
        lasts = container.duration / 1e6 if stated is None else stated * tick
    assert float(lasts) == pytest.approx(float(time), abs=0.0015)
    with open_video(path) as video:
        assert video.info.duration == pytest.approx(float(time), abs=0.0015)


def test_what_a_coder_adds_to_sound_is_no_picture(tmp_path):
    path, noise = tmp_path / "clip.mp4", np.random.default_rng(0).normal(0, 0.1, (8500, 1))
    write_video(path, np.zeros((10, 16, 16, 3), np.uint8), rate=10, audio=Sound.of(noise, 8000))
    with open_video(path) as video:
        assert video.audio().duration > 1
        assert video.info.duration == 1
