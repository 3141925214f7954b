"""What an integrator carries from step to step, and what it is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.space import ShiftFn
from vidparticles.particles import Particles


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """Particles in motion.

    Attributes:
        particles: of leading axes [...].
        force: [..., N, D] the force that was last evaluated; zeros before the first.
        time: [...] seconds since the start.
        step: [] int32, steps taken.
        key: of jax.random, the same at every step (a step folds its number in), or None.
        finite: [...] bool, whether all positions and velocities of those alive have been
            finite so far.
    """

    particles: Particles
    force: Array
    time: Array
    step: Array
    key: Array | None
    finite: Array

    def replace(self, **changes: Any) -> State:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)


class Integrator(NamedTuple):
    """A pair of pure functions; a plain tuple of two serves as well.

    Attributes:
        init_fn: `init_fn(key, particles, **params) -> State`.
        apply_fn: `apply_fn(state, *, dt=None, **params) -> State`.
    """

    init_fn: Callable[..., State]
    apply_fn: Callable[..., State]


@dataclasses.dataclass(frozen=True, eq=False)
class Leapfrog:
    """The `apply_fn` of an integrator that kicks, drifts and kicks again.

    Such a step can be undone where the force does not depend on velocity; its parts are open, so
    that `rollout` can take it on a lattice and go back.

    Attributes:
        step_fn: `apply_fn(state, *, dt=None, **params) -> State`.
        force_fn: asked with the whole state.
        shift_fn: of the space.
        dt: seconds a step, unless given at the step.
        kicks: which parts of dt the force acts for before and after the drift.
    """

    step_fn: Callable[..., State]
    force_fn: ForceFn
    shift_fn: ShiftFn
    dt: ArrayLike
    kicks: tuple[float, float]

    def __call__(self, state: State, *, dt: ArrayLike | None = None, **params: Any) -> State:
        """One step."""
        return self.step_fn(state, dt=dt, **params)


def masked_force(force_fn: ForceFn, p: Particles, params: dict[str, Any]) -> Array:
    """The force on those alive, zero on the inactive."""
    force = force_fn(
        p.position, velocity=p.velocity, feature=p.feature, mass=p.mass, alive=p.alive, **params
    )
    chex.assert_equal_shape([force, p.position])
    return jnp.where(p.alive[..., None], force, 0)
