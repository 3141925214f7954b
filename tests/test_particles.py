"""The ground floor: particles, safe numerics, what is said to users."""

from __future__ import annotations

import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vidparticles.dynamics
from vidparticles import errors, numerics
from vidparticles.particles import Particles, Trajectory, kinetic_energy, momentum, pad, particles

DYNAMICS = [
    found.name
    for found in pkgutil.walk_packages(vidparticles.dynamics.__path__, "vidparticles.dynamics.")
    if not found.ispkg
]


def test_every_public_function_of_the_dynamics_has_an_example():
    for name in vidparticles.dynamics.__all__:
        member = getattr(vidparticles.dynamics, name)
        if name not in ("State", "Integrator"):
            assert ">>>" in member.__doc__, name


def test_defaults():
    p = particles(jnp.ones((2, 3, 2)))
    assert p.velocity.shape == (2, 3, 2)
    assert p.feature.shape == (2, 3, 0)
    assert (p.mass == 1).all()
    assert p.alive.all()
    assert (p.count, p.dim) == (3, 2)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"position": jnp.zeros(2)}, r"position has shape \(2,\); expected \[..., N, D\]"),
        ({"velocity": jnp.zeros((2, 2))}, r"velocity has shape \(2, 2\); expected \(3, 2\)"),
        ({"mass": jnp.zeros((3, 1))}, r"mass has shape \(3, 1\); expected \(3,\)"),
        ({"alive": jnp.ones(2, bool)}, r"alive has shape \(2,\); expected \(3,\)"),
        ({"feature": jnp.zeros((2, 4))}, r"feature has shape \(2, 4\); expected \(3,\) \+ \(F,\)"),
    ],
)
def test_wrong_shapes_are_named(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        particles(**{"position": jnp.zeros((3, 2)), **fields})


def some(count=3) -> Particles:
    rng = np.random.default_rng(0)
    return particles(
        jnp.asarray(rng.normal(size=(count, 2))),
        velocity=jnp.asarray(rng.normal(size=(count, 2))),
        feature=jnp.asarray(rng.normal(size=(count, 4))),
        mass=jnp.asarray(rng.uniform(1, 2, count)),
    )


def test_particles_are_a_pytree_and_frozen():
    p = some()
    doubled = jax.jit(lambda p: jax.tree.map(lambda x: x * 2, p))(p)
    np.testing.assert_allclose(doubled.position, 2 * p.position)
    with pytest.raises(AttributeError):
        p.position = p.velocity
    assert p.replace(mass=p.mass * 3).mass[0] == 3 * p.mass[0]


def test_padding_adds_the_inactive_and_nothing_else():
    p = some()
    padded = pad(p, 5)
    assert padded.alive.tolist() == [True] * 3 + [False] * 2
    for name in ("position", "velocity", "feature", "mass"):
        np.testing.assert_array_equal(getattr(padded, name)[:3], getattr(p, name))
    np.testing.assert_allclose(momentum(padded), momentum(p))
    np.testing.assert_allclose(kinetic_energy(padded), kinetic_energy(p))
    with pytest.raises(ValueError, match="cannot pad 3 particles to 2"):
        pad(p, 2)


def test_momentum_and_energy():
    p = some()
    np.testing.assert_allclose(momentum(p), np.asarray(p.mass) @ np.asarray(p.velocity), rtol=1e-6)
    want = 0.5 * np.sum(np.asarray(p.mass)[:, None] * np.asarray(p.velocity) ** 2)
    np.testing.assert_allclose(kinetic_energy(p), want, rtol=1e-6)
    nan = p.replace(velocity=p.velocity.at[1].set(jnp.nan), alive=p.alive.at[1].set(False))
    assert jnp.isfinite(momentum(nan)).all()
    assert jnp.isfinite(kinetic_energy(nan))


def test_a_trajectory_gives_its_moments():
    moments = [some(3), some(3).replace(position=jnp.ones((3, 2)))]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *moments)
    path = Trajectory(stacked, jnp.array([0.0, 1.0]))
    for t, moment in enumerate(moments):
        jax.tree.map(np.testing.assert_array_equal, path.at(t), moment)
    jax.tree.map(np.testing.assert_array_equal, path.at(-1), moments[-1])


numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=4)


@settings(max_examples=50, deadline=None)
@given(values=numbers)
def test_safe_norm_is_the_norm_with_a_finite_gradient(values):
    x = jnp.array(values, jnp.float32)
    np.testing.assert_allclose(
        numerics.safe_norm(x), np.linalg.norm(np.asarray(values)), rtol=1e-5, atol=1e-18
    )
    slope = jax.grad(numerics.safe_norm)(x)
    assert jnp.isfinite(slope).all()
    assert jnp.linalg.norm(slope) <= 1.001


def test_safe_norm_axes():
    x = jnp.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(numerics.safe_norm(x, axis=0), np.linalg.norm(x, axis=0), rtol=1e-6)
    assert numerics.safe_norm(x, keepdims=True).shape == (3, 1)


def test_safe_divide_has_a_finite_gradient_at_zero():
    slopes = jax.grad(numerics.safe_divide, argnums=(0, 1))(1.0, 0.0)
    assert [float(s) for s in slopes] == [0.0, 0.0]
    assert float(numerics.safe_divide(jnp.array(6.0), jnp.array(3.0))) == 2


def test_masked_sums_ignore_what_is_masked():
    x = jnp.array([[1.0, jnp.nan], [3.0, jnp.inf]])
    mask = jnp.array([True, False])
    assert numerics.masked_sum(x, mask, axis=-1).tolist() == [1.0, 3.0]
    assert numerics.masked_mean(x, mask, axis=-1).tolist() == [1.0, 3.0]
    assert numerics.masked_mean(x, mask[:, None], axis=0)[0] == 1.0
    assert numerics.masked_mean(jnp.ones(2), jnp.zeros(2, bool), axis=0) == 0
    slope = jax.grad(lambda x: numerics.masked_mean(x, mask, axis=-1).sum())(x)
    np.testing.assert_array_equal(slope, [[1, 0], [1, 0]])


def test_softplus_inverse_is_the_inverse_at_every_size():
    y = np.geomspace(1e-6, 1e3, 40, dtype=np.float32)  # log(expm1(1e3)) would overflow
    stored = numerics.softplus_inverse(jnp.asarray(y))
    np.testing.assert_allclose(jax.nn.softplus(stored), y, rtol=1e-5)
    np.testing.assert_allclose(stored[-1], 1e3)
    slope = jax.vmap(jax.grad(lambda y: jax.nn.softplus(numerics.softplus_inverse(y))))(y)
    np.testing.assert_allclose(slope, 1, rtol=1e-4)


def test_a_stored_parameter_keeps_its_type_through_an_update():
    """Of a weak type it would change in the first update, and the step be compiled twice."""
    stored = numerics.softplus_inverse(0.3)
    assert stored.aval == (stored + jnp.ones(())).aval
    with jax.enable_x64():
        assert numerics.softplus_inverse(jnp.ones(2, jnp.float32)).dtype == jnp.float32


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_masked_median_is_the_median_of_the_unmasked(data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=7, max_size=7)))
    # XLA takes subnormal numbers for 0 when it compares, and so in which order they come.
    each = st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
    x = np.array(data.draw(st.lists(each, min_size=14, max_size=14)), np.float32).reshape(7, 2)
    want = np.percentile(x[mask], 50, axis=0, method="lower") if mask.any() else np.zeros(2)
    shown = np.where(mask[:, None], x, np.nan)
    np.testing.assert_array_equal(
        numerics.masked_median(jnp.asarray(shown), mask[:, None], axis=0), want
    )
    np.testing.assert_array_equal(numerics.masked_median(jnp.asarray(shown.T), mask, axis=1), want)


def test_nearest_names_what_was_meant():
    said = errors.nearest("velocty", ["velocity", "position"])
    assert said == " Did you mean 'velocity'? Known names: position, velocity."
    assert errors.nearest("xyz", ["velocity"]) == " Known names: velocity."
    assert issubclass(errors.InputError, ValueError)
