"""Cut-off laws by cells against a dense reference in float64."""

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
from vidparticles.dynamics.interactions.cutoff import grid
from vidparticles.dynamics.laws.central import central
from vidparticles.particles import particles

pytestmark = pytest.mark.usefixtures("x64")

# Enough of them that a column's stretches are not the whole ring.
N = 400
CUTOFF = 0.1
LAW = {"strength": 0.7, "softening": 0.03}
SPACES = {
    "free 2": (2, None),
    "free 3": (3, None),
    "periodic 1": (1, 1.0),
    "periodic 2": (2, (1.0, 0.6)),
    "periodic 3": (3, (1.0, 0.35, 0.9)),
    "smallest box": (2, 2 * CUTOFF),
}
SHAPES = ("uniform", "clusters", "line", "column", "diagonal", "coincident", "outlier", "far off")


def shaped(shape: str, dim: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.random((N, dim))
    along = np.zeros(dim)
    if shape == "clusters":
        x = rng.random((5, dim))[rng.integers(0, 5, N)] + 0.02 * rng.normal(size=(N, dim))
    elif shape in ("line", "column", "diagonal"):
        along[{"line": slice(0, 1), "column": slice(-1, None), "diagonal": slice(None)}[shape]] = 9
        x = x[:, :1] * along
    elif shape == "coincident":
        x = np.round(x * 7) / 7
    elif shape == "outlier":
        x[3] += 1e4
    elif shape == "far off":
        x = x * 0.5 - 300
    return x


def apart(a, b, box):
    d = a - b
    return d if box is None else d - np.asarray(box) * np.round(d / np.asarray(box))


def dense(x, alive, u, box):
    """The founding law by its definition, and its cotangents for u: by x, and by each of LAW."""
    dr = apart(x[:, None], x[None], box)
    square = np.sum(dr**2, axis=-1)
    near = (square < CUTOFF**2) & ~np.eye(len(x), dtype=bool) & alive & alive[:, None]
    inverse = np.where(near, 1 / (square + LAW["softening"] ** 2), 0)
    size = LAW["strength"] * inverse
    du = u[:, None] - u[None]
    pull = np.sum(dr * du, axis=-1)
    of_x = size[..., None] * du - 2 * (size * inverse * pull)[..., None] * dr
    of_law = {
        "softening": -np.sum(pull * size * inverse) * LAW["softening"],
        "strength": 0.5 * np.sum(pull * inverse),
    }
    return np.sum(size[..., None] * dr, axis=1), (np.sum(of_x, axis=1), of_law)


@functools.cache
def force(space: str):
    """The force, and its cotangents for u, jitted."""
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, box=SPACES[space][1])

    def run(x, alive, u, law):
        got, back = jax.vjp(lambda x, law: force_fn(x, alive=alive, **law), x, law)
        return got, back(u)

    return jax.jit(run)


