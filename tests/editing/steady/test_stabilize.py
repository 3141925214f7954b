"""Stabilize: what is smooth stays, what shakes is stilled, shots are apart, the crop is true."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from vidparticles import editing
from vidparticles.editing.reel import Reel, opened
from vidparticles.editing.steady.camera import CameraConfig, watch
from vidparticles.editing.steady.path import Path, PathConfig, smooth_path
from vidparticles.errors import InputError
from vidparticles.video import Picture, open_video, write_video

ASPECT = 4 / 3
CENTER = (ASPECT + 1j) / 2
LEAST = PathConfig().least_crop
CORNERS = np.array([ASPECT + 1j, ASPECT - 1j, -ASPECT + 1j, -ASPECT - 1j]) / 2


def steps(place: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps of a camera whose picture stands at a place [T], turned about its center."""
    turn = np.exp(1j * angle)
    shift = CENTER + place - turn * CENTER
    step = turn[1:] / turn[:-1]
    return np.append(1, step), np.append(0, shift[1:] - step * shift[:-1])


def path_of(place: np.ndarray, angle: np.ndarray, times: np.ndarray) -> Path:
    turn, shift = steps(place, angle)
    return smooth_path(turn, shift, np.zeros(len(turn), int), times, ASPECT, PathConfig())


def along(path: Path, place: np.ndarray) -> np.ndarray:
    """Where the picture's center stands in the window, from its middle, [T]."""
    return (place - path.off) / path.size


def inside(path: Path) -> bool:
    """The window is inside of every frame."""
    corners = path.off[:, None] + path.crop * path.size[:, None] * CORNERS
    return bool(
        (abs(corners.real) <= ASPECT / 2 + 1e-3).all() and (abs(corners.imag) <= 0.501).all()
    )


