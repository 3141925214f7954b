"""Spots of made pictures, whose places are known to a part of a pixel."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.tracking.blobs import locate as spots
from vidparticles.tracking.blobs.locate import LocateConfig

HEIGHT, WIDTH, DIAMETER, COUNT = 60, 90, 9, 12
# Nowhere alike between the pixels.
PLACES = np.asarray([[14.05, 15.5], [40.35, 13.2], [70.5, 16.75], [22.62, 40.9], [58.17, 44.33]])
HEIGHTS = np.asarray([0.5, 0.3, 0.4, 0.2, 0.6])


def picture(places=PLACES, heights=HEIGHTS, wide=1.8, high=1.8) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    shown = np.full((HEIGHT, WIDTH), 0.1)
    for (cx, cy), top in zip(places, heights, strict=True):
        shown += top * np.exp(-((x - cx) ** 2) / (2 * wide**2) - (y - cy) ** 2 / (2 * high**2))
    return shown.astype(np.float32)


def located(shown: np.ndarray, *, count: int = COUNT, **options) -> tuple[np.ndarray, np.ndarray]:
    """Places in pixels and features of what is found."""
    config = LocateConfig(diameter=DIAMETER, count=count, **{"brightest": 1.0, **options})
    found = spots.locate(shown, config)
    alive = np.asarray(found.alive)
    return np.asarray(found.position)[alive] * shown.shape[0], np.asarray(found.feature)[alive]


def test_spots_are_found_wherever_they_lie_between_the_pixels():
    steps = np.linspace(0, 1, 7)
    for shift in np.stack([steps, steps[::-1] ** 2], -1):
        found, look = located(picture(PLACES + shift))
        order = np.argsort(-HEIGHTS)
        np.testing.assert_allclose(found, (PLACES + shift)[order], atol=0.01)
        assert (np.diff(look[:, 0]) < 0).all()


def test_what_they_look_like():
    _, look = located(picture())
    # The band-pass takes off the same share of all, and their sizes are the same.
    np.testing.assert_allclose(look[:, 0] / look[0, 0], np.sort(HEIGHTS)[::-1] / 0.6, rtol=0.02)
    np.testing.assert_allclose(look[:, 1], look[0, 1], rtol=0.05)
    assert (look[:, 2] < 0.1).all()
    _, smaller = located(picture(wide=1.4, high=1.4))
    assert (smaller[:, 1] < look[:, 1]).all()
    _, long = located(picture(wide=2.4, high=1.4))
    assert (long[:, 2] > 2 * look[:, 2]).all()


def test_a_picture_turned_lit_or_inverted_has_the_same_spots():
    shown = picture()
    found, look = located(shown)
    across, _ = located(np.ascontiguousarray(shown[:, ::-1]))
    np.testing.assert_allclose(across * [-1, 1] + [WIDTH, 0], found, atol=2e-3)
    over, _ = located(np.ascontiguousarray(shown[::-1]))
    np.testing.assert_allclose(over * [1, -1] + [0, HEIGHT], found, atol=2e-3)
    fainter, faint = located(0.3 + 0.5 * shown)
    np.testing.assert_allclose(fainter, found, atol=2e-3)
    np.testing.assert_allclose(faint[:, 0], look[:, 0] / 2, rtol=1e-3)
    np.testing.assert_allclose(located(1 - shown, dark=True)[0], found, atol=2e-3)
    eight_bits = np.round(255 * np.repeat(shown[..., None], 3, -1)).astype(np.uint8)
    np.testing.assert_allclose(located(eight_bits)[0], found, atol=0.03)


def test_places_for_more_change_nothing_and_for_fewer_keep_the_brightest():
    found, look = located(picture())
    for count in (3, 300):
        some, features = located(picture(), count=count)
        np.testing.assert_allclose(some, found[:count], atol=1e-5)
        np.testing.assert_allclose(features, look[:count], rtol=1e-5)


def test_of_what_nothing_can_be_said_nothing_is():
    near = np.asarray([[30.0, 30.0], [37.0, 30.0], [2.0, 30.0], [60.0, 58.5]])
    found, _ = located(picture(near, [0.3, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(found, [[37.0, 30.0]], atol=0.5)
    assert len(located(picture(), least=100.0)[0]) == 0
    assert len(located(picture(), brightest=0.05)[0]) < 5
    for level in (0.0, 1.0):
        assert len(located(np.full((HEIGHT, WIDTH), level, np.float32))[0]) == 0


@pytest.mark.parametrize(
    ("shape", "options", "says"),
    [
        ((8, 8, 4), {}, r"\[H, W\] or \[H, W, 3\]"),
        ((8, 8), {"diameter": 8}, "odd"),
        ((8, 8), {"diameter": 31}, "shrink"),
        ((8, 8), {"count": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_located(shape, options, says):
    with pytest.raises(ValueError, match=says):
        spots.locate(jnp.zeros(shape), LocateConfig(**{"diameter": 5, **options}))
