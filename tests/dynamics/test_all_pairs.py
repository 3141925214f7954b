"""Sums over all pairs: the closed form against the recomputed one and against numpy in float64."""

from __future__ import annotations

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from vidparticles import dynamics as vd
from vidparticles.dynamics.interactions.multipole.multipole import far_field
from vidparticles.dynamics.interactions.pairs import kernel
from vidparticles.dynamics.interactions.pairs.general import sum_over_sources

LAWS = {
    "attraction": {"strength": 0.3, "softening": 0.1},
    "repulsion": {"strength": jnp.array([[0.3], [0.4]])},
    "collision": {"stiffness": 2.0, "diameter": 0.3},
    "spring": {"stiffness": jnp.array(1.0), "length": 0.2},
    "radial_basis": {"weights": jnp.array([0.1, 0.2, -0.3]), "cutoff": 0.4},
}
# The function of that name hides the file.
all_pairs_file = sys.modules["vidparticles.dynamics.interactions.pairs.all_pairs"]
SPACES = {"free": vd.free()[0], "periodic": vd.periodic(1.0)[0]}


FOUNDING = jax.jit(vd.all_pairs(vd.repulsion, SPACES["free"], strength=1.0))


def recomputed(law, displacement_fn, position, alive, params):
    """The other way of summing, which derives each turn anew."""
    return sum_over_sources([(law, params)], displacement_fn, position, None, alive, vector=True)


def founding(position):
    """Σ_j (p_i − p_j) / |p_i − p_j|² in numpy and float64."""
    p = np.asarray(position, np.float64)
    difference = p[:, None] - p[None]
    square = np.sum(difference**2, axis=-1)
    inverse = np.divide(1, square, out=np.zeros_like(square), where=square > 0)
    return np.einsum("ij,ijd->id", inverse, difference)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("space", "dim"), [("free", 1), ("periodic", 2), ("free", 3)])
@pytest.mark.parametrize("law", LAWS)
def test_the_closed_form_is_the_recomputed_one(law, space, dim):
    rng = np.random.default_rng(0)
    position = jnp.asarray(rng.random((2, 13, dim)))
    alive = jnp.asarray(rng.random((2, 13)) < 0.7)
    cotangent = jnp.asarray(rng.normal(size=position.shape))
    law_fn = getattr(vd, law)
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), LAWS[law])

    @functools.partial(jax.jit, static_argnums=0)
    def run(force, position, params):
        out, back = jax.vjp(force, position, params)
        return out, *back(cotangent)

    got = run(
        lambda p, params: vd.all_pairs(law_fn, SPACES[space])(p, alive=alive, **params),
        position,
        params,
    )
    want = run(
        lambda p, params: recomputed(law_fn, SPACES[space], p, alive, params), position, params
    )
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * float(jnp.abs(b).max() + 1))


@pytest.mark.usefixtures("x64")
def test_gradients_are_those_of_finite_differences():
    grid = np.stack(np.mgrid[:3, :3], axis=-1).reshape(9, 2)
    position = jnp.asarray(grid + 0.3 * np.random.default_rng(1).random((9, 2)))
    force = vd.all_pairs(vd.repulsion, SPACES["free"])

    def f(position, strength):
        return jnp.sum(jnp.sin(force(position, strength=strength)))

    check_grads(f, (position, 0.7), order=1, modes="rev", rtol=1e-5)


def clustered(count):
    rng = np.random.default_rng(2)
    return 0.5 + 1e-3 * rng.normal(size=(count, 2))


PLACES = {
    "random": lambda n: np.random.default_rng(0).random((n, 2)),
    "clustered": clustered,
    "collinear": lambda n: np.stack([np.linspace(0, 1, n), np.full(n, 0.3)], axis=1),
    "coincident": lambda n: np.repeat(np.random.default_rng(3).random((max(n // 4, 1), 2)), 4, 0)[
        :n
    ],
}


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("count", [1, 2, 31, 101, 1000])
def test_single_precision_keeps_its_digits(places, count):
    position = PLACES[places](count).astype(np.float32)
    got = FOUNDING(jnp.asarray(position))
    want = founding(position)
    # Against the sum of magnitudes: what cancels cannot be more exact than its parts.
    p = position.astype(np.float64)
    distance = np.linalg.norm(p[:, None] - p[None], axis=-1)
    total = np.sum(np.divide(1, distance, out=np.zeros_like(distance), where=distance > 0), axis=1)
    assert np.all(np.linalg.norm(got - want, axis=1) <= 3e-7 * total + 1e-30)


def test_ten_thousand_keep_seven_digits():
    position = np.random.default_rng(0).random((4096, 2)).astype(np.float32)
    got = vd.all_pairs(vd.repulsion, SPACES["free"], strength=1.0)(jnp.asarray(position))
    want = founding(position)
    assert np.linalg.norm(got - want) <= 2e-7 * np.linalg.norm(want)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2), (1, 2)])
