"""Every law × space × integrator through the properties that all of them share.

A test runs all laws at once, through one compiled program, and names those that fail.
"""

from __future__ import annotations

import jax
import members as m
import numpy as np
import pytest

from vidparticles.particles import pad

pytestmark = pytest.mark.usefixtures("x64")
every_space = pytest.mark.parametrize("space", m.SPACES)
every_integrator = pytest.mark.parametrize("name", m.INTEGRATORS)
symplectic = pytest.mark.parametrize("name", ["semi_implicit_euler", "velocity_verlet"])
unwalled = pytest.mark.parametrize("space", ["free", "periodic"])
EXACT, ROUNDED = 1e-13, 1e-12


def below(bound):
    return lambda value: value < bound


def above(bound):
    return lambda value: value > bound


@every_integrator
@every_space
def test_convergence_order(space, name):
    p = m.start(space)
    ends = [m.advance(space, name, p, 0.8 / n, n).position[:, :5] for n in (32, 64, 128)]
    coarse, fine = m.distance(space, ends[0], ends[1]), m.distance(space, ends[1], ends[2])
    orders = dict(zip(m.LAWS, np.log2(coarse / np.maximum(fine, 1e-300)), strict=True))
    want = dict.fromkeys(m.LAWS, m.ORDERS[name])
    if name in ("velocity_verlet", "langevin"):
        want["drag"] = 1  # the second half kick sees the velocity of the middle
    if name in ("velocity_verlet", "overdamped"):
        m.hold(coarse, below(1e-12), ["uniform"], "a parabola and a line are integrated exactly")
        del want["uniform"]
    m.hold(coarse, below(0.05), want, "too coarse to measure an order")
    wrong = {law: orders[law] for law in want if abs(orders[law] - want[law]) > 0.15}
    assert not wrong, f"{wrong}, expected {want}"


@every_space
@symplectic
def test_energy_does_not_drift(space, name):
    p, params = m.start(space), m.each_law()
    kinetic, potential = (np.asarray(e) for e in m.energies(space)(m.for_each_law(p), params))
    swing = []
    for dt in (0.02, 0.01):
        end = m.advance(space, name, p, dt, round(1.6 / dt))
        now = np.asarray(m.energies(space)(end, params))
        swing.append(np.abs(now.sum(0) - kinetic - potential))
        moved = np.abs(now[0] - kinetic)
    m.hold(moved, above(1e-4), m.CONSERVATIVE, "nothing was exchanged: the law is switched off")
    bound = {"semi_implicit_euler": 0.05, "velocity_verlet": 1e-3}[name]
    m.hold(swing[1], below(bound), m.CONSERVATIVE, "energy swings")
    # What is left is the integrator's error and falls with its order; a wrong potential would not.
    # (It may fall faster, where the leading terms of the particles happen to cancel.)
    order = m.ORDERS[name]
    fall = np.log2(np.maximum(swing[0], 1e-300) / np.maximum(swing[1], 1e-300))
    m.hold(fall, lambda f: order - 0.25 < f < order + 1, m.CONSERVATIVE, "order of the swing")


@every_integrator
@unwalled
def test_momentum_is_kept(space, name):
    p = m.start(space)
    end = m.advance(space, name, p, 0.02, 40)
    living, mass = p.alive[:, None], p.mass[:, None]
    if name == "overdamped":  # there is no inertia: it is the sum of the velocities that is kept
        left = np.sum(living * end.velocity, axis=1)
    else:  # the heat bath at kT = 0 takes momentum as friction takes velocity
        fade = np.exp(-0.5 * 0.8) if name == "langevin" else 1
        left = np.sum(living * mass * (end.velocity - fade * p.velocity), axis=1)
    m.hold(np.abs(left).max(1), below(ROUNDED), m.PAIRWISE, "momentum")
    moved = np.abs(end.velocity - p.velocity)[:, :5].max((1, 2))
    m.hold(moved, above(1e-3), m.PAIRWISE, "nothing was exchanged")


@symplectic
def test_angular_momentum_is_kept(name):
    p = m.start("free")

    def angular(p):
        x, v = p.position, p.velocity
        each = p.mass * (x[..., 0] * v[..., 1] - x[..., 1] * v[..., 0])
        return np.sum(np.where(p.alive, each, 0), axis=-1)

    end = m.advance("free", name, p, 0.02, 40)
    m.hold(np.abs(angular(end) - angular(p)), below(1e-11), m.PAIRWISE, "angular momentum")


