"""Every law × space × integrator through the properties that all of them share."""

from __future__ import annotations

import jax.numpy as jnp
import members as m
import numpy as np
import pytest

from vidparticles.particles import kinetic_energy, momentum, pad

pytestmark = pytest.mark.usefixtures("x64")
every_law = pytest.mark.parametrize("law", m.LAWS)
pair_law = pytest.mark.parametrize("law", m.PAIRWISE)
every_space = pytest.mark.parametrize("space", m.SPACES)
every_integrator = pytest.mark.parametrize("name", m.INTEGRATORS)
SYMPLECTIC = ("semi_implicit_euler", "velocity_verlet")


@every_integrator
@every_space
@every_law
def test_convergence_order(law, space, name):
    params, p = m.params(law), m.start(space)
    ends = [m.living(m.advance(space, name, p, params, 0.8 / n, n))[0] for n in (32, 64, 128)]
    coarse, fine = m.distance(space, ends[0], ends[1]), m.distance(space, ends[1], ends[2])
    want = m.ORDERS[name]
    if law == "uniform" and name in ("velocity_verlet", "overdamped"):
        assert coarse < 1e-12, "a parabola and a constant velocity are integrated exactly"
        return
    if law == "drag" and name == "velocity_verlet":
        want = 1  # the second half kick sees the velocity of the middle
    if law == "drag" and name == "langevin":
        want = 1
    assert coarse < 0.05, "too coarse to measure an order"
    assert np.log2(coarse / fine) == pytest.approx(want, abs=0.15)


@every_space
@pytest.mark.parametrize("name", SYMPLECTIC)
@pytest.mark.parametrize("law", m.CONSERVATIVE)
def test_energy_does_not_drift(law, space, name):
    params, p, energy = m.params(law), m.start(space), m.energy(space)

    def total(p):
        return float(kinetic_energy(p) + energy(p.position, alive=p.alive, **params))

    moved = float(kinetic_energy(m.advance(space, name, p, params, 0.01, 50)) - kinetic_energy(p))
    swing = [
        abs(total(m.advance(space, name, p, params, dt, round(1.6 / dt))) - total(p))
        for dt in (0.02, 0.01)
    ]
    assert abs(moved) > 1e-4, "nothing was exchanged: the law is switched off"
    bound = {"semi_implicit_euler": 0.05, "velocity_verlet": 1e-3}[name]
    assert swing[1] < bound
    # What is left is the integrator's error and falls with its order; a wrong potential would not.
    # (It may fall faster, where the leading terms of the particles happen to cancel.)
    assert m.ORDERS[name] - 0.25 < np.log2(swing[0] / swing[1]) < m.ORDERS[name] + 1


@every_integrator
@pytest.mark.parametrize("space", ["free", "periodic"])
@pair_law
def test_momentum_is_kept(law, space, name):
    params, p = m.params(law), m.start(space)
    end = m.advance(space, name, p, params, 0.02, 40)
    if name == "overdamped":  # there is no inertia: it is the sum of the velocities that is kept
        kept = jnp.sum(jnp.where(p.alive[:, None], end.velocity, 0), axis=0)
        np.testing.assert_allclose(kept, 0, atol=1e-12)
    else:  # the heat bath at kT = 0 takes momentum as friction takes velocity
        fade = np.exp(-0.5 * 0.8) if name == "langevin" else 1
        np.testing.assert_allclose(momentum(end), fade * momentum(p), atol=1e-12)
    assert np.abs(np.subtract(m.living(end)[1], m.living(p)[1])).max() > 1e-3


@pytest.mark.parametrize("name", ["semi_implicit_euler", "velocity_verlet"])
@pair_law
def test_angular_momentum_is_kept(law, name):
    params, p = m.params(law), m.start("free")

    def angular(p):
        x, v = m.living(p)
        mass = np.asarray(p.mass)[np.asarray(p.alive)]
        return np.sum(mass * (x[:, 0] * v[:, 1] - x[:, 1] * v[:, 0]))

    end = m.advance("free", name, p, params, 0.02, 40)
    assert angular(end) == pytest.approx(angular(p), abs=1e-11)