def test_none_and_one(shape):
    position = jnp.ones(shape)
    force = vd.all_pairs(vd.attraction, SPACES["free"], strength=1.0)
    assert force(position).shape == shape
    np.testing.assert_array_equal(force(position), 0)
    np.testing.assert_array_equal(jax.grad(lambda p: jnp.sum(force(p)))(position), 0)


def test_all_inactive():
    position = jnp.full((5, 2), jnp.nan)
    force = vd.all_pairs(vd.spring, SPACES["free"], stiffness=1.0)
    inactive = jnp.zeros(5, bool)
    np.testing.assert_array_equal(force(position, alive=inactive), 0)
    slope = jax.grad(lambda p: jnp.sum(force(p, alive=inactive) ** 2))(position)
    np.testing.assert_array_equal(slope, 0)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), turn=st.floats(-3, 3), shift=st.floats(-2, 2))
def test_permuted_moved_and_turned(seed, turn, shift):
    rng = np.random.default_rng(seed)
    position = rng.random((24, 2)).astype(np.float32)
    force = jax.jit(vd.all_pairs(vd.attraction, SPACES["free"], strength=1.0, softening=0.2))
    want = np.asarray(force(position))
    order = rng.permutation(24)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(force(position[order]), want[order])
    close(force(position + np.float32(shift)), want)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    close(force(position @ rotation.T), want @ rotation.T)


def test_batches_are_their_systems():
    position = jnp.asarray(np.random.default_rng(0).random((2, 3, 33, 2)), jnp.float32)
    force = vd.all_pairs(vd.collision, SPACES["free"], stiffness=1.0, diameter=0.4)
    want = np.stack([np.stack([force(p) for p in row]) for row in position])
    np.testing.assert_allclose(force(position), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(jax.vmap(force))(position), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(force))(position), want, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("x64")
def test_what_breaks_newtons_law_or_is_closed_over_is_still_derived():
    rng = np.random.default_rng(0)
    position = jnp.asarray(rng.random((6, 2)))
    own = jnp.asarray(rng.random(6))

    def each(own):  # a stiffness for each target
        return jnp.sum(vd.all_pairs(vd.spring, SPACES["free"])(position, stiffness=own) ** 3)

    check_grads(each, (own,), order=1, modes="rev", rtol=1e-5)

    def boxed(side):  # a space that closes over what is derived
        return jnp.sum(vd.all_pairs(vd.spring, vd.periodic(side)[0], stiffness=1.0)(position) ** 3)

    check_grads(boxed, (0.9,), order=1, modes="rev", rtol=1e-5)


def test_no_tape_is_kept():
    def needed(count):
        force = vd.all_pairs(vd.repulsion, SPACES["free"], method="loop", strength=1.0)
        loss = jax.grad(lambda p: jnp.sum(force(p) ** 2))
        compiled = jax.jit(loss).lower(jnp.zeros((count, 2))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert needed(8192) < 2.1 * needed(4096)
    assert needed(8192) < 8192 * 400


def test_half_precision_is_summed_in_single():
    position = np.random.default_rng(0).random((300, 2)).astype(jnp.bfloat16)
    got = vd.all_pairs(vd.repulsion, SPACES["free"], strength=1.0)(jnp.asarray(position))
    assert got.dtype == jnp.bfloat16
    want = founding(position)
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=0, atol=0.01 * np.abs(want).max())


# ------------------------------------------------------------------ the kernel


def _kernel_case(law):
    params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), LAWS[law])
    rng = np.random.default_rng(5)
    position = jnp.asarray(rng.random((2, 100, 2)), jnp.float32)
    cotangent = jnp.asarray(rng.normal(size=position.shape), jnp.float32)
    alive = jnp.asarray(rng.random((2, 100)) < 0.8)
    return params, position, cotangent, alive