@pytest.mark.parametrize("space", SPACES)
def test_force_and_cotangents_are_those_of_the_dense_sum(space):
    """For every shape, with a third of the particles inactive."""
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        x = shaped(shape, SPACES[space][0])
        u = rng.normal(size=x.shape)
        for alive in (np.ones(N, bool), rng.random(N) < 0.7):
            got, want = force(space)(x, alive, u, LAW), dense(x, alive, u, SPACES[space][1])
            scale = max(float(np.abs(want[0]).max()), 1)
            # What is far off has fewer digits for its differences.
            atol = 1e-10 * scale * (1e4 if shape in ("outlier", "far off") else 1)
            for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=atol, err_msg=shape)


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    space=st.sampled_from(sorted(SPACES)),
    seed=st.integers(0, 2**31),
    scale=st.floats(-2, 2),
    shift=st.floats(-3, 3),
    living=st.floats(0, 1),
)
def test_any_spread_and_place(space, seed, scale, shift, living):
    dim, _ = SPACES[space]
    rng = np.random.default_rng(seed)
    x = shaped(SHAPES[seed % len(SHAPES)], dim, seed) * 10.0**scale * rng.random(dim) + shift
    alive = rng.random(N) < living
    u = rng.normal(size=x.shape)
    got, want = force(space)(x, alive, u, LAW)[0], dense(x, alive, u, SPACES[space][1])[0]
    np.testing.assert_allclose(got, want, atol=1e-7 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("space", ["periodic 2", "free 3"])
def test_neighbors_are_counted_once(space):
    """A law that counts: in float32, whole numbers."""
    dim, box = SPACES[space]
    count_fn = jax.jit(dyn.cutoff(lambda dr, fa, fb: jnp.ones_like(dr), CUTOFF, box=box))
    for shape in ("uniform", "clusters", "column", "coincident"):
        x = shaped(shape, dim, 5).astype(np.float32)
        dr = apart(x[:, None], x[None], box)
        want = (np.sum(dr**2, -1) < CUTOFF**2).sum(1) - 1
        got = count_fn(x)
        assert got.dtype == jnp.float32
        # One pair of a hundred thousand may sit on the cut-off.
        assert np.abs(got[:, 0] - want).sum() <= 2
        assert want.max() > 1


def test_general_laws_with_features():
    """A learned law, its parameters and features differentiated, some of the particles inactive."""
    rng = np.random.default_rng(2)
    make = functools.partial(
        dyn.init_pair_network, feature_dim=3, width=4, dtype=jnp.float64, reach=0.05
    )
    network = jax.tree.map(np.asarray, jax.jit(make)(jax.random.key(0)))
    x, u = shaped("uniform", 2), rng.normal(size=(N, 2))
    feature, alive = rng.normal(size=(N, 3)), rng.random(N) < 0.8
    box = (1.0, 0.6)
    force_fn = dyn.cutoff(dyn.pair_network, CUTOFF, box=box)

    def definition(x, feature, alive, params):
        dr = x[:, None] - x[None]
        dr = dr - jnp.array(box) * jnp.round(dr / jnp.array(box))
        near = (jnp.sum(dr**2, -1) < CUTOFF**2) & ~jnp.eye(N, dtype=bool)
        near = (near & alive & alive[:, None])[..., None]
        f = jnp.broadcast_to(feature, (N, N, 3))
        each = dyn.pair_network(jnp.where(near, dr, 1), jnp.swapaxes(f, 0, 1), f, params=params)
        return jnp.sum(jnp.where(near, each, 0), axis=1)

    @jax.jit
    def both(x, feature, network):
        ways = (
            lambda x, f, params: force_fn(x, feature=f, alive=alive, params=params),
            lambda x, f, params: definition(x, f, alive, params),
        )
        each = [jax.vjp(way, x, feature, network) for way in ways]
        return [(out, back(u)) for out, back in each]

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10),
        *both(x, feature, network),
    )


def test_what_a_law_closes_over_is_differentiated():
    x = shaped("uniform", 2)

    def value(k):
        law = central(lambda square: k / (square + 0.01))
        return jnp.sum(dyn.cutoff(law, CUTOFF)(x) * x)

    got, slope = jax.jit(jax.value_and_grad(value))(2.0)
    np.testing.assert_allclose(slope, got / 2, rtol=1e-10)


def test_vector_parameters_and_finite_differences():
    """A smooth law, so that no pair jumps over the cut-off."""
    force_fn = dyn.cutoff(dyn.radial_basis, CUTOFF, cutoff=CUTOFF)
    value = jax.jit(
        jax.value_and_grad(lambda x, w: jnp.sum(jnp.sin(force_fn(x, weights=w))), (0, 1))
    )
    at = shaped("clusters", 2), np.array([0.3, -0.5, 0.8])
    for held in (0, 1):  # each of the two by itself
        only = lambda given, held=held: (  # noqa: E731
            (value(given, at[1])[0], value(given, at[1])[1][0])
            if held
            else (value(at[0], given)[0], value(at[0], given)[1][1])
        )
        slope, want = m.along(only, (at[1 - held],), step=1e-7)
        np.testing.assert_allclose(slope, want, rtol=1e-5)


