"""Multipoles against sums over all pairs in float64."""

from __future__ import annotations

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from vidparticles import dynamics as dyn
from vidparticles.dynamics.interactions.multipole import expansions, walk
from vidparticles.dynamics.interactions.multipole import tree as boxes

N = 1600
SHAPES = ("uniform", "clusters", "cusp", "line", "diagonal", "coincident", "outlier", "far off")
# Relative errors at order 24; boxes of two places have all they hold on their rims.
MOST = {"coincident": (1e-5, 2e-4)}
FREE = dyn.free()[0]


@pytest.fixture(scope="module", autouse=True)
def deep_trees():
    """Floats of 64 bits; a tree of some levels, and many turns of every loop, for few particles."""
    with pytest.MonkeyPatch.context() as patch, jax.enable_x64(True):
        patch.setattr(boxes, "ROOT", 3)
        patch.setattr(boxes, "SIZES", (8,))
        patch.setattr(walk, "LOOK", 512)
        patch.setattr(walk, "TRANSLATE", 128)
        patch.setattr(walk, "DIRECT", 128)
        assert boxes.grid_of(N).levels == 3
        yield


def shaped(shape: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.random((N, 2))
    if shape == "clusters":
        x = rng.random((6, 2))[rng.integers(0, 6, N)] + 0.02 * rng.normal(size=(N, 2))
    elif shape == "cusp":
        angle = 2 * np.pi * x[:, 0]
        x = 0.5 + 0.5 * x[:, 1:] ** 3 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    elif shape in ("line", "diagonal"):
        x = x[:, :1] * np.array({"line": (1, 0), "diagonal": (1, 1)}[shape])
    elif shape == "coincident":
        x = x[rng.integers(0, N // 8, N)]
    elif shape == "outlier":
        x[3] += 1e4
    elif shape == "far off":
        x = 1e-4 * x + 1e3
    return x


def by_all_pairs(x, alive=None, u=None):
    """Force of strength 1, its cotangent for u, and its energy, pair by pair in numpy."""
    z = x[:, 0] + 1j * x[:, 1]
    here = np.ones(len(z), bool) if alive is None else alive
    z = np.where(here, z, 0)
    dz = z[:, None] - z[None]
    pair = here & here[:, None] & (dz != 0)
    inverse = np.where(pair, 1 / np.where(pair, dz, 1), 0)
    force = np.conj(np.sum(inverse, axis=1))
    energy = -0.5 * np.sum(np.log(np.abs(np.where(pair, dz, 1))))
    w = np.zeros(len(z)) if u is None else u[:, 0] + 1j * u[:, 1]
    back = -np.conj(np.sum((w[:, None] - w[None]) * inverse**2, axis=1))
    return *(np.stack([v.real, v.imag], axis=-1) for v in (force, back)), energy


@functools.cache
def both(order: int):
    """The force and its cotangent for u, jitted."""
    force_fn = dyn.multipole(dyn.repulsion, order=order, strength=1.0)

    def run(x, alive, u):
        force, back = jax.vjp(lambda x: force_fn(x, alive=alive), x)
        return force, back(u)[0]

    return jax.jit(run)


ALL = np.ones(N, bool)


def away(got, want) -> float:
    """The distance over the length, of all together."""
    return float(np.linalg.norm(np.asarray(got) - want) / max(np.linalg.norm(want), 1e-300))


@pytest.mark.parametrize("shape", SHAPES)
def test_force_and_cotangent_are_those_of_all_pairs(shape):
    """For every shape, with and without a third of the particles inactive."""
    rng = np.random.default_rng(1)
    x, u = shaped(shape), rng.normal(size=(N, 2))
    for alive in (np.ones(N, bool), rng.random(N) < 0.7):
        got, want = both(24)(x, alive, u), by_all_pairs(x, alive, u)
        for a, b, most in zip(got, want[:2], MOST.get(shape, (2e-7, 2e-7)), strict=True):
            assert away(a, b) < most
            assert (a[~alive] == 0).all()


@hypothesis.settings(max_examples=15)
@hypothesis.given(
    seed=st.integers(0, 2**31),
    scale=st.floats(-4, 4),
    shift=st.floats(-3, 3),
    living=st.floats(0, 1),
)
def test_any_spread_and_place(seed, scale, shift, living):
    rng = np.random.default_rng(seed)
    x = shaped(SHAPES[seed % len(SHAPES)], seed) * 10.0**scale * rng.random(2) + shift
    alive = rng.random(N) < living
    u = rng.normal(size=(N, 2))
    got, want = both(24)(x, alive, u), by_all_pairs(x, alive, u)
    assert away(got[0], want[0]) < 1e-5
    assert away(got[1], want[1]) < 1e-3


def test_every_pair_is_met_once():
    """What boxes send to boxes, if that is their number, and particles to particles: whole."""
    alive = np.random.default_rng(2).random(N) < 0.8

    @jax.jit
    def met(x):
        grid = boxes.grid_of(N)
        tree = boxes.arrange(grid, x, alive)
        here = boxes.present(tree.z).astype(float)
        # Of order 1, a moment is a number, and an expansion a constant.
        a = expansions.moments(grid, tree, None, 1)
        far, near = walk.walk(grid, tree, lambda t, s: a[s], lambda t, s: t[0] * s[0], (here,), a)
        far = expansions.to_leaves(grid, tree, far).real
        return tree.order, here, far, far + near

    # Leaves of particles in one place need not meet.
    for shape in set(SHAPES) - {"coincident"}:
        order, here, far, number = met(shaped(shape))
        assert sorted(order[here > 0].tolist()) == np.flatnonzero(alive).tolist()
        np.testing.assert_array_equal(number[here > 0], alive.sum())
        assert far.max() > N / 2


def test_the_order_sets_the_error():
    """Each term by the ratio of radii to distance, at least."""
    x, u = shaped("clusters"), np.ones((N, 2))
    rough = jax.jit(dyn.multipole(dyn.repulsion, order=6, strength=1.0))
    forces = {6: rough(x), 24: both(24)(x, ALL, u)[0]}
    errors = {order: away(force, by_all_pairs(x)[0]) for order, force in forces.items()}
    for order, error in errors.items():
        assert 1e-14 < error < 0.1 * walk.OPENING**order
    assert errors[24] < errors[6] * walk.OPENING**18


def test_single_precision(shipped):
    """What is left is rounding."""
    run = jax.jit(dyn.multipole(dyn.repulsion, order=24, strength=1.0))
    for shape, shift in (("uniform", 0), ("uniform", 100), ("clusters", 0)):
        x = (shaped(shape) + shift).astype(np.float32)
        got = run(x)
        assert got.dtype == jnp.float32
        assert away(got, by_all_pairs(x.astype(float))[0]) < 5e-7


def test_symmetries():
    """What is turned, moved, mirrored or renumbered has forces that are so too."""
    rng = np.random.default_rng(3)
    x, u, alive = shaped("clusters"), rng.normal(size=(N, 2)), ALL
    run = both(24)
    force, back = (np.asarray(a) for a in run(x, alive, u))
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    for matrix in (turn, np.diag([1.0, -1.0])):
        for a, b in zip(run(x @ matrix, alive, u @ matrix), (force, back), strict=True):
            assert away(a, b @ matrix) < 1e-7
    other = rng.permutation(N)
    for a, b in zip(run(x[other], alive, u[other]), (force, back), strict=True):
        assert away(a, b[other]) < 1e-7
    assert away(run(x + 10, alive, u)[0], force) < 1e-7
    # What one does to another is what the other does to it; nothing turns by itself.
    assert np.abs(force.sum(0)).max() < 1e-7 * np.abs(force).sum()
    assert abs(np.cross(x, force).sum()) < 1e-7 * np.abs(force).sum()


def test_strength_of_systems_and_of_particles():
    """Systems along leading axes; the derivative by what scales the law."""
    rng = np.random.default_rng(4)
    x, strength = rng.random((2, 1, 20, 2)), rng.random((2, 1, 20))

    @jax.jit
    def ways(strength, x):
        force_fns = (dyn.multipole(dyn.attraction, order=24), dyn.all_pairs(dyn.attraction, FREE))
        return [
            jax.value_and_grad(
                lambda strength, x, fn=fn: jnp.sum(jnp.sin(fn(x, strength=strength))), (0, 1)
            )(strength, x)
            for fn in force_fns
        ]

    got, want = ways(strength, x)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert away(a, b) < 1e-6


def test_energy_and_its_derivatives():
    """Its value; its gradient, the force; the derivative of that."""
    count = 100
    x = shaped("clusters")[:count]
    alive = np.random.default_rng(5).random(count) < 0.7
    ours = dyn.multipole_potential(dyn.repulsion_energy, order=24, strength=0.7)
    force_fn = dyn.canonicalize_force(ours)

    @jax.jit
    def curve(x):
        def square(x):
            force = force_fn(x, alive=alive)
            return jnp.sum(force**2), force

        slope, force = jax.grad(square, has_aux=True)(x)
        return ours(x, alive=alive), force, slope

    energy, force, slope = curve(x)
    want, _, total = by_all_pairs(x, alive)
    np.testing.assert_allclose(energy, 0.7 * total, rtol=1e-9)
    assert away(force, 0.7 * want) < 1e-7
    assert away(slope, 0.49 * by_all_pairs(x, alive, 2 * want)[1]) < 1e-7
    x[np.argmax(alive), 0] = np.nan
    assert jnp.isnan(curve(x)[0])
    assert jax.eval_shape(ours, np.zeros((3, 0, 2))).shape == (3,)


def test_gradient_is_that_of_finite_differences():
    u = np.random.default_rng(6).normal(size=(N, 2))

    def value(x):
        force, back = both(24)(x, ALL, u)
        return np.sum(u * force), (back,)

    slope, want = m.along(value, (shaped("clusters", 6),), step=1e-8)
    np.testing.assert_allclose(slope, want, rtol=1e-3)


def test_vmap_and_devices_are_one_by_one():
    """Systems in turn, also in shards; forward and backward."""
    force_fn = dyn.multipole(dyn.repulsion, strength=1.0)
    x = np.random.default_rng(7).random((2, 3, 20, 2))
    alive = np.random.default_rng(8).random((3, 20)) < 0.8

    def fn(x, alive):
        return jax.value_and_grad(lambda x: jnp.sum(force_fn(x, alive=alive) ** 2))(x)

    one = jax.jit(fn)
    want = m.stacked(
        [m.stacked([one(*args) for args in zip(row, alive, strict=True)]) for row in x]
    )
    mapped = jax.vmap(jax.vmap(fn), in_axes=(0, None))
    mesh = jax.make_mesh((2,), ("b",), axis_types=(jax.sharding.AxisType.Auto,))
    shared = jax.shard_map(mapped, mesh=mesh, in_specs=(P("b"), P()), out_specs=P("b"))
    for a, b in zip(jax.jit(shared)(x, alive), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_few_and_none():
    force_fn = dyn.multipole(dyn.repulsion, strength=1.0)
    for shape in ((0, 2), (3, 0, 2), (0, 5, 2)):
        assert jax.eval_shape(force_fn, np.zeros(shape)).shape == shape

    def value(x, alive):
        force = force_fn(x, alive=alive)
        return jnp.sum((1 + force) ** 2), force

    gradient = jax.jit(jax.value_and_grad(value, has_aux=True))
    two = np.array([[0.5, 0.5], [0.75, 0.5]])
    (_, force), _ = gradient(two, np.ones(2, bool))
    np.testing.assert_allclose(force, [[-4, 0], [4, 0]])
    for alive in ([False, False], [True, False]):
        inactive = np.where(np.array(alive)[:, None], two, np.nan)
        (total, _), slope = gradient(inactive, np.array(alive))
        assert total == 4
        assert (slope == 0).all()
    assert (jax.jit(force_fn)(np.ones((1, 2))) == 0).all()


def test_a_crowd_in_one_place():
    """They exert nothing on each other, all of it on others."""
    x = np.zeros((N, 2))
    x[:2, 0] = 1, -1
    force, _ = both(24)(x, ALL, x)
    np.testing.assert_allclose(force[0], [N - 2 + 0.5, 0], atol=1e-9)
    np.testing.assert_allclose(force[2:], 0, atol=1e-12)


def test_what_is_not_finite_is_seen():
    for bad in (np.nan, np.inf):
        x = shaped("uniform")
        x[7, 1] = bad
        force, back = both(24)(x, ALL, np.ones((N, 2)))
        assert jnp.isnan(force).all()
        assert jnp.isnan(back).all()


def test_wrong_calls_say_so():
    with pytest.raises(ValueError, match="'collision' has no expansion in multipoles here"):
        dyn.multipole(dyn.collision)
    with pytest.raises(ValueError, match="give repulsion_energy or attraction_energy"):
        dyn.multipole_potential(dyn.repulsion)
    with pytest.raises(ValueError, match="the order is 0; give a positive number"):
        dyn.multipole(dyn.repulsion, order=0)
    force_fn = dyn.multipole(dyn.repulsion, strength=1.0)
    with pytest.raises(ValueError, match=r"multipoles are of the plane: give \[\.\.\., N, 2\]"):
        force_fn(jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match="alive has shape"):
        force_fn(jnp.zeros((5, 2)), alive=jnp.ones(4, bool))
    with pytest.raises(ValueError, match=r"a softened law has no expansion.*all_pairs takes"):
        force_fn(jnp.zeros((5, 2)), softening=0.1)
    with pytest.raises(ValueError, match="takes strength and nothing else"):
        dyn.multipole(dyn.repulsion)(jnp.zeros((5, 2)))
