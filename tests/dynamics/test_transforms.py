"""eager = jit = vmap = pmap = shard_map, leading axes, float32 and float64, gradients."""

from __future__ import annotations

import functools

import chex
import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from vidparticles.dynamics import rollout
from vidparticles.particles import Particles

STEPS = 3
PARAMS = m.params(None, laws=m.KINDS)


def end(name: str, p: Particles, params: dict = PARAMS, space: str = "walls") -> Particles:
    """Where particles are after some steps, under one law of each kind."""
    integrator = m.integrator(space, name, m.KINDS)
    path = rollout(integrator, p, steps=STEPS, params=params, key=jax.random.key(0), throw=False)
    return path.at(STEPS)


def batch() -> Particles:
    """Two sets of particles, one after the other's tenth second."""
    p = m.start("walls")
    return m.stacked([p, p.replace(position=p.position + 0.1 * p.velocity)])


@functools.cache
def one_by_one(name: str) -> Particles:
    """The end of each set of the batch by itself."""
    run = jax.jit(functools.partial(end, name))
    return m.stacked([run(jax.tree.map(lambda x, i=i: x[i], batch())) for i in range(2)])


close = functools.partial(chex.assert_trees_all_close, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("x64")
class TestVariants(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True, with_pmap=True)
    def test_a_batch_is_its_sets(self):
        """Leading axes, outside `jit`, inside it, and on devices, of one that draws numbers too."""
        close(self.variant(functools.partial(end, "langevin"))(batch()), one_by_one("langevin"))


@pytest.mark.parametrize("name", m.INTEGRATORS)
def test_vmap_is_one_by_one(x64, name):
    close(jax.jit(jax.vmap(functools.partial(end, name)))(batch()), one_by_one(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", m.INTEGRATORS)
def test_without_any_jit(x64, name):
    """One step of all laws op by op is one step compiled."""
    params, p = m.params(None), jax.tree.map(jnp.asarray, m.start("walls"))
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
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    along = PartitionSpec("data")
    run = functools.partial(end, "velocity_verlet")
    spread = jax.shard_map(run, mesh=mesh, in_specs=along, out_specs=along)
    p = batch()

    def slopes(run):
        def loss(position, velocity):
            moved = p.replace(position=position, velocity=velocity)
            return jnp.sum(run(moved).position[:, :5] ** 2)

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(p.position, p.velocity)

    close(slopes(spread), slopes(run), rtol=1e-12)


@pytest.mark.parametrize("name", m.INTEGRATORS)
def test_dtype_is_the_particles_own(x64, name):
    """Whatever parameters and step sizes are; and 32 bits agree with 64."""
    run = functools.partial(end, name)
    for dtype, other in ((np.float32, np.float64), (np.float64, np.float32)):
        p, params = m.start("walls", dtype), m.params(None, other, m.KINDS)
        got = jax.eval_shape(run, p, params)
        for field in (got.position, got.velocity, got.feature, got.mass):
            assert field.dtype == dtype, other
    got = jax.jit(run)(m.start("walls", np.float32), PARAMS)
    np.testing.assert_allclose(got.position, one_by_one(name).position[0], atol=1e-5)


@pytest.mark.parametrize(
    ("space", "name", "laws"),
    [
        ("walls", "velocity_verlet", tuple(m.LAWS)),
        ("periodic", "langevin", m.KINDS),
        ("walls", "semi_implicit_euler", m.KINDS),
        ("free", "overdamped", m.KINDS),
    ],
)
def test_gradients_of_every_law(x64, space, name, laws):
    """Against central differences, for every law, in the start and in the law's parameters."""
    p = m.start(space)
    integrator = m.integrator(space, name, laws)

    def loss(position, velocity, params):
        start = p.replace(position=position, velocity=velocity)
        path = rollout(integrator, start, steps=2, params=params, key=jax.random.key(0))
        return jnp.sum(jnp.sin(path.particles.position[:, :5]))

    each = jax.jit(jax.vmap(jax.value_and_grad(loss, argnums=(0, 1, 2))))
    rng, step, many = np.random.default_rng(1), 1e-5, len(laws)
    position, velocity = (np.broadcast_to(x, (many, *x.shape)) for x in (p.position, p.velocity))
    at = (position, velocity, m.stacked([m.params(law, laws=laws) for law in laws]))
    way = jax.tree.map(lambda x: rng.normal(size=x.shape), at)
    # Two particles in the same place, and two nearly.
    near, alike = position.copy(), velocity.copy()
    near[:, 1], near[:, 2] = near[:, 0], near[:, 3] + 1e-200
    alike[:, 1] = alike[:, 0]
    moved = [jax.tree.map(lambda x, d, s=s: x + s * d, at, way) for s in (0, step, -step)]
    cases = jax.tree.map(lambda *x: np.concatenate(x), *moved, (near, alike, at[2]))
    value, gradient = jax.tree.map(
        lambda x: np.asarray(x).reshape(4, many, *x.shape[1:]), each(*cases)
    )
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(way), strict=True)
    slope = sum((g[0] * d).reshape(many, -1).sum(1) for g, d in pairs)
    want = (value[1] - value[2]) / (2 * step)
    for law, got, differences in zip(laws, slope, want, strict=True):
        assert got == pytest.approx(differences, rel=2e-7, abs=1e-8), law
    fine = [np.isfinite(g[3]).reshape(many, -1).all(1) for g in jax.tree.leaves(gradient)]
    for law, good in zip(laws, np.all([np.isfinite(value[3]), *fine], axis=0), strict=True):
        assert good, f"{law}: not finite where particles coincide"


def test_gradients_at_near_coincidence_in_32_bits():
    """The squares of these distances overflow when they are inverted, or vanish."""
    integrator = m.integrator("free", "semi_implicit_euler")
    p = m.start("free", np.float32)
    params = m.params(None, np.float32)

    def moved(position):
        path = rollout(integrator, p.replace(position=position), steps=1, params=params)
        return jnp.sum(path.particles.position)

    gaps = np.array([0.0, 1e-38, 1e-30, 1e-22, 1e-19, 3e-10, 1e-6], np.float32)
    position = np.broadcast_to(p.position, (len(gaps), *p.position.shape)).copy()
    position[:, :2] = 0
    position[:, 1, 0] = gaps
    fine = np.isfinite(jax.jit(jax.vmap(jax.grad(moved)))(position)).all((1, 2))
    assert fine.all(), gaps[~fine]


def test_per_batch_step_sizes(x64):
    """dt with the leading axes of the particles: each set goes at its own pace."""
    init_fn, apply_fn = m.integrator("walls", "velocity_verlet", m.KINDS)
    dt = np.array([0.01, 0.03])

    def step(p, dt):
        return apply_fn(init_fn(None, p, **PARAMS), dt=dt, **PARAMS)

    state = jax.jit(step)(batch(), dt)
    np.testing.assert_allclose(state.time, dt)
    alone = jax.jit(jax.vmap(step))(batch(), dt)
    np.testing.assert_allclose(state.particles.position, alone.particles.position, atol=1e-13)
