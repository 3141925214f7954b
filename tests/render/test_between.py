"""Frames between frames: true where the truth is known, untouched where nothing happens."""

from __future__ import annotations

import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.flow import dense as field
from vidparticles.render import between as warp

SIZE = 64, 80


def waves(seed: int, x: float = 0.0, y: float = 0.0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A smooth texture moved by any part of a pixel, exactly: uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[0 : size[0], 0 : size[1]]
    picture = np.zeros((*size, 3))
    for _ in range(40):
        angle, phase, color = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, 7), rng.uniform(0, 1, 3)
        length = rng.uniform(6, 24)
        along = np.cos(angle[0]) * (across - x) + np.sin(angle[0]) * (down - y)
        picture += np.sin(2 * np.pi * along / length + phase)[..., None] * color
    return np.clip(128 + 12 * picture, 0, 255).round().astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


motions = jax.jit(field.motions, static_argnames="config")


def between(before: np.ndarray, after: np.ndarray, fraction: float) -> np.ndarray:
    found = warp.match(before, after)
    return np.asarray(warp.between(before, after, found, fraction))


def covered(x: int) -> np.ndarray:
    """A textured square at x before another texture."""
    scene = waves(1).copy()
    scene[20:44, x : x + 24] = waves(2)[:24, :24]
    return scene


@pytest.mark.parametrize("fraction", [0.25, 0.5])
def test_a_moved_texture_is_shown_where_it_is_at_that_moment(fraction):
    before, after = waves(0), waves(0, 5.3, -2.6)
    truth = waves(0, 5.3 * fraction, -2.6 * fraction)
    shown = between(before, after, fraction)
    inner = slice(8, -8), slice(8, -8)
    blend = (1 - fraction) * before.astype(float) + fraction * after
    assert psnr(shown[inner], truth[inner]) > 38
    assert psnr(shown[inner], truth[inner]) > psnr(blend[inner], truth[inner]) + 12


def test_motion_is_found_both_ways():
    motion, luma = motions(jnp.asarray(waves(0)), jnp.asarray(waves(0, 6, -4)))
    scale = SIZE[0] / luma.shape[1]
    inner = np.asarray(motion)[:, 6:-6, 6:-6] * scale
    for way, sign in zip(inner, (1, -1), strict=True):
        assert np.abs(np.median(way.reshape(-1, 2), axis=0) - sign * np.array([6, -4])).max() < 0.1


def test_time_runs_both_ways():
    before, after = covered(20), covered(26)
    for fraction in (0.5, 0.75):
        one = between(before, after, fraction).astype(int)
        two = between(after, before, 1 - fraction).astype(int)
        assert np.abs(one - two).max() <= 1


def test_what_is_covered_and_uncovered_is_shown_as_it_is():
    before, truth, after = covered(20), covered(24), covered(28)
    shown = between(before, after, 0.5)
    blend = (before.astype(float) + after) / 2
    assert psnr(shown, truth) > psnr(blend, truth) + 5
    thing = slice(23, 41), slice(27, 45)
    assert psnr(shown[thing], truth[thing]) > 35
    # Beside the square: seen in one of the frames only.
    for beside in (slice(18, 22), slice(50, 54)):
        assert psnr(shown[23:41, beside], truth[23:41, beside]) > 22
    assert psnr(shown[:12], truth[:12]) > 45


def test_where_nothing_happens_every_pixel_is_kept():
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    for fraction in (0.0, 0.3, 0.5, 1.0):
        assert (between(noise, noise, fraction) == noise).all()
    # A thing moves in the lower half; the upper half is noise at rest.
    before, after = covered(20), covered(26)
    before[:16], after[:16] = noise[:16], noise[:16]
    assert (between(before, after, 0.5)[:10] == noise[:10]).all()


def test_at_its_ends_it_is_the_frames_themselves():
    before, after = covered(20), covered(26)
    assert (between(before, after, 0.0) == before).all()
    assert (between(before, after, 1.0) == after).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 50), (37, 41)])
def test_any_size_will_do(size):
    before, after = waves(0, size=size), waves(0, 1.0, size=size)
    shown = between(before, after, 0.5)
    assert shown.shape == (*size, 3)
    low = np.minimum(before, after).min((0, 1)).astype(int)
    high = np.maximum(before, after).max((0, 1)).astype(int)
    assert ((shown >= low - 1) & (shown <= high + 1)).all()
    dark = np.zeros((*size, 3), np.uint8)
    assert not between(dark, dark, 0.5).any()


def test_however_many_lines_are_shown_at_a_time():
    size = 90, 70
    before, after = waves(3, size=size), waves(3, 4.4, -3.7, size=size)
    found = warp.match(before, after)
    shown = [np.asarray(warp.between(before, after, found, 0.5))]
    for lines in (90, 7):
        config = warp.BetweenConfig(lines=lines)
        shown.append(np.asarray(warp.between(before, after, found, 0.5, config)))
    for other in shown[1:]:
        # Programs differ, and with them the last bit before rounding.
        assert np.abs(other.astype(int) - shown[0]).max() <= 1


def test_what_lies_between_pixels_is_sharpened():
    before, after, truth = waves(0), waves(0, 5.0, -3.0), waves(0, 2.5, -1.5)
    found, inner = warp.match(before, after), (slice(8, -8), slice(8, -8))
    sharp = between(before, after, 0.5)
    soft = np.asarray(warp.between(before, after, found, 0.5, warp.BetweenConfig(sharp=0.0)))
    assert psnr(sharp[inner], truth[inner]) > psnr(soft[inner], truth[inner]) + 0.5