def shake(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.02 * (rng.normal(size=count) + 1j * rng.normal(size=count))


def test_smooth_motion_is_left_alone():
    times = np.arange(60) / 25
    path = path_of(0.3 * times + 0j, 0 * times, times)
    np.testing.assert_allclose(path.size, 1, atol=1e-6)
    np.testing.assert_allclose(path.off, 0, atol=1e-6)
    assert path.crop == 1


@pytest.mark.parametrize("clock", ["even", "uneven"])
def test_shake_is_taken_out_and_the_pan_is_kept(clock):
    rng = np.random.default_rng(1)
    gaps = np.full(90, 1 / 25) if clock == "even" else rng.uniform(0.01, 0.08, 90)
    times = np.cumsum(gaps) - gaps[0]
    place, angle = 0.2 * times + 0.3 * shake(90), 0.005 * rng.normal(size=90)
    path = path_of(place, angle, times)
    after = along(path, place)
    # The start is arbitrary: what matters is how far it is from a line in time.
    rough = [np.std(p - np.polyval(np.polyfit(times, p, 1), times)) for p in (place, after)]
    assert rough[1] < rough[0] / 3
    if clock == "even":
        jumps = [np.std(np.diff(p, 2)) for p in (place, after)]
        assert jumps[1] < jumps[0] / 50
        turns = [np.std(np.diff(a, 2)) for a in (angle, angle - np.angle(path.size))]
        assert turns[1] < turns[0] / 50
    assert np.polyfit(times, after, 1)[0] == pytest.approx(0.2, abs=0.02)
    assert inside(path)
    assert LEAST <= path.crop < 1


def test_shots_do_not_know_of_each_other():
    times, shot = np.arange(80) / 25, np.repeat([0, 1], 40)
    one, two = (steps(0.3 * shake(40, seed), np.zeros(40)) for seed in (0, 1))
    both = [np.concatenate(pair) for pair in zip(one, two, strict=True)]
    # One crop is for all: that it be the same alone, there is one to choose.
    config = PathConfig(least_crop=0.93, most_crop=0.93)
    path = smooth_path(*both, shot, times, ASPECT, config)
    alone = smooth_path(*two, np.zeros(40, int), times[:40], ASPECT, config)
    np.testing.assert_allclose(path.off[40:], alone.off, atol=1e-4)


def test_what_shakes_beyond_the_room_is_followed_in_the_smoothest_way():
    times = np.arange(50) / 25
    place = 4 * shake(50)
    # So slow that nothing but the room pulls it back.
    config = PathConfig(smooth=5, most_crop=LEAST)
    path = smooth_path(*steps(place, 0 * times), np.zeros(50, int), times, ASPECT, config)
    assert inside(path)

    second = np.diff(np.eye(50), 2, axis=0)
    room = (1 - LEAST) / 2

    def unrest(off: np.ndarray) -> tuple[float, np.ndarray]:
        left = second @ (place.imag - off)
        return float(left @ left), -2 * second.T @ left

    # What L-BFGS-B finds, given the same room along one axis.
    bound = minimize(unrest, np.zeros(50), jac=True, bounds=[(-room, room)] * 50).fun
    ours = np.sum((second @ along(path, place).imag) ** 2)
    assert ours < 1.1 * bound


# ---------------------------------------------------------------- footage


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    """Gray noise with detail of all sizes, as pictures have, uint8 [160, 200, 3]."""
    return noise(3)


def noise(seed: int) -> np.ndarray:
    white = np.random.default_rng(seed).normal(size=(160, 200))
    pitch = np.hypot(np.fft.fftfreq(160)[:, None], np.fft.fftfreq(200))
    rough = np.fft.ifft2(np.fft.fft2(white) / (0.01 + pitch) ** 1.3).real
    gray = np.clip(128 + 45 * rough / rough.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, -1)


def moves(count: int) -> np.ndarray:
    """Rows and columns [T, 2] by which the view of the wide picture is moved."""
    t = np.arange(count)
    return np.round(np.stack([4 * np.sin(1.1 * t), 5 * np.sin(0.8 * t + 1)], -1)).astype(int)


def shaken(wide: np.ndarray, count: int) -> np.ndarray:
    return np.stack([wide[20 + y : 116 + y, 20 + x : 148 + x] for y, x in moves(count)])


def watched(film: np.ndarray):
    return watch(((k / 25, Picture.of(frame)) for k, frame in enumerate(film)), CameraConfig())


def reel_of(film: np.ndarray) -> Reel:
    frames = [(Fraction(k, 25), Picture.of(frame)) for k, frame in enumerate(film)]
    height, width = film.shape[1:3]

    def again(first: int, last: int):
        return iter(frames[first:last])

    return Reel(
        again(0, len(film)),
        [time for time, _ in frames],
        Fraction(len(film), 25),
        Fraction(25),
        height=height,
        width=width,
        again=again,
    )


def held(film: np.ndarray) -> np.ndarray:
    """A box held to the lens, with more texture than what is behind it."""
    film = film.copy()
    film[:, 36:, :66] = np.random.default_rng(1).integers(0, 255, (60, 66, 3), np.uint8)
    return film


def passed(film: np.ndarray) -> np.ndarray:
    """Someone passes over 40 % of the picture."""
    film, front = film.copy(), noise(8)
    for t in range(len(film)):
        left = -51 + t * 179 // len(film)
        at = slice(max(left, 0), min(left + 51, 128))
        film[t, :, at] = front[20:116, at.start - left : at.stop - left]
    return film


def faded(film: np.ndarray) -> np.ndarray:
    """Out of black, over 13 frames."""
    light = np.minimum(np.arange(len(film)) / 13, 1)
    return np.round(film * light[:, None, None, None]).astype(np.uint8)


@pytest.mark.parametrize("hide", [held, passed, faded])
def test_the_camera_is_what_the_ground_does(wide, hide):
    camera = watched(hide(shaken(wide, 24)))
    expected = -np.diff(moves(24) @ [1j, 1]) / 96
    found = (camera.turn * CENTER + camera.shift - CENTER)[1:]
    first = 1 if hide is faded else 0  # nothing is seen of a black frame
    error = np.abs(found - expected)[first:] * 96
    assert error.max() < 0.4
    assert np.median(error) < 0.1
    assert (camera.shot == 0).all()


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


def test_edges_are_filled_with_what_neighbors_show(wide):
    film = shaken(wide, 24)
    reel = editing.stabilize(fill=True)(reel_of(film))
    assert reel.crop() == 1
    steadied = np.stack([picture.rgb() for _, picture in reel.frames]).astype(float)
    # All look at one still picture, at their edges as in the middle.
    off = np.abs(steadied - np.median(steadied, 0)).mean((0, 3))
    middle = off[20:-20, 20:-20].mean()
    for edge in (off[:4], off[-4:], off[:, :4], off[:, -4:]):
        assert edge.mean() < 1.3 * middle
    again = next(iter(reel.again(11, 12)))[1].rgb()
    np.testing.assert_array_equal(again, steadied[11])


def test_the_camera_is_not_watched_across_a_cut(wide, tmp_path):
    source = tmp_path / "in.mp4"
    film = np.concatenate([shaken(wide, 12), shaken(wide[::-1, ::-1], 12)])
    write_video(source, iter(film), rate=25)
    with opened(source) as reel:
        camera = watch(reel.frames, CameraConfig())
    assert camera.shot.tolist() == [0] * 12 + [1] * 12
    assert (camera.turn[12], camera.shift[12]) == (1, 0)
    assert (np.abs(camera.shift[1:12]) > 0.005).all()


@pytest.mark.parametrize(
    "film",
    [
        lambda wide: shaken(wide, 1),
        lambda wide: shaken(wide, 2),
        lambda wide: np.full((6, 96, 128, 3), 90, np.uint8),
        lambda wide: np.concatenate([shaken(wide[::-1], 1), shaken(wide, 5)]),
        pytest.param(
            lambda wide: np.tile(shaken(wide, 6)[:, :40], (1, 1, 8, 1))[:, :, :1000],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["one frame", "two frames", "one color", "cut at frame 1", "1000 × 40"],
)
@pytest.mark.parametrize("fill", [False, True])
def test_odd_clips_have_a_result(wide, film, fill):
    frames = film(wide)
    reel = editing.stabilize(fill=fill)(reel_of(frames))
    made = [picture.rgb() for _, picture in reel.frames]
    assert [frame.shape for frame in made] == [frame.shape for frame in frames]
    assert LEAST <= reel.crop() <= 1


@pytest.mark.parametrize("crop", [1.4, 0.2, -1, 90])
def test_a_crop_out_of_range_is_told(crop):
    with pytest.raises(InputError, match="share of height and width"):
        editing.stabilize(crop=crop)


def test_options_of_stabilizing_need_it():
    from vidparticles.editing.edit import parse_edits

    for options in ({"stabilize_crop": 0.9}, {"fill": True}):
        with pytest.raises(InputError, match="give --stabilize"):
            parse_edits(**options)
