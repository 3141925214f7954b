"""eager = jit = vmap = pmap = shard_map, leading axes, float32 and float64, gradients."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from vidparticles.dynamics import rollout
from vidparticles.particles import Particles

every_integrator = pytest.mark.parametrize("name", m.INTEGRATORS)
STEPS = 3


def end(name: str, p: Particles, params: dict, space: str = "walls") -> Particles:
    state = rollout(m.integrator(space, name), p, steps=STEPS, params=params, key=jax.random.key(0))
    return state.at(STEPS)


def batch(dtype=jnp.float64) -> Particles:
    """Two sets of particles, one after the other's tenth second."""
    p = m.start("walls", dtype)
    later = p.replace(position=p.position + 0.1 * p.velocity)
    return jax.tree.map(lambda a, b: jnp.stack([a, b]), p, later)


@every_integrator
def test_eager_jit_vmap_pmap_and_leading_axes_agree(x64, name):
    params, two = m.params(None), batch()
    run = functools.partial(end, name)
    want = jax.tree.map(lambda *x: jnp.stack(x), *(run(two_i, params) for two_i in split(two)))
    same = functools.partial(
        jax.tree.map, lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12)
    )
    same(jax.jit(run)(two, params), want)
    same(jax.vmap(run, in_axes=(0, None))(two, params), want)
    same(jax.pmap(run, in_axes=(0, None))(two, params), want)
    same(run(two, params), want)


def split(two: Particles) -> list[Particles]:
    return [jax.tree.map(lambda x, i=i: x[i], two) for i in range(2)]


@pytest.mark.slow
@every_integrator
def test_without_any_jit(x64, name):
    """One step op by op is one step compiled."""
    params, p = m.params(None), m.start("walls")
    init_fn, apply_fn = m.integrator("walls", name)

    def step(p):
        return apply_fn(init_fn(jax.random.key(0), p, **params), **params)

    with jax.disable_jit():
        eager = step(p)
    compiled = jax.jit(step)(p)
    np.testing.assert_allclose(eager.particles.position, compiled.particles.position, atol=1e-13)
    np.testing.assert_allclose(eager.particles.velocity, compiled.particles.velocity, atol=1e-13)


def test_shard_map(x64):
    """Over devices, forward and backward, as on one."""
    params, two = m.params(None), batch()
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    along, whole = PartitionSpec("data"), PartitionSpec()
    run = functools.partial(end, "velocity_verlet")
    spread = jax.shard_map(run, mesh=mesh, in_specs=(along, whole), out_specs=along)

    def loss(run, p):
        return jnp.sum(run(p, params).position[:, :5] ** 2)

    for want, got in zip(
        jax.tree.leaves(jax.jit(jax.grad(functools.partial(loss, run), allow_int=True))(two)),
        jax.tree.leaves(jax.jit(jax.grad(functools.partial(loss, spread), allow_int=True))(two)),
        strict=True,
    ):
        if want.dtype != jax.dtypes.float0:
            np.testing.assert_allclose(got, want, atol=1e-12)


@every_integrator
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("wide", [False, True], ids=["params-as-particles", "params-float64"])
def test_dtype_is_the_particles_own(x64, name, dtype, wide):
    """Whatever parameters and step sizes are; and 32 bits agree with 64."""
    p = m.start("walls", dtype)
    params = m.params(None, jnp.float64 if wide else dtype)
    got = end(name, p, params)
    for field in (got.position, got.velocity, got.feature, got.mass):
        assert field.dtype == dtype
    want = end(name, m.start("walls"), m.params(None))
    np.testing.assert_allclose(got.position, want.position, atol=1e-5)


@pytest.mark.parametrize(
    ("space", "name"), [("walls", name) for name in m.INTEGRATORS] + [("periodic", "langevin")]
)
def test_gradients_of_every_law(x64, space, name):
    """Against central differences, for every law, in the start and in the law's parameters."""
    p = m.start(space)
    integrator = m.integrator(space, name)

    @jax.jit
    def value_and_grad(position, velocity, params):
        def loss(position, velocity, params):
            start = p.replace(position=position, velocity=velocity)
            path = rollout(integrator, start, steps=STEPS, params=params, key=jax.random.key(0))
            return jnp.sum(jnp.sin(path.particles.position[:, :5]))

        return jax.value_and_grad(loss, argnums=(0, 1, 2))(position, velocity, params)

    for law in m.LAWS:
        at = (p.position, p.velocity, m.params(law))
        rng = np.random.default_rng(1)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), at)  # noqa: B023
        _, gradient = value_and_grad(*at)
        pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
        along = float(sum(jnp.sum(g * d) for g, d in pairs))
        ahead, behind = (
            float(value_and_grad(*jax.tree.map(lambda x, d: x + h * d, at, direction))[0])  # noqa: B023
            for h in (1e-5, -1e-5)
        )
        assert along == pytest.approx((ahead - behind) / 2e-5, rel=2e-7, abs=1e-8), law

        # Two particles in the same place, and two nearly: finite, in every input.
        close = p.position.at[1].set(p.position[0]).at[2].set(p.position[3] + 1e-200)
        value, gradient = value_and_grad(close, p.velocity.at[1].set(p.velocity[0]), at[2])
        assert jnp.isfinite(value), law
        assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(gradient)), law


def test_gradients_at_near_coincidence_in_32_bits():
    """The squares of these distances overflow when they are inverted, or vanish."""
    integrator = m.integrator("free", "velocity_verlet")
    p = m.start("free", jnp.float32)
    params = m.params(None, jnp.float32)

    @jax.jit
    @jax.grad
    def gradient(position):
        path = rollout(integrator, p.replace(position=position), steps=1, params=params)
        return jnp.sum(path.particles.position)

    for gap in (0.0, 1e-38, 1e-30, 1e-22, 1e-19, 3e-10, 1e-6):
        position = p.position.at[1].set(jnp.array([gap, 0.0])).at[0].set(0.0)
        assert jnp.isfinite(gradient(position)).all(), gap


def test_per_batch_step_sizes(x64):
    """dt with the leading axes of the particles: each set goes at its own pace."""
    params, two = m.params(None), batch()
    init_fn, apply_fn = m.integrator("walls", "velocity_verlet")
    dt = jnp.array([0.01, 0.03])
    state = apply_fn(init_fn(None, two, **params), dt=dt, **params)
    np.testing.assert_allclose(state.time, dt)
    for i, one in enumerate(split(two)):
        alone = apply_fn(init_fn(None, one, **params), dt=dt[i], **params)
        np.testing.assert_allclose(
            state.particles.position[i], alone.particles.position, atol=1e-13
        )
