"""What the parts of the object tracker are worth: each is exchanged for something simpler.

The product has no flags for these; they are `tracking.discs.parts.Parts` that are handed in.

================ ==============================================================================
no_dynamics      nothing is known of where an object is before a frame is seen, but its appearance
no_velocity      an object is expected where it was
no_competition   each object is assigned all that is near it, and fitted as if it were alone
memory_on_grid   particles are nailed to a grid, and remember what was at their place
================ ==============================================================================
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from vidparticles.errors import InputError, nearest
from vidparticles.image.discs import pixels
from vidparticles.models.object_particles import ObjectParticles
from vidparticles.particles import Particles
from vidparticles.tracking.base import Tracker
from vidparticles.tracking.discs import assignment, parts
from vidparticles.tracking.discs.config import DiscConfig
from vidparticles.tracking.discs.foreground import Foreground
from vidparticles.tracking.discs.parts import Parts
from vidparticles.tracking.discs.state import Values
from vidparticles.tracking.discs.tracker import disc_tracker

ANYWHERE = 1e3  # frame heights: an assignment so wide is by appearance alone


def stay(
    values: Values, config: DiscConfig, p: Particles, dt: Array, shape: tuple[int, int]
) -> tuple[Particles, Array]:
    """Particles as they are, for `Parts.predict`."""
    return p, jnp.zeros_like(p.mass)


def assign_anywhere(*args: Any, width: Array, **options: Any) -> Array:
    """By appearance alone, for `Parts.assign`."""
    return assignment.assign(*args, width=jnp.full_like(width, ANYWHERE), **options)


def move_to_centroid(
    values: Values,
    config: DiscConfig,
    predicted: Particles,
    covariance: Array,
    visible: Array,
    statistics: Array,
    frame: Foreground,
    clear: Array | None,
    fit: Callable[..., Array],
) -> tuple[Particles, Array]:
    """Particles in the middle of what they were assigned, for `Parts.update`."""
    position = assignment.centroid(statistics, predicted.position, least=config.assignment.least)
    position = jnp.where(predicted.alive[..., None], position, predicted.position)
    return predicted.replace(position=position), covariance


def predict_rest(
    values: Values, config: DiscConfig, p: Particles, dt: Array, shape: tuple[int, int]
) -> tuple[Particles, Array]:
    """The laws, for objects whose speed was never seen, for `Parts.predict`."""
    return parts.predict(values, config, p.replace(velocity=0 * p.velocity), dt, shape)


def update_rest(
    values: Values, config: DiscConfig, predicted: Particles, *args: Any
) -> tuple[Particles, Array]:
    """Positions are updated, velocities are not, for `Parts.update`."""
    p, covariance = parts.update(values, config, predicted, *args)
    variance = covariance[..., 0]
    unknown = jnp.full_like(variance, config.spawn.speed**2)
    covariance = jnp.stack([variance, jnp.zeros_like(variance), unknown], axis=-1)
    return p.replace(velocity=predicted.velocity), covariance


def assign_each(
    position: Array,
    alive: Array,
    appearance: Array,
    appearance_weight: Array,
    cell_appearance: Array,
    statistics: Array,
    *,
    width: Array,
    **options: Any,
) -> Array:
    """Each object against the background alone, for `Parts.assign`: K assignments of one."""
    return assignment.assign(
        position[..., None, :],
        alive[..., None],
        appearance[..., None, :],
        appearance_weight[..., None],
        cell_appearance[..., None, :, :],
        statistics[..., None, :, :],
        width=width[..., None],
        **options,
    )[..., 0, :]


def fit_each(
    position: Array,
    alive: Array,
    visible: Array,
    coverage: Array,
    clear: Array | None,
    **options: Any,
) -> Array:
    """Each object as if it were alone, for `Parts.fit`: K fits of one."""
    return assignment.fit(
        position[..., None, :],
        alive[..., None],
        visible[..., None],
        coverage[..., None, :],
        clear,
        **options,
    )[..., 0, :]


def start_on_grid(batch: tuple[int, ...], config: DiscConfig) -> Particles:
    """All slots taken, √K × √K of them, for `Parts.start`."""
    side = math.isqrt(config.count)
    if side**2 != config.count:
        raise InputError(f"count is {config.count}; of a grid it is a square, as 16.")
    free = parts.start(batch, config)
    position = jnp.broadcast_to(pixels(side, side), free.position.shape)
    return free.replace(position=position, alive=jnp.ones_like(free.alive))


def keep(
    values: Values, config: DiscConfig, predicted: Particles, covariance: Array, *args: Any
) -> tuple[Particles, Array]:
    """Nothing is updated, for `Parts.update`."""
    return predicted, covariance


ABLATIONS: dict[str, Parts] = {
    "no_dynamics": Parts(predict=stay, assign=assign_anywhere, update=move_to_centroid),
    "no_velocity": Parts(predict=predict_rest, update=update_rest),
    "no_competition": Parts(assign=assign_each, fit=fit_each),
    "memory_on_grid": Parts(start=start_on_grid, predict=stay, update=keep),
}


@dataclasses.dataclass(frozen=True)
class AblatedObjects(ObjectParticles):
    """`ObjectParticles` with parts of its tracker exchanged.

    Attributes:
        ablation: one of `ABLATIONS`.

    Raises:
        InputError: there is no such ablation.
    """

    ablation: str = "no_dynamics"

    def __post_init__(self) -> None:
        if self.ablation not in ABLATIONS:
            near = nearest(self.ablation, ABLATIONS)
            raise InputError(f"there is no ablation {self.ablation!r}.{near}")

    def tracker_of(self, *, recompute: bool = False) -> Tracker:
        """The tracker with these parts."""
        return disc_tracker(self.objects, parts=ABLATIONS[self.ablation], recompute=recompute)
