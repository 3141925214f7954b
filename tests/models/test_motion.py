"""Laws of motion: what they leave alone, and that they can be learned."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vidparticles import dynamics
from vidparticles.models import motion
from vidparticles.particles import Trajectory, pad, particles

MOMENTS, DT = 9, 0.1


@functools.partial(jax.jit, static_argnums=1)
def bouncing(key: jax.Array, clips: int) -> Trajectory:
    """Clips of eight soft discs that fly about and bounce off each other."""
    displacement_fn, shift_fn = dynamics.free()
    force = dynamics.all_pairs(dynamics.collision, displacement_fn, stiffness=120.0, diameter=0.24)
    spread, turn, quick = jax.random.split(key, 3)
    cell = jnp.stack(jnp.meshgrid(jnp.arange(4), jnp.arange(2)), -1).reshape(-1, 2) * 0.28
    angle = 2 * jnp.pi * jax.random.uniform(turn, (clips, 8))
    speed = 0.5 + 0.3 * jax.random.uniform(quick, (clips, 8, 1))
    start = particles(
        cell + 0.03 * jax.random.uniform(spread, (clips, 8, 2)),
        velocity=speed * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1),
    )
    path = dynamics.rollout(
        dynamics.velocity_verlet(force, shift_fn, DT / 8),
        start,
        steps=(MOMENTS - 1) * 8,
        every=8,
        throw=False,
    )
    return Trajectory(path.particles, jnp.broadcast_to(path.time, (clips, MOMENTS)))


def test_fitting_beats_constant_velocity_on_bouncing_things():
    train, test = bouncing(jax.random.key(0), 32), bouncing(jax.random.key(1), 32)
    params = motion.init(jax.random.key(2))
    optimizer = optax.adam(0.05)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state):
        loss, slope = jax.value_and_grad(motion.loss)(params, train)
        change, state = optimizer.update(slope, state)
        return optax.apply_updates(params, change), state, loss

    first = None
    for _ in range(70):
        params, state, loss = step(params, state)
        first = loss if first is None else first
    assert np.isfinite(loss)
    assert loss < 0.6 * first
    ours, straight = jax.jit(motion.errors)(params, test)
    assert ours.mean() < 0.6 * straight.mean()
    # What was learned is that things push each other off when they meet, and not from afar.
    distance, force = motion.force_curves(params)["total"]
    assert force[np.searchsorted(distance, 0.15)] > 1.0
    assert abs(float(force[-1])) < 0.3


def test_what_moves_alone_flies_on_and_what_rests_stays():
    start = particles(
        jnp.array([[0.2, 0.2], [0.8, 0.5], [0.9, 0.6], [1.0, 0.5], [1.1, 0.6]]),
        velocity=jnp.array([[0.3, 0.1], *[[0.0, 0.0]] * 4]),
        feature=jnp.ones((5, 3)),
    )
    laws = motion.init(jax.random.key(0))
    laws["drag"]["rate"] = jnp.asarray(-20.0)
    path = motion.predict(laws, start, seconds=1.0, rate=10.0)
    end = np.asarray(path.particles.position[-1])
    # Unlike velocities bind a little: a seventh of the way is lost to the resting neighbors.
    np.testing.assert_allclose(end[0], [0.5, 0.3], atol=0.05)
    np.testing.assert_allclose(end[1:], start.position[1:], atol=0.01)
    np.testing.assert_allclose(path.time, np.arange(11) / 10, atol=1e-6)
    assert (path.particles.feature == 1).all()


def test_a_thing_holds_together():
    # Four corners of a thing; one was measured badly.
    corners = jnp.array([[0.5, 0.5], [0.55, 0.5], [0.5, 0.55], [0.55, 0.55]])
    rest = jnp.array([[1.2, 0.1], [1.3, 0.9], [0.1, 0.9], [1.5, 0.5], [0.1, 0.1], [1.0, 0.8]])
    velocity = jnp.array([[0.3, 0.0], [0.3, 0.0], [0.3, 0.0], [0.3, 0.05], *[[0.0, 0.0]] * 6])
    start = particles(jnp.concatenate([corners, rest]), velocity=velocity)
    path = motion.predict(motion.init(jax.random.key(0)), start, seconds=1.0, rate=10.0)
    end = np.asarray(path.particles.position[-1, :4])
    size = np.linalg.norm(end[3] - end[0])
    assert size == pytest.approx(0.05 * np.sqrt(2), abs=0.01)


def test_the_dead_change_nothing():
    clip = jax.tree.map(lambda x: x[:2], bouncing(jax.random.key(3), 32))
    p = jax.vmap(jax.vmap(lambda s: pad(s, 11)))(clip.particles)
    p = p.replace(position=jnp.where(p.alive[..., None], p.position, jnp.nan))
    params, errors = motion.init(jax.random.key(0)), jax.jit(motion.errors)
    alone = errors(params, clip)
    padded = errors(params, Trajectory(p, clip.time))
    np.testing.assert_allclose(alone, padded, rtol=1e-4)


def test_nothing_to_learn_from_is_no_error():
    p = particles(jnp.zeros((4, 5, 2)), alive=jnp.zeros((4, 5), bool))
    loss = jax.jit(motion.loss)(motion.init(jax.random.key(0)), Trajectory(p, jnp.arange(4.0)))
    assert float(loss) == 0


def test_too_short_a_clip_is_said():
    p = particles(jnp.zeros((2, 5, 2)))
    with pytest.raises(ValueError, match="at least 3"):
        motion.loss(motion.init(jax.random.key(0)), Trajectory(p, jnp.arange(2.0)))
    with pytest.raises(ValueError, match="positive"):
        motion.predict(motion.init(jax.random.key(0)), p.replace(), seconds=0.0, rate=10.0)
