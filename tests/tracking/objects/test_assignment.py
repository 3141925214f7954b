"""Correction by a frame: competition, the fit of drawn discs, the filter's gains."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.image import discs
from vidparticles.tracking.objects import assignment as innovation

SHAPE = (24, 24)
DISC = {"radius": 0.15, "edge": 0.03}
BOTH = jnp.ones(2, bool)


@jax.jit
def union(position):
    covers = discs.cover(position, BOTH, height=24, width=24, **DISC)
    return 1 - jnp.prod(1 - covers, axis=-2)


@jax.jit
def fit(position, alive, believed, weight):
    return innovation.refine(
        position, alive, believed, weight, None, shape=SHAPE, damping=0.1, **DISC
    )


@pytest.mark.parametrize("apart", [0.1, 0.25, 0.5])
def test_refining_parts_what_overlaps(apart):
    truth = jnp.array([[0.4, 0.5], [0.4 + apart, 0.52]])
    begin = truth + jnp.array([[0.025, -0.03], [-0.02, 0.03]])
    weight = union(truth)

    def refine(position):
        return fit(position, BOTH, jnp.ones(2), weight)

    once = refine(begin)
    thrice = refine(refine(once))
    error = [float(jnp.abs(x - truth).max()) for x in (begin, once, thrice)]
    assert error[1] < 0.6 * error[0]
    assert error[2] < 0.004


def test_what_is_not_believed_or_not_alive_stays():
    begin = jnp.array([[0.42, 0.5], [0.8, 0.5]])
    weight = union(jnp.array([[0.4, 0.5], [0.75, 0.5]]))
    moved = fit(begin, jnp.array([True, False]), jnp.zeros(2), weight)
    np.testing.assert_array_equal(moved, begin)


def test_cells_are_shared_out():
    position = jnp.array([[0.3, 0.5], [0.6, 0.5], [0.5, 0.1]])
    alive = jnp.array([True, True, False])
    weight = union(position[:2])
    seen = jnp.concatenate([weight[:, None], weight[:, None] * discs.pixels(*SHAPE)], axis=-1)

    @jax.jit
    def claim(position, look=0.0, cells=0.0):
        return innovation.claim(
            position,
            alive,
            jnp.full((3, 1), look) * jnp.array([[1.0], [-1.0], [0.0]]),
            jnp.full(3, 1.0),
            jnp.full((SHAPE[0] * SHAPE[1], 1), cells),
            seen,
            shape=SHAPE,
            width=jnp.full(3, 0.06),
            reach=jnp.asarray(5.0),
        )

    got = claim(position)
    assert float(got[:, 0].sum()) <= float(weight.sum())
    assert float(got[:, 0].sum()) > 0.95 * float(weight.sum())
    assert float(got[2, 0]) == 0
    # Each finds its own middle from a bad guess: nobody is drawn to the other's.
    guess = position + jnp.array([[0.03, 0.02], [0.03, -0.02], [0.0, 0.0]])
    middle = claim(guess)[:2, 1:] / claim(guess)[:2, :1]
    np.testing.assert_allclose(middle, position[:2], atol=0.02)
    # What looks like the first is the first's.
    alike = claim(position, look=1.0, cells=1.0)
    assert float(alike[0, 0]) > float(got[0, 0])
    assert float(alike[1, 0]) < float(got[1, 0])


def test_gains_are_those_of_a_kalman_filter():
    covariance = np.array([[0.02, 0.005], [0.005, 0.01]])
    jolt, noise = 0.03, 0.004
    move = np.array([[1, 1], [0, 1]])
    push = np.array([0.5, 1]) * jolt
    ahead = move @ covariance @ move.T + np.outer(push, push)
    gains = ahead[:, 0] / (ahead[0, 0] + noise)
    after = ahead - np.outer(gains, ahead[0])

    packed = jnp.array([covariance[0, 0], covariance[0, 1], covariance[1, 1]])
    foreseen = innovation.foresee(packed, jnp.asarray(jolt))
    np.testing.assert_allclose(foreseen, [ahead[0, 0], ahead[0, 1], ahead[1, 1]], rtol=1e-5)
    *found, left = innovation.gain(foreseen, jnp.asarray(noise))
    np.testing.assert_allclose(jnp.stack(found), gains, rtol=1e-5)
    np.testing.assert_allclose(left, [after[0, 0], after[0, 1], after[1, 1]], rtol=1e-5)


def test_hills_are_the_middles_of_discs_the_highest_first():
    weight = union(jnp.array([[0.3, 0.3], [0.7, 0.65]])) * jnp.where(
        discs.pixels(*SHAPE)[:, 0] > 0.5, 1.0, 0.8
    )
    place, found = innovation.peaks(weight, 4, shape=SHAPE, blur=jnp.asarray(0.07), least=0.3)
    assert found.tolist() == [True, True, False, False]
    np.testing.assert_allclose(place[:2], [[0.7, 0.65], [0.3, 0.3]], atol=0.03)


def test_more_places_than_cells():
    place, found = innovation.peaks(jnp.ones(4), 6, shape=(2, 2), blur=jnp.asarray(0.4), least=0.1)
    assert place.shape == (6, 2)
    assert not bool(found[4:].any())


def test_gradients_at_coincident_particles():
    position = jnp.full((2, 2), 0.5)
    weight = union(position)

    def total(position):
        return fit(position, BOTH, jnp.ones(2), weight).sum()

    assert bool(jnp.isfinite(jax.grad(total)(position)).all())
