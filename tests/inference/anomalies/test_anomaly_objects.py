"""What is odd of objects: the innovations of the filter that follows them."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidparticles.inference import objects as following
from vidparticles.inference.anomalies import objects
from vidparticles.inference.anomalies.objects import Frames, departures
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.step import advance
from vidparticles.tracking.objects.tracker import no_objects, rest

FRAMES, WIDTH = 30, 2.0


@given(st.integers(0, 2**31), st.integers(1, 6))
def test_a_cell_has_the_mean_of_the_largest_of_each_frame(seed, count):
    rng = np.random.default_rng(seed)
    place, shape = rng.exponential(size=(2, FRAMES, count))
    known = rng.random((FRAMES, count)) < 0.6
    told = Frames(np.arange(FRAMES) / 10, known, place, shape)
    found = departures(told, np.array([0.0, 1.0, 2.0, 3.0]))
    for cell in range(3):
        rows = slice(10 * cell, 10 * cell + 10)
        for k, values in enumerate((place, shape)):
            largest = [
                v[m].max() for v, m in zip(values[rows], known[rows], strict=True) if m.any()
            ]
            if largest:
                assert found[cell, k] == pytest.approx(np.mean(largest))
            else:
                assert np.isnan(found[cell, k])
    assert np.isnan(departures(objects.no_frames(), np.array([0.0, 1.0]))).all()


def _innovations(box):
    """Squared innovations of place and of shape, of one thing that is seen in boxes [T, 4]."""
    config = following.object_config()
    feature = jnp.zeros((1, config.features)).at[..., 0].set(1.0)
    dt, no, wide = jnp.float32(0.1), jnp.asarray(False), jnp.float32(WIDTH)
    step = jax.jit(functools.partial(advance, config=config))
    (slots, confirmed), found = no_objects(config), []
    for one in box:
        score = jnp.full(1, 0.9)
        here = jnp.asarray(one, jnp.float32)[None]
        seen = Observations(here, score, jnp.zeros(1, jnp.int32), feature, score > 0)
        before = slots
        slots, confirmed = step(before, confirmed, seen, rest(), dt, no, wide)
        known, place, shape = objects.innovations(before, slots, rest(), dt)
        k = int(np.argmax(np.asarray(slots.used)))
        found.append((float(place[k]), float(shape[k])) if known[k] else (np.nan, np.nan))
    return np.array(found)


def test_a_push_and_a_fall_are_innovations_and_standing_is_none():
    rng = np.random.default_rng(0)
    count = 24
    x = np.full(count, 0.6) + 0.002 * rng.standard_normal(count)
    half = np.stack([np.full(count, 0.1), np.full(count, 0.25)], -1)
    half *= 1 + 0.01 * rng.standard_normal((count, 1))
    pushed, fallen = x.copy(), half.copy()
    pushed[16:] += 0.06
    fallen[16:] = fallen[16:, ::-1]

    def boxes(x, half):
        middle = np.stack([x, np.full(count, 0.5)], -1)
        return np.concatenate([middle - half, middle + half], -1)

    still, push, fall = (
        _innovations(boxes(*case)) for case in ((x, half), (pushed, half), (x, fallen))
    )
    assert np.isfinite(still[8:]).all()
    assert push[16, 0] > 10 * still[8:, 0].max()
    assert fall[16, 1] > 10 * still[8:, 1].max()
    assert push[16, 1] < 2 * still[8:, 1].max()
