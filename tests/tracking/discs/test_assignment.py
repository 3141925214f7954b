"""What belongs to which object: competition for cells, and the fit of drawn discs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.image import discs
from vidparticles.tracking.discs import assignment

SHAPE = (24, 24)
DISC = {"radius": 0.15, "edge": 0.03}
BOTH = jnp.ones(2, bool)


@jax.jit
def union(position):
    covers = discs.cover(position, BOTH, height=24, width=24, **DISC)
    return 1 - jnp.prod(1 - covers, axis=-2)


@jax.jit
def fit(position, alive, visible, coverage):
    return assignment.fit(
        position, alive, visible, coverage, None, shape=SHAPE, damping=0.1, **DISC
    )


@pytest.mark.parametrize("apart", [0.1, 0.25, 0.5])
def test_fitting_parts_what_overlaps(apart):
    truth = jnp.array([[0.4, 0.5], [0.4 + apart, 0.52]])
    begin = truth + jnp.array([[0.025, -0.03], [-0.02, 0.03]])
    weight = union(truth)

    def again(position):
        return fit(position, BOTH, jnp.ones(2), weight)

    once = again(begin)
    thrice = again(again(once))
    error = [float(jnp.abs(x - truth).max()) for x in (begin, once, thrice)]
    assert error[1] < 0.6 * error[0]
    assert error[2] < 0.004


def test_what_is_hidden_or_inactive_stays():
    begin = jnp.array([[0.42, 0.5], [0.8, 0.5]])
    weight = union(jnp.array([[0.4, 0.5], [0.75, 0.5]]))
    moved = fit(begin, jnp.array([True, False]), jnp.zeros(2), weight)
    np.testing.assert_array_equal(moved, begin)


def test_cells_are_shared_out():
    position = jnp.array([[0.3, 0.5], [0.6, 0.5], [0.5, 0.1]])
    alive = jnp.array([True, True, False])
    weight = union(position[:2])
    statistics = jnp.concatenate([weight[:, None], weight[:, None] * discs.pixels(*SHAPE)], axis=-1)

    @jax.jit
    def assign(position, appearance=0.0, cells=0.0):
        return assignment.assign(
            position,
            alive,
            jnp.full((3, 1), appearance) * jnp.array([[1.0], [-1.0], [0.0]]),
            jnp.full(3, 1.0),
            jnp.full((SHAPE[0] * SHAPE[1], 1), cells),
            statistics,
            shape=SHAPE,
            width=jnp.full(3, 0.06),
            reach=jnp.asarray(5.0),
        )

    got = assign(position)
    assert float(got[:, 0].sum()) <= float(weight.sum())
    assert float(got[:, 0].sum()) > 0.95 * float(weight.sum())
    assert float(got[2, 0]) == 0
    # Each finds its own middle from a bad guess: none is drawn to the other's.
    guess = position + jnp.array([[0.03, 0.02], [0.03, -0.02], [0.0, 0.0]])
    middle = assign(guess)[:2, 1:] / assign(guess)[:2, :1]
    np.testing.assert_allclose(middle, position[:2], atol=0.02)
    # What looks like the first is the first's.
    alike = assign(position, appearance=1.0, cells=1.0)
    assert float(alike[0, 0]) > float(got[0, 0])
    assert float(alike[1, 0]) < float(got[1, 0])


def test_gradients_at_coincident_particles():
    position = jnp.full((2, 2), 0.5)
    weight = union(position)

    def total(position):
        return fit(position, BOTH, jnp.ones(2), weight).sum()

    assert bool(jnp.isfinite(jax.grad(total)(position)).all())
