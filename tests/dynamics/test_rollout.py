"""Rollout: what is recorded, when, in how much memory; what it says of mistakes."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest

from vidparticles import dynamics as dyn
from vidparticles.particles import particles

displacement_fn, shift_fn = dyn.free()
FORCE = dyn.all_pairs(dyn.attraction, displacement_fn, softening=0.3)
VERLET = dyn.velocity_verlet(m.dense, shift_fn, 0.1)
PARAMS = {"strength": 0.5}


def some(*lead, n=4):
    rng = np.random.default_rng(0)
    return particles(rng.normal(size=(*lead, n, 2)).astype(np.float32))


def test_axes_and_times():
    """The time axis is where a trajectory has it, for any leading axes; the start is in it."""
    p = some(2, 3)
    path = dyn.rollout(VERLET, p, steps=6, every=2, params=PARAMS)
    assert path.particles.position.shape == (2, 3, 4, 4, 2)
    assert path.particles.mass.shape == path.particles.alive.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(path.time, np.broadcast_to([0, 0.2, 0.4, 0.6], (2, 3, 4)), rtol=1e-6)
    np.testing.assert_array_equal(path.particles.position[:, :, 0], p.position)
    every = dyn.rollout(VERLET, p, steps=6, params=PARAMS)
    np.testing.assert_allclose(
        path.particles.position[:, :, 2], every.particles.position[:, :, 4], rtol=1e-6
    )
    none = jax.eval_shape(lambda: dyn.rollout(VERLET, p, steps=0, params=PARAMS))
    assert none.particles.position.shape == (2, 3, 1, 4, 2)


def test_a_rollout_is_its_steps():
    p, dt = some(), np.array([0.1, 0.05, 0.2], np.float32)
    init_fn, apply_fn = (jax.jit(functools.partial(f, **PARAMS)) for f in VERLET)
    state = init_fn(None, p)
    path = dyn.rollout(VERLET, p, steps=3, dt=dt, params=PARAMS)
    for t in range(3):
        state = apply_fn(state, dt=dt[t])
        np.testing.assert_allclose(
            path.particles.position[t + 1], state.particles.position, rtol=1e-6
        )
        np.testing.assert_allclose(path.time[t + 1], state.time, rtol=1e-6)


def test_dt_for_every_step_and_batch_entry():
    p = some(2)
    dt = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    path = dyn.rollout(VERLET, p, steps=2, dt=dt, params=PARAMS)
    np.testing.assert_allclose(path.time, [[0, 0.1, 0.4], [0, 0.2, 0.6]], rtol=1e-6)


def test_record():
    got = dyn.rollout(
        VERLET, some(), steps=4, every=2, params=PARAMS, record=lambda s: {"t": s.time, "n": s.step}
    )
    np.testing.assert_array_equal(got["n"], [0, 2, 4])
    np.testing.assert_allclose(got["t"], [0, 0.2, 0.4], rtol=1e-6)


@pytest.mark.parametrize(("steps", "every"), [(7, 1), (9, 9), (12, 3)])
def test_checkpointed_gradient_is_the_stored_one(steps, every):
    p = some()

    def gradient(kind):
        def loss(position, params, dt):
            path = dyn.rollout(
                VERLET,
                p.replace(position=position),
                steps=steps,
                every=every,
                params=params,
                dt=dt,
                gradient=kind,
            )
            return jnp.sum(path.particles.position**2), path.time

        return jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))(
            p.position, PARAMS, jnp.linspace(0.05, 0.15, steps)
        )

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        gradient("store"),
        gradient("checkpoint"),
    )


def scratch(function, *args):
    """Bytes that XLA sets aside for what a program computes on the way."""
    return jax.jit(function).lower(*args).compile().memory_analysis().temp_size_in_bytes


def test_checkpoint_takes_less_memory():
    p = some(n=64)

    def loss(position, kind):
        path = dyn.rollout(
            VERLET, p.replace(position=position), steps=144, every=144, params=PARAMS, gradient=kind
        )
        return jnp.sum(path.particles.position**2)

    store, checkpoint = (
        scratch(jax.grad(lambda x, kind=kind: loss(x, kind)), p.position)
        for kind in ("store", "checkpoint")
    )
    assert checkpoint < 0.6 * store


def test_a_learned_law_takes_linear_memory():
    """Forward and backward: far less than one [N, N] array of numbers."""
    n = 1024
    force = dyn.all_pairs(dyn.pair_network, displacement_fn)
    init = functools.partial(dyn.init_pair_network, feature_dim=0, width=8)
    params = jax.eval_shape(init, jax.random.key(0))

    def loss(position, params):
        return jnp.sum(force(position, params=params) ** 2)

    assert scratch(jax.value_and_grad(loss, argnums=(0, 1)), some(n=n).position, params) < n * n


def test_a_force_made_inside_a_trace():
    """Parameters in the closure of the law, not handed through `params`: gradients reach them."""
    p = some()

    def through_closure(k):
        force = dyn.all_pairs(dyn.attraction, displacement_fn, softening=0.3, strength=k)
        integrator = dyn.semi_implicit_euler(force, shift_fn, 0.1)
        return jnp.sum(dyn.rollout(integrator, p, steps=3).particles.position ** 2)

    def through_params(k):
        integrator = dyn.semi_implicit_euler(FORCE, shift_fn, 0.1)
        path = dyn.rollout(integrator, p, steps=3, params={"strength": k})
        return jnp.sum(path.particles.position**2)

    a, b = (jax.jit(jax.grad(f))(0.5) for f in (through_closure, through_params))
    np.testing.assert_allclose(a, b, rtol=1e-6)
    assert abs(a) > 1e-4


def explode(position):
    return position**5


def test_non_finite_motion_names_its_first_step():
    p = particles(np.full((1, 1), 30.0, np.float32))
    integrator = dyn.semi_implicit_euler(explode, shift_fn, 1.0)
    record = dyn.rollout(integrator, p, steps=9, throw=False, record=lambda s: s.finite)
    first = int(np.argmin(record))
    assert 0 < first < 9
    with pytest.raises(FloatingPointError, match=f"from step {first} of 9 on"):
        dyn.rollout(integrator, p, steps=9)
    with pytest.raises(FloatingPointError, match="from step 0 of 9 on"):
        dyn.rollout(integrator, p.replace(velocity=np.full((1, 1), np.nan, np.float32)), steps=9)
    # Of several the one that it comes from; the others would be finite to the end.
    two = particles(np.array([[[0.1], [0.2]], [[0.1], [30.0]]], np.float32))
    for size in (None, np.ones(9, np.float32)):
        with pytest.raises(FloatingPointError, match=rf"step {first} .* particle 1 \(system \[1\]"):
            dyn.rollout(integrator, two, steps=9, dt=size)
    with pytest.raises(FloatingPointError, match="particle 0 and 1 others;"):
        dyn.rollout(integrator, particles(np.array([[np.nan], [np.nan], [0]], np.float32)), steps=9)
    # Under jit it cannot be raised: it is in the record.
    path = jax.jit(lambda p: dyn.rollout(integrator, p, steps=9))(p)
    assert np.isfinite(path.particles.position)[:first].all()
    assert not np.isfinite(path.particles.position)[-1].all()
    # An inactive particle that is not finite is nobody's concern.
    inactive = particles(np.full((1, 1), np.nan, np.float32), alive=np.zeros(1, bool))
    dyn.rollout(integrator, inactive, steps=3)


def test_sentences_for_mistakes():
    p = some()
    with pytest.raises(ValueError, match="every=2 does not divide steps=3"):
        dyn.rollout(VERLET, p, steps=3, every=2)
    with pytest.raises(ValueError, match="gradient='stor' is unknown"):
        dyn.rollout(VERLET, p, steps=3, gradient="stor")
    with pytest.raises(ValueError, match=r"dt has shape \(2,\) for 3 steps"):
        dyn.rollout(VERLET, p, steps=3, dt=jnp.ones(2))
    with pytest.raises(ValueError, match="give it a key"):
        dyn.rollout(dyn.langevin(FORCE, shift_fn, 0.1, kT=1.0, friction=1.0), p, steps=1)
    with pytest.raises(
        ValueError, match=r"no force is called 'atraction'.* Did you mean 'attraction'"
    ):
        dyn.combine(attraction=FORCE)(p.position, atraction={"strength": 1.0})
    with pytest.raises(ValueError, match="drag needs a velocity"):
        dyn.external(dyn.drag, rate=1.0)(p.position)
    with pytest.raises(ValueError, match=r"returned shape \(4,\); expected \(4, 2\)"):
        dyn.canonicalize_force(lambda R: R[:, 0])(p.position)


def test_a_force_is_passed_what_its_signature_names():
    seen = {}

    def nosy(position, *, mass, alive, stiffness=1.0, **params):
        seen.update(mass=mass, alive=alive, stiffness=stiffness, **params)
        return jnp.zeros_like(position)

    def plain(position, **params):
        seen.update(params)
        return jnp.sum(position**2)

    p = some()
    state = {"velocity": p.velocity, "feature": p.feature, "mass": p.mass, "alive": p.alive}
    dyn.canonicalize_force(nosy)(p.position, stiffness=3.0, other=1, **state)
    assert set(seen) == {"mass", "alive", "stiffness", "other"}
    assert seen["stiffness"] == 3.0
    seen.clear()
    dyn.canonicalize_force(plain)(p.position, other=1, **state)
    assert set(seen) == {"other"}
