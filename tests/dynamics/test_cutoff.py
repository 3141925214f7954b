"""Cut-off laws by cells against a dense reference in float64."""

from __future__ import annotations

import functools

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
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
    "free 1": (1, None),
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
    return d if box is None else d - np.asarray(box) * jnp.round(d / np.asarray(box))


def dense(law, position, cutoff, box, *, feature=None, alive=None, **params):
    """The definition, for [N, D]; differentiable."""
    count = len(position)
    alive = jnp.ones(count, bool) if alive is None else alive
    feature = jnp.zeros((count, 0)) if feature is None else feature
    dr = apart(position[:, None], position[None], box)
    near = (jnp.sum(dr**2, -1) < cutoff**2) & ~jnp.eye(count, dtype=bool)
    near = (near & alive & alive[:, None])[..., None]
    f = jnp.broadcast_to(feature, (count, *feature.shape))
    force = law(jnp.where(near, dr, 1), jnp.swapaxes(f, 0, 1), f, **params)
    return jnp.sum(jnp.where(near, force, 0), axis=1)


@functools.cache
def forces(space: str):
    """The force, its cotangent for u, and the same of the reference; jitted."""
    _, box = SPACES[space]
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, box=box)
    reference = functools.partial(dense, dyn.repulsion, cutoff=CUTOFF, box=box)

    def both(fn):
        def run(x, alive, u, law):
            force, back = jax.vjp(lambda x, law: fn(x, alive=alive, **law), x, law)
            return force, back(u)

        return jax.jit(run)

    return both(force_fn), both(reference)


@pytest.mark.parametrize("space", SPACES)
def test_force_and_cotangents_are_those_of_the_dense_sum(space):
    """For every shape, with a third of the particles inactive."""
    ours, reference = forces(space)
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        x = shaped(shape, SPACES[space][0])
        u = rng.normal(size=x.shape)
        for alive in (np.ones(N, bool), rng.random(N) < 0.7):
            got, want = ours(x, alive, u, LAW), reference(x, alive, u, LAW)
            scale = max(float(jnp.abs(want[0]).max()), 1)
            # What is far off has fewer digits for its differences.
            atol = 1e-10 * scale * (1e4 if shape in ("outlier", "far off") else 1)
            for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=atol)


@hypothesis.settings(max_examples=40)
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
    ours, reference = forces(space)
    got, want = ours(x, alive, u, LAW)[0], reference(x, alive, u, LAW)[0]
    np.testing.assert_allclose(got, want, atol=1e-7 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("space", ["free 2", "periodic 2", "free 3"])
def test_neighbors_are_counted_once(space):
    """A law that counts: in float32, whole numbers."""
    dim, box = SPACES[space]
    count_fn = jax.jit(dyn.cutoff(lambda dr, fa, fb: jnp.ones_like(dr), CUTOFF, box=box))
    for shape in ("uniform", "clusters", "column", "coincident"):
        x = jnp.asarray(shaped(shape, dim, 5), jnp.float32)
        dr = np.asarray(apart(x[:, None], x[None], box))
        want = (np.sum(dr**2, -1) < CUTOFF**2).sum(1) - 1
        got = count_fn(x)
        assert got.dtype == jnp.float32
        # One pair of a hundred thousand may sit on the cut-off.
        assert np.abs(got[:, 0] - want).sum() <= 2
        assert want.max() > 1


def test_general_laws_with_features():
    """A learned law, its parameters and features differentiated, some of the particles inactive."""
    rng = np.random.default_rng(2)
    network = dyn.init_pair_network(
        jax.random.key(0), feature_dim=3, width=4, dtype=jnp.float64, reach=0.05
    )
    x, u = shaped("uniform", 2), rng.normal(size=(N, 2))
    feature, alive = rng.normal(size=(N, 3)), rng.random(N) < 0.8
    box = (1.0, 0.6)
    force_fn = dyn.cutoff(dyn.pair_network, CUTOFF, box=box)
    reference = functools.partial(dense, dyn.pair_network, cutoff=CUTOFF, box=box)

    def both(fn):
        run = lambda x, f, params: fn(x, feature=f, alive=alive, params=params)  # noqa: E731
        force, back = jax.vjp(run, x, feature, network)
        return force, back(u)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10),
        jax.jit(both, static_argnums=0)(force_fn),
        jax.jit(both, static_argnums=0)(reference),
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
    x = jnp.asarray(shaped("clusters", 2))
    weights = jnp.array([0.3, -0.5, 0.8])
    force_fn = dyn.cutoff(dyn.radial_basis, CUTOFF, cutoff=CUTOFF)
    value = jax.jit(lambda x, w: jnp.sum(jnp.sin(force_fn(x, weights=w))))
    of_x, of_w = jax.jit(jax.grad(value, (0, 1)))(x, weights)
    rng = np.random.default_rng(0)
    for dx, dw in [(rng.normal(size=x.shape), 0 * weights), (0 * x, rng.normal(size=3))]:
        h = 1e-7
        slope = (value(x + h * dx, weights + h * dw) - value(x - h * dx, weights - h * dw)) / 2 / h
        np.testing.assert_allclose(jnp.sum(of_x * dx) + jnp.sum(of_w * dw), slope, rtol=1e-5)


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
    whole = dyn.all_pairs(dyn.collision, dyn.free()[0], **params)(jnp.asarray(x))
    np.testing.assert_allclose(force, whole, atol=1e-12)


