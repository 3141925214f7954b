"""Sums over all pairs: the closed form against the recomputed one and against numpy in float64."""

from __future__ import annotations

import functools
import sys

import chex
import jax
import jax.numpy as jnp
import members as m
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles import dynamics as vd
from vidparticles.dynamics.interactions.multipole.multipole import far_field
from vidparticles.dynamics.interactions.pairs import kernel
from vidparticles.dynamics.interactions.pairs.general import sum_over_sources

LAWS = {
    "attraction": {"strength": 0.3, "softening": 0.1},
    "repulsion": {"strength": np.array([[0.3], [0.4]])},
    "collision": {"stiffness": 2.0, "diameter": 0.3},
    "spring": {"stiffness": 1.0, "length": 0.2},
    "radial_basis": {"weights": np.array([0.1, 0.2, -0.3]), "cutoff": 0.4},
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
@pytest.mark.parametrize(
    ("law", "space", "dim"),
    [
        ("attraction", "free", 1),
        ("repulsion", "periodic", 2),
        ("collision", "free", 3),
        ("spring", "free", 2),
        ("radial_basis", "periodic", 3),
    ],
)
def test_the_closed_form_is_the_recomputed_one(law, space, dim):
    rng = np.random.default_rng(0)
    position = rng.random((2, 13, dim))
    alive = rng.random((2, 13)) < 0.7
    cotangent = rng.normal(size=position.shape)
    law_fn = getattr(vd, law)
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), LAWS[law])
    closed = vd.all_pairs(law_fn, SPACES[space])

    @jax.jit
    def both(position, params):
        got, back = jax.vjp(lambda p, params: closed(p, alive=alive, **params), position, params)
        want, again = jax.vjp(
            lambda p, params: recomputed(law_fn, SPACES[space], p, alive, params), position, params
        )
        return (got, *back(cotangent)), (want, *again(cotangent))

    got, want = both(position, params)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * float(np.abs(b).max() + 1))


