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
    "radial_basis": (dyn.radial_basis, {"weights": np.array([1.0, -0.5, 0.3]), "cutoff": 2.0}),
    "pair_network": (
        dyn.pair_network,
        {
            "params": jax.tree.map(
                np.asarray,
                jax.jit(lambda key: dyn.init_pair_network(key, feature_dim=3, width=8, scale=1.0))(
                    jax.random.key(1)
                ),
            )
        },
    ),
}
every_law = pytest.mark.parametrize("law", PAIR_LAWS)


def some(n=6, dim=2):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, dim)), rng.normal(size=(n, 3)), np.arange(n) != 2


@pytest.mark.parametrize("dim", [2, 3])
def test_all_pairs_are_the_double_sum_and_bonds_to_all(dim):
    """F_i = Σ_{j ≠ i} law(p_i − p_j, f_i, f_j), for every law; and over lists of neighbors."""
    R, f, alive = some(dim=dim)
    n = len(R)
    pair = alive & alive[:, None] & ~np.eye(n, dtype=bool)
    neighbor = np.broadcast_to(np.arange(n), (n, n))
    # A list for each batch entry, the second without bonds.
    bonded = np.stack([~np.eye(n, dtype=bool), np.zeros((n, n), bool)])
    lists = {"index": np.stack([neighbor, neighbor]), "bonded": bonded}

    @jax.jit
    def ways(R, f):
        out = {}
        f_a, f_b = (jnp.broadcast_to(x, (n, n, 3)) for x in (f[:, None], f[None]))
        for name, (law, params) in PAIR_LAWS.items():
            dr = jnp.where(pair[..., None], R[:, None] - R[None], 1)
            each = jnp.where(pair[..., None], law(dr, f_a, f_b, **params), 0)
            two = [jnp.stack([x, x]) for x in (R, f, jnp.asarray(alive))]
            over = dyn.bonds(law, displacement_fn, **params)
            out[name] = (
                jnp.sum(each, axis=1),
                dyn.all_pairs(law, displacement_fn, **params)(R, feature=f, alive=alive),
                over(two[0], feature=two[1], alive=two[2], **lists),
            )
        return out

    for name, (want, all_pairs, over) in ways(R, f).items():
        assert np.abs(want).max() > 0.1, name
        np.testing.assert_allclose(all_pairs, want, atol=1e-13, err_msg=name)
        both = np.stack([want, np.zeros_like(want)])
        np.testing.assert_allclose(over, both, atol=1e-13, err_msg=name)


def test_each_bond_has_its_own_length():
    chain = jax.jit(dyn.bonds(dyn.spring, displacement_fn, stiffness=1.0))
    neighbor = np.array([[1, 0], [0, 2], [1, 0]])
    bonded = np.array([[True, False], [True, True], [True, False]])
    length = np.array([[1.0, 9.0], [1.0, 2.0], [2.0, 9.0]])
    R = np.array([[0.0, 0.0], [1.5, 0.0], [3.0, 0.0]])
    force = chain(R, index=neighbor, bonded=bonded, length=length)
    np.testing.assert_allclose(force[:, 0], [0.5, -0.5 - 0.5, 0.5])


def test_combine_is_the_sum_of_its_terms():
    """Laws of one space that share a loop, one of another space, a bond, drag, an energy."""
    R, f, alive = some()
    around, _ = dyn.periodic(1.0)
    v = np.ones_like(R)
    chain = {"index": np.arange(6)[:, None] - 1, "bonded": np.arange(6)[:, None] > 0}
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

    @jax.jit
    def both(R):
        state = {"velocity": v, "feature": f, "alive": alive}
        each = [
            dyn.canonicalize_force(term)(R, **state, **params.get(name, {}))
            for name, term in terms.items()
        ]
        return dyn.combine(**terms)(R, **state, **params), sum(each)

    got, want = both(R)
    np.testing.assert_allclose(got, want, atol=1e-13)


def test_forces_are_minus_the_gradients_of_their_potentials():
    r = np.concatenate([np.linspace(0.05, 2.5, 200), [0.0]])
    dr = r[:, None] * np.array([0.6, -0.8])
    R, _, alive = some()
    laws = {name: of for name, of in PAIR_LAWS.items() if name != "pair_network"}

    @jax.jit
    def ways(dr, R):
        out = {}
        for name, (law, params) in laws.items():
            energy_fn = getattr(dyn, f"{name}_energy")
            one = lambda dr, fn=energy_fn, p=params: fn(dr, None, None, **p)  # noqa: E731
            # And summed over pairs: a potential counts a pair once.
            energy = dyn.canonicalize_force(dyn.potential(energy_fn, displacement_fn, **params))
            force = dyn.all_pairs(law, displacement_fn, **params)
            out[name] = (
                (law(dr, None, None, **params), -jax.vmap(jax.grad(one))(dr)),
                (force(R, alive=alive), energy(R, alive=alive)),
            )
        return out

    for name, pairs in ways(dr, R).items():
        for force, slope in pairs:
            np.testing.assert_allclose(force, slope, atol=1e-12, err_msg=name)