def test_leading_axes_vmap_jit_and_groups(monkeypatch):
    """One result, with and without; also where columns fill several groups."""
    x = jnp.stack([jnp.asarray(shaped(s, 2)) for s in ("uniform", "clusters", "line", "outlier")])
    alive = jnp.asarray(np.random.default_rng(0).random((4, N)) < 0.8)
    strength = jnp.array([0.1, 0.2, 0.3, 0.4])
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, softening=0.03)

    one = lambda x, a, k: force_fn(x, alive=a, strength=k)  # noqa: E731
    jitted = jax.jit(one)
    each = jnp.stack([jitted(*args) for args in zip(x, alive, strength, strict=True)])
    np.testing.assert_allclose(one(x[0], alive[0], strength[0]), each[0], rtol=1e-12)
    lead = force_fn(
        x.reshape(2, 2, N, 2), alive=alive.reshape(2, 2, N), strength=strength.reshape(2, 2, 1)
    )
    np.testing.assert_allclose(lead.reshape(x.shape), each, rtol=1e-12)
    mapped = lambda x, k: jnp.sum(jax.vmap(one)(x, alive, k) ** 2)  # noqa: E731
    slopes = jax.jit(jax.grad(mapped, (0, 1)))(x, strength)
    alone = jax.jit(jax.grad(lambda x, a, k: jnp.sum(one(x, a, k) ** 2), (0, 2)))
    for b in range(4):
        of_x, of_k = alone(x[b], alive[b], strength[b])
        np.testing.assert_allclose(slopes[0][b], of_x, rtol=1e-10)
        np.testing.assert_allclose(slopes[1][b], of_k, rtol=1e-10)
    monkeypatch.setattr(grid, "COLUMNS", 4)
    np.testing.assert_allclose(jax.jit(one)(x[1], alive[1], strength[1]), each[1], rtol=1e-9)


def test_shard_map():
    """The batch over devices, in a manual region, forward and backward."""
    mesh = jax.make_mesh((4,), ("batch",), devices=jax.devices()[:4])
    x = jnp.stack([jnp.asarray(shaped(s, 2)) for s in ("uniform", "clusters", "line", "column")])
    force_fn = dyn.cutoff(dyn.repulsion, CUTOFF, **LAW)
    general = dyn.cutoff(lambda dr, fa, fb: dr * dr, CUTOFF)

    def value(x):
        return jnp.sum((force_fn(x) + general(x)) ** 2, axis=(1, 2))

    want = jax.jit(lambda x: (value(x), jax.grad(lambda x: value(x).sum())(x)))(x)
    placed = jax.device_put(x, jax.NamedSharding(mesh, P("batch")))
    spread = jax.shard_map(
        lambda x: (value(x), jax.grad(lambda x: value(x).sum())(x)),
        mesh=mesh,
        in_specs=P("batch"),
        out_specs=P("batch"),
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
        jax.jit(spread)(placed),
        want,
    )


@pytest.mark.parametrize("box", [None, 1.0])
def test_few_and_none(box):
    force_fn = jax.jit(dyn.cutoff(dyn.repulsion, CUTOFF, box=box, **LAW))
    assert force_fn(jnp.zeros((0, 2))).shape == (0, 2)
    assert force_fn(jnp.zeros((3, 0, 2))).shape == (3, 0, 2)
    assert (force_fn(jnp.ones((1, 2))) == 0).all()
    two = jnp.array([[0.5, 0.5], [0.55, 0.5]])
    want = dyn.all_pairs(dyn.repulsion, dyn.free()[0], **LAW)(two)
    np.testing.assert_allclose(force_fn(two), want)
    assert (force_fn(two * 3) == 0).all()
    value = lambda x, alive: jnp.sum((1 + force_fn(x, alive=alive)) ** 2)  # noqa: E731
    both = jax.jit(jax.value_and_grad(value))
    for alive in ([False, False], [True, False]):
        inactive = jnp.where(jnp.array(alive)[:, None], two, jnp.nan)
        total, slope = both(inactive, jnp.array(alive))
        assert total == 4
        assert (slope == 0).all()


