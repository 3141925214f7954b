"""The elastic world: conserved energy, no overlap, and each world on its own."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import world


def _start(count: int, discs: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rngs = [rng_of(9, i) for i in range(count)]
    x = np.array([world.scatter(r, discs, radius=0.09) for r in rngs])
    return x, np.array([world.velocities(r, discs, 0.02, 0.035) for r in rngs])


def test_energy_is_kept_and_discs_do_not_overlap() -> None:
    x, v = _start(20)
    energy = (v**2).sum((1, 2))
    first, second = world.pairs(4)
    hits = 0
    for _ in range(300):
        x, v, hit = world.advance(x, v, radius=0.09)
        hits += hit.sum()
        apart = np.hypot(*np.moveaxis(x[:, first] - x[:, second], -1, 0))
        assert apart.min() > 0.18 - 1e-9
        assert x.min() > 0.09 - 1e-9
        assert x.max() < 0.91 + 1e-9
    assert hits > 500
    np.testing.assert_allclose((v**2).sum((1, 2)), energy, rtol=1e-9)


def test_time_runs_backwards_along_the_same_path() -> None:
    # Chaos doubles an error at each meeting, so only over a time with a few.
    start, v = _start(10)
    x = start
    for _ in range(30):
        x, v, _ = world.advance(x, v, radius=0.09)
    v = -v
    for _ in range(30):
        x, v, _ = world.advance(x, v, radius=0.09)
    np.testing.assert_allclose(x, start, atol=1e-6)


def test_a_world_does_not_depend_on_its_batch() -> None:
    x, v = _start(7)
    together, hits = world.run(x, v, radius=0.09, frames=60)
    alone, alone_hits = world.run(x[3:4], v[3:4], radius=0.09, frames=60)
    np.testing.assert_array_equal(together[3], alone[0])
    np.testing.assert_array_equal(hits[3], alone_hits[0])


def test_those_that_do_not_meet_pass_through_each_other() -> None:
    x = np.array([[[0.3, 0.5], [0.7, 0.5]]])
    v = np.array([[[0.05, 0.0], [-0.05, 0.0]]])
    for _ in range(8):
        x, v, hit = world.advance(x, v, radius=0.09, meets=False)
        assert not hit.any()
    np.testing.assert_allclose(x, [[[0.7, 0.5], [0.3, 0.5]]], atol=1e-12)


def test_a_glancing_collision_exchanges_only_what_is_along_the_centers() -> None:
    x = np.array([[[0.4, 0.5], [0.4 + 0.18 * np.cos(0.5) + 0.01, 0.5 + 0.18 * np.sin(0.5)]]])
    v = np.array([[[0.02, 0.0], [0.0, 0.0]]])
    _, after, hit = world.advance(x, v, radius=0.09)
    normal = np.array([np.cos(0.5), np.sin(0.5)])
    assert hit.all()
    np.testing.assert_allclose(after[0, 1], 0.02 * np.cos(0.5) * normal, rtol=1e-9)
    assert after[0, 0] @ normal == pytest.approx(0, abs=1e-12)
