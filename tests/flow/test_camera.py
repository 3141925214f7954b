"""The motion of the camera from particles, some of which move on their own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.flow.camera import Similarity, camera_motion, fit_similarity

COUNT = 120


def turned(angle: float, scale: float, shift: tuple[float, float]) -> Similarity:
    turn = scale * jnp.asarray([np.cos(angle), np.sin(angle)], jnp.float32)
    return Similarity(turn, jnp.asarray(shift, jnp.float32))


def points() -> jax.Array:
    return jax.random.uniform(jax.random.key(1), (COUNT, 2)) * jnp.asarray([1.78, 1.0])


@pytest.mark.parametrize(
    "truth", [turned(0, 1, (0, 0)), turned(0.05, 1.02, (0.03, -0.01)), turned(-0.2, 0.9, (0, 0.1))]
)
def test_the_motion_of_the_most_is_found_whatever_the_others_do(truth):
    before, keys = points(), jax.random.split(jax.random.key(2), 3)
    after = truth(before) + 1e-4 * jax.random.normal(keys[0], before.shape)
    # Two fifths go elsewhere, together, which is worse than each alone; some are dead.
    own = jnp.arange(COUNT) < 48
    after = jnp.where(own[:, None], after + jnp.asarray([0.06, 0.05]), after)
    alive = jax.random.uniform(keys[1], (COUNT,)) > 0.1
    after = jnp.where(alive[:, None], after, jnp.nan)
    found, vote = jax.jit(camera_motion)(before, after, alive)
    np.testing.assert_allclose(found.turn, truth.turn, atol=3e-4)
    np.testing.assert_allclose(found.shift, truth.shift, atol=3e-4)
    assert (vote[alive & ~own] > 0.9).all()
    assert (vote[alive & own] < 0.1).all()
    assert (vote[~alive] == 0).all()


def test_padding_changes_nothing_and_no_particles_mean_rest():
    before = points()
    after = turned(0.1, 1.1, (0.01, 0.02))(before)
    found, _ = camera_motion(before, after, jnp.ones(COUNT, bool))
    extra = ((0, 7), (0, 0))
    alive = jnp.arange(COUNT + 7) < COUNT
    padded, _ = camera_motion(jnp.pad(before, extra), jnp.pad(after, extra), alive)
    np.testing.assert_allclose(padded.turn, found.turn, atol=1e-6)
    none, vote = camera_motion(before, after, jnp.zeros(COUNT, bool))
    assert none.turn.tolist() == [1, 0]
    assert none.shift.tolist() == [0, 0]
    assert not vote.any()


def test_motions_in_a_batch_do_not_see_each_other():
    before = jnp.stack([points(), points()[::-1]])
    after = jnp.stack([turned(0.1, 1, (0, 0))(before[0]), turned(0, 1, (0.2, 0))(before[1])])
    alive = jnp.ones((2, COUNT), bool)
    both, _ = camera_motion(before, after, alive)
    one, _ = camera_motion(before[1], after[1], alive[1])
    np.testing.assert_allclose(both.turn[1], one.turn, atol=1e-6)
    np.testing.assert_allclose(both.angle, [0.1, 0], atol=1e-5)


def test_similarities_compose_and_invert():
    one, two, p = turned(0.3, 1.2, (0.1, 0.2)), turned(-0.7, 0.8, (0.0, -0.4)), points()
    np.testing.assert_allclose(two.after(one)(p), two(one(p)), atol=1e-6)
    np.testing.assert_allclose(one.inverse()(one(p)), p, atol=1e-6)
    assert abs(float(one.scale) - 1.2) < 1e-6


def test_a_single_place_gives_a_shift_alone():
    p = jnp.asarray([[0.2, 0.3]])
    found = fit_similarity(p, p + 0.1, jnp.ones(1))
    assert found.turn.tolist() == [1, 0]
    np.testing.assert_allclose(found(p), p + 0.1, atol=1e-6)