def test_what_is_not_finite_is_seen():
    """In all forces: whom it would have pushed is not known."""
    for bad in (jnp.nan, jnp.inf):
        x = jnp.asarray(shaped("uniform", 2)).at[7, 1].set(bad)
        for box in (None, 1.0):
            force_fn = jax.jit(dyn.cutoff(dyn.repulsion, CUTOFF, box=box, **LAW))
            assert jnp.isnan(force_fn(x)).all()


def test_order_in_several_passes():
    """Of more bits than fit beside the particles' own."""
    rng = np.random.default_rng(0)
    cell = jnp.asarray(rng.integers(0, 2**15, 200), jnp.int32)
    inactive = jnp.asarray(rng.random(200) < 0.3)
    living = int((~inactive).sum())
    want = np.asarray(jnp.argsort(jnp.where(inactive, 2**20, cell)))[:living]
    for bits, passes in ((8, 1), (17, 1), (24, 2), (27, 3)):
        got = grid._sorted(cell, inactive, bits, passes)
        np.testing.assert_array_equal(got[:living], want)
        assert got.shape == (200,)
        assert int(got.max()) < 200


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
    p = particles(jnp.asarray(shaped("clusters", 2) * 0.3))
    params = {"stiffness": 3.0, "diameter": CUTOFF}
    _, shift_fn = dyn.free()
    ends = []
    for force_fn in (
        dyn.cutoff(dyn.collision, CUTOFF, **params),
        dyn.all_pairs(dyn.collision, dyn.free()[0], **params),
    ):
        path = dyn.rollout(
            dyn.velocity_verlet(dyn.combine(soft=force_fn), shift_fn, 0.02), p, steps=30
        )
        ends.append(path.at(30).position)
    np.testing.assert_allclose(*ends, atol=1e-9)
    assert jnp.ptp(ends[0]) > 2 * jnp.ptp(p.position)


@pytest.mark.parametrize("form", ["Dense", "Sparse", "OrderedSparse"])
def test_lists_of_jax_md(form):
    """A pair law over a list that a user of jax-md has; in its simulation; overflow is seen."""
    from jax_md import partition, simulate, space

    x = jnp.asarray(shaped("uniform", 2))
    displacement_fn, shift_fn = space.periodic(1.0)
    listed = partition.neighbor_list(
        displacement_fn, 1.0, CUTOFF, dr_threshold=0.0, format=partition.NeighborListFormat[form]
    )
    params = {"stiffness": 2.0, "diameter": CUTOFF}
    force_fn = dyn.bonds(dyn.collision, displacement_fn, **params)
    alive = jnp.arange(N) % 5 > 0
    neighbor = listed.allocate(x)
    want = dyn.cutoff(dyn.collision, CUTOFF, box=1.0, **params)
    np.testing.assert_allclose(
        jax.jit(force_fn)(x, neighbor=neighbor, alive=alive), want(x, alive=alive), atol=1e-12
    )
    init_fn, apply_fn = simulate.nve(force_fn, shift_fn, dt=1e-3)
    state = apply_fn(init_fn(jax.random.key(0), x, kT=0.1, neighbor=neighbor), neighbor=neighbor)
    np.testing.assert_allclose(state.force, want(state.position), atol=1e-3)
    crowded = neighbor.update(0.3 * x)
    assert crowded.did_buffer_overflow
    assert jnp.isnan(force_fn(0.3 * x, neighbor=crowded)).all()


def test_wrong_calls_say_so():
    law = dyn.repulsion
    with pytest.raises(ValueError, match=r"cut-off is -1\.0; expected a positive"):
        dyn.cutoff(law, -1)
    with pytest.raises(ValueError, match="at least twice the cut-off"):
        dyn.cutoff(law, 1.0, box=1.9)
    force_fn = dyn.cutoff(law, 1.0, box=(4.0, 4.0), strength=1.0)
    for shape in ((2,), (5, 4)):
        with pytest.raises(ValueError, match=r"expected \[\.\.\., N, D\]"):
            force_fn(jnp.zeros(shape))
    with pytest.raises(ValueError, match="2 sides and positions 3 components"):
        force_fn(jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match="alive has shape"):
        force_fn(jnp.zeros((5, 2)), alive=jnp.ones(4, bool))
    with pytest.raises(ValueError, match="features have shape"):
        force_fn(jnp.zeros((5, 2)), feature=jnp.ones((4, 1)))
    with pytest.raises(ValueError, match="strength has shape"):
        force_fn(jnp.zeros((5, 2)), strength=jnp.ones(5))
    with pytest.raises(ValueError, match="expected one of the two"):
        dyn.bonds(law, dyn.free()[0])(jnp.zeros((5, 2)))
    with pytest.raises(ValueError, match="returned shape"):
        dyn.cutoff(lambda dr, fa, fb: dr[..., 0], 1.0)(jnp.zeros((5, 2)))
