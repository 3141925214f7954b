"""The one state: particles, and particles in time.

Units are those of the picture: positions in frame heights with x to the right, y down and
the origin at the top-left corner (a 16:9 frame is 1.778 × 1, so distance is isotropic),
velocities in frame heights per second, time in seconds. A particle of a learned plane has
the same fields in that plane's own units.

Shape letters, here and everywhere: B batch, T time, H W C pixels, N particles, D space,
F feature, K neighbors. Leading batch and time axes are allowed on every field.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Particles:
    """Particles: padded and masked, never ragged.

    Attributes:
        position: [..., N, D] frame heights.
        velocity: [..., N, D] frame heights per second.
        feature: [..., N, F] learned; F may be 0.
        mass: [..., N] relative, positive.
        alive: [..., N] bool; an inactive particle exerts, feels and shows nothing.

    Example:
        >>> p = particles(jnp.zeros((4, 2)))
        >>> p.count, p.dim, bool(p.alive.all())
        (4, 2, True)
    """

    position: Array
    velocity: Array
    feature: Array
    mass: Array
    alive: Array

    @property
    def count(self) -> int:
        """N, the number of places for particles, alive or not."""
        return self.position.shape[-2]

    @property
    def dim(self) -> int:
        """D, the number of space dimensions."""
        return self.position.shape[-1]

    def replace(self, **changes: Any) -> Particles:
        """A copy with the named fields changed."""
        return dataclasses.replace(self, **changes)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Particles with a time axis.

    Attributes:
        particles: fields of shape [..., T, N, ·].
        time: [..., T] seconds.
    """

    particles: Particles
    time: Array

    def at(self, index: int) -> Particles:
        """The particles at one index of the time axis."""
        axes = {"position": -3, "velocity": -3, "feature": -3, "mass": -2, "alive": -2}
        return Particles(
            **{f: jnp.take(getattr(self.particles, f), index, axis=a) for f, a in axes.items()}
        )


def particles(
    position: Array,
    *,
    velocity: Array | None = None,
    feature: Array | None = None,
    mass: Array | None = None,
    alive: Array | None = None,
) -> Particles:
    """Particles at rest, without features, of mass one and alive, unless told otherwise.

    Args:
        position: [..., N, D] frame heights.
        velocity: [..., N, D], default zeros.
        feature: [..., N, F], default F = 0.
        mass: [..., N], default ones.
        alive: [..., N] bool, default all true.

    Raises:
        ValueError: a field's leading axes differ from those of position.

    Example:
        >>> particles(jnp.zeros((3, 2)), mass=jnp.ones(2))
        Traceback (most recent call last):
        ...
        ValueError: mass has shape (2,); expected (3,), one value for each particle of position.
    """
    position = jnp.asarray(position)
    if position.ndim < 2:
        raise ValueError(f"position has shape {position.shape}; expected [..., N, D].")
    lead = position.shape[:-1]
    for name, value, want in (
        ("velocity", velocity, position.shape),
        ("mass", mass, lead),
        ("alive", alive, lead),
    ):
        if value is not None and value.shape != want:
            raise ValueError(
                f"{name} has shape {value.shape}; expected {want}, one value for each particle "
                "of position."
            )
    if feature is not None and feature.shape[:-1] != lead:
        raise ValueError(f"feature has shape {feature.shape}; expected {lead} + (F,).")
    return Particles(
        position=position,
        velocity=jnp.zeros_like(position) if velocity is None else velocity,
        feature=jnp.zeros((*lead, 0), position.dtype) if feature is None else feature,
        mass=jnp.ones(lead, position.dtype) if mass is None else mass,
        alive=jnp.ones(lead, bool) if alive is None else alive,
    )


def pad(state: Particles, count: int) -> Particles:
    """The same particles followed by inactive ones, `count` in all.

    Args:
        state: particles of N ≤ count.
        count: the new N.

    Raises:
        ValueError: count is smaller than N.

    Example:
        >>> pad(particles(jnp.ones((2, 2))), 5).alive.tolist()
        [True, True, False, False, False]
    """
    extra = count - state.count
    if extra < 0:
        raise ValueError(f"cannot pad {state.count} particles to {count}; give count ≥ N.")

    def grow(x: Array, axis: int, value: float) -> Array:
        widths = [(0, 0)] * x.ndim
        widths[axis] = (0, extra)
        return jnp.pad(x, widths, constant_values=value)

    return Particles(
        position=grow(state.position, -2, 0),
        velocity=grow(state.velocity, -2, 0),
        feature=grow(state.feature, -2, 0),
        mass=grow(state.mass, -1, 1),
        alive=grow(state.alive, -1, False),
    )


def momentum(state: Particles) -> Array:
    """Total momentum Σ m v of those alive, [..., D]."""
    mv = state.mass[..., None] * state.velocity
    return jnp.sum(jnp.where(state.alive[..., None], mv, 0), axis=-2)


def kinetic_energy(state: Particles) -> Array:
    """Kinetic energy Σ ½ m v² of those alive, [...]."""
    energy = 0.5 * state.mass * jnp.sum(state.velocity**2, axis=-1)
    return jnp.sum(jnp.where(state.alive, energy, 0), axis=-1)
