"""The nearest particles of each."""

from __future__ import annotations

import jax.numpy as jnp

from vidparticles.dynamics.neighbors import nearest_neighbors


def test_neighbors_are_the_nearest_active():
    position = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.1, 0.0], [9.0, 0.0]])
    alive = jnp.array([True, True, False, True])
    index, bonded = nearest_neighbors(position, alive, k=3)
    assert index[0, :2].tolist() == [1, 3]
    assert bonded.tolist() == [
        [True, True, False],
        [True, True, False],
        [False, False, False],
        [True, True, False],
    ]
