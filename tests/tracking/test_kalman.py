"""The filter in seconds: gains, and covariance over any steps."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.tracking import kalman

COVARIANCE = np.array([[0.02, 0.05], [0.05, 1.0]])
PACKED = jnp.array([0.02, 0.05, 1.0])


def ahead(packed, *steps, density=3.0):
    for dt in steps:
        packed = kalman.predicted_covariance(packed, jnp.asarray(dt), density=jnp.asarray(density))
    return packed


def test_gains_and_covariance_are_those_of_a_kalman_filter():
    dt, density, noise = 0.08, 3.0, 0.004
    move = np.array([[1, dt], [0, 1]])
    added = density * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    expected = move @ COVARIANCE @ move.T + added
    predicted = ahead(PACKED, dt, density=density)
    np.testing.assert_allclose(predicted, expected[[0, 0, 1], [0, 1, 1]], rtol=1e-5)
    gains = expected[:, 0] / (expected[0, 0] + noise)
    *found, left = kalman.gain(predicted, jnp.asarray(noise))
    np.testing.assert_allclose(jnp.stack(found), gains, rtol=1e-5)
    after = expected - np.outer(gains, expected[0])
    np.testing.assert_allclose(left, after[[0, 0, 1], [0, 1, 1]], rtol=1e-4)


@pytest.mark.parametrize("parts", [(0.05, 0.05), (0.02, 0.0, 0.08), (0.01,) * 10])
def test_the_covariance_does_not_depend_on_the_steps(parts):
    np.testing.assert_allclose(ahead(PACKED, *parts), ahead(PACKED, 0.1), rtol=1e-5)


def test_a_collision_at_an_unknown_moment_is_that_of_a_drawn_one():
    rng, dt, deviation = np.random.default_rng(0), 0.2, 0.5
    change, rest = deviation * rng.normal(size=200_000), dt * rng.uniform(size=200_000)
    drawn = np.cov(change * rest, change)[[0, 0, 1], [0, 1, 1]]
    zero, free = jnp.zeros(3), jnp.zeros(())
    found = kalman.predicted_covariance(zero, jnp.asarray(dt), density=free, impulse=deviation**2)
    np.testing.assert_allclose(found, drawn, rtol=0.02)
