"""Frames as particles: the planes' kinematics and dynamics, against what they must be."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.models.frame_particles import encoder, interactions
from vidparticles.models.frame_particles.planes import clock, velocities
from vidparticles.particles import Particles

STEPS = 3
RULES = interactions.Interactions(width=8, steps=STEPS)


def _start(key, batch=2, planes=2, count=5, charge=3):
    keys = jax.random.split(key, 3)
    shape = (batch, planes, count)
    when = clock(jnp.linspace(0.0, 2.0, count)[None])[:, None]
    charges = jax.random.normal(keys[2], (*shape, charge))
    return Particles(
        position=jax.random.normal(keys[0], (*shape, 2)),
        velocity=jax.random.normal(keys[1], (*shape, 2)),
        feature=jnp.concatenate([charges, jnp.broadcast_to(when, (*shape, 7))], axis=-1),
        mass=jnp.ones(shape),
        alive=jnp.ones(shape, bool),
    )


@pytest.fixture(scope="module")
def laws():
    return RULES.init(jax.random.key(1), feature=10)


def test_preprocessing_leaves_only_what_moves():
    rng = np.random.default_rng(0)
    still = np.repeat(rng.integers(0, 256, (1, 1, 8, 8, 3)), 4, axis=1).astype(np.uint8)
    moving = still.copy()
    moving[0, 2, 3, 5] = 255 - moving[0, 2, 3, 5]
    assert not np.any(np.abs(encoder.preprocess(jnp.asarray(still))[..., 3:]) > 1e-6)
    changed = np.abs(encoder.preprocess(jnp.asarray(moving))[..., 3:]).max((0, 1, 4)) > 1e-3
    assert np.argwhere(changed).tolist() == [[3, 5]]


def test_salience_is_greatest_where_most_differs():
    difference = np.zeros((1, 16, 16, 3), np.float32)
    difference[0, 5, 9] = 0.8
    difference[0, 13, 2] = 0.2
    out = np.asarray(encoder.salience(jnp.asarray(difference), stride=4))[0]
    assert np.unravel_index(out.argmax(), out.shape) == (1, 2)
    # A quarter of the difference is a sixteenth of its square.
    np.testing.assert_allclose(out[3, 0] - out[1, 2], np.log(1 / 16), atol=0.02)


def test_velocity_is_per_second_whatever_the_frame_rate():
    time = jnp.array([[0.0, 0.1, 0.25, 0.3, 0.9]])
    along = jnp.array([2.0, -3.0])
    position = 5 + time[:, None, :, None] * along
    velocity = velocities(position, time)
    np.testing.assert_allclose(velocity, jnp.broadcast_to(along, velocity.shape), rtol=2e-5)


def test_velocity_is_zero_where_no_time_passes():
    one = velocities(jnp.ones((1, 1, 1, 2)), jnp.zeros((1, 1)))
    same = velocities(jnp.arange(6.0).reshape(1, 1, 3, 2), jnp.zeros((1, 3)))
    assert not np.any(one)
    assert not np.any(same)


def test_clock_runs_from_minus_one_to_one():
    a = clock(jnp.array([[3.0, 4.0, 7.0]]))
    b = clock(jnp.array([[0.0, 0.25, 1.0]]))
    np.testing.assert_allclose(a[0, :, 0], [-1, -0.5, 1], atol=1e-6)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_frames_obey_newtons_third_law(laws):
    """Forces among frames cancel: the center moves under drag alone, in closed form."""
    start = _start(jax.random.key(2))
    trajectory = RULES.simulate(laws, start)
    strength = interactions.strengths(laws)
    center, speed = (x.mean(-2) for x in (start.position, start.velocity))
    for s in range(STEPS):
        dt = RULES.step * float(np.clip(strength["horizon"] - s, 0, 1))
        speed = speed * (1 - dt * strength["drag"])
        center = center + dt * speed
        found = trajectory.particles.position[:, :, s + 1].mean(-2)
        np.testing.assert_allclose(found, center, rtol=1e-4, atol=1e-5)
    moved = trajectory.particles.position - trajectory.particles.position[:, :, :1]
    assert np.abs(moved - moved.mean(-2, keepdims=True)).max() > 0.05


@pytest.mark.parametrize("horizon", [0.4, 1.5, 2.25])
def test_nothing_moves_beyond_the_horizon(laws, horizon):
    raw = jnp.log(jnp.expm1(jnp.asarray(horizon)))
    trajectory = RULES.simulate({**laws, "horizon": raw}, _start(jax.random.key(3)))
    np.testing.assert_allclose(trajectory.time[0, 0, -1], RULES.step * horizon, rtol=1e-5)
    position = np.asarray(trajectory.particles.position)
    last = int(np.ceil(horizon))
    np.testing.assert_array_equal(position[:, :, last], position[:, :, -1])
    assert np.abs(position[:, :, last] - position[:, :, last - 1]).max() > 1e-3


def test_the_horizon_can_be_learned(laws):
    """Its gradient is that of finite differences."""
    start = _start(jax.random.key(4))

    def reach(raw):
        path = RULES.simulate({**laws, "horizon": raw}, start)
        return jnp.sum(path.particles.position[:, :, -1] ** 2)

    raw, h = jnp.asarray(1.3), 1e-2
    slope = jax.grad(reach)(raw)
    np.testing.assert_allclose(slope, (reach(raw + h) - reach(raw - h)) / (2 * h), rtol=1e-2)
    assert abs(slope) > 1e-3


def test_force_curves_are_the_laws_that_move_the_particles(laws):
    """Two frames without charge at a distance: the first step shows the curves' sum."""
    distance, count = 1.7, 17
    curves = interactions.force_curve(laws, jnp.array([distance]))
    when = clock(jnp.linspace(-1, 1, count)[None])[0]
    pair = Particles(
        position=jnp.array([[[[distance, 0.0], [0.0, 0.0]]]]),
        velocity=jnp.zeros((1, 1, 2, 2)),
        feature=jnp.concatenate([jnp.zeros((2, 3)), when[jnp.array([8, 9])]], -1)[None, None],
        mass=jnp.ones((1, 1, 2)),
        alive=jnp.ones((1, 1, 2), bool),
    )
    once = dataclasses.replace(RULES, steps=1)
    moved = once.simulate(laws, pair).particles.velocity[0, 0, 1, 0, 0]
    force = sum(curves[name][0] for name in curves if "first and last" not in name)
    dt = RULES.step * min(float(interactions.strengths(laws)["horizon"]), 1.0)
    np.testing.assert_allclose(moved, dt * force / 2, rtol=1e-4)