@pytest.mark.parametrize("law", ["attraction", "collision"])
def test_the_kernel_is_the_loop(law, monkeypatch):
    """Interpreted; on a GPU the same program is compiled."""
    params, position, cotangent, alive = _kernel_case(law)
    monkeypatch.setattr(kernel, "over_sources", kernel.interpreted)

    def run(method):
        force = vd.all_pairs(getattr(vd, law), SPACES["free"], method=method)
        out, back = jax.vjp(lambda p, params: force(p, alive=alive, **params), position, params)
        return out, *back(cotangent)

    for a, b in zip(jax.tree.leaves(run("kernel")), jax.tree.leaves(run("loop")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * float(jnp.abs(b).max()))


@pytest.mark.parametrize("law", LAWS)
def test_the_kernel_can_be_compiled_for_a_gpu(law):
    """As far as that can be told without one: Triton's program is made."""
    params, position, cotangent, alive = _kernel_case(law)
    force = vd.all_pairs(getattr(vd, law), SPACES["free"], method="kernel")

    def both(position, params):
        out, back = jax.vjp(lambda p: force(p, alive=alive, **params), position)
        return out, back(cotangent)

    lowered = jax.jit(both).trace(position, params).lower(lowering_platforms=("cuda",))
    assert lowered.as_text().count("triton") >= 2


def test_methods_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"no method 'kernal'\. Did you mean 'kernel'"):
        vd.all_pairs(vd.spring, SPACES["free"], method="kernal")
    bent = vd.all_pairs(vd.spring, SPACES["periodic"], method="kernel", stiffness=1.0)
    with pytest.raises(ValueError, match="straight displacements only"):
        bent(jnp.zeros((3, 2)))
    own = vd.all_pairs(lambda dr, fa, fb: dr, SPACES["free"], method="kernel")
    with pytest.raises(ValueError, match="central laws only"):
        own(jnp.zeros((3, 2)))


def every_way():
    """Each way of summing that takes a feature and `alive` for each position."""
    straight, devices = SPACES["free"], jax.make_mesh((1,), ("particles",))
    listed = {"index": jnp.zeros((4, 1), int), "bonded": jnp.ones((4, 1), bool)}
    return {
        "all_pairs": vd.all_pairs(vd.repulsion, straight, strength=1.0),
        "potential": vd.potential(vd.repulsion_energy, straight, strength=1.0),
        "ring": vd.ring(vd.repulsion, straight, devices, "particles", strength=1.0),
        "cutoff": vd.cutoff(vd.repulsion, 0.1, strength=1.0),
        "ewald": vd.ewald(vd.repulsion, 1.0, cells=16, strength=1.0),
        "bonds": functools.partial(vd.bonds(vd.repulsion, straight, strength=1.0), **listed),
    }


@pytest.mark.parametrize("name", every_way())
def test_wrong_shapes_are_told_in_a_sentence(name):
    force_fn, x = every_way()[name], jnp.zeros((4, 2))
    with pytest.raises(ValueError, match=r"alive has shape \(3,\) .* expected \(4,\)"):
        force_fn(x, alive=jnp.ones(3, bool))
    with pytest.raises(ValueError, match=r"positions have .*\[\.\.\., N, D\]"):
        force_fn(x[0])
    if name != "ewald":  # which knows no feature
        with pytest.raises(ValueError, match=r"features have shape \(5, 1\) .* \(4, 'F'\)"):
            force_fn(x, feature=jnp.ones((5, 1)))


def test_many_particles_under_the_founding_law_are_summed_by_multipoles(monkeypatch):
    """And only that law, as it stands; what is left of the sum is summed pair by pair."""
    taken = []

    def counted(position, alive):
        taken.append(position.shape)
        return far_field(position, alive)

    monkeypatch.setattr(all_pairs_file, "far_field", counted)
    monkeypatch.setattr(all_pairs_file, "MULTIPOLE_FROM", {jax.default_backend(): 200})
    free = SPACES["free"]

    def force(method):
        return vd.combine(
            pull=vd.all_pairs(vd.attraction, free, method=method, strength=0.3),
            push=vd.all_pairs(vd.repulsion, free, method=method, strength=1.0),
            soft=vd.all_pairs(vd.repulsion, free, method=method, strength=2.0, softening=0.1),
            touch=vd.all_pairs(vd.collision, free, method=method, stiffness=9.0, diameter=0.05),
        )

    rng = np.random.default_rng(0)
    position = jnp.asarray(rng.random((200, 2)), jnp.float32)
    alive = jnp.asarray(rng.random(200) < 0.9)

    def sums(method, position):
        f = lambda p, k: force(method)(p, alive=alive, push={"strength": k})  # noqa: E731
        out, back = jax.vjp(f, position, jnp.float32(0.7))
        return out, *back(jnp.ones_like(out) * jnp.sin(position))

    got, want = (jax.jit(functools.partial(sums, m))(position) for m in ("auto", "loop"))
    assert taken == [(200, 2)]
    for a, b in zip(got, want, strict=True):
        assert jnp.linalg.norm(a - b) < 1e-5 * jnp.linalg.norm(b)
    vd.all_pairs(vd.repulsion, free, strength=1.0)(position[:199])
    vd.all_pairs(vd.repulsion, SPACES["periodic"], strength=1.0)(position)
    assert len(taken) == 1
    with pytest.raises(ValueError, match="method='multipole' sums attraction and repulsion"):
        vd.all_pairs(vd.spring, free, method="multipole", stiffness=1.0)(position)
