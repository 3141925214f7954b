"""Memories: written by what happens and by nothing else, as much in however many steps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.tracking.discs import memory
from vidparticles.tracking.discs.memory import MemoryConfig

OBSERVED, SIZE = 6, 4
CALM = memory.init(*jax.random.split(jax.random.key(0)), observed=OBSERVED, size=SIZE)
# Gates that open at the least that happens.
EAGER = {**CALM, "gate_bias": jnp.full(SIZE, -9.0)}


@jax.jit
def remember(params, given):
    return memory.remember(params, **given, config=MemoryConfig())


def told(seed=0, **changes):
    """What `remember` is told of three objects to which nothing happens, but for the changes."""
    rng = np.random.default_rng(seed)
    given = {"observation": rng.normal(size=(3, OBSERVED)), "kept": rng.normal(size=(3, SIZE))}
    given |= {"baseline": given["observation"], "met": np.zeros((3, 3))}
    given |= {"alive": np.ones(3, bool), "visible": np.ones(3), "elapsed": np.ones(3), **changes}
    return {k: jnp.asarray(x, bool if k == "alive" else jnp.float32) for k, x in given.items()}


OTHER = told(seed=1)["observation"]


def test_while_nothing_happens_nothing_is_written():
    for params in (CALM, EAGER):
        after, opening = remember(params, told())
        np.testing.assert_array_equal(after, told()["kept"])
        assert float(opening) == 0
    after, opening = remember(EAGER, told(observation=OTHER))
    assert float(jnp.abs(after - told()["kept"]).max()) > 1e-3
    assert float(opening) > 0
    # What is hidden is not written either, nor is anything in no time.
    for still in ({"visible": np.zeros(3)}, {"elapsed": np.zeros(3)}):
        after, _ = remember(EAGER, told(observation=OTHER, **still))
        np.testing.assert_array_equal(after, told()["kept"])


def test_as_much_is_written_in_two_steps_as_in_one():
    # Of a gate and a value that do not depend on what is kept.
    blind = {k: v.at[OBSERVED:].set(0) if k in ("gate", "value") else v for k, v in EAGER.items()}
    blind["gate"] = blind["gate"].at[:OBSERVED].set(EAGER["gate"][:OBSERVED])
    once, _ = remember(blind, told(observation=OTHER, elapsed=np.ones(3)))
    half, _ = remember(blind, told(observation=OTHER, elapsed=np.full(3, 0.5)))
    twice, _ = remember(blind, told(observation=OTHER, kept=half, elapsed=np.full(3, 0.5)))
    assert float(jnp.abs(once - told()["kept"]).max()) > 1e-3
    np.testing.assert_allclose(twice, once, atol=1e-6)


def test_what_is_kept_has_a_say_in_what_is_written_when_others_are_met_alone():
    """Else a memory could count the time by opening its gates itself."""
    first, second = told()["kept"], told(seed=2)["kept"]
    openings = [float(remember(EAGER, told(observation=OTHER, kept=k))[1]) for k in (first, second)]
    assert openings[0] == openings[1] > 0
    met = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    # Of the one that meets; what the other keeps is the same.
    changed = first.at[0].set(second[0])
    before, after = (remember(EAGER, told(met=met, kept=k))[0] for k in (first, changed))
    assert float(jnp.abs(after[1] - before[1]).max()) > 1e-4
    np.testing.assert_array_equal(after[2], before[2])


def test_gradients_of_a_gate_that_is_wide_open_are_finite():
    wide = {**EAGER, "gate": 1e3 * EAGER["gate"]}
    slope = jax.grad(lambda params: remember(params, told(observation=OTHER))[0].sum())(wide)
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(slope))
