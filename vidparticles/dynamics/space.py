"""Spaces: pairs of functions, as in jax-md, whose own can be passed in their place.

    displacement_fn(Ra, Rb) -> dR   from b to a, "Ra − Rb", for points of shape [..., D]
    shift_fn(R, dR) -> R            moves R by dR and keeps it inside

Both ignore keywords they do not know, since a step hands its parameters to the space too.

A velocity is a tangent vector: when `shift_fn` moves R, the velocity moves with the
differential of `shift_fn` at R. That is the identity in free and periodic space and a flip
at a wall, so that a wall needs nothing more than the two functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

DisplacementFn = Callable[..., Array]
ShiftFn = Callable[..., Array]
Space = tuple[DisplacementFn, ShiftFn]


def straight(Ra: Array, Rb: Array, **unused: Any) -> Array:
    """The displacement of free space, and of one with walls: Ra − Rb."""
    return Ra - Rb


@dataclasses.dataclass(frozen=True, eq=False)
class Wrap:
    """The shift of periodic space; its box is open, so that a lattice can wrap round with it."""

    box: ArrayLike

    def __call__(self, R: Array, dR: Array, **unused: Any) -> Array:
        """R + dR, inside the box."""
        return jnp.mod(R + dR, jnp.asarray(self.box, R.dtype))


def free() -> Space:
    """Space without end.

    Returns:
        `(displacement_fn, shift_fn)`.

    Example:
        >>> displacement_fn, shift_fn = free()
        >>> displacement_fn(jnp.array([3.0, 0.0]), jnp.array([1.0, 0.0])).tolist()
        [2.0, 0.0]
    """

    def shift_fn(R: Array, dR: Array, **unused: Any) -> Array:
        return R + dR

    return straight, shift_fn


def periodic(box: ArrayLike) -> Space:
    """A box whose opposite sides are one: [0, box) in each component.

    Args:
        box: side, a number or [D], in the unit of the positions; positive.

    Returns:
        `(displacement_fn, shift_fn)`; displacements go the shortest way round.

    Example:
        >>> displacement_fn, shift_fn = periodic(4.0)
        >>> displacement_fn(jnp.array([3.5]), jnp.array([0.5])).tolist()
        [-1.0]
        >>> shift_fn(jnp.array([3.5]), jnp.array([1.0])).tolist()
        [0.5]
    """

    def displacement_fn(Ra: Array, Rb: Array, **unused: Any) -> Array:
        dR = Ra - Rb
        side = jnp.asarray(box, dR.dtype)
        return dR - side * jnp.round(dR / side)

    return displacement_fn, Wrap(box)


def walls(box: ArrayLike) -> Space:
    """A box of hard, perfectly reflecting walls: [0, box] in each component.

    A step that would end behind a wall is folded back, as often as it takes; the velocity
    flips with it (see the module's text).

    Args:
        box: side, a number or [D], in the unit of the positions; positive.

    Returns:
        `(displacement_fn, shift_fn)`; displacements are straight.

    Example:
        >>> _, shift_fn = walls(1.0)
        >>> shift_fn(jnp.array([0.75]), jnp.array([0.5])).tolist()
        [0.75]
    """

    def shift_fn(R: Array, dR: Array, **unused: Any) -> Array:
        side = jnp.asarray(box, R.dtype)
        unfolded = jnp.mod(R + dR, 2 * side)
        return jnp.where(unfolded > side, 2 * side - unfolded, unfolded)

    return straight, shift_fn