def test_symmetries():
    """Permutation, translation, rotation; a law that ends smoothly at the cut-off."""
    params = {"stiffness": 2.0, "diameter": CUTOFF}
    force_fn = jax.jit(dyn.cutoff(dyn.collision, CUTOFF, **params))
    x = shaped("uniform", 2)
    force = np.asarray(force_fn(x))
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_allclose(force_fn(x[order]), force[order], atol=1e-12)
    np.testing.assert_allclose(force_fn(x + np.array([40.0, -7.0])), force, atol=1e-11)
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    np.testing.assert_allclose(force_fn(x @ turn.T), force @ turn.T, atol=1e-12)
    np.testing.assert_allclose(force.sum(0), 0, atol=1e-11)
    box = jax.jit(dyn.cutoff(dyn.collision, CUTOFF, box=1.0, **params))
    np.testing.assert_allclose(box(x + np.array([0.37, 5.8])), box(x), atol=1e-11)


def test_leading_axes_vmap_and_groups(monkeypatch):
    """One result, forward and backward; also where columns fill several groups."""
    x = np.stack([shaped(s, 2) for s in ("uniform", "clusters", "line", "outlier")])
    alive = np.random.default_rng(0).random((4, N)) < 0.8
    strength = np.array([0.1, 0.2, 0.3, 0.4])
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, softening=0.03)

    def value(x, alive, k):
        got = force_fn(x, alive=alive, strength=k)
        return jnp.sum(got**2), got

    slopes = jax.value_and_grad(value, (0, 2), has_aux=True)
    one = jax.jit(slopes)
    each = m.stacked([one(*args) for args in zip(x, alive, strength, strict=True)])
    mapped = jax.jit(jax.vmap(slopes))(x, alive, strength)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), mapped, each)
    lead = x.reshape(2, 2, N, 2), alive.reshape(2, 2, N), strength.reshape(2, 2, 1)
    got = jax.jit(value)(*lead)[1]
    np.testing.assert_allclose(got.reshape(x.shape), each[0][1], rtol=1e-12)
    monkeypatch.setattr(grid, "COLUMNS", 4)
    got = jax.jit(lambda *args: value(*args)[1])(x[1], alive[1], strength[1])
    np.testing.assert_allclose(got, each[0][1][1], rtol=1e-9)


def test_shard_map():
    """The batch over devices, in a manual region, forward and backward."""
    mesh = jax.make_mesh((2,), ("batch",), devices=jax.devices()[:2])
    x = np.stack([shaped(s, 2) for s in ("uniform", "clusters")])
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, **LAW)
    general = dyn.cutoff(lambda dr, fa, fb: dr * dr, CUTOFF)

    def both(x):
        value = lambda x: jnp.sum((force_fn(x) + general(x)) ** 2, axis=(1, 2))  # noqa: E731
        return value(x), jax.grad(lambda x: value(x).sum())(x)

    spread = jax.shard_map(both, mesh=mesh, in_specs=P("batch"), out_specs=P("batch"))
    placed = jax.device_put(x, jax.NamedSharding(mesh, P("batch")))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
        jax.jit(spread)(placed),
        jax.jit(both)(x),
    )


@pytest.mark.parametrize("box", [None, 1.0])
def test_few_and_none(box):
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, box=box, **LAW)
    for shape in ((0, 2), (3, 0, 2)):
        assert jax.jit(force_fn)(np.zeros(shape)).shape == shape

    def value(x, alive):
        got = force_fn(x, alive=alive)
        return jnp.sum((1 + got) ** 2), got

    both = jax.jit(jax.value_and_grad(value, has_aux=True))
    two = np.array([[0.5, 0.5], [0.55, 0.5]])
    push = LAW["strength"] * 0.05 / (0.05**2 + LAW["softening"] ** 2)
    (_, got), _ = both(two, np.ones(2, bool))
    np.testing.assert_allclose(got, [[-push, 0], [push, 0]], atol=1e-12)
    (_, got), _ = both(two * 3, np.ones(2, bool))
    assert (got == 0).all()
    for alive in ([False, False], [True, False]):
        inactive = np.where(np.array(alive)[:, None], two, np.nan)
        (total, _), slope = both(inactive, np.array(alive))
        assert total == 4
        assert (slope == 0).all()
    if box is None:
        (total, _), slope = both(np.ones((1, 2)), np.ones(1, bool))
        assert total == 2
        assert (slope == 0).all()


