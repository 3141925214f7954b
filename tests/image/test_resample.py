"""Images between their pixels and at other sizes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.image.resample import (
    bicubic,
    bilinear,
    box,
    enlarge,
    halve,
    pixel_centers,
    resize,
    shrunk_bytes,
)


def test_places_keep_their_meaning_across_sizes():
    # A ramp that tells its own place: value = x in frame widths.
    ramp = jnp.broadcast_to((jnp.arange(64) + 0.5) / 64, (48, 64))
    for other in (halve(ramp), resize(ramp, 24, 32), enlarge(ramp, 96, 128)):
        width = other.shape[1]
        told = (jnp.arange(width) + 0.5) / width
        np.testing.assert_allclose(other[5, 3:-3], told[3:-3], atol=1e-5)
    np.testing.assert_allclose(bilinear(ramp, pixel_centers(48, 64)), ramp, atol=1e-6)


def test_bytes_are_shrunk_as_floats_are():
    frame = np.random.default_rng(0).integers(0, 256, (90, 161, 3), np.uint8)
    small = shrunk_bytes(frame, longest=64)
    exact = resize(jnp.asarray(frame, jnp.float32), *small.shape[:2])
    assert small.shape == (36, 64, 3)
    np.testing.assert_allclose(small, exact, atol=1.01)  # rounded twice
    assert shrunk_bytes(frame, longest=500) is frame


def test_cubics_are_exact_for_parabolas_and_keep_what_is_moved_often_sharp():
    x, y = np.moveaxis(np.asarray(pixel_centers(9, 11)), -1, 0)
    bend = jnp.asarray(np.stack([x * x - x * y, 3 - y * y], -1), jnp.float32)
    places = np.random.default_rng(0).uniform(2.5, 6.5, (50, 2))
    px, py = places.T
    # Samples at pixel centers of a parabola are those of the parabola.
    expected = np.stack([px * px - px * py, 3 - py * py], -1)
    got = jax.jit(bicubic)(bend, jnp.asarray(places, jnp.float32))
    np.testing.assert_allclose(got, expected, atol=1e-3)

    grain = jax.random.uniform(jax.random.key(0), (16, 16, 1))
    grain = grain.repeat(2, axis=0).repeat(2, axis=1)
    there, back = pixel_centers(32, 32) + 0.4, pixel_centers(32, 32) - 0.4
    left = {}
    for read in (bilinear, bicubic):
        moved = grain
        for _ in range(4):
            moved = jax.jit(read)(jax.jit(read)(moved, there), back)
        left[read] = float(jnp.abs(moved - grain)[8:-8, 8:-8].mean())
    assert left[bicubic] < 0.7 * left[bilinear]


def test_a_box_is_the_mean_over_its_window_and_edges_are_repeated():
    image = jax.random.normal(jax.random.key(0), (7, 5, 2))
    padded = np.pad(np.asarray(image), ((2, 2), (2, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(0, 1))
    np.testing.assert_allclose(box(image, 2), windows.mean((-1, -2)), atol=1e-6)
    slope = jax.grad(lambda image: jnp.sum(box(image, 2) ** 2))(image)
    assert np.isfinite(slope).all()
