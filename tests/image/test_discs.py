"""Soft discs: their area, their place, and gradients that stay finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.image import discs

SIZE = {"height": 48, "width": 64}


@jax.jit
def cover(position, alive=None, radius=0.2):
    alive = jnp.ones(position.shape[:-1], bool) if alive is None else alive
    return discs.cover(position, alive, radius=radius, edge=0.01, **SIZE)


def test_a_disc_has_its_area_and_its_middle():
    center = jnp.array([[0.61, 0.43]])
    covers = np.asarray(cover(center))[0]
    assert covers.sum() / SIZE["height"] ** 2 == pytest.approx(np.pi * 0.2**2, rel=0.02)
    middle = covers @ np.asarray(discs.pixels(**SIZE)) / covers.sum()
    np.testing.assert_allclose(middle, center[0], atol=1e-3)


def test_distances_are_those_of_offsets():
    position = jax.random.uniform(jax.random.key(0), (2, 3, 2))
    dx, dy = discs.offsets(position, **SIZE)
    square = discs.square_distance(position, **SIZE)
    np.testing.assert_allclose(square, dx * dx + dy * dy, atol=1e-6)


def test_the_dead_show_nothing_whatever_they_hold():
    position = jnp.array([[0.5, 0.5], [jnp.nan, jnp.inf]])
    alive = jnp.array([True, False])
    color = jnp.ones((2, 3))

    def light(position):
        return discs.paint(cover(position, alive), color, jnp.zeros(3)).sum()

    value, slope = jax.value_and_grad(light)(position)
    alone = discs.paint(cover(position[:1]), color[:1], jnp.zeros(3)).sum()
    assert float(value) == pytest.approx(float(alone))
    assert bool(jnp.isfinite(slope).all())


def test_a_picture_is_ground_disc_or_a_mixture():
    covers = jnp.array([[0.0, 1.0, 0.25, 1.0], [0.0, 0.0, 0.25, 1.0]])
    color, ground = jnp.array([[1.0], [0.5]]), jnp.array([[0.2]])
    picture = discs.paint(covers, color, ground)[:, 0]
    np.testing.assert_allclose(picture, [0.2, 1.0, 0.25 * 1.5 + 0.5 * 0.2, 0.75], atol=1e-6)


def test_gradient_of_a_picture_by_position():
    def error(x):
        return jnp.sum((cover(jnp.stack([x, x])[None]) - cover(jnp.array([[0.5, 0.5]]))) ** 2)

    size = 1e-3
    numeric = (error(0.52 + size) - error(0.52 - size)) / (2 * size)
    assert float(jax.grad(error)(0.52)) == pytest.approx(float(numeric), rel=1e-2)
