"""Positions and velocities as integers, so that what was added can be taken away exactly.

A float step cannot be undone: (x + d) − d is not x. On a lattice it is, and a rounded increment
is as good as any float's rounding (Levesque and Verlet, J. Stat. Phys. 72, 519, 1993; Rein and
Tamayo, MNRAS 473, 3351, 2018). Single precision lives on 32-bit integers, double on 64.

| | positions | velocities |
|---|---|---|
| free space | within ±reach, units of reach / 2³¹ | at most reach / 64 a step |
| periodic space | wrap round with the box, units of box / 2³² | at most box / 8 a step |
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

# A reach is so many times the farthest component of the start, where none is given.
MARGIN = 8
# The part of a reach, and of a box, that a step may cover.
STEP_OF_REACH = 1 / 64
STEP_OF_BOX = 1 / 8


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Lattice:
    """The units of a lattice; lengths and velocities are integers times them.

    Attributes:
        length: of positions, broadcasts against [..., N, D].
        speed: of velocities, broadcasts against [..., N, D].
        per_length, per_speed: what they are divided by: a product is rounded alike everywhere, and
            a quotient is where XLA makes it one.
        box: [] or [D] the side of periodic space, or None.
    """

    length: Array
    speed: Array
    per_length: Array
    per_speed: Array
    box: Array | None

    def position(self, place: Array) -> Array:
        """Positions, inside the box where there is one."""
        x = as_is(place.astype(self.length.dtype) * self.length)
        return x if self.box is None else as_is(jnp.mod(x, self.box))

    def velocity(self, pace: Array) -> Array:
        """Velocities."""
        return as_is(pace.astype(self.speed.dtype) * self.speed)

    def enter(self, position: Array, velocity: Array) -> tuple[Array, Array, Array]:
        """Place and pace of particles at the start, and which of them are on the lattice."""
        if self.box is not None:
            position = position - self.box * jnp.round(position / self.box)
        place, near = rounded(position * self.per_length, edge=self.box is not None)
        pace, slow = rounded(velocity * self.per_speed)
        return place, pace, near & slow

    def drift(self, length: Array) -> tuple[Array, Array]:
        """What a drift adds to places, and where it is near to that."""
        return rounded(as_is(length) * self.per_length)

    def kick(self, speed: Array) -> tuple[Array, Array]:
        """What a kick adds to paces, and where it is near to that."""
        return rounded(as_is(speed) * self.per_speed)

    def drifted(self, place: Array, length: Array) -> tuple[Array, Array]:
        """Places after a drift, and which are on the lattice."""
        step, small = self.drift(length)
        return place + step, small if self.box is not None else small & _fits(place, step)

    def kicked(self, pace: Array, speed: Array) -> tuple[Array, Array]:
        """Paces after a kick, and which are on the lattice."""
        change, small = self.kick(speed)
        return pace + change, small & _fits(pace, change)


def lattice(
    position: Array,
    velocity: Array,
    alive: Array,
    size: Array,
    *,
    box: ArrayLike | None,
    reach: ArrayLike | None,
) -> Lattice:
    """The lattice of a start.

    Args:
        position: [..., N, D].
        velocity: [..., N, D].
        alive: [..., N]; the inactive are not looked at.
        size: seconds of the longest step, broadcasts against [..., 1, 1].
        box: [] or [D] the side of periodic space, or None: free.
        reach: how far from the origin a component may go, broadcasts against [..., 1, 1], rounded
            up to a power of two; None takes it from the start. Free space only.
    """
    dtype = position.dtype
    half = 2.0 ** (jnp.iinfo(integer(dtype)).bits - 1)
    size = jnp.where(size == 0, 1, jnp.abs(size)).astype(dtype)
    if box is not None:
        side = jnp.asarray(box, dtype)
        return _units(side / (2 * half), side * STEP_OF_BOX / half / size, side)
    if reach is None:
        living = alive[..., None]

        def largest(x: Array) -> Array:
            x = jnp.where(living, jnp.abs(x), 0)
            return jnp.max(x, axis=(-2, -1), keepdims=True, initial=0.0)

        far, fast = largest(position), largest(velocity) * size
        reach = jnp.maximum(MARGIN * far, 4 * fast / STEP_OF_REACH)
        reach = jnp.where(jnp.isfinite(reach) & (reach > 0), reach, 1)
    # A power of two: what a float holds exactly, the lattice does.
    part, exponent = jnp.frexp(jnp.asarray(reach, dtype) / half)
    length = jnp.ldexp(jnp.ones((), dtype), jnp.where(part == 0.5, exponent - 1, exponent))
    return _units(length, length * STEP_OF_REACH / size, None)


def _units(length: Array, speed: Array, box: Array | None) -> Lattice:
    return Lattice(length, speed, 1 / length, 1 / speed, box)


def integer(dtype: Any) -> Any:
    """The integers of a floating type."""
    return jnp.int64 if dtype == jnp.float64 else jnp.int32


def rounded(x: Array, *, edge: bool = False) -> tuple[Array, Array]:
    """The nearest integers, and which x they are near to (with `edge`, one beyond counts)."""
    kind = integer(x.dtype)
    half = 2.0 ** (jnp.iinfo(kind).bits - 1)
    whole = jnp.round(as_is(x))
    inside = jnp.abs(whole) <= half if edge else jnp.abs(whole) < half
    return jnp.where(inside, whole, 0).astype(kind), inside


def as_is(x: Array) -> Array:
    """A value that is computed as it is written, and so the same on the way there and back.

    XLA joins factors, and LLVM products and sums, where what surrounds them lets it.
    """
    return lax.optimization_barrier(x)


def _fits(a: Array, b: Array) -> Array:
    """Whether the sum of integers does not run over."""
    return ((a ^ (a + b)) & (b ^ (a + b))) >= 0