@every_space
def test_time_reversal(space):
    """Velocity Verlet retraces its steps when velocities are turned round, bounces included."""
    p = m.start(space)
    if space == "walls":
        p = p.replace(velocity=10 * p.velocity)
    there = m.advance(space, "velocity_verlet", p, 0.02, 100)
    back = m.advance(space, "velocity_verlet", there.replace(velocity=-there.velocity), 0.02, 100)
    # Friction knows the direction of time.
    laws = [law for law in m.LAWS if law != "drag"]
    first = m.for_each_law(p)
    away = m.distance(space, there.position[:, :5], first.position[:, :5])
    m.hold(away, above(0.05), laws, "nothing moved")
    home = m.distance(space, back.position[:, :5], first.position[:, :5])
    m.hold(home, below(1e-9), laws, "position")
    m.hold(m.spread(back.velocity[:, :5], -first.velocity[:, :5]), below(1e-9), laws, "velocity")


@every_integrator
@every_space
def test_permutation(space, name):
    p = m.start(space)
    order = np.array([3, 0, 4, 5, 1, 2])
    mixed = jax.tree.map(lambda x: x[order], p)
    straight = m.advance(space, name, p, 0.05, 10)
    end = m.advance(space, name, mixed, 0.05, 10)
    m.hold(m.spread(end.position, straight.position[:, order]), below(ROUNDED), what="position")
    m.hold(m.spread(end.velocity, straight.velocity[:, order]), below(ROUNDED), what="velocity")


@every_integrator
@unwalled
def test_translation(space, name):
    p = m.start(space)
    by = np.array([2.3, -1.1])
    moved = p.position + by
    if space == "periodic":
        moved = moved % m.BOX
    end = m.advance(space, name, p.replace(position=moved), 0.05, 10)
    want = m.advance(space, name, p, 0.05, 10)
    off = m.distance(space, end.position[:, :5], want.position[:, :5] + by)
    m.hold(off, below(ROUNDED), what="position")
    m.hold(m.spread(end.velocity, want.velocity), below(ROUNDED), what="velocity")


def test_rotation():
    p = m.start("free")
    c, s = np.cos(0.7), np.sin(0.7)
    turn = np.array([[c, s], [-s, c]])
    turned = p.replace(position=p.position @ turn, velocity=p.velocity @ turn)
    end = m.advance("free", "velocity_verlet", turned, 0.05, 10)
    want = m.advance("free", "velocity_verlet", p, 0.05, 10)
    off = m.spread(end.position[:, :5], want.position[:, :5] @ turn)
    m.hold(off, below(ROUNDED), m.PAIRWISE, "position")


@every_integrator
@every_space
def test_the_inactive_do_nothing(space, name):
    """Whatever they hold, NaN included; and they stay as they are."""
    p = m.start(space)
    inactive = ~p.alive[:, None]
    junk = p.replace(
        position=np.where(inactive, np.nan, p.position),
        velocity=np.where(inactive, np.inf, p.velocity),
        feature=np.where(inactive, np.nan, p.feature),
        mass=np.where(p.alive, p.mass, 0.0),
    )
    end = m.advance(space, name, p, 0.05, 10)
    got = m.advance(space, name, junk, 0.05, 10)
    for field in ("position", "velocity"):
        one, other = getattr(end, field), getattr(got, field)
        m.hold(m.spread(one[:, :5], other[:, :5]), lambda off: off == 0, what=field)
        stayed = np.array_equal(one[:, 5:], getattr(m.for_each_law(p), field)[:, 5:])
        assert stayed, f"{field} of inactive ones"
    assert np.isnan(got.position[:, 5:]).all()
    assert np.isposinf(got.velocity[:, 5:]).all()


def test_padding():
    """Five particles alone move as the same five padded to six."""
    p = m.start("free")
    alone = jax.tree.map(lambda x: x[:5], p)
    end = m.advance("free", "velocity_verlet", pad(alone, 6), 0.05, 10)
    want = m.advance("free", "velocity_verlet", alone, 0.05, 10)
    m.hold(m.spread(end.position[:, :5], want.position), below(EXACT), what="position")
    m.hold(m.spread(end.velocity[:, :5], want.velocity), below(EXACT), what="velocity")


def test_the_table_names_the_law_that_fails():
    """The tests above can fail, and say of which law."""
    values = np.zeros(len(m.LAWS))
    values[list(m.LAWS).index("spring")] = 1
    with pytest.raises(AssertionError, match=r"momentum: \{'spring': 1.0\}"):
        m.hold(values, below(0.5), what="momentum")
    m.hold(values, below(0.5), ["drag"])
