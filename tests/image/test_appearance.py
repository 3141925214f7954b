"""What lies in boxes: the same is alike, wherever and however large it is; another color is not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.image.appearance import AppearanceConfig, describe


def painted(size: int, top, low, left: int, up: int) -> np.ndarray:
    """A picture of 96 × 128 pixels with a thing on gray: two colors, striped."""
    picture = np.full((96, 128, 3), 0.5, np.float32)
    thing = np.empty((size, size, 3), np.float32)
    thing[: size // 2], thing[size // 2 :] = top, low
    thing[:, :: max(size // 8, 2)] *= 0.3
    picture[up : up + size, left : left + size] = thing
    return picture


def test_the_same_thing_is_alike_at_another_place_and_size():
    red, blue = np.float32([0.8, 0.2, 0.1]), np.float32([0.1, 0.2, 0.8])
    told = jax.jit(describe)
    one = told(painted(32, red, blue, 10, 20), jnp.array([[10, 20, 42, 52.0]]) / 96)[0]
    other = told(painted(48, red, blue, 60, 40), jnp.array([[60, 40, 108, 88.0]]) / 96)[0]
    turned = told(painted(32, blue, red, 10, 20), jnp.array([[10, 20, 42, 52.0]]) / 96)[0]
    np.testing.assert_allclose(jnp.linalg.norm(one), 1, rtol=1e-5)
    assert one.shape == (AppearanceConfig().features,)
    assert one @ other > 0.9
    assert one @ turned < 0.6
