"""What holds neighboring particles to each other while they are followed: springs.

Each particle is bonded to at most one neighbor on each of four sides, found through the
cells of the grid in which particles are born. Springs pull what the picture does not show,
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

SIDES = 4
STIFFNESS = 60.0  # of a spring, 1 / s² for a mass of 1
LONGEST_STEP = 0.05  # seconds; over longer ones springs are as soft as keeps them stable
STRETCH = 0.25  # change of its length at which a spring breaks
APART = 0.3  # of its length that its ends may move apart in `HORIZON` and still bond
HORIZON = 0.2  # seconds
CREEP = 1.0  # seconds in which the length at rest follows the length seen
TIE = 0.1  # seconds in which what is not seen takes on its neighbors' velocity


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


def predict(points: Particles, seen: Array, springs: Springs, dt: Array) -> Particles:
    """Particles a time dt later, carried by their velocity and pulled by their springs.

    Args:
        points: alive is true for all that are simulated, seen or not.
        seen: [N] bool, whose velocity was measured in the last frame.
        springs: between them.
        dt: seconds.
    """
    voters = springs.bonded & seen[springs.neighbor]
    mean = masked_mean(points.velocity[springs.neighbor], voters[..., None], axis=1)
    tie = jnp.where(~seen & voters.any(-1), 1 - jnp.exp(-dt / TIE), 0)[:, None]
    points = points.replace(velocity=points.velocity + tie * (mean - points.velocity))
    displacement, shift = dynamics.free()
    start, step = dynamics.semi_implicit_euler(
        dynamics.bonds(dynamics.spring, displacement), shift, dt
    )
    held = _held(springs, STIFFNESS * jnp.minimum(1, LONGEST_STEP / dt) ** 2)
    return step(start(None, points, **held), **held).particles


def pull(points: Particles, springs: Springs) -> Array:
    """Forces [N, 2] of springs on particles of mass 1, frame heights per second²."""
    force = dynamics.bonds(dynamics.spring, dynamics.free()[0])
    return force(points.position, alive=points.alive, **_held(springs, STIFFNESS))


def _held(springs: Springs, stiffness: Array | float) -> dict[str, Array | float]:
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
    seen: Array,
    table: Array,
    cell: Array,
    columns: int,
    dt: Array,
) -> Springs:
    """Springs after a frame: some break, some form.

    Args:
        springs: before.
        points: at the new frame; alive is true for all that are simulated, seen or not.
        seen: [N] bool.
        table: [cells] int32, a seen particle of each cell, or N for none.
        cell: [N] int32 where each particle is.
        columns: cells in a row.
        dt: seconds since the last frame.
    """
    count = points.count

    def length(neighbor: Array) -> Array:
        return safe_norm(points.position[:, None] - points.position[neighbor])

    now = length(springs.neighbor)
    both = points.alive[:, None] & points.alive[springs.neighbor]
    kept = springs.bonded & both & (jnp.abs(now - springs.length) < STRETCH * springs.length)
    shown = seen[:, None] & seen[springs.neighbor]
    creep = jnp.where(shown, 1 - jnp.exp(-dt / CREEP), 0)
    rest = springs.length + creep * (now - springs.length)

    beside = cell[:, None] + jnp.asarray([1, -1, columns, -columns])
    found = table[jnp.clip(beside, 0, len(table) - 1)]
    other = jnp.minimum(found, count - 1)
    away = length(other)
    parting = safe_norm(points.velocity[:, None] - points.velocity[other]) * HORIZON
    fits = (beside >= 0) & (beside < len(table)) & (found < count) & seen[:, None]
    fits = fits & (away > 0) & (parting < APART * away)
    return Springs(
        neighbor=jnp.where(kept, springs.neighbor, other),
        bonded=kept | fits,
        length=jnp.where(kept, rest, jnp.where(fits, away, 1)),
    )
