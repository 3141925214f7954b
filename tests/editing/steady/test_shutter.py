"""A rolling shutter is told from what it does to rows, and not from what near things do."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.editing.steady.shutter import (
    ShutterConfig,
    bends,
    readout,
    row_moments,
    row_velocity,
)
from vidparticles.flow.camera import Similarity, fit_similarity
from vidparticles.flow.ground import Motions

CENTER = (4 / 3 + 1j) / 2
ZERO = np.zeros(60, int)


def told(steps: np.ndarray, *, rolls: float, near: float) -> float:
    """The readout that is read off points all over a shaken picture.

    Args:
        steps: [T] complex, of the center.
        rolls: true readout.
        near: by how much farther points at the bottom move, as what is near does.
    """
    rng = np.random.default_rng(2)
    before = rng.uniform([0, 0], [4 / 3, 1], (80, 2)).astype(np.float32)
    bend, moments = bends(steps, ZERO), []
    for step, bent in zip(steps, bend, strict=True):
        row = before[:, 1] - 0.5
        moved = step * (1 + near * row) + rolls * row * bent
        after = before + np.stack([moved.real, moved.imag], -1) + rng.normal(0, 2e-4, (80, 2))
        fit = fit_similarity(before, after.astype(np.float32), np.ones(80, np.float32))
        every = Similarity(np.asarray(fit.turn)[None], np.asarray(fit.shift)[None])
        ones = np.ones((1, 80))
        moments.append(row_moments(Motions(every, ones[:, 0], ones, ones[0], before, after)))
    return readout(np.stack(moments)[..., 0], bend, ShutterConfig())


def shaken(count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 0.01 * (rng.normal(size=count) + 1j * rng.normal(size=count))


@pytest.mark.parametrize("rolls", [0.4, 0.8])
def test_the_readout_is_found(rolls):
    assert told(shaken(), rolls=rolls, near=0) == pytest.approx(rolls, abs=0.05)


@pytest.mark.parametrize("near", [0, 0.3])
def test_what_is_near_is_no_rolling_shutter(near):
    assert told(shaken(), rolls=0, near=near) == 0


def test_a_camera_at_rest_tells_nothing():
    assert told(0 * shaken(), rolls=0.8, near=0) == 0


def test_rows_move_as_the_picture_does_within_a_shot():
    shot = np.repeat([0, 1, 2], [3, 2, 1])
    steps = np.array([0, 2, 4, 0, 6, 0], complex)  # none into the first frame of a shot
    turned, moved = row_velocity(np.ones(6, complex), steps, shot, CENTER)
    np.testing.assert_allclose(turned, 0)
    np.testing.assert_allclose(moved, [2, 3, 4, 6, 6, 0])
