"""Points followed through files that are odd: what a user may give, from one frame to 8K."""

from __future__ import annotations

import pathlib
from fractions import Fraction

import av
import numpy as np
import pytest

from vidparticles.editing.follow import following
from vidparticles.editing.reel import opened
from vidparticles.image.resample import smooth
from vidparticles.tracking.points.state import PointState
from vidparticles.video import open_video, write_video

# The size that 8K is shrunk to, so that one program is compiled for nearly all.
HEIGHT, WIDTH, RATE, COUNT = 180, 320, 25, 64


@pytest.fixture(scope="module")
def ground() -> np.ndarray:
    """A picture with structure at every place, larger than what is seen of it."""
    noise = np.random.default_rng(0).uniform(0, 1, (HEIGHT + 40, WIDTH + 40, 3)).astype(np.float32)
    noise = np.asarray(smooth(smooth(smooth(noise))))
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return np.round(30 + 190 * noise).astype(np.uint8)


def pan(ground: np.ndarray, steps) -> list[np.ndarray]:
    """Views of the ground, moved by so many pixels to the right each."""
    return [ground[20 : 20 + HEIGHT, 30 - s : 30 - s + WIDTH] for s in steps]


def states(path: pathlib.Path) -> list[tuple[PointState, bool]]:
    with opened(path) as reel:
        return [(state, cut) for *_, state, cut in following(reel.frames, count=COUNT)]


def survivors(found: list[tuple[PointState, bool]]) -> np.ndarray:
    """[N] bool, who is alive in the first and the last state and the same."""
    (first, _), (last, _) = found[0], found[-1]
    same = np.asarray(first.identity == last.identity)
    return same & np.asarray(first.particles.alive & last.particles.alive)


def gone(found: list[tuple[PointState, bool]]) -> np.ndarray:
    """[n, 2] pixels that the survivors went."""
    way = found[-1][0].particles.position - found[0][0].particles.position
    return np.asarray(way)[survivors(found)] * HEIGHT


@pytest.mark.parametrize("kind", ["one frame", "black", "four pixels"])
def test_what_shows_no_motion_is_followed_all_the_same(kind, ground, tmp_path):
    frames = {
        "one frame": pan(ground, [0]),
        "black": [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 4,
        "four pixels": [np.full((2, 2, 3), level, np.uint8) for level in (9, 200, 90)],
    }[kind]
    path = tmp_path / "clip.mp4"
    write_video(path, frames, rate=RATE)
    found = states(path)
    assert len(found) == len(frames)
    assert not any(cut for _, cut in found)
    alive = int(found[-1][0].particles.alive.sum())
    assert alive > 20 if kind == "one frame" else alive == 0
    for state, _ in found:
        assert np.isfinite(np.asarray(state.particles.position)).all()


def test_points_survive_flicker(ground, tmp_path):
    path = tmp_path / "clip.mp4"
    light = [1.0, 0.55] * 5
    frames = [
        np.round(f * g).astype(np.uint8) for f, g in zip(pan(ground, range(10)), light, strict=True)
    ]
    write_video(path, frames, rate=RATE, crf=10)
    found = states(path)
    assert not any(cut for _, cut in found)
    assert survivors(found).sum() > 0.6 * int(found[0][0].particles.alive.sum())
    np.testing.assert_allclose(np.median(gone(found), 0), [9, 0], atol=0.1)


def test_velocities_are_per_second_at_uneven_times(ground, tmp_path):
    path = tmp_path / "clip.mp4"
    ticks = np.asarray([0, 1, 3, 4, 7, 8, 10, 11, 14])
    write_video(path, pan(ground, ticks), times=ticks / RATE, crf=10)
    with open_video(path) as video:
        assert video.info.variable_rate
    found = states(path)
    wanted = RATE / HEIGHT  # a pixel a tick, in frame heights a second
    for state, _ in found[2:]:
        old = np.asarray(state.particles.alive & (state.age > 1))
        assert old.sum() > 20
        velocity = np.asarray(state.particles.velocity)[old]
        np.testing.assert_allclose(np.median(velocity, 0), [wanted, 0], atol=0.05 * wanted)


def test_points_go_on_over_a_frame_that_does_not_decode(ground, tmp_path):
    path = tmp_path / "clip.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("png", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "rgb24"
        for k, picture in enumerate(pan(ground, range(8))):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, RATE)
            for packet in stream.encode(frame):
                if k == 4:
                    broken = av.Packet(bytes(100))
                    broken.pts, broken.dts, broken.time_base = k, k, packet.time_base
                    broken.stream, packet = stream, broken
                out.mux(packet)
        out.mux(stream.encode(None))
    found = states(path)
    assert len(found) == 8
    assert not any(cut for _, cut in found)
    assert survivors(found).sum() > 0.6 * int(found[0][0].particles.alive.sum())
    np.testing.assert_allclose(np.median(gone(found), 0), [7, 0], atol=0.1)
    with open_video(path) as video:
        list(video)
        assert len(video.warnings) == 1
        assert f"{path}: 1 of 8 frames do not decode" in video.warnings[0]


def test_8k_is_followed_small_and_told_in_frame_heights(ground, tmp_path):
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    [view] = pan(ground, [0])
    big = view.repeat(24, 0).repeat(24, 1)
    assert big.shape == (4320, 7680, 3)
    write_video(small, [view], rate=RATE, crf=5)
    with av.open(str(large), "w") as out:
        stream = out.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(big, format="rgb24")
        for image in (frame.reformat(format="yuvj420p"), None):
            out.mux(stream.encode(image))
    places = []
    for path in (small, large):
        [(state, _)] = states(path)
        alive = np.asarray(state.particles.alive)
        assert alive.sum() > 20
        places.append(np.asarray(state.particles.position)[alive])
        assert places[-1].max(0)[0] > 1.5  # of a frame 1.78 wide and 1 high
        assert (places[-1] <= [7680 / 4320, 1]).all()
    away = np.linalg.norm(places[0][:, None] - places[1], axis=-1).min(0)
    assert np.mean(away < 0.01) > 0.6  # the two are compressed differently


@pytest.mark.parametrize("interlaced", [True, False])
def test_interlaced_footage_is_warned_of(interlaced, ground, tmp_path):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as out:
        options = {"x264-params": "interlaced=1:log-level=none"} if interlaced else {}
        stream = out.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pan(ground, range(3)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with open_video(path) as video:
        assert video.info.interlaced == interlaced
        assert [str(path) in w and "interlaced" in w for w in video.warnings] == [True] * interlaced
    assert len(states(path)) == 3