@every_space
@every_law
def test_time_reversal(law, space):
    """Velocity Verlet retraces its steps when velocities are turned round, bounces included."""
    if law == "drag":
        pytest.skip("friction knows the direction of time")
    params, p = m.params(law), m.start(space)
    if space == "walls":
        p = p.replace(velocity=10 * p.velocity)
    there = m.advance(space, "velocity_verlet", p, params, 0.02, 100)
    back = m.advance(
        space, "velocity_verlet", there.replace(velocity=-there.velocity), params, 0.02, 100
    )
    assert m.distance(space, m.living(there)[0], m.living(p)[0]) > 0.05
    assert m.distance(space, m.living(back)[0], m.living(p)[0]) < 1e-9
    np.testing.assert_allclose(m.living(back)[1], -m.living(p)[1], atol=1e-9)


@every_integrator
@every_space
@every_law
def test_permutation(law, space, name):
    params, p = m.params(law), m.start(space)
    order = np.array([3, 6, 0, 4, 5, 1, 2])
    mixed = p.replace(
        **{f: getattr(p, f)[order] for f in ("position", "velocity", "feature", "mass", "alive")}
    )
    straight = m.advance(space, name, p, params, 0.05, 10)
    end = m.advance(space, name, mixed, params, 0.05, 10)
    np.testing.assert_allclose(end.position, straight.position[order], atol=1e-12)
    np.testing.assert_allclose(end.velocity, straight.velocity[order], atol=1e-12)


@every_integrator
@pytest.mark.parametrize("space", ["free", "periodic"])
@every_law
def test_translation(law, space, name):
    params, p = m.params(law), m.start(space)
    by = jnp.array([2.3, -1.1])
    moved = p.replace(position=m.SPACES[space][1](p.position, by))
    end = m.advance(space, name, moved, params, 0.05, 10)
    want = m.advance(space, name, p, params, 0.05, 10)
    shifted = m.SPACES[space][1](want.position, by)
    assert m.distance(space, end.position[:5], shifted[:5]) < 1e-12
    np.testing.assert_allclose(end.velocity, want.velocity, atol=1e-12)


@pair_law
def test_rotation(law):
    params, p = m.params(law), m.start("free")
    c, s = np.cos(0.7), np.sin(0.7)
    turn = jnp.array([[c, s], [-s, c]])
    turned = p.replace(position=p.position @ turn, velocity=p.velocity @ turn)
    end = m.advance("free", "velocity_verlet", turned, params, 0.05, 10)
    want = m.advance("free", "velocity_verlet", p, params, 0.05, 10)
    np.testing.assert_allclose(end.position[:5], (want.position @ turn)[:5], atol=1e-12)


@every_integrator
@every_space
@every_law
def test_the_inactive_do_nothing(law, space, name):
    """Whatever they hold, NaN included; and they stay as they are."""
    params, p = m.params(law), m.start(space)
    inactive = ~p.alive[:, None]
    junk = p.replace(
        position=jnp.where(inactive, jnp.nan, p.position),
        velocity=jnp.where(inactive, jnp.inf, p.velocity),
        feature=jnp.where(inactive, jnp.nan, p.feature),
        mass=jnp.where(p.alive, p.mass, 0.0),
    )
    end = m.advance(space, name, p, params, 0.05, 10)
    got = m.advance(space, name, junk, params, 0.05, 10)
    for one, other in zip(m.living(end), m.living(got), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isnan(got.position[5:]).all()
    assert np.isposinf(got.velocity[5:]).all()
    np.testing.assert_array_equal(end.position[5:], p.position[5:])
    np.testing.assert_array_equal(end.velocity[5:], p.velocity[5:])


@every_integrator
@every_law
def test_padding(law, name):
    """Five particles alone move as the same five padded to seven."""
    params, p = m.params(law), m.start("free")
    alone = p.replace(
        **{f: getattr(p, f)[:5] for f in ("position", "velocity", "feature", "mass", "alive")}
    )
    end = m.advance("free", name, pad(alone, 7), params, 0.05, 10)
    want = m.advance("free", name, alone, params, 0.05, 10)
    np.testing.assert_allclose(end.position[:5], want.position, atol=1e-13)
    np.testing.assert_allclose(end.velocity[:5], want.velocity, atol=1e-13)
