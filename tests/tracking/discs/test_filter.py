"""What the laws of motion do to discs, over any steps."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.particles import particles
from vidparticles.tracking.discs import filter
from vidparticles.tracking.discs.filter import FilterConfig

START = particles(
    jnp.array([[0.8, 0.5], [0.3, 0.2], [0.5, 0.2]]),
    velocity=jnp.array([[2.5, 0.0], [1.25, 0.0], [-1.25, 0.0]]),
)
# Seconds; each of a batch has its own.
FRAME, NO_TIME, HALF, LONG = range(4)
DT = jnp.array([0.04, 0.0, 0.02, 2.0])


@functools.cache
def predicted(walls, rigid):
    batch = jax.tree.map(lambda x: jnp.stack([x] * len(DT)), START)
    options = {"diameter": jnp.asarray(0.3), "stiffness": jnp.asarray(625.0)}
    options |= {"margin": jnp.asarray(0.15), "config": FilterConfig(stiffest=1.0)}
    run = functools.partial(filter.predict, shape=(8, 8), walls=walls, rigid=rigid, **options)
    return jax.jit(run)(batch, DT)


def test_the_laws_turn_objects_round():
    soft, _ = predicted(walls=True, rigid=False)
    np.testing.assert_allclose(soft.position[FRAME, 0], [0.8, 0.5], atol=1e-6)
    np.testing.assert_allclose(soft.velocity[FRAME, :, 0], [-2.5, -1.25, 1.25], atol=1e-5)
    np.testing.assert_allclose(soft.position[HALF, 0], [0.85, 0.5], atol=1e-6)
    # Half as long a push.
    np.testing.assert_allclose(soft.velocity[HALF, 1:, 0], 0, atol=1e-5)
    free, _ = predicted(walls=False, rigid=False)
    np.testing.assert_allclose(free.position[FRAME, 0], [0.9, 0.5], atol=1e-6)
    # Rigid discs turn before they go, and the wall does not count as another.
    rigid, change = predicted(walls=True, rigid=True)
    np.testing.assert_allclose(rigid.velocity[FRAME, :, 0], [-2.5, -1.25, 1.25], atol=1e-5)
    np.testing.assert_allclose(rigid.position[FRAME, :, 0], [0.8, 0.25, 0.55], atol=1e-6)
    np.testing.assert_allclose(rigid.position[HALF, :, 0], [0.85, 0.275, 0.525], atol=1e-6)
    np.testing.assert_allclose(change[FRAME], [0, 2.5, 2.5], atol=1e-5)


@pytest.mark.parametrize("rigid", [False, True])
def test_in_no_time_nothing_moves_and_a_long_gap_throws_nothing_away(rigid):
    now, change = predicted(walls=True, rigid=rigid)
    np.testing.assert_allclose(now.position[NO_TIME], START.position, atol=1e-6)
    np.testing.assert_array_equal(now.velocity[NO_TIME], START.velocity)
    assert float(jnp.abs(change[NO_TIME]).max()) == 0
    # No faster than what one push of the softened force can make of it.
    assert float(jnp.abs(now.velocity[LONG]).max()) < 2.6