def test_laws_do_what_their_names_say():
    """Towards or away; the founding formula is the one that pushes away."""
    dr = np.array([2.0, 0.0])

    @jax.jit
    def push(dr):
        return {
            "attraction": dyn.attraction(dr, None, None, strength=1.0),
            "repulsion": dyn.repulsion(dr, None, None, strength=1.5),
            "touching": dyn.collision(dr, None, None, stiffness=1.0, diameter=2.0),
            "overlapping": dyn.collision(dr, None, None, stiffness=1.0, diameter=2.1),
            "springs": [dyn.spring(dr, None, None, stiffness=1.0, length=x) for x in (1, 2, 3)],
        }

    got = push(dr)
    assert got["attraction"][0] < 0
    np.testing.assert_allclose(got["repulsion"], 1.5 * dr / np.sum(dr**2))
    assert got["touching"][0] == 0
    assert got["overlapping"][0] > 0
    assert [float(force[0]) for force in got["springs"]] == [-1.0, 0.0, 1.0]


def test_radial_basis_bumps():
    """Add to one in between, are zero with two derivatives at both ends, weights are local."""
    cutoff = 2.0

    def push(r, weights):
        dr = jnp.stack([r, jnp.zeros_like(r)])
        return dyn.radial_basis(dr, None, None, weights=weights, cutoff=cutoff)[0]

    slope = jax.grad(push)
    each = jax.jit(jax.vmap(lambda r, w: (push(r, w), slope(r, w), jax.grad(slope)(r, w))))
    ends = [1e-9, cutoff - 1e-9, cutoff + 0.1]
    r = np.concatenate([np.linspace(0.6, 1.4, 50), ends, [0.3]])
    weights = np.ones((len(r), 7))
    weights[-1, :6] = 0  # the last bump alone, near the origin
    value, first, second = (np.asarray(v) for v in each(r, weights))
    np.testing.assert_allclose(value[:50], 1, atol=0.011)
    assert np.abs([value[50:53], first[50:53], second[50:53]]).max() < 1e-6
    assert value[52] == value[53] == 0


vector = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=2).map(np.array)
feature = st.lists(st.floats(-10, 10), min_size=3, max_size=3).map(np.array)


@jax.jit
def there_and_back(dr, fa, fb, seed):
    params = dyn.init_pair_network(jax.random.key(seed), feature_dim=3, width=8, scale=1.0)
    return (
        dyn.pair_network(dr, fa, fb, params=params),
        dyn.pair_network(-dr, fb, fa, params=params),
    )


@settings(max_examples=50, deadline=None)
@given(dr=vector, fa=feature, fb=feature, seed=st.integers(0, 100))
def test_the_pair_network_obeys_newtons_third_law_to_the_bit(dr, fa, fb, seed):
    there, back = there_and_back(dr, fa, fb, seed)
    np.testing.assert_array_equal(there, -back)
    assert np.all(np.isfinite(there))


def test_the_pair_network_listens_to_features_and_distance():
    params = PAIR_LAWS["pair_network"][1]["params"]
    R, f, _ = some()

    @jax.jit
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
    p = particles(np.array([[1.0]]), velocity=np.array([[0.5]]))
    path = dyn.rollout(make(oscillator, shift_fn, 0.005), p, steps=400)
    exact = np.cos(2 * path.time) + 0.25 * np.sin(2 * path.time)
    np.testing.assert_allclose(path.particles.position[:, 0, 0], exact, atol=tolerance)


def test_damped_motion():
    """Langevin at kT = 0: v = v₀ e^{−γt}; drag: the same in the limit; terminal speed F / γ."""
    p = particles(np.zeros((1, 1)), velocity=np.ones((1, 1)))
    bath = dyn.langevin(jnp.zeros_like, shift_fn, 0.1, kT=0.0, friction=2.0)
    path = dyn.rollout(bath, p, steps=20, key=jax.random.key(0))
    np.testing.assert_allclose(path.particles.velocity[:, 0, 0], np.exp(-2 * path.time), atol=1e-12)
    fall = dyn.combine(
        drag=dyn.external(dyn.drag, rate=2.0), weight=dyn.external(dyn.uniform, force=[3.0])
    )
    path = dyn.rollout(dyn.semi_implicit_euler(fall, shift_fn, 0.01), p, steps=1000)
    np.testing.assert_allclose(path.particles.velocity[1000], 1.5, atol=1e-6)


