"""Against what is known: closed forms of motion, slow sums, potentials, walls, temperature."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import dynamics as dyn
from vidparticles.particles import kinetic_energy, particles

pytestmark = pytest.mark.usefixtures("x64")
displacement_fn, shift_fn = dyn.free()
PAIR_LAWS = {
    "attraction": (dyn.attraction, {"strength": 0.8, "softening": 0.3}),
    "repulsion": (dyn.repulsion, {"strength": 0.8}),
    "collision": (dyn.collision, {"stiffness": 2.0, "diameter": 1.1}),
    "spring": (dyn.spring, {"stiffness": 1.5, "length": 0.7}),
    "radial_basis": (dyn.radial_basis, {"weights": jnp.array([1.0, -0.5, 0.3]), "cutoff": 2.0}),
    "pair_network": (
        dyn.pair_network,
        {"params": dyn.init_pair_network(jax.random.key(1), feature_dim=3, width=8, scale=1.0)},
    ),
}
every_law = pytest.mark.parametrize("law", PAIR_LAWS)


def some(n=6, dim=2):
    rng = np.random.default_rng(0)
    alive = jnp.arange(n) != 2
    return jnp.asarray(rng.normal(size=(n, dim))), jnp.asarray(rng.normal(size=(n, 3))), alive


@every_law
@pytest.mark.parametrize("dim", [2, 3])
def test_all_pairs_is_the_double_sum(law, dim):
    """F_i = Σ_{j ≠ i} law(p_i − p_j, f_i, f_j), one pair after another."""
    law, params = PAIR_LAWS[law]
    R, f, alive = some(dim=dim)
    force = dyn.all_pairs(law, displacement_fn, **params)(R, feature=f, alive=alive)
    for i in range(len(R)):
        want = np.zeros(dim)
        for j in range(len(R)):
            if i != j and alive[i] and alive[j]:
                want += law(R[i] - R[j], f[i], f[j], **params)
        np.testing.assert_allclose(force[i], want, atol=1e-13)


@every_law
def test_bonds_to_all_are_all_pairs(law):
    law, params = PAIR_LAWS[law]
    R, f, alive = some()
    n = len(R)
    neighbor = jnp.broadcast_to(jnp.arange(n), (n, n))
    bonded = ~jnp.eye(n, dtype=bool)
    want = dyn.all_pairs(law, displacement_fn, **params)(R, feature=f, alive=alive)
    bonds = dyn.bonds(law, displacement_fn, **params)
    got = bonds(R, feature=f, alive=alive, index=neighbor, bonded=bonded)
    np.testing.assert_allclose(got, want, atol=1e-13)
    # A list for each batch entry, here the second without bonds.
    both = jnp.stack([bonded, jnp.zeros_like(bonded)])
    lists = {"index": jnp.stack([neighbor, neighbor]), "bonded": both}
    got = bonds(jnp.stack([R, R]), feature=jnp.stack([f, f]), alive=jnp.stack([alive] * 2), **lists)
    np.testing.assert_allclose(got, jnp.stack([want, jnp.zeros_like(want)]), atol=1e-13)


def test_each_bond_has_its_own_length():
    chain = dyn.bonds(dyn.spring, displacement_fn, stiffness=1.0)
    neighbor = jnp.array([[1, 0], [0, 2], [1, 0]])
    bonded = jnp.array([[True, False], [True, True], [True, False]])
    length = jnp.array([[1.0, 9.0], [1.0, 2.0], [2.0, 9.0]])
    R = jnp.array([[0.0, 0.0], [1.5, 0.0], [3.0, 0.0]])
    force = chain(R, index=neighbor, bonded=bonded, length=length)
    np.testing.assert_allclose(force[:, 0], [0.5, -0.5 - 0.5, 0.5])


def test_total_is_the_sum_of_its_terms():
    """Laws of one space that share a loop, one of another space, a bond, a body, an energy."""
    R, f, alive = some()
    around, _ = dyn.periodic(1.0)
    v = jnp.ones_like(R)
    chain = {"index": jnp.arange(6)[:, None] - 1, "bonded": jnp.arange(6)[:, None] > 0}
    terms = {
        "attraction": dyn.all_pairs(dyn.attraction, displacement_fn, softening=0.3),
        "collision": dyn.all_pairs(dyn.collision, displacement_fn, diameter=1.1),
        "network": dyn.all_pairs(dyn.pair_network, displacement_fn),
        "around": dyn.all_pairs(dyn.spring, around, stiffness=1.0),
        "chain": dyn.bonds(dyn.spring, displacement_fn, stiffness=2.0),
        "drag": dyn.external(dyn.drag),
        "trap": lambda position, *, k: 0.5 * k * jnp.sum(position**2),
    }
    params = {
        "attraction": {"strength": 0.8},
        "collision": {"stiffness": 2.0},
        "network": PAIR_LAWS["pair_network"][1],
        "chain": chain,
        "drag": {"rate": 0.4},
        "trap": {"k": 0.2},
    }
    got = dyn.combine(**terms)(R, velocity=v, feature=f, alive=alive, **params)
    want = sum(
        dyn.canonicalize_force(term)(R, velocity=v, feature=f, alive=alive, **params.get(name, {}))
        for name, term in terms.items()
    )
    np.testing.assert_allclose(got, want, atol=1e-13)


@pytest.mark.parametrize("law", [name for name in PAIR_LAWS if name != "pair_network"])
def test_a_force_is_minus_the_gradient_of_its_potential(law):
    law_fn, params = PAIR_LAWS[law]
    energy_fn = getattr(dyn, f"{law}_energy")
    r = jnp.concatenate([jnp.linspace(0.05, 2.5, 200), jnp.array([0.0])])
    dr = r[:, None] * jnp.array([0.6, -0.8])
    slope = jax.vmap(jax.grad(lambda dr: energy_fn(dr, None, None, **params)))(dr)
    np.testing.assert_allclose(law_fn(dr, None, None, **params), -slope, atol=1e-12)
    # And summed over pairs: a potential counts a pair once.
    R, _, alive = some()
    force = dyn.all_pairs(law_fn, displacement_fn, **params)
    energy = dyn.canonicalize_force(dyn.potential(energy_fn, displacement_fn, **params))
    np.testing.assert_allclose(energy(R, alive=alive), force(R, alive=alive), atol=1e-12)


def test_laws_do_what_their_names_say():
    """Towards or away; the founding formula is the one that pushes away."""
    dr = jnp.array([2.0, 0.0])
    assert dyn.attraction(dr, None, None, strength=1.0)[0] < 0
    assert dyn.repulsion(dr, None, None, strength=1.0)[0] > 0
    founding = 1.5 * dr / jnp.sum(dr**2)
    np.testing.assert_allclose(dyn.repulsion(dr, None, None, strength=1.5), founding)
    assert dyn.collision(dr, None, None, stiffness=1.0, diameter=2.0)[0] == 0
    assert dyn.collision(dr, None, None, stiffness=1.0, diameter=2.1)[0] > 0
    pull = [float(dyn.spring(dr, None, None, stiffness=1.0, length=x)[0]) for x in (1, 2, 3)]
    assert pull == [-1.0, 0.0, 1.0]


def test_radial_basis_bumps():
    """Add to one in between, are zero with two derivatives at both ends, weights are local."""
    weights, cutoff = jnp.ones(7), 2.0

    def push(r, weights=weights):
        dr = jnp.stack([r, jnp.zeros_like(r)])
        return dyn.radial_basis(dr, None, None, weights=weights, cutoff=cutoff)[0]

    middle = jax.vmap(push)(jnp.linspace(0.6, 1.4, 50))
    np.testing.assert_allclose(middle, 1, atol=0.011)
    for end in (1e-9, cutoff - 1e-9):
        for derivative in (push, jax.grad(push), jax.grad(jax.grad(push))):
            assert abs(derivative(jnp.asarray(end))) < 1e-6
    assert push(jnp.asarray(0.3), jnp.zeros(7).at[6].set(1.0)) == 0
    assert push(jnp.asarray(cutoff + 0.1)) == 0


vector = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=2).map(jnp.array)
feature = st.lists(st.floats(-10, 10), min_size=3, max_size=3).map(jnp.array)


@settings(max_examples=50, deadline=None)
@given(dr=vector, fa=feature, fb=feature, seed=st.integers(0, 100))
def test_the_pair_network_obeys_newtons_third_law_to_the_bit(dr, fa, fb, seed):
    params = dyn.init_pair_network(jax.random.key(seed), feature_dim=3, width=8, scale=1.0)
    there = dyn.pair_network(dr, fa, fb, params=params)
    back = dyn.pair_network(-dr, fb, fa, params=params)
    np.testing.assert_array_equal(there, -back)
    assert np.all(np.isfinite(there))


def test_the_pair_network_listens_to_features_and_distance():
    params = PAIR_LAWS["pair_network"][1]["params"]
    R, f, _ = some()

    def push(r, fa, fb):
        return dyn.pair_network(jnp.array([r, 0.0]), fa, fb, params=params)[0]

    values = [push(1.0, f[0], f[1]), push(2.0, f[0], f[1]), push(1.0, f[0], f[2])]
    assert len({round(float(x), 6) for x in values}) == 3
    with pytest.raises(ValueError, match="made for 3"):
        dyn.all_pairs(dyn.pair_network, displacement_fn)(R, feature=f[:, :2], params=params)


def oscillator(position):
    return -4.0 * position  # ω = 2


@pytest.mark.parametrize(
    ("make", "tolerance"), [(dyn.semi_implicit_euler, 6e-3), (dyn.velocity_verlet, 2e-5)]
)
def test_harmonic_oscillator(make, tolerance):
    p = particles(jnp.array([[1.0]]), velocity=jnp.array([[0.5]]))
    path = dyn.rollout(make(oscillator, shift_fn, 0.005), p, steps=400)
    exact = jnp.cos(2 * path.time) + 0.25 * jnp.sin(2 * path.time)
    np.testing.assert_allclose(path.particles.position[:, 0, 0], exact, atol=tolerance)


def test_damped_motion():
    """Langevin at kT = 0: v = v₀ e^{−γt}; drag: the same in the limit; terminal speed F / γ."""
    p = particles(jnp.zeros((1, 1)), velocity=jnp.ones((1, 1)))
    bath = dyn.langevin(jnp.zeros_like, shift_fn, 0.1, kT=0.0, friction=2.0)
    path = dyn.rollout(bath, p, steps=20, key=jax.random.key(0))
    np.testing.assert_allclose(path.particles.velocity[:, 0, 0], np.exp(-2 * path.time), atol=1e-12)
    fall = dyn.combine(
        drag=dyn.external(dyn.drag, rate=2.0), weight=dyn.external(dyn.uniform, force=[3.0])
    )
    path = dyn.rollout(dyn.semi_implicit_euler(fall, shift_fn, 0.01), p, steps=1000)
    np.testing.assert_allclose(path.at(1000).velocity, 1.5, atol=1e-6)


def test_two_bodies_go_round():
    """A circle under the founding attraction: m v² / (r/2) = k / r; back after one period."""
    k, mass, r = 0.9, 1.3, 1.0
    speed = np.sqrt(k / (2 * mass))
    p = particles(
        jnp.array([[0.0, r / 2], [0.0, -r / 2]]),
        velocity=jnp.array([[speed, 0.0], [-speed, 0.0]]),
        mass=jnp.full(2, mass),
    )
    period = np.pi * r / speed
    force = dyn.all_pairs(dyn.attraction, displacement_fn, strength=k)
    path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, period / 1000), p, steps=1000)
    np.testing.assert_allclose(path.at(1000).position, p.position, atol=1e-4)
    radius = jnp.linalg.norm(path.particles.position, axis=-1)
    np.testing.assert_allclose(radius, r / 2, atol=1e-5)


def test_energy_over_ten_thousand_steps():
    """A bound pair on an eccentric orbit: the error swings and does not grow."""
    p = particles(jnp.array([[0.0, 0.5], [0.0, -0.5]]), velocity=jnp.array([[0.4, 0.0], [-0.4, 0]]))
    params = {"strength": 1.0, "softening": 0.2}
    force = dyn.all_pairs(dyn.attraction, displacement_fn, **params)
    energy = dyn.potential(dyn.attraction_energy, displacement_fn, **params)
    energies = dyn.rollout(
        dyn.velocity_verlet(force, shift_fn, 0.02),
        p,
        steps=10_000,
        every=10,
        record=lambda s: kinetic_energy(s.particles) + energy(s.particles.position),
    )
    swing = np.abs(energies - energies[0])
    assert swing.max() < 1e-3
    assert swing[-100:].max() < 1.2 * swing[:100].max()


@pytest.mark.parametrize("name", ["semi_implicit_euler", "velocity_verlet", "langevin"])
def test_a_wall_reflects(name):
    """Free flight folds into a triangle wave; speed and energy are kept; velocity flips."""
    box = jnp.array([1.0, 2.0])
    make = {"langevin": lambda *a: dyn.langevin(*a, kT=0.0, friction=0.0)}.get(
        name, getattr(dyn, name)
    )
    p = particles(jnp.array([[0.3, 0.4]]), velocity=jnp.array([[1.7, -2.9]]))
    flight = make(jnp.zeros_like, dyn.walls(box)[1], 0.13)
    path = dyn.rollout(flight, p, steps=60, key=jax.random.key(0))
    straight = p.position + path.time[:, None, None] * p.velocity
    fold = jnp.mod(straight, 2 * box)
    np.testing.assert_allclose(
        path.particles.position, jnp.where(fold > box, 2 * box - fold, fold), atol=1e-12
    )
    np.testing.assert_allclose(
        path.particles.velocity, p.velocity * jnp.where(fold > box, -1, 1), atol=1e-12
    )


def test_a_step_longer_than_the_box_still_ends_inside():
    _, shift = dyn.walls(1.0)
    assert 0 <= float(shift(jnp.array(0.5), jnp.array(7.3))) <= 1


def test_periodic_is_the_shortest_way_round():
    displacement, shift = dyn.periodic(jnp.array([2.0, 4.0]))
    np.testing.assert_allclose(
        displacement(jnp.array([1.9, 0.1]), jnp.array([0.1, 3.9])), [-0.2, 0.2]
    )
    np.testing.assert_allclose(shift(jnp.array([1.9, 0.1]), jnp.array([0.2, -0.2])), [0.1, 3.9])


def test_langevin_has_its_temperature():
    """In a harmonic trap: ⟨m v²⟩ = kT and ⟨k x²⟩ = kT, whatever the masses."""
    kT, n = 0.5, 400
    mass = jnp.where(jnp.arange(n) % 2 == 0, 1.0, 3.0)
    p = particles(jnp.zeros((n, 2)), mass=mass)
    bath = dyn.langevin(lambda R: -2.0 * R, shift_fn, 0.1, kT=kT, friction=1.0)
    x2, v2 = dyn.rollout(
        bath,
        p,
        steps=2000,
        every=4,
        key=jax.random.key(0),
        record=lambda s: (s.particles.position**2, s.particles.velocity**2),
    )
    for kind in (mass == 1.0, mass == 3.0):
        hot = np.mean(np.asarray(v2[100:] * mass[:, None])[:, np.asarray(kind)])
        wide = np.mean(2.0 * np.asarray(x2[100:])[:, np.asarray(kind)])
        assert hot == pytest.approx(kT, rel=0.02)
        assert wide == pytest.approx(kT, rel=0.02)


def test_langevin_noise_is_a_function_of_the_key():
    bath = dyn.langevin(oscillator, shift_fn, 0.1, kT=1.0, friction=1.0)
    p = particles(jnp.zeros((3, 2)))
    ends = [
        dyn.rollout(bath, p, steps=5, key=jax.random.key(seed)).particles.position
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert jnp.all(ends[0][1:] != ends[2][1:])
    assert jnp.all(jnp.diff(ends[0], axis=0) != 0), "a step repeats the noise of the one before"
