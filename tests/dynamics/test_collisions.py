"""Hard discs: as an event-driven world without loss has them, and what is conserved."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.data.pv5 import world
from vidparticles.dynamics import bounce
from vidparticles.particles import particles

RADIUS = 0.07
run = jax.jit(lambda p, dt: bounce(p, diameter=2 * RADIUS, dt=dt))


def discs(count=3, clips=2000):
    """Worlds of discs; in some, two collide within a frame."""
    rng = np.random.default_rng(0)
    place = np.stack([world.scatter(rng, count, radius=RADIUS) for _ in range(clips)])
    return place, np.stack([world.velocities(rng, count, 0.05, 0.1) for _ in range(clips)])


def test_one_collision_is_that_of_the_exact_world():
    x, v = discs()
    # The reference has walls: only worlds from which none is in reach.
    free = np.abs(x - 0.5).max((1, 2)) < 0.5 - RADIUS - 0.11
    x, v = x[free], v[free]
    ahead, velocity, hit = world.advance(x, v, radius=RADIUS)
    one, none = hit.sum(-1) == 1, hit.sum(-1) == 0
    assert one.sum() > 20
    way, after = run(particles(x, velocity=v), 1.0)
    np.testing.assert_allclose((x + way)[one], ahead[one], atol=1e-6)
    np.testing.assert_allclose(after[one], velocity[one], atol=1e-6)
    np.testing.assert_allclose(way[none], v[none], atol=1e-6)


def test_momentum_and_energy_are_kept_whatever_the_masses():
    x, v = discs(count=2)
    mass = np.array([1.0, 3.0], np.float32)
    p = particles(x, velocity=v, mass=np.broadcast_to(mass, x.shape[:2]))
    _, after = run(p, 1.0)
    assert np.abs(after - v).max() > 0.02
    np.testing.assert_allclose(
        (mass[:, None] * after).sum(1), (mass[:, None] * v).sum(1), atol=1e-6
    )
    energy = [(mass * (u**2).sum(-1)).sum(-1) for u in (after, v)]
    np.testing.assert_allclose(*energy, rtol=1e-4)


def test_those_that_overlap_part_and_the_inactive_collide_with_none():
    x = np.array([[0.5, 0.5], [0.6, 0.5], [np.nan, 0.5]], np.float32)
    v = np.array([[0.02, 0.0], [0.0, 0.0], [1.0, 0.0]], np.float32)
    alive = np.array([True, True, False])
    way, after = run(particles(x, velocity=v, alive=alive), 1.0)
    np.testing.assert_allclose(after, [[0, 0], [0.02, 0], [1, 0]], atol=1e-7)
    np.testing.assert_allclose(way, [[0, 0], [0.02, 0], [0, 0]], atol=1e-7)
    _, leaving = run(particles(x, velocity=-v, alive=alive), 1.0)
    np.testing.assert_allclose(leaving, -v)


def test_gradients_are_those_of_differences_and_finite_where_discs_coincide():
    def after(x, v, diameter):
        way, velocity = bounce(particles(x, velocity=v), diameter=diameter, dt=1.0)
        return jnp.sum(jnp.sin(7 * (x + way)) + jnp.cos(9 * velocity))

    slope = jax.jit(jax.value_and_grad(after, (0, 1, 2)))
    x = np.array([[0.3, 0.5], [0.48, 0.53]], np.float32)
    v = np.array([[0.08, 0.01], [-0.04, 0.0]], np.float32)
    at = (x, v, np.float32(2 * RADIUS))
    rng, size = np.random.default_rng(0), 1e-3
    way = jax.tree.map(lambda a: rng.normal(size=a.shape).astype(np.float32), at)
    there, back = (
        slope(*jax.tree.map(lambda a, w, s=s: a + s * w, at, way))[0] for s in (size, -size)
    )
    along = sum(float(np.vdot(g, w)) for g, w in zip(slope(*at)[1], way, strict=True))
    assert float(there - back) / (2 * size) == pytest.approx(along, rel=0.02)
    assert all(np.isfinite(g).all() for g in slope(0 * x, v, at[2])[1])


def test_a_step_is_its_two_halves():
    """dt is in seconds: the same way in two halves, and at half the speed in twice the time."""
    x, v = discs(count=2)
    whole, after = run(particles(x, velocity=v), 1.0)
    half, between = run(particles(x, velocity=v), 0.5)
    rest, end = run(particles(x + half, velocity=between), 0.5)
    assert np.abs(after - v).max() > 0.02
    np.testing.assert_allclose(half + rest, whole, atol=1e-6)
    np.testing.assert_allclose(end, after, atol=1e-6)
    slow, slowed = run(particles(x, velocity=v / 2), 2.0)
    np.testing.assert_allclose(slow, whole, atol=1e-6)
    np.testing.assert_allclose(2 * slowed, after, atol=1e-6)
