"""jax-md as the outside reference, and interchangeable with ours (README's second example)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles import dynamics as dyn
from vidparticles.particles import particles

pytestmark = pytest.mark.usefixtures("x64")
BOX = 4.0


@pytest.fixture(scope="session")
def jax_md():
    """Imported once: it takes seconds."""
    import jax_md

    return jax_md


def some(n=12):
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(3)), -1).reshape(-1, 2)[:n]
    position = jnp.asarray(grid + 0.3 * rng.uniform(size=(n, 2)))
    return particles(
        position,
        velocity=jnp.asarray(0.3 * rng.normal(size=(n, 2))),
        mass=jnp.asarray(rng.uniform(0.5, 2.0, n)),
    )


SOFT = {"stiffness": 3.0, "diameter": 1.2}


@pytest.mark.parametrize("space", ["free", "periodic"])
def test_forces_are_those_of_jax_md(jax_md, space):
    """Our collision is its soft sphere, to the 32 bits of its constants; spaces are the same."""
    ours = {"free": dyn.free(), "periodic": dyn.periodic(BOX)}[space][0]
    theirs = {"free": jax_md.space.free(), "periodic": jax_md.space.periodic(BOX)}[space][0]
    sigma, epsilon = SOFT["diameter"], SOFT["stiffness"] * SOFT["diameter"] ** 2
    energy = jax_md.energy.soft_sphere_pair(theirs, sigma=sigma, epsilon=epsilon, alpha=2.0)
    R = some().position
    want = jax_md.quantity.force(energy)(R)
    assert np.abs(want).max() > 0.1
    for displacement_fn in (ours, theirs):
        force = dyn.all_pairs(dyn.collision, displacement_fn, **SOFT)(R)
        np.testing.assert_allclose(force, want, atol=1e-6)
    potential = dyn.potential(dyn.collision_energy, ours, **SOFT)
    np.testing.assert_allclose(potential(R), energy(R), rtol=1e-6)


def test_all_pairs_is_smap_pair(jax_md):
    """A law of our own summed by jax-md's smap.pair."""
    displacement_fn, _ = dyn.free()

    def log_distance(dr):
        return 0.5 * jnp.log(jnp.sum(dr**2, -1) + 0.01)

    energy = jax_md.smap.pair(log_distance, jax_md.space.free()[0])
    R = some().position
    force = dyn.all_pairs(dyn.attraction, displacement_fn, strength=1.0, softening=0.1)
    np.testing.assert_allclose(force(R), jax_md.quantity.force(energy)(R), atol=1e-12)


@pytest.mark.parametrize("space", ["free", "periodic"])
def test_our_force_in_jax_md_nve(jax_md, space):
    """The same path as our velocity Verlet, in its space or ours."""
    ours = {"free": dyn.free(), "periodic": dyn.periodic(BOX)}[space]
    theirs = {"free": jax_md.space.free(), "periodic": jax_md.space.periodic(BOX)}[space]
    force = dyn.combine(
        collision=dyn.all_pairs(dyn.collision, ours[0], **SOFT),
        attraction=dyn.all_pairs(dyn.attraction, ours[0], softening=0.2),
    )
    p, params = some(), {"attraction": {"strength": 0.5}}
    init_fn, apply_fn = jax_md.simulate.nve(force, theirs[1], dt=0.01)
    momenta = p.velocity * p.mass[:, None]
    state = init_fn(None, p.position, kT=0.0, mass=p.mass, momenta=momenta, **params)
    step = jax.jit(lambda state: apply_fn(state, **params))
    for _ in range(30):
        state = step(state)
    for shift_fn in (ours[1], theirs[1]):
        path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, 0.01), p, steps=30, params=params)
        np.testing.assert_allclose(path.at(30).position, state.position, atol=1e-7)
        np.testing.assert_allclose(path.at(30).velocity, state.velocity, atol=1e-7)


def test_a_jax_md_energy_in_our_rollout(jax_md):
    """Alone, lifted over a batch with vmap, and beside our own laws."""
    displacement_fn, shift_fn = jax_md.space.free()
    sigma, epsilon = SOFT["diameter"], SOFT["stiffness"] * SOFT["diameter"] ** 2
    energy = jax_md.energy.soft_sphere_pair(displacement_fn, sigma=sigma, epsilon=epsilon)
    ours = dyn.all_pairs(dyn.collision, displacement_fn, **SOFT)
    p = some()

    def end(force, p, **params):
        path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, 0.01), p, steps=20, params=params)
        return path.at(20).position

    want = end(ours, p)
    assert np.abs(want - p.position).max() > 0.05
    np.testing.assert_allclose(end(energy, p), want, atol=1e-10)
    two = jax.tree.map(lambda x: jnp.stack([x, x]), p)
    np.testing.assert_allclose(
        jax.vmap(lambda p: end(energy, p))(two), jnp.stack([want, want]), atol=1e-10
    )
    with pytest.raises(ValueError):  # jax-md's own, or ours
        end(energy, two)
    drag = dyn.external(dyn.drag, rate=0.2)
    np.testing.assert_allclose(
        end(dyn.combine(soft=energy, drag=drag), p),
        end(dyn.combine(soft=ours, drag=drag), p),
        atol=1e-10,
    )


def test_readme_jax_md(jax_md):
    """README's second example."""
    # README: begin
    from vidparticles import dynamics as vd
    from vidparticles.particles import particles

    displacement_fn, shift_fn = vd.free()
    start = particles(jax.random.normal(jax.random.key(0), (16, 2)))

    # Our force in jax-md's simulation.
    force_fn = vd.all_pairs(vd.attraction, displacement_fn, strength=0.5, softening=0.1)
    init_fn, apply_fn = jax_md.simulate.nve(force_fn, shift_fn, dt=0.01)
    state = apply_fn(init_fn(jax.random.key(1), start.position, kT=0.1))

    # jax-md's energy in our rollout.
    energy_fn = jax_md.energy.soft_sphere_pair(jax_md.space.free()[0], sigma=0.5)
    path = vd.rollout(vd.velocity_verlet(energy_fn, shift_fn, dt=0.01), start, steps=100)
    # README: end
    assert bool(jnp.isfinite(state.position).all())
    assert float(jnp.abs(path.at(100).position - start.position).max()) > 0.01
