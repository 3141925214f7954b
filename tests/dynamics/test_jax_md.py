"""jax-md as the outside reference, and interchangeable with ours."""

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
    return particles(
        grid + 0.3 * rng.uniform(size=(n, 2)),
        velocity=0.3 * rng.normal(size=(n, 2)),
        feature=np.zeros((n, 0)),
        mass=rng.uniform(0.5, 2.0, n),
        alive=np.ones(n, bool),
    )


SOFT = {"stiffness": 3.0, "diameter": 1.2}


@pytest.mark.parametrize("space", ["free", "periodic"])
def test_forces_are_those_of_jax_md(jax_md, space):
    """Our collision is its soft sphere, to the 32 bits of its constants; spaces are the same."""
    ours = {"free": dyn.free(), "periodic": dyn.periodic(BOX)}[space][0]
    theirs = {"free": jax_md.space.free(), "periodic": jax_md.space.periodic(BOX)}[space][0]
    sigma, epsilon = SOFT["diameter"], SOFT["stiffness"] * SOFT["diameter"] ** 2
    energy = jax_md.energy.soft_sphere_pair(theirs, sigma=sigma, epsilon=epsilon, alpha=2.0)
    potential = dyn.potential(dyn.collision_energy, ours, **SOFT)

    @jax.jit
    def ways(R):
        forces = [dyn.all_pairs(dyn.collision, d, **SOFT)(R) for d in (ours, theirs)]
        return forces, jax_md.quantity.force(energy)(R), potential(R), energy(R)

    forces, want, total, of_theirs = ways(some().position)
    assert np.abs(want).max() > 0.1
    for force in forces:
        np.testing.assert_allclose(force, want, atol=1e-6)
    np.testing.assert_allclose(total, of_theirs, rtol=1e-6)


def test_all_pairs_is_smap_pair(jax_md):
    """A law of our own summed by jax-md's smap.pair."""
    displacement_fn, _ = dyn.free()

    def log_distance(dr):
        return 0.5 * jnp.log(jnp.sum(dr**2, -1) + 0.01)

    energy = jax_md.smap.pair(log_distance, jax_md.space.free()[0])
    force = dyn.all_pairs(dyn.attraction, displacement_fn, strength=1.0, softening=0.1)
    both = jax.jit(lambda R: (force(R), jax_md.quantity.force(energy)(R)))
    np.testing.assert_allclose(*both(some().position), atol=1e-12)


@pytest.mark.parametrize("space", ["free", "periodic"])
def test_our_force_in_jax_md_nve(jax_md, space):
    """The same path as our velocity Verlet, in its space and ours."""
    ours = {"free": dyn.free(), "periodic": dyn.periodic(BOX)}[space]
    theirs = {"free": jax_md.space.free(), "periodic": jax_md.space.periodic(BOX)}[space]
    force = dyn.combine(
        collision=dyn.all_pairs(dyn.collision, ours[0], **SOFT),
        attraction=dyn.all_pairs(dyn.attraction, ours[0], softening=0.2),
    )
    p, params = some(), {"attraction": {"strength": 0.5}}
    init_fn, apply_fn = jax_md.simulate.nve(force, theirs[1], dt=0.01)
    momenta = p.velocity * p.mass[:, None]

    @jax.jit
    def simulate(position, momenta):
        state = init_fn(None, position, kT=0.0, mass=p.mass, momenta=momenta, **params)
        turn = lambda _, state: apply_fn(state, **params)  # noqa: E731
        return jax.lax.fori_loop(0, 30, turn, state)

    state = simulate(p.position, momenta)
    shift_fn = {"free": ours, "periodic": theirs}[space][1]
    path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, 0.01), p, steps=30, params=params)
    np.testing.assert_allclose(path.particles.position[30], state.position, atol=1e-7)
    np.testing.assert_allclose(path.particles.velocity[30], state.velocity, atol=1e-7)


def test_a_jax_md_energy_in_our_rollout(jax_md):
    """Lifted over a batch with vmap, and beside our own laws."""
    displacement_fn, shift_fn = jax_md.space.free()
    sigma, epsilon = SOFT["diameter"], SOFT["stiffness"] * SOFT["diameter"] ** 2
    energy = jax_md.energy.soft_sphere_pair(displacement_fn, sigma=sigma, epsilon=epsilon)
    ours = dyn.all_pairs(dyn.collision, displacement_fn, **SOFT)
    p = some()

    drag = dyn.external(dyn.drag, rate=0.2)

    def end(force, p):
        path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, 0.01), p, steps=20, throw=False)
        return path.particles.position[..., 20, :, :]

    two = jax.tree.map(lambda x: np.stack([x, x]), p)
    want, got, dragged, alike = jax.jit(
        lambda p, two: (
            end(ours, p),
            jax.vmap(lambda p: end(energy, p))(two),
            end(dyn.combine(soft=energy, drag=drag), p),
            end(dyn.combine(soft=ours, drag=drag), p),
        )
    )(p, two)
    assert np.abs(want - p.position).max() > 0.05
    np.testing.assert_allclose(got, np.stack([want, want]), atol=1e-10)
    np.testing.assert_allclose(dragged, alike, atol=1e-10)
    with pytest.raises(ValueError):  # jax-md's own, or ours
        end(energy, two)


@pytest.mark.parametrize("form", ["Dense", "Sparse", "OrderedSparse"])
def test_its_neighbor_lists(jax_md, form):
    """A pair law over a list that a user of jax-md has; in its simulation; overflow is seen."""
    x, cutoff = jnp.asarray(np.random.default_rng(0).random((60, 2))), 0.2
    displacement_fn, shift_fn = jax_md.space.periodic(1.0)
    listed = jax_md.partition.neighbor_list(
        displacement_fn,
        1.0,
        cutoff,
        dr_threshold=0.0,
        format=jax_md.partition.NeighborListFormat[form],
    )
    params = {"stiffness": 2.0, "diameter": cutoff}
    force_fn = dyn.bonds(dyn.collision, displacement_fn, **params)
    alive = np.arange(60) % 5 > 0
    neighbor = listed.allocate(x)
    want = jax.jit(dyn.cutoff(dyn.collision, cutoff, box=1.0, **params))
    run = jax.jit(force_fn)
    whole = np.ones(60, bool)
    for living in (alive, whole):
        np.testing.assert_allclose(
            run(x, neighbor=neighbor, alive=living), want(x, alive=living), atol=1e-12
        )
    crowded = neighbor.update(0.3 * x)
    assert crowded.did_buffer_overflow
    assert jnp.isnan(run(0.3 * x, neighbor=crowded, alive=whole)).all()
    if form == "Dense":
        init_fn, apply_fn = jax_md.simulate.nve(force_fn, shift_fn, dt=1e-3)
        state = init_fn(jax.random.key(0), x, kT=0.1, neighbor=neighbor)
        state = jax.jit(apply_fn)(state, neighbor=neighbor)
        np.testing.assert_allclose(state.force, want(state.position, alive=whole), atol=1e-3)
