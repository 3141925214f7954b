"""What a force is, and how an energy becomes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

ForceFn = Callable[..., Array]

_STATE = ("velocity", "feature", "mass", "alive")
_BY_KEYWORD = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _named(function: Callable[..., Any]) -> tuple[str, ...]:
    """Which parts of the state a function asks for by the names of its parameters."""
    parameters = inspect.signature(function).parameters
    return tuple(n for n in _STATE if n in parameters and parameters[n].kind in _BY_KEYWORD)


def canonicalize_force(energy_or_force_fn: Callable[..., Array]) -> ForceFn:
    """A force from an energy or a force, asked with the whole state.

    A force is any `f(position, **params)` that returns an array like position; an energy
    returns one number (one for each leading index of position), and the force is minus its
    gradient. Of velocity, feature, mass and alive it is passed those that its signature names,
    and no others: functions of jax-md run unchanged, and so do functions of a position alone.

    Args:
        energy_or_force_fn: `f(position [..., N, D], **params)` → [..., N, D] or [...].

    Returns:
        `force_fn(position, *, velocity=None, feature=None, mass=None, alive=None, **params)`
        → [..., N, D].

    Raises:
        ValueError: when called, what f returned is neither shape.

    Example:
        >>> force_fn = canonicalize_force(lambda position: jnp.sum(position**2))
        >>> force_fn(jnp.ones((1, 2))).tolist()
        [[-2.0, -2.0]]
    """
    names = _named(energy_or_force_fn)

    def force_fn(
        position: Array,
        *,
        velocity: Array | None = None,
        feature: Array | None = None,
        mass: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        state = {"velocity": velocity, "feature": feature, "mass": mass, "alive": alive}
        asked = {name: state[name] for name in names}

        def function(position: Array) -> Array:
            return energy_or_force_fn(position, **asked, **params)

        shape = jax.eval_shape(function, position).shape
        if shape == position.shape:
            return function(position)
        if shape == position.shape[:-2]:
            return -jax.grad(lambda position: jnp.sum(function(position)))(position)
        raise ValueError(
            f"an energy or force of positions {position.shape} returned shape {shape}; expected "
            f"{position.shape} (a force) or {position.shape[:-2]} (an energy): a function of one "
            "set of particles is lifted over leading axes with jax.vmap."
        )

    return force_fn
