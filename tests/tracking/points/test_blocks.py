"""Work by blocks of particles: the same as for all at once, whoever counts."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vidparticles.tracking.points.blocks import by_blocks, by_some


@pytest.mark.parametrize("count", [1, 5, 128, 128 + 1, 3 * 128 - 7])
def test_is_that_of_all_at_once(count):
    random = np.random.default_rng(count)
    tree = random.normal(size=(2, 3, count)), random.normal(size=count)

    def function(tree):
        table, line = tree
        return {"sum": table.sum((0, 1)) * line, "table": table[0] + line}

    made = by_blocks(function, jnp.ones(count, bool), tree)
    jax.tree.map(np.testing.assert_array_equal, made, jax.jit(function)(tree))


def test_no_block_behind_the_last_is_looked_at():
    seen = []
    among = jnp.zeros(4 * 128, bool).at[jnp.array([3, 128 + 5])].set(True)

    def function(line):
        jax.debug.callback(lambda first: seen.append(int(first)), line[0])
        return line + 1

    made = by_blocks(function, among, jnp.arange(4 * 128))
    jax.effects_barrier()
    assert sorted(seen) == [0, 128]
    np.testing.assert_array_equal(made[: 2 * 128], jnp.arange(2 * 128) + 1)
    assert not made[2 * 128 :].any()


def test_nobody_gives_nothing():
    assert not by_blocks(jnp.cos, jnp.zeros(7, bool), jnp.zeros(7)).any()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_some_are_changed_and_the_others_kept(share):
    random = np.random.default_rng(3)
    among = random.uniform(size=150) < share
    tree = random.normal(size=(2, 150)).astype(np.float32), np.arange(150.0, dtype=np.float32)
    before = np.full(150, -1.0, np.float32)
    arrays = jax.tree.map(jnp.asarray, (among, tree, before))
    made = by_some(lambda x: x[0].sum(0) * x[1], *arrays)
    right = np.where(among, tree[0].sum(0) * tree[1], before)
    np.testing.assert_allclose(made, right, rtol=1e-6)
