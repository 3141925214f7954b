"""Masks over a picture: where there is none it stays as it is, the boundary is drawn strongest."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from vidparticles.viz import draw
from vidparticles.viz.masks import MaskStyle, tinted


def test_only_what_is_masked_is_tinted_and_the_boundary_most():
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    mask = np.zeros((2, 8, 12), np.float32)
    mask[0, 2:6, 2:5], mask[0, 2:6, 5] = 1, 0.5
    mask[1, :, 9:] = 1
    told = np.asarray(tinted(jnp.asarray(picture), jnp.asarray(mask), jnp.array([1, 2])))
    assert (told[:, 6:9] == picture[:, 6:9]).all()
    colors = 255 * np.asarray(draw.label_color(jnp.array([1, 2])))
    style = MaskStyle()
    for place, color, opacity in (
        ((3, 3), colors[0], style.tint),
        ((3, 5), colors[0], style.edge),
        ((3, 10), colors[1], style.tint),
    ):
        want = (1 - opacity) * picture[place] + opacity * color
        np.testing.assert_allclose(told[place], want, atol=1)


def test_masks_of_another_size_are_stretched():
    picture = jnp.full((16, 24, 3), 90, jnp.uint8)
    mask = jnp.zeros((1, 8, 12)).at[0, :, :6].set(1.0)
    told = np.asarray(tinted(picture, mask, jnp.array([3])))
    assert (told[:, 16:] == 90).all()
    assert (told[:, :8] != 90).any(-1).all()
