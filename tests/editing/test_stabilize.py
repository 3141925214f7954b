"""Stabilize: what is smooth stays, what shakes is stilled, shots are apart, the crop is true."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.editing.reel import opened
from vidparticles.video import open_video, write_video

# The package names the function, not its module.
stabilize = importlib.import_module("vidparticles.editing.stabilize")
ASPECT = 4 / 3
CENTER = (ASPECT + 1j) / 2
LEAST = stabilize.StabilizeConfig().least_crop


def steps(place: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps of a camera whose picture stands at a place [T], turned about its center."""
    turn = np.exp(1j * angle)
    shift = CENTER + place - turn * CENTER
    step = turn[1:] / turn[:-1]
    return np.append(1, step), np.append(0, shift[1:] - step * shift[:-1])


def laid(way, place: np.ndarray) -> np.ndarray:
    """Where the picture's center stands once its frames are laid, [T]."""
    return way.turn * (CENTER + place) + way.shift - CENTER


def shake(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.02 * (rng.normal(size=count) + 1j * rng.normal(size=count))


def test_smooth_motion_is_left_alone():
    times = np.arange(60) / 25
    way = stabilize.steady(*steps(0.3 * times + 0j, 0 * times), np.zeros(60, int), times, ASPECT)
    np.testing.assert_allclose(way.turn, 1, atol=1e-6)
    np.testing.assert_allclose(way.shift, 0, atol=1e-6)
    assert way.crop == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("clock", ["even", "uneven"])
def test_shake_is_taken_out_and_the_pan_is_kept(clock):
    rng = np.random.default_rng(1)
    gaps = np.full(90, 1 / 25) if clock == "even" else rng.uniform(0.01, 0.08, 90)
    times = np.cumsum(gaps) - gaps[0]
    place, angle = 0.2 * times + 0.3 * shake(90), 0.005 * rng.normal(size=90)
    way = stabilize.steady(*steps(place, angle), np.zeros(90, int), times, ASPECT)
    after = laid(way, place)
    # The start is arbitrary: what matters is how far it is from a line in time.
    rough = [np.std(p - np.polyval(np.polyfit(times, p, 1), times)) for p in (place, after)]
    assert rough[1] < rough[0] / 3
    jumps = [np.std(np.diff(p, 2)) for p in (place, after)]
    if clock == "even":
        assert jumps[1] < jumps[0] / 20
    assert np.polyfit(times, after, 1)[0] == pytest.approx(0.2, abs=0.02)
    assert np.std(np.angle(way.turn) + angle) < 0.3 * np.std(angle)


def test_shots_do_not_know_of_each_other():
    times, shot = np.arange(80) / 25, np.repeat([0, 1], 40)
    one, two = (steps(0.3 * shake(40, seed), np.zeros(40)) for seed in (0, 1))
    both = [np.concatenate(pair) for pair in zip(one, two, strict=True)]
    way = stabilize.steady(*both, shot, times, ASPECT)
    alone = stabilize.steady(*two, np.zeros(40, int), times[:40], ASPECT)
    np.testing.assert_allclose(way.shift[40:], alone.shift, atol=1e-9)


def test_one_frame_and_a_violent_shake():
    single = stabilize.steady(*steps(np.zeros(1) + 0j, np.zeros(1)), [0], np.zeros(1), ASPECT)
    assert (single.turn[0], single.shift[0], single.crop) == (1, 0, 1)
    times = np.arange(50) / 25
    way = stabilize.steady(*steps(8 * shake(50), 0 * times), np.zeros(50, int), times, ASPECT)
    assert LEAST <= way.crop < LEAST + 0.01


# ---------------------------------------------------------------- footage


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    """Gray noise with detail of all sizes, as pictures have, uint8 [160, 200, 3]."""
    noise = np.random.default_rng(3).normal(size=(160, 200))
    pitch = np.hypot(np.fft.fftfreq(160)[:, None], np.fft.fftfreq(200))
    rough = np.fft.ifft2(np.fft.fft2(noise) / (0.01 + pitch) ** 1.3).real
    gray = np.clip(128 + 45 * rough / rough.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, -1)


def shaken(wide: np.ndarray, count: int) -> list[np.ndarray]:
    t = np.arange(count)
    moves = np.round(np.stack([4 * np.sin(1.1 * t), 5 * np.sin(0.8 * t + 1)], -1)).astype(int)
    return [wide[20 + y : 116 + y, 20 + x : 148 + x] for y, x in moves]


def test_a_shaken_still_picture_stands_still(wide, tmp_path):
    source, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_video(source, iter(shaken(wide, 30)), rate=25)
    written = editing.apply(source, out, editing.stabilize())
    assert LEAST <= written.crop < 1

    def unrest(path) -> float:
        with open_video(path) as video:
            film = np.stack([frame for _, frame in video]).astype(float)
        assert film.shape == (30, 96, 128, 3)
        return float(np.abs(np.diff(film, axis=0))[:, 12:-12, 12:-12].mean())

    assert unrest(out) < unrest(source) / 4


def test_the_camera_is_not_watched_across_a_cut(wide, tmp_path):
    source = tmp_path / "in.mp4"
    write_video(source, iter(shaken(wide, 12) + shaken(wide[::-1, ::-1], 12)), rate=25)
    with opened(source) as reel:
        turn, shift, shot = stabilize.watch(reel.frames)
    assert shot.tolist() == [0] * 12 + [1] * 12
    assert (turn[12], shift[12]) == (1, 0)
    assert (np.abs(shift[1:12]) > 0.005).all()
