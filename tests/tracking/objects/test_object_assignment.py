"""Boxes assigned in shares: the exact assignment as they harden, and gradients that are true."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidparticles.tracking.blobs.pairs import cheapest_pairs
from vidparticles.tracking.objects.assign import assign, shares, soft_pairs
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import pairs
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.state import Slots, no_slots
from vidparticles.tracking.objects.step import confusion

ROWS, COLUMNS, ALONE = 4, 5, 10.0
CONFIG = ObjectConfig(count=4, kinds=1, features=3)
ALIKE, DT, WIDTH = jnp.asarray(confusion(CONFIG)), jnp.float32(1 / 30), jnp.float32(1.6)


@jax.jit
def softly(cost, rows, columns, temperature):
    settings = {"alone": ALONE, "temperature": temperature, "rounds": 300}
    return soft_pairs(cost, rows=rows, columns=columns, **settings)


exactly = jax.jit(lambda cost: cheapest_pairs(cost, alone=ALONE))


def a_cost(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cost = rng.uniform(0, 1.3 * ALONE, (ROWS, COLUMNS))
    return np.where(rng.random(cost.shape) < 0.25, np.inf, cost).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_cold_shares_cost_no_more_than_the_exact_pairs(seed):
    cost, temperature = a_cost(seed), 0.002
    share = np.asarray(
        softly(cost, np.ones(ROWS, np.float32), np.ones(COLUMNS, np.float32), temperature)
    )
    mate = np.asarray(exactly(cost))
    rows = np.flatnonzero(mate >= 0)
    best = cost[rows, mate[rows]].sum() + ALONE * (ROWS - len(rows))
    priced = np.where(np.isfinite(cost), cost, 0)
    spent = (priced * share).sum() + ALONE * (ROWS - share.sum())
    assert share.min() >= 0
    assert share.sum(1).max() < 1 + 1e-4
    assert share.sum(0).max() < 1.01
    assert not share[~np.isfinite(cost)].any()
    # What entropy gains: the temperature × so many nats a row or column at most.
    assert spent - best < temperature * ALONE * (ROWS + COLUMNS)


def test_what_is_given_away_already_is_not_shared_out_again():
    cost = a_cost(3)
    rows, columns = np.float32([1, 0.5, 0, 1]), np.float32([0, 0.5, 1, 1, 0.3])
    share = np.asarray(softly(cost, rows, columns, 0.1))
    assert (share.sum(1) < rows + 1e-4).all()
    assert (share.sum(0) < columns + 1e-3).all()
    assert share.sum() > 0.5


def test_its_gradient_is_that_of_finite_differences():
    weight = np.random.default_rng(1).normal(size=(ROWS, COLUMNS))
    with jax.enable_x64(True):
        rows, columns = np.array([1.0, 0.5, 0.0, 1.0]), np.array([0.0, 0.5, 1.0, 1.0, 0.3])
        cost = a_cost(3).astype(np.float64)

        @jax.jit
        def loss(cost, rows):
            share = softly(cost, rows, columns, 1 / 12)
            return jnp.sum(weight * share)

        of_cost, of_rows = map(np.asarray, jax.jit(jax.grad(loss, argnums=(0, 1)))(cost, rows))
        step = 1e-5
        for at in map(tuple, np.argwhere(np.isfinite(cost))):
            bump = np.zeros_like(cost)
            bump[at] = step
            slope = (float(loss(cost + bump, rows)) - float(loss(cost - bump, rows))) / (2 * step)
            assert of_cost[at] == pytest.approx(slope, abs=1e-7)
        assert not of_cost[~np.isfinite(cost)].any()
        assert np.isfinite(of_rows).all()
        assert np.abs(of_cost).max() > 1e-3


def a_frame(seed: int) -> tuple[Slots, Observations]:
    """Slots of all sorts (in sight, lost, without a number, free) and boxes near them."""
    rng = np.random.default_rng(seed)
    n, k = CONFIG.count, 5
    at = rng.uniform(0.2, 0.8, (n, 2))
    unit = rng.normal(size=(n, CONFIG.features))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    real = {
        "position": at,
        "last": at,
        "velocity": rng.normal(0, 0.2, (n, 2)),
        "covariance": np.tile([1e-3, 0, 0.1], (n, 1)),
        "extent": np.full((n, 2), 0.08),
        "view": np.repeat(unit[:, None], CONFIG.views, 1),
        "view_weight": np.ones((n, CONFIG.views)),
        "kind": np.ones((n, 1)),
        "evidence": np.ones(n),
        "unseen": rng.choice([1 / 30, 0.2, 0.6], n),
    }
    shapes = jax.eval_shape(lambda: no_slots(CONFIG))
    slots = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes).replace(
        **{name: np.float32(x) for name, x in real.items()},
        used=rng.random(n) < 0.9,
        number=np.where(rng.random(n) < 0.7, np.arange(n), -1).astype(np.int32),
    )
    who = rng.integers(0, n, k)
    middle = at[who] + rng.normal(0, 0.03, (k, 2))
    box = np.concatenate([middle - 0.08, middle + 0.08], -1)
    score = np.sort(rng.uniform(0.2, 0.9, k))[::-1]
    seen = Observations(
        np.float32(box),
        np.float32(score),
        np.zeros(k, np.int32),
        np.float32(unit[who]),
        rng.random(k) < 0.9,
    )
    return slots, seen


@jax.jit
def both_ways(slots, seen):
    told = pairs(slots, seen, ALIKE, DT, CONFIG)
    rest = slots, seen, told, ALIKE, DT, WIDTH, CONFIG
    return assign(*rest)[0], shares(*rest, temperature=5e-4, rounds=300)


def test_cold_shares_are_the_assignment_stage_by_stage():
    given = {"place": 0, "none": 0}
    for seed in range(40):
        slots, seen = a_frame(seed)
        mate, share = map(np.asarray, both_ways(slots, seen))
        np.testing.assert_allclose(share.sum(1), 1, atol=1e-4)
        np.testing.assert_array_equal(np.where(mate < 0, 5, mate), share.argmax(1))
        assert not np.isin(mate, np.flatnonzero(~seen.valid)).any()
        given["place"] += int((mate >= 0).sum())
        given["none"] += int((mate < 0).sum())
    assert min(given.values()) > 20


def test_where_an_object_is_expected_has_a_gradient():
    slots, seen = a_frame(2)
    seen = dataclasses.replace(seen, valid=np.ones(5, bool))

    @jax.jit
    def loss(position):
        moved = slots.replace(position=position)
        told = pairs(moved, seen, ALIKE, DT, CONFIG)
        share = shares(moved, seen, told, ALIKE, DT, WIDTH, CONFIG)
        return -jnp.sum(jnp.log(share[:, -1] + 0.01))

    slope = np.asarray(jax.jit(jax.grad(loss))(slots.position))
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 1e-3
    along = slope / np.linalg.norm(slope)
    ahead, behind = (float(loss(slots.position + way * along)) for way in (1e-3, -1e-3))
    assert (ahead - behind) / 2e-3 == pytest.approx(float(np.linalg.norm(slope)), rel=0.05)
