"""Without others' weights, what moves is found by the network that comes with the package."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vidparticles.inference.objects import objects
from vidparticles.video import write_video

SHAPE, FRAMES, RATE = (96, 128), 36, 24


def picture(seed: int, shape: tuple[int, int] = SHAPE, *, contrast: float = 160) -> np.ndarray:
    """[H, W, 3] uint8: soft spots of color, as out of focus."""
    rng = np.random.default_rng(seed)
    soft = gaussian_filter(rng.normal(size=(*shape, 3)), (5, 5, 0))
    soft = (soft - soft.min()) / np.ptp(soft)
    return (40 + contrast * soft).astype(np.uint8)


def passing(ground: np.ndarray, thing: np.ndarray, *, step: float = 2) -> np.ndarray:
    """A thing goes from left to right over a ground."""
    frames = np.repeat(ground[None], FRAMES, 0)
    height, width = thing.shape[:2]
    top = (len(ground) - height) // 2
    for k, frame in enumerate(frames):
        left = round(10 + step * k)
        shown = frame[top : top + height, left : left + width]
        shown[:] = thing[:, : shown.shape[1]]
    return frames


def still() -> np.ndarray:
    return picture(0)[None]


def nothing_moves() -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 2, (FRAMES, *SHAPE, 3))
    return np.clip(picture(0) + noise, 0, 255).astype(np.uint8)


def cut_each_second() -> np.ndarray:
    one = passing(picture(0), picture(9, (28, 20)))
    two = passing(picture(2)[::-1], picture(9, (28, 20)))
    return np.concatenate([one[:24], two[:24]])


def larger_than_the_picture() -> np.ndarray:
    """A wall that moves through: most of the picture is of it."""
    wall = picture(3, (96, 400))
    return np.stack([wall[:, 3 * k : 3 * k + 128] for k in range(FRAMES)])


def night() -> np.ndarray:
    dark = passing(picture(0), picture(9, (28, 20))) // 24
    noise = np.random.default_rng(1).normal(0, 2, dark.shape)
    return np.clip(dark + noise, 0, 255).astype(np.uint8)


def confetti() -> np.ndarray:
    """Two hundred shreds, each its own way."""
    rng = np.random.default_rng(4)
    at, speed = rng.uniform(0, 1, (200, 2)) * SHAPE, rng.normal(0, 2, (200, 2))
    colors = rng.integers(0, 255, (200, 3))
    frames = np.repeat(picture(0)[None], FRAMES, 0)
    for k, frame in enumerate(frames):
        for (row, column), color in zip((at + k * speed) % SHAPE, colors, strict=True):
            frame[int(row) : int(row) + 4, int(column) : int(column) + 4] = color
    return frames


@pytest.fixture
def found(tmp_path, monkeypatch):
    def found(frames: np.ndarray):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no weights"))
        write_video(tmp_path / "clip.mp4", frames, rate=RATE)
        return objects(tmp_path / "clip.mp4")

    return found


def test_what_passes_has_one_number_and_a_box_around_it(found):
    told = found(passing(picture(0), picture(9, (28, 20))))
    assert "by their motion alone" in " ".join(told.warnings)
    longest = max(told.objects, key=lambda one: len(one.frames))
    assert longest.kind == "moving"
    assert len(longest.frames) > 0.7 * FRAMES
    middle = np.asarray(longest.boxes)[:, [0, 2]].mean(1) * 96
    at = 20 + 2 * np.asarray(longest.frames)
    assert np.median(np.abs(middle - at)) < 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frames", "least", "most"),
    [
        (still, 0, 0),
        (nothing_moves, 0, 0),
        (cut_each_second, 1, 4),
        (larger_than_the_picture, 0, 3),
        (night, 0, 2),
        (confetti, 1, 48),
    ],
)
def test_odd_clips_have_a_result(found, frames, least, most):
    told = found(frames())
    assert least <= len(told.objects) <= most
    if frames is cut_each_second:  # no one crosses a cut
        assert not any(one.frames[0] < 24 <= one.frames[-1] for one in told.objects)
