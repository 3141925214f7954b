"""Whole bodies from the mask: what hangs together, lies over each other and moves alike is one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.models.moving.bodies import BodyConfig, Middles, bodies

SHAPE = (16, 24)
CONFIG = BodyConfig()
RUN = jax.jit(lambda covered, middles: bodies(covered, middles, CONFIG))


def found(boxes, middles, velocity=None, score=None):
    """Bodies of a mask of boxes (left, top, right, bottom), cells, and middles (x, y)."""
    covered = np.full(SHAPE, 0.02, np.float32)
    for left, top, right, bottom in boxes:
        covered[top:bottom, left:right] = 0.98
    position = np.asarray(middles, np.float32)
    cell = (position[:, 1].astype(int) * SHAPE[1] + position[:, 0].astype(int)).astype(np.int32)
    count = len(position)
    told = Middles(
        score=np.asarray(score or [0.9, 0.8][:count], np.float32),
        cell=cell,
        position=position,
        deviation=np.full((count, 2), 1.2, np.float32),
        velocity=np.asarray(velocity or np.zeros((count, 2)), np.float32),
    )
    return jax.tree.map(np.asarray, RUN(jnp.asarray(covered), told))


def test_a_trunk_and_legs_that_move_alike_are_one_body_as_large_as_both():
    whole, position, deviation = found([(6, 3, 9, 13)], [(7.5, 5.5), (7.5, 10.5)])
    assert whole.tolist() == [True, False]
    np.testing.assert_allclose(position[0], (7.5, 8.0), atol=0.05)
    # A rectangle's deviations are its sides over √12, and a cell is one wide.
    expected = np.sqrt((np.array([3, 10]) ** 2 - 1) / 12)
    np.testing.assert_allclose(deviation[0], expected, rtol=0.02)


@pytest.mark.parametrize(
    ("boxes", "middles", "velocity"),
    [
        ([(6, 3, 9, 8), (6, 10, 9, 13)], [(7.5, 5.5), (7.5, 11.5)], None),  # do not hang together
        ([(3, 4, 11, 8)], [(4.5, 6.0), (9.5, 6.0)], None),  # beside each other
        ([(6, 3, 9, 13)], [(7.5, 5.5), (7.5, 10.5)], [(-1.0, 0.0), (1.0, 0.0)]),  # pass
    ],
)
def test_others_stay_two_and_share_their_cells(boxes, middles, velocity):
    whole, position, deviation = found(boxes, middles, velocity)
    assert whole.all()
    np.testing.assert_allclose(position, middles, atol=0.8)
    assert (deviation[:, 1] < 2).all()


def test_what_is_smaller_than_a_few_cells_is_what_the_network_tells():
    whole, position, deviation = found([(6, 3, 7, 5)], [(6.6, 4.2)])
    assert whole.all()
    np.testing.assert_allclose(position[0], (6.6, 4.2))
    np.testing.assert_allclose(deviation[0], 1.2)


def test_a_middle_that_is_hardly_one_takes_no_cells():
    """Beside a sure one, and where there is no mask."""
    _, position, _ = found([(6, 3, 9, 13)], [(7.5, 5.5), (7.5, 10.5)], score=[0.9, 0.1])
    np.testing.assert_allclose(position[0], (7.5, 8.0), atol=0.05)
    np.testing.assert_allclose(position[1], (7.5, 10.5))
