"""The cheapest way to pair rows with columns, against scipy's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.optimize import linear_sum_assignment

from vidparticles.tracking.blobs.pairs import cheapest_pairs

pair = jax.jit(lambda cost, alone: cheapest_pairs(cost, alone=alone))


def cheapest(cost: np.ndarray, alone: float) -> float:
    """The least sum there is: each row may also take a column of its own, at the price."""
    cost = np.concatenate([np.minimum(cost, alone), np.full((len(cost), len(cost)), alone)], axis=1)
    return float(cost[linear_sum_assignment(cost)].sum())


def paid(cost: np.ndarray, alone: float) -> float:
    """The sum of the pairs that are found, each of which is allowed and each column taken once."""
    column = np.asarray(pair(jnp.asarray(cost), alone))
    taken = column[column >= 0]
    assert len(set(taken)) == len(taken)
    each = np.where(column >= 0, cost[np.arange(len(cost)), column], alone)
    assert np.isfinite(each).all()
    return float(each.sum())


# Few values, so that most costs are equal to others; one shape each way, compiled once.
costs = st.sampled_from([(7, 9), (9, 7)]).flatmap(
    lambda shape: npst.arrays(
        np.float32, shape, elements=st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21, np.inf])
    )
)


@settings(deadline=None, max_examples=150)
@given(costs, st.sampled_from([2.0, 6.0, 50.0]))
def test_no_other_pairs_cost_less(cost, alone):
    assert paid(cost, alone) == pytest.approx(cheapest(cost, alone), abs=1e-4)


@pytest.mark.parametrize("spread", [0.5, 0.1, 0.02])
def test_subnets_of_any_size_are_solved(spread):
    """From points that are far apart to all of them in one subnet; padded rows and columns."""
    rng = np.random.default_rng(0)
    old, new = rng.uniform(0, 1, (110, 2)), rng.uniform(0, 1, (130, 2))
    square = np.full((160, 160), np.inf, np.float32)
    square[:110, 15:145] = np.sum((old[:, None] - new) ** 2, -1)
    square[square > (0.02 / spread) ** 2] = np.inf
    alone = (0.02 / spread) ** 2
    assert paid(square, alone) == pytest.approx(cheapest(square, alone), rel=1e-5)


def test_batches_of_problems_are_those_one_by_one():
    cost = jnp.asarray(np.random.default_rng(1).uniform(0, 1, (5, 7, 9)), jnp.float32)
    together = jax.vmap(lambda c: pair(c, 0.5))(cost)
    assert together.tolist() == [pair(c, 0.5).tolist() for c in cost]
