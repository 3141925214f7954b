"""Texture-flow: motion between two frames tells the class, single frames do not."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform

from vidparticles.data.pv5 import texture_flow

TURNS = np.exp(2j * np.pi * np.arange(12) / 12)


def _moved(frame: np.ndarray, linear: complex, shift: complex) -> np.ndarray:
    """The frame after p → linear · p + shift about its middle (complex, x + i y)."""
    inverse = 1 / linear
    matrix = np.array([[inverse.real, inverse.imag], [-inverse.imag, inverse.real]])
    middle = np.array([15.5, 15.5])
    offset = middle - matrix @ (middle + np.array([shift.imag, shift.real]))
    return affine_transform(frame, matrix, offset, order=1, mode="nearest")


def _by_best_motion(frames: np.ndarray) -> int:
    """The class whose motions, over a grid of speeds, explain one frame by the one before."""
    a, b = frames[10].astype(float), frames[12].astype(float)
    inner = slice(5, -5)
    residuals = []
    for motions in (
        [(1, 2 * s * turn) for s in (0.7, 0.9, 1.1) for turn in TURNS],
        [(np.exp(2j * s / texture_flow.REACH), 0) for s in (-1.1, -0.9, -0.7, 0.7, 0.9, 1.1)],
        [(np.exp(2 * s / texture_flow.REACH), 0) for s in (-1.1, -0.9, -0.7, 0.7, 0.9, 1.1)],
        [(1, 0)],
    ):
        residuals.append(min(np.square(_moved(a, *m) - b)[inner, inner].mean() for m in motions))
    return int(np.argmin(residuals))


def test_motion_tells_the_class() -> None:
    clips = texture_flow.batch(range(60))
    found = np.array([_by_best_motion(f[..., 0]) for f in clips["frames"]])
    assert np.mean(found == clips["label"]) > 0.9


def test_the_direction_of_a_translation_is_the_one_drawn() -> None:
    clips = texture_flow.batch(range(60))
    for row in np.flatnonzero(clips["label"] == 0):
        frames = clips["frames"][row, ..., 0].astype(float)
        speed, way = clips["truth"]["speed"][row], clips["truth"]["way"][row]
        there, back = (
            np.square(_moved(frames[0], 1, s * 2 * speed * np.exp(1j * way)) - frames[2])
            for s in (1, -1)
        )
        assert there[5:-5, 5:-5].mean() < 0.1 * back[5:-5, 5:-5].mean()


def test_single_frames_look_alike() -> None:
    """Mean spectra of the classes agree, and labels are balanced."""
    clips = texture_flow.batch(range(400), frames=5)
    label, frames = clips["label"], clips["frames"][..., 0].astype(float) - 127.5
    np.testing.assert_allclose(np.bincount(label, minlength=4) / 400, 0.25, atol=0.065)
    window = np.hanning(32)
    power = np.abs(np.fft.rfft2(frames * window[:, None] * window)) ** 2
    ring = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.rfftfreq(32)[None]) * 32
    bands = np.stack(
        [np.log(power[..., (ring >= k) & (ring < k + 2)].mean(-1)) for k in (1, 3, 5, 7, 9)], -1
    )
    means = np.stack([bands[label == k].mean((0, 1)) for k in range(4)])
    spread = bands.mean(1).std(0)
    # The classes' means differ by less than the standard error of their difference, thrice.
    assert (np.ptp(means, axis=0) < 3.5 * spread * np.sqrt(2 / 100)).all()
    np.testing.assert_allclose(
        [frames[label == k].std() for k in range(4)], texture_flow.CONTRAST, rtol=0.04
    )