@pytest.mark.usefixtures("x64")
def test_gradients_are_those_of_finite_differences():
    """Of the founding law; of what breaks Newton's third law, or is closed over."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.mgrid[:3, :3], axis=-1).reshape(9, 2)
    position = grid + 0.3 * rng.random((9, 2))
    push = vd.all_pairs(vd.repulsion, SPACES["free"])
    spring = vd.all_pairs(vd.spring, SPACES["free"])

    def value(position, strength, own, side):
        # A stiffness for each target; a space that closes over what is derived.
        boxed = vd.all_pairs(vd.spring, vd.periodic(side)[0], stiffness=1.0)
        return (
            jnp.sum(jnp.sin(push(position, strength=strength)))
            + jnp.sum(jnp.cos(spring(position, stiffness=own)))
            + jnp.sum(jnp.sin(boxed(position)))
        )

    at = (position, np.asarray(0.7), rng.random(9), np.asarray(9.3))
    slope, want = m.along(jax.jit(jax.value_and_grad(value, (0, 1, 2, 3))), at, step=1e-6)
    assert slope == pytest.approx(want, rel=1e-6)
    assert abs(want) > 0.1


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


@pytest.mark.parametrize("count", [1, 2, 31, 101, 1000])
@pytest.mark.parametrize("places", PLACES)
def test_single_precision_keeps_its_digits(shipped, places, count):
    position = PLACES[places](count).astype(np.float32)
    got = FOUNDING(position)
    want = founding(position)
    # Against the sum of magnitudes: what cancels cannot be more exact than its parts.
    p = position.astype(np.float64)
    distance = np.linalg.norm(p[:, None] - p[None], axis=-1)
    total = np.sum(np.divide(1, distance, out=np.zeros_like(distance), where=distance > 0), axis=1)
    assert np.all(np.linalg.norm(got - want, axis=1) <= 3e-7 * total + 1e-30)


def test_four_thousand_keep_seven_digits(shipped):
    position = np.random.default_rng(0).random((4096, 2)).astype(np.float32)
    got = FOUNDING(position)
    want = founding(position)
    assert np.linalg.norm(got - want) <= 2e-7 * np.linalg.norm(want)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2), (1, 2)])
def test_none_and_one(shape):
    force = vd.all_pairs(vd.attraction, SPACES["free"], strength=1.0)
    got, back = jax.jit(lambda p: jax.vjp(force, p))(np.ones(shape, np.float32))
    chex.assert_shape(got, shape)
    np.testing.assert_array_equal(got, 0)
    np.testing.assert_array_equal(back(got)[0], 0)


def test_all_inactive():
    force = vd.all_pairs(vd.spring, SPACES["free"], stiffness=1.0)
    value = lambda p, alive: jnp.sum((1 + force(p, alive=alive)) ** 2)  # noqa: E731
    total, slope = jax.jit(jax.value_and_grad(value))(np.full((5, 2), np.nan), np.zeros(5, bool))
    assert total == 10
    np.testing.assert_array_equal(slope, 0)


SOFT = jax.jit(vd.all_pairs(vd.attraction, SPACES["free"], strength=1.0, softening=0.2))


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), turn=st.floats(-3, 3), shift=st.floats(-2, 2))
def test_permuted_moved_and_turned(seed, turn, shift):
    rng = np.random.default_rng(seed)
    position = rng.random((24, 2)).astype(np.float32)
    want = np.asarray(SOFT(position))
    order = rng.permutation(24)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(SOFT(position[order]), want[order])
    close(SOFT(position + np.float32(shift)), want)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32)
    close(SOFT(position @ rotation.T), want @ rotation.T)


def test_batches_are_their_systems():
    position = np.random.default_rng(0).random((2, 3, 33, 2)).astype(np.float32)
    force = vd.all_pairs(vd.collision, SPACES["free"], stiffness=1.0, diameter=0.4)
    one = jax.jit(force)
    want = np.stack([np.stack([one(p) for p in row]) for row in position])
    for whole in (force, jax.vmap(jax.vmap(force))):
        np.testing.assert_allclose(jax.jit(whole)(position), want, rtol=1e-5, atol=1e-5)


def test_no_tape_is_kept():
    def needed(count):
        force = vd.all_pairs(vd.repulsion, SPACES["free"], method="loop", strength=1.0)
        loss = jax.grad(lambda p: jnp.sum(force(p) ** 2))
        compiled = jax.jit(loss).lower(jnp.zeros((count, 2))).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    many = needed(8192)
    assert many < 2.1 * needed(4096)
    assert many < 8192 * 400


def test_half_precision_is_summed_in_single(shipped):
    position = np.random.default_rng(0).random((300, 2)).astype(jnp.bfloat16)
    got = FOUNDING(position)
    assert got.dtype == jnp.bfloat16
    want = founding(position)
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=0, atol=0.01 * np.abs(want).max())


# ------------------------------------------------------------------ the kernel


def _kernel_case(law):
    params = jax.tree.map(lambda x: np.asarray(x, np.float32), LAWS[law])
    rng = np.random.default_rng(5)
    position = rng.random((2, 100, 2)).astype(np.float32)
    cotangent = rng.normal(size=position.shape).astype(np.float32)
    alive = rng.random((2, 100)) < 0.8
    return params, position, cotangent, alive


def test_the_kernel_is_the_loop(monkeypatch):
    """Interpreted; on a GPU the same program is compiled."""
    law = "collision"
    params, position, cotangent, alive = _kernel_case(law)
    interpreted = functools.partial(kernel.over_sources, interpret=True)
    monkeypatch.setattr(kernel, "over_sources", interpreted)

    def run(method):
        force = vd.all_pairs(getattr(vd, law), SPACES["free"], method=method)
        out, back = jax.vjp(lambda p, params: force(p, alive=alive, **params), position, params)
        return out, *back(cotangent)

    got, want = (jax.jit(run, static_argnums=0)(method) for method in ("kernel", "loop"))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * float(np.abs(b).max()))


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
    listed = {"index": np.zeros((4, 1), int), "bonded": np.ones((4, 1), bool)}
    return {
        "all_pairs": vd.all_pairs(vd.repulsion, straight, strength=1.0),
        "potential": vd.potential(vd.repulsion_energy, straight, strength=1.0),
        "ring": vd.ring(vd.repulsion, straight, devices, "particles", strength=1.0),
        "cutoff": vd.cutoff(vd.repulsion, 0.1, strength=1.0),
        "ewald": vd.ewald(vd.repulsion, 1.0, cells=16, strength=1.0),
        "bonds": functools.partial(vd.bonds(vd.repulsion, straight, strength=1.0), **listed),
    }


def test_wrong_shapes_are_told_in_a_sentence():
    x = np.zeros((4, 2), np.float32)
    for name, force_fn in every_way().items():
        with pytest.raises(ValueError, match=r"alive has shape \(3,\) .* expected \(4,\)"):
            force_fn(x, alive=np.ones(3, bool))
        with pytest.raises(ValueError, match=r"positions have .*\[\.\.\., N, D\]"):
            force_fn(x[0])
        if name != "ewald":  # which knows no feature
            with pytest.raises(ValueError, match=r"features have shape \(5, 1\) .* \(4, 'F'\)"):
                force_fn(x, feature=np.ones((5, 1)))


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
    position = rng.random((200, 2)).astype(np.float32)
    alive = rng.random(200) < 0.9

    def sums(method, position):
        f = lambda p, k: force(method)(p, alive=alive, push={"strength": k})  # noqa: E731
        out, back = jax.vjp(f, position, np.float32(0.7))
        return out, *back(jnp.ones_like(out) * jnp.sin(position))

    got, want = (jax.jit(functools.partial(sums, m))(position) for m in ("auto", "loop"))
    assert taken == [(200, 2)]
    for a, b in zip(got, want, strict=True):
        assert jnp.linalg.norm(a - b) < 1e-5 * jnp.linalg.norm(b)
    jax.eval_shape(vd.all_pairs(vd.repulsion, free, strength=1.0), position[:199])
    jax.eval_shape(vd.all_pairs(vd.repulsion, SPACES["periodic"], strength=1.0), position)
    assert len(taken) == 1
    with pytest.raises(ValueError, match="method='multipole' sums attraction and repulsion"):
        vd.all_pairs(vd.spring, free, method="multipole", stiffness=1.0)(position)
