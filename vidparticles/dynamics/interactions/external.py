"""External forces: a law on every particle by itself."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, complete


def external(law: Law, **defaults: Any) -> ForceFn:
    """A law on every particle by itself, as gravity or drag.

    Args:
        law: `law(r [..., N, D], v, f, **params)` → [..., N, D]; v is None where no velocity
            is given.
        **defaults: parameters of the law, unless given at the call.

    Returns:
        `force_fn(position, *, velocity=None, feature=None, alive=None, **params)`
        → [..., N, D].

    Example:
        >>> from vidparticles.dynamics import drag
        >>> external(drag, rate=0.5)(jnp.zeros((1, 2)), velocity=jnp.ones((1, 2))).tolist()
        [[-0.5, -0.5]]
    """

    def force_fn(
        position: Array,
        *,
        velocity: Array | None = None,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        position, feature, alive = complete(position, feature, alive)
        living = alive[..., None]
        if velocity is not None:
            velocity = jnp.where(living, velocity, 0)
        value = law(position, velocity, feature, **{**defaults, **params})
        return jnp.where(living, value, 0).astype(position.dtype)

    return force_fn
