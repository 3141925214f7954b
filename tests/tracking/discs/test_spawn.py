"""New objects: peaks of what belongs to none, and rigid discs that are one too many."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.image import discs
from vidparticles.tracking.discs import spawn

SHAPE = (24, 24)


@jax.jit
def union(position):
    alive = jnp.ones(len(position), bool)
    covers = discs.cover(position, alive, height=24, width=24, radius=0.15, edge=0.03)
    return 1 - jnp.prod(1 - covers, axis=-2)


def test_peaks_are_the_middles_of_discs_the_highest_first():
    faint = jnp.where(discs.pixels(*SHAPE)[:, 0] > 0.5, 1.0, 0.8)
    weight = union(jnp.array([[0.3, 0.3], [0.7, 0.65]])) * faint
    options = {"shape": SHAPE, "blur": jnp.asarray(0.07), "least": 0.3}
    position, found = jax.jit(lambda x: spawn.peaks(x, 4, **options))(weight)
    assert found.tolist() == [True, True, False, False]
    np.testing.assert_allclose(position[:2], [[0.7, 0.65], [0.3, 0.3]], atol=0.03)


def test_more_slots_than_cells():
    options = {"shape": (2, 2), "blur": jnp.asarray(0.4), "least": 0.1}
    position, found = jax.jit(lambda x: spawn.peaks(x, 6, **options))(jnp.ones(4))
    assert position.shape == (6, 2)
    assert not bool(found[4:].any())


def test_two_rigid_discs_in_one_position_are_one():
    x = jnp.array([[0.5, 0.5], [0.52, 0.5], [0.52, 0.5], [0.8, 0.5]])
    alive = jnp.array([True, True, False, True])
    found = spawn.duplicates(x, alive, jnp.array([4, 2, 0, 7]), diameter=jnp.asarray(0.26))
    assert found.tolist() == [True, False, False, False]
