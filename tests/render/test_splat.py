"""Splats: analytic values, and gradients against finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

from vidparticles.particles import pad, particles
from vidparticles.render.splat import splat

SIZE = {"height": 24, "width": 32}


def scene() -> jax.Array:
    return jax.random.uniform(jax.random.key(1), (5, 2)) * jnp.array([32 / 24, 1.0])


def test_a_spot_is_the_gaussian_of_its_distance():
    picture = splat(particles(jnp.array([[0.5, 0.25]])), radius=0.1, **SIZE)
    y, x = np.mgrid[0:24, 0:32]
    square = ((x + 0.5) / 24 - 0.5) ** 2 + ((y + 0.5) / 24 - 0.25) ** 2
    expected = np.exp(-square / (2 * 0.1**2))
    np.testing.assert_allclose(picture[..., 0], expected, atol=1e-6)


def test_spots_add_up_and_the_dead_show_nothing():
    position, color = scene(), jax.random.uniform(jax.random.key(2), (5, 3))
    whole = splat(particles(position), color=color, radius=0.05, **SIZE)
    parts = [
        splat(particles(position[k : k + 1]), color=color[k : k + 1], radius=0.05, **SIZE)
        for k in range(5)
    ]
    np.testing.assert_allclose(whole, sum(parts), atol=1e-5)
    padded = pad(particles(position), 8)
    padded = padded.replace(position=padded.position.at[5:].set(jnp.nan))
    colors = jnp.concatenate([color, jnp.full((3, 3), jnp.nan)])
    np.testing.assert_allclose(splat(padded, color=colors, radius=0.05, **SIZE), whole, atol=1e-6)


def test_leading_axes_are_frames():
    position = jnp.stack([scene(), scene() + 0.1])
    both = splat(particles(position), **SIZE)
    np.testing.assert_allclose(both[1], splat(particles(position[1]), **SIZE), atol=1e-6)


def test_gradients_are_those_of_finite_differences():
    with jax.enable_x64(True):
        target = jax.random.uniform(jax.random.key(3), (24, 32, 3), jnp.float64)

        def error(position: jax.Array, radius: jax.Array) -> jax.Array:
            return jnp.sum((splat(particles(position), radius=radius, **SIZE) - target) ** 2)

        check_grads(error, (scene().astype(jnp.float64), jnp.float64(0.08)), order=1, modes=["rev"])


def test_a_spot_can_be_moved_onto_another_by_its_gradient():
    target = splat(particles(jnp.array([[0.6, 0.5]])), radius=0.15, **SIZE)

    @jax.jit
    def step(position: jax.Array) -> jax.Array:
        def error(position: jax.Array) -> jax.Array:
            return jnp.mean((splat(particles(position), radius=0.15, **SIZE) - target) ** 2)

        return position - 0.5 * jax.grad(error)(position)

    position = jnp.array([[0.45, 0.4]])
    for _ in range(60):
        position = step(position)
    np.testing.assert_allclose(position, [[0.6, 0.5]], atol=0.01)
