"""What holds neighboring particles to each other while they are followed: springs.

Each particle is bonded to at most one neighbor on each of four sides, found through the
cells of the grid in which particles are spawned. Springs pull what the picture does not show,
or not yet, along with what it does; a spring that is stretched too far, or whose ends go
different ways, breaks, and another may form.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles import dynamics
from vidparticles.numerics import masked_mean, safe_norm
from vidparticles.particles import Particles

SIDES = 4  # of a cell, on each of which a neighbor is looked for


@dataclasses.dataclass(frozen=True)
class SpringConfig:
    """How springs pull, form and break.

    Attributes:
        stiffness: of a spring, 1 / s² for a mass of 1.
        longest_step: seconds; over longer ones springs are as soft as keeps them stable.
        stretch: change of its length, over it, at which a spring breaks.
        apart: of its length that its ends may move apart in `horizon` and still bond.
        horizon: seconds.
        creep: seconds in which the length at rest follows the length seen.
        tie: seconds in which what is not visible takes on its neighbors' velocity.
    """

    stiffness: float = 60.0
    longest_step: float = 0.05
    stretch: float = 0.25
    apart: float = 0.3
    horizon: float = 0.2
    creep: float = 1.0
    tie: float = 0.1


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Springs:
    """Who is held to whom.

    Attributes:
        neighbor: [N, SIDES] int32.
        bonded: [N, SIDES] bool.
        length: [N, SIDES] at rest, frame heights.
    """

    neighbor: Array
    bonded: Array
    length: Array


def no_springs(count: int) -> Springs:
    """Nobody is held."""
    shape = count, SIDES
    return Springs(jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool), jnp.ones(shape))


def predict(
    points: Particles, visible: Array, springs: Springs, dt: Array, config: SpringConfig
) -> Particles:
    """Particles a time dt later, carried by their velocity and pulled by their springs.

    Args:
        points: alive is true for all that are simulated, visible or not.
        visible: [N] bool, whose velocity was measured in the last frame.
        springs: between them.
        dt: seconds.
        config: how they pull.
    """
    voters = springs.bonded & visible[springs.neighbor]
    mean = masked_mean(points.velocity[springs.neighbor], voters[..., None], axis=1)
    tie = jnp.where(~visible & voters.any(-1), 1 - jnp.exp(-dt / config.tie), 0)[:, None]
    points = points.replace(velocity=points.velocity + tie * (mean - points.velocity))
    displacement, shift = dynamics.free()
    start, step = dynamics.semi_implicit_euler(
        dynamics.bonds(dynamics.spring, displacement), shift, dt
    )
    softer = jnp.minimum(1, config.longest_step / dt) ** 2
    held = _as_bonds(springs, config.stiffness * softer)
    return step(start(None, points, **held), **held).particles


def pull(points: Particles, springs: Springs, config: SpringConfig) -> Array:
    """Forces [N, 2] of springs on particles of mass 1, frame heights per second²."""
    force = dynamics.bonds(dynamics.spring, dynamics.free()[0])
    held = _as_bonds(springs, config.stiffness)
    return force(points.position, alive=points.alive, **held)


def _as_bonds(springs: Springs, stiffness: Array | float) -> dict[str, Array | float]:
    """Springs as the dynamics take them."""
    return {
        "index": springs.neighbor,
        "bonded": springs.bonded,
        "length": springs.length,
        "stiffness": stiffness,
    }


def renew(
    springs: Springs,
    points: Particles,
    visible: Array,
    table: Array,
    around: Array,
    dt: Array,
    config: SpringConfig,
) -> Springs:
    """Springs after a frame: some break, some form.

    Args:
        springs: before.
        points: at the new frame; alive is true for all that are simulated, visible or not.
        visible: [N] bool.
        table: [cells] int32, a visible particle of each cell, or N for none.
        around: [N, SIDES] int32, the cells beside each particle; may lie beyond the grid.
        dt: seconds since the last frame.
        config: when they break and form.
    """
    count = points.count

    def length(neighbor: Array) -> Array:
        return safe_norm(points.position[:, None] - points.position[neighbor])

    now = length(springs.neighbor)
    both = points.alive[:, None] & points.alive[springs.neighbor]
    kept = springs.bonded & both
    kept = kept & (jnp.abs(now - springs.length) < config.stretch * springs.length)
    shown = visible[:, None] & visible[springs.neighbor]
    creep = jnp.where(shown, 1 - jnp.exp(-dt / config.creep), 0)
    rest = springs.length + creep * (now - springs.length)

    found = table[jnp.clip(around, 0, len(table) - 1)]
    other = jnp.minimum(found, count - 1)
    away = length(other)
    parting = safe_norm(points.velocity[:, None] - points.velocity[other]) * config.horizon
    fits = (around >= 0) & (around < len(table)) & (found < count) & visible[:, None]
    fits = fits & (away > 0) & (parting < config.apart * away)
    return Springs(
        neighbor=jnp.where(kept, springs.neighbor, other),
        bonded=kept | fits,
        length=jnp.where(kept, rest, jnp.where(fits, away, 1)),
    )