def test_two_bodies_go_round():
    """A circle under the founding attraction: m v² / (r/2) = k / r; back after one period."""
    k, mass, r = 0.9, 1.3, 1.0
    speed = np.sqrt(k / (2 * mass))
    p = particles(
        np.array([[0.0, r / 2], [0.0, -r / 2]]),
        velocity=np.array([[speed, 0.0], [-speed, 0.0]]),
        mass=np.full(2, mass),
    )
    period = np.pi * r / speed
    force = dyn.all_pairs(dyn.attraction, displacement_fn, strength=k)
    path = dyn.rollout(dyn.velocity_verlet(force, shift_fn, period / 1000), p, steps=1000)
    np.testing.assert_allclose(path.particles.position[1000], p.position, atol=1e-4)
    radius = np.linalg.norm(path.particles.position, axis=-1)
    np.testing.assert_allclose(radius, r / 2, atol=1e-5)


def test_energy_over_ten_thousand_steps():
    """A bound pair on an eccentric orbit: the error swings and does not grow."""
    p = particles(np.array([[0.0, 0.5], [0.0, -0.5]]), velocity=np.array([[0.4, 0.0], [-0.4, 0]]))
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
    swing = np.abs(np.asarray(energies) - energies[0])
    assert swing.max() < 1e-3
    assert swing[-100:].max() < 1.2 * swing[:100].max()


@pytest.mark.parametrize("name", ["semi_implicit_euler", "velocity_verlet", "langevin"])
def test_a_wall_reflects(name):
    """Free flight folds into a triangle wave; speed and energy are kept; velocity flips."""
    box = np.array([1.0, 2.0])
    make = {"langevin": lambda *a: dyn.langevin(*a, kT=0.0, friction=0.0)}.get(
        name, getattr(dyn, name)
    )
    p = particles(np.array([[0.3, 0.4]]), velocity=np.array([[1.7, -2.9]]))
    flight = make(jnp.zeros_like, dyn.walls(box)[1], 0.13)
    path = dyn.rollout(flight, p, steps=60, key=jax.random.key(0))
    straight = p.position + np.asarray(path.time)[:, None, None] * p.velocity
    fold = np.mod(straight, 2 * box)
    np.testing.assert_allclose(
        path.particles.position, np.where(fold > box, 2 * box - fold, fold), atol=1e-12
    )
    np.testing.assert_allclose(
        path.particles.velocity, p.velocity * np.where(fold > box, -1, 1), atol=1e-12
    )


def test_a_step_longer_than_the_box_still_ends_inside():
    _, shift = dyn.walls(1.0)
    assert 0 <= float(shift(jnp.array(0.5), jnp.array(7.3))) <= 1


def test_periodic_is_the_shortest_way_round():
    displacement, shift = (jax.jit(fn) for fn in dyn.periodic(np.array([2.0, 4.0])))
    a, b = np.array([1.9, 0.1]), np.array([0.1, 3.9])
    np.testing.assert_allclose(displacement(a, b), [-0.2, 0.2])
    np.testing.assert_allclose(shift(a, np.array([0.2, -0.2])), [0.1, 3.9])


def test_langevin_has_its_temperature():
    """In a harmonic trap: ⟨m v²⟩ = kT and ⟨k x²⟩ = kT, whatever the masses."""
    kT, n = 0.5, 400
    mass = np.where(np.arange(n) % 2 == 0, 1.0, 3.0)
    p = particles(np.zeros((n, 2)), mass=mass)
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
        hot = np.mean((np.asarray(v2)[100:] * mass[:, None])[:, kind])
        wide = np.mean(2.0 * np.asarray(x2)[100:, kind])
        assert hot == pytest.approx(kT, rel=0.02)
        assert wide == pytest.approx(kT, rel=0.02)


def test_langevin_noise_is_a_function_of_the_key_and_the_step():
    """So much friction that a velocity is the noise of its step and no more."""
    bath = dyn.langevin(jnp.zeros_like, shift_fn, 0.1, kT=1.0, friction=1e4)
    p = particles(np.zeros((3, 2)))
    noise = [
        np.asarray(dyn.rollout(bath, p, steps=5, key=jax.random.key(seed)).particles.velocity)[1:]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert np.all(noise[0] != noise[2])
    assert len(np.unique(noise[0])) == noise[0].size, "noise is drawn twice"