def test_what_is_not_finite_is_seen():
    """In all forces: whom it would have pushed is not known."""
    for bad in (np.nan, np.inf):
        x = shaped("uniform", 2)
        x[7, 1] = bad
        for space in ("free 2", "periodic 2"):
            got, _ = force(space)(x, np.ones(N, bool), np.ones((N, 2)), LAW)
            assert np.isnan(got).all()


def test_sources_a_turn_change_nothing(shipped):
    """The dense sum again, with as many of them as users get."""
    x, alive = shaped("clusters", 2), np.ones(N, bool)
    run = jax.jit(dyn.cutoff(dyn.repulsion, CUTOFF, **LAW))
    np.testing.assert_allclose(run(x), dense(x, alive, 0 * x, None)[0], rtol=1e-9, atol=1e-10)


def test_order_in_several_passes():
    """Of more bits than fit beside the particles' own."""
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 2**15, 200).astype(np.int32)
    inactive = rng.random(200) < 0.3
    living = int((~inactive).sum())
    want = np.argsort(np.where(inactive, 2**20, cell), kind="stable")[:living]
    run = jax.jit(grid._sorted, static_argnums=(2, 3))
    for bits, passes in ((8, 1), (17, 1), (24, 2), (27, 3)):
        got = run(cell, inactive, bits, passes)
        np.testing.assert_array_equal(got[:living], want)
        assert got.shape == (200,)
        assert int(got.max()) < 200


@pytest.mark.slow
def test_memory_grows_as_the_particles():
    """Forward and backward, compiled and not run."""

    def megabytes(count):
        value = lambda x: jnp.sum(dyn.cutoff(dyn.repulsion, 0.01, **LAW)(x) ** 2)  # noqa: E731
        x = jax.ShapeDtypeStruct((count, 2), jnp.float32)
        analysis = jax.jit(jax.grad(value)).lower(x).compile().memory_analysis()
        return analysis.temp_size_in_bytes / 1e6

    assert megabytes(400_000) < 6 * megabytes(100_000) < 60


def test_in_a_rollout():
    """A crowd that flies apart, all the way as all pairs do; no list is ever renewed."""
    p = particles(shaped("clusters", 2) * 0.3)
    params = {"stiffness": 3.0, "diameter": CUTOFF}
    _, shift_fn = dyn.free()
    ends = []
    for force_fn in (
        dyn.cutoff(dyn.collision, CUTOFF, **params),
        dyn.all_pairs(dyn.collision, dyn.free()[0], **params),
    ):
        path = dyn.rollout(dyn.semi_implicit_euler(force_fn, shift_fn, 0.02), p, steps=30)
        ends.append(np.asarray(path.particles.position[30]))
    np.testing.assert_allclose(*ends, atol=1e-9)
    assert np.ptp(ends[0]) > 2 * np.ptp(p.position)


def test_wrong_calls_say_so():
    law = dyn.repulsion
    with pytest.raises(ValueError, match=r"cut-off is -1\.0; expected a positive"):
        dyn.cutoff(law, -1)
    with pytest.raises(ValueError, match="at least twice the cut-off"):
        dyn.cutoff(law, 1.0, box=1.9)
    force_fn = dyn.cutoff(law, 1.0, box=(4.0, 4.0), strength=1.0)
    for shape in ((2,), (5, 4)):
        with pytest.raises(ValueError, match=r"expected \[\.\.\., N, D\]"):
            force_fn(np.zeros(shape))
    with pytest.raises(ValueError, match="2 sides and positions 3 components"):
        force_fn(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="alive has shape"):
        force_fn(np.zeros((5, 2)), alive=np.ones(4, bool))
    with pytest.raises(ValueError, match="features have shape"):
        force_fn(np.zeros((5, 2)), feature=np.ones((4, 1)))
    with pytest.raises(ValueError, match="strength has shape"):
        force_fn(np.zeros((5, 2)), strength=np.ones(5))
    with pytest.raises(ValueError, match="expected one of the two"):
        dyn.bonds(law, dyn.free()[0])(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="returned shape"):
        jax.eval_shape(dyn.cutoff(lambda dr, fa, fb: dr[..., 0], 1.0), np.zeros((5, 2)))