# ------------------------------------------------------------------ by what another source found


def found_by(way: np.ndarray, picture: np.ndarray):
    """A source that knows the way from the first frame to the second, at the moment between."""
    Found = collections.namedtuple("Found", "to_first to_second picture")
    return Found(jnp.asarray(-way / 2), jnp.asarray(way / 2), jnp.asarray(picture))


def test_a_motion_that_is_known_is_pulled_into_place():
    before, truth, after = (waves(0, 28.0 * s, -12.0 * s) for s in (0, 0.5, 1))
    way = np.broadcast_to(np.float32([27.5, -11.5]), (*SIZE, 2))  # half a pixel off
    found = warp.match_by(before, after, found_by(way, before))
    shown = np.asarray(warp.between(before, after, found, 0.5))
    inner = slice(12, -12), slice(20, -20)
    assert psnr(shown[inner], truth[inner]) > 35


def test_a_small_thing_that_a_network_sees_leap_is_not_lost():
    size, side = (96, 128), 16

    def leaping(x: int) -> np.ndarray:
        scene = waves(1, size=size).copy()
        scene[40 : 40 + side, x : x + side] = waves(2)[:side, :side]
        return scene

    before, after = leaping(20), leaping(44)
    way = np.zeros((*size, 2), np.float32)
    way[40 : 40 + side, 32 : 32 + side] = 24, 0
    found = warp.match_by(before, after, found_by(way, before))
    # Where it was, its motion is that of the thing, and not of the ground that comes after it.
    there = np.asarray(found.motion[0])[22:26, 13:17] * 2
    np.testing.assert_allclose(there, np.broadcast_to([24, 0], there.shape), atol=2)


def test_a_small_thing_that_leaps_is_searched_for():
    cells = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)

    def leaping(x: int) -> np.ndarray:
        scene = waves(1, size=(192, 256)).copy()
        scene[80:112, x : x + 32] = np.kron(cells, np.ones((4, 4, 1), np.uint8))
        return scene

    before, after = jnp.asarray(leaping(40)), jnp.asarray(leaping(68))
    for reach, found in ((8, True), (0, False)):
        motion, _ = motions(before, after, config=field.DenseConfig(reach=reach))
        there = np.asarray(motion[0])[43:53, 23:33] * 2
        assert np.allclose(np.median(there, axis=(0, 1)), [28, 0], atol=1) == found


def test_a_picture_that_is_known_counts_half_where_anything_moves():
    before, after = covered(20), covered(28)
    way = np.zeros((*SIZE, 2), np.float32)
    way[20:44, 24:48] = 8, 0
    picture = np.full((*SIZE, 3), 90.0, np.float32)
    found = warp.match_by(before, after, found_by(way, picture))
    shown = np.asarray(warp.between(before, after, found, 0.5))
    mean = np.asarray(warp.between(before, after, found, 0.5, picture=picture))
    thing, corner = (slice(24, 40), slice(28, 44)), (slice(52, 64), slice(0, 12))
    np.testing.assert_allclose(mean[thing], (shown[thing] + 90.0) / 2, atol=1.01)
    np.testing.assert_array_equal(mean[corner], before[corner])


def test_cubics_where_both_frames_agree_come_closer_to_the_truth():
    before, after, truth = waves(0), waves(0, 5.0, -3.0), waves(0, 2.5, -1.5)
    way = np.broadcast_to(np.float32([5, -3]), (*SIZE, 2))
    found, inner = warp.match_by(before, after, found_by(way, before)), (slice(8, -8), slice(8, -8))
    linear, cubic = (
        np.asarray(warp.between(before, after, found, 0.5, config))
        for config in (warp.BetweenConfig(cubic=1e-9), warp.BetweenConfig())
    )
    assert psnr(linear[inner], truth[inner]) > 38
    assert psnr(cubic[inner], truth[inner]) > psnr(linear[inner], truth[inner])


# ------------------------------------------------------------------ how far it is trusted


def trusted(before: np.ndarray, known: np.ndarray, after: np.ndarray) -> float:
    return float(warp.trust(before, known, after, between(before, after, 0.5)))


def test_motion_is_trusted_where_something_moves_and_not_in_a_dissolve():
    assert trusted(waves(0), waves(0, 2.5, -1.5), waves(0, 5.0, -3.0)) > 0.95
    one, other = waves(3), waves(4)
    assert trusted(one, ((one.astype(float) + other) / 2).astype(np.uint8), other) < 0.1
    assert trusted(one, one, one) == 1


@pytest.mark.parametrize("fraction", [0.25, 0.5])
def test_what_is_not_trusted_is_a_dissolve(fraction):
    before, after = covered(20), covered(28)
    found = warp.match(before, after)
    shown, half, none = (
        np.asarray(warp.between(before, after, found, fraction, trusted=share)).astype(float)
        for share in (1.0, 0.5, 0.0)
    )
    dissolve = (1 - fraction) * before + fraction * after.astype(float)
    thing = slice(22, 42), slice(30, 42)  # beside what is equal in both, which is kept
    assert np.abs((none - dissolve)[thing]).max() <= 0.51
    assert np.abs((half - (shown + dissolve) / 2)[thing]).max() <= 1.01
