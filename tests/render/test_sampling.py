"""Images between their pixels and at other sizes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.render.sampling import bilinear, box, enlarge, halve, pixel_centres, resize


def test_places_keep_their_meaning_across_sizes():
    # A ramp that tells its own place: value = x in frame widths.
    ramp = jnp.broadcast_to((jnp.arange(64) + 0.5) / 64, (48, 64))
    for other in (halve(ramp), resize(ramp, 24, 32), enlarge(ramp, 96, 128)):
        width = other.shape[1]
        told = (jnp.arange(width) + 0.5) / width
        np.testing.assert_allclose(other[5, 3:-3], told[3:-3], atol=1e-5)
    np.testing.assert_allclose(bilinear(ramp, pixel_centres(48, 64)), ramp, atol=1e-6)


def test_a_box_is_the_mean_over_its_window_and_edges_are_repeated():
    image = jax.random.normal(jax.random.key(0), (7, 5, 2))
    padded = np.pad(np.asarray(image), ((2, 2), (2, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(0, 1))
    np.testing.assert_allclose(box(image, 2), windows.mean((-1, -2)), atol=1e-6)
    slope = jax.grad(lambda image: jnp.sum(box(image, 2) ** 2))(image)
    assert np.isfinite(slope).all()
