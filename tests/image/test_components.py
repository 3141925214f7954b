"""Components of a mask, beside scipy's."""

from __future__ import annotations

import jax
import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from vidparticles.image.components import components

RUN = jax.jit(components)


@given(mask=arrays.arrays(bool, (9, 14)))
def test_components_are_those_of_scipy(mask):
    found = np.asarray(RUN(mask))
    expected, count = ndimage.label(mask, structure=np.ones((3, 3)))
    pairs = set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert len(set(expected.ravel()) - {0}) == count
    assert ((found == 0) == ~mask).all()


def test_a_part_as_long_as_can_be_is_one():
    snake = np.zeros((9, 14), bool)
    snake[::2] = True
    snake[1::4, -1] = snake[3::4, 0] = True
    assert len(np.unique(np.asarray(RUN(snake))[snake])) == 1
