"""Spots of one frame after another joined to paths.

Of all ways to pair the particles of a moment with the spots of the next, the likeliest for
independent diffusers is the one with the least sum of squared distances, those that stay
unpaired counted as the farthest allowed (Crocker & Grier 1996). Where spots are farther apart
than a particle goes in a frame, that is who is nearest to each other, found here in rounds,
each among those that the ones before have left.

A particle that finds no spot is looked for, for a while, from where it is expected: `predict`
says where, by default where it was seen last. Any motion of the dynamics will do, which is what
`by_velocity` is the plainest of.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.particles import Particles, Trajectory
from vidparticles.tracking.blobs.locate import locate
from vidparticles.tracking.points.tracker import Tracks

Predict = Callable[[Particles, Array], Particles]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class LinkState:
    """What linking carries from one frame to the next.

    Attributes:
        particles: those that are looked for in vain are not alive, and where they are expected.
        identity: [N] int32, a number for each particle ever seen; −1 for a free place.
        lost: [N] seconds since it was seen; 0 for the living, infinity for free places.
        last: [N, D] where it was seen last.
        time: seconds, of the newest frame.
        born: int32, particles ever seen.
    """

    particles: Particles
    identity: Array
    lost: Array
    last: Array
    time: Array
    born: Array


def at_rest(particles: Particles, dt: Array) -> Particles:
    """Particles expected where they are: what diffuses goes nowhere in the mean."""
    del dt
    return particles


def by_velocity(particles: Particles, dt: Array) -> Particles:
    """Particles a time dt later, going on as they went."""
    return particles.replace(position=particles.position + dt * particles.velocity)


def _nothing(spots: Particles, time: Array | float) -> LinkState:
    """Before the first frame: every place is free, so that the first step is all births."""
    return LinkState(
        particles=jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), spots),
        identity=jnp.full(spots.count, -1, jnp.int32),
        lost=jnp.full(spots.count, jnp.inf),
        last=jnp.zeros(spots.position.shape),
        time=jnp.asarray(time, jnp.float32),
        born=jnp.zeros((), jnp.int32),
    )


def start(spots: Particles, time: Array | float) -> LinkState:
    """Each spot of the first frame becomes a particle.

    Args:
        spots: from `spots.locate`; their number of places is that of particles.
        time: seconds.
    """
    return step(_nothing(spots, time), spots, time, reach=0.0, memory=0.0)


@functools.partial(jax.jit, static_argnames="predict")
def step(
    state: LinkState,
    spots: Particles,
    time: Array | float,
    *,
    reach: Array | float,
    memory: Array | float,
    predict: Predict = at_rest,
) -> LinkState:
    """The particles found among the spots of the next frame.

    Args:
        state: from `start` or `step`.
        spots: of the next frame, of any order and of as many places.
        time: seconds, later than that of the state.
        reach: frame heights from where a particle is expected to its spot, at most.
        memory: seconds for which a particle without a spot is looked for.
        predict: (particles, seconds) → particles, where they are expected.

    Returns:
        The state at the new frame, each particle with the position and feature of its spot and
        the mean velocity since it was seen last. Spots that are no particle's are born, at
        rest, while there are free places.

    Example:
        >>> from vidparticles.particles import particles
        >>> state = start(particles(jnp.array([[0.2, 0.5], [0.7, 0.5]])), 0.0)
        >>> other_order = particles(jnp.array([[0.71, 0.5], [0.21, 0.5]]))
        >>> state = step(state, other_order, 0.1, reach=0.05, memory=0.0)
        >>> state.identity.tolist(), [round(float(x), 2) for x in state.particles.position[:, 0]]
        ([0, 1], [0.21, 0.71])
    """
    time = jnp.asarray(time, jnp.float32)
    dt = jnp.maximum(time - state.time, 1e-6)
    old, known = state.particles, jnp.isfinite(state.lost)
    ahead = predict(old.replace(alive=known), dt)
    mate = _pairs(ahead.position, known, spots.position, spots.alive, reach)

    # Those whose spot was found, then births in the places that are left.
    found, count = mate >= 0, old.count
    lost = jnp.where(found, 0, state.lost + dt)
    kept = found | (lost <= memory)
    taken = jnp.zeros(count + 1, bool).at[jnp.where(found, mate, count)].set(True)[:-1]
    new = spots.alive & ~taken
    free = jnp.argsort(kept, stable=True)  # the free places first
    place = jnp.where(new, free[jnp.cumsum(new) - 1], count)
    place = jnp.where(jnp.cumsum(new) <= jnp.sum(~kept), place, count)
    source = jnp.full(count + 1, -1).at[place].set(jnp.arange(count))[:-1]
    born = source >= 0
    source = jnp.where(found, mate, source)

    seen = found | born
    lost = jnp.where(born, 0, jnp.where(kept, lost, jnp.inf))
    shown = jnp.maximum(source, 0)
    position = jnp.where(seen[:, None], spots.position[shown], ahead.position)
    velocity = (position - state.last) / (dt + state.lost)[:, None]
    velocity = jnp.where(found[:, None], velocity, jnp.where(kept[:, None], ahead.velocity, 0))
    return LinkState(
        particles=Particles(
            position=position,
            velocity=velocity,
            feature=jnp.where(seen[:, None], spots.feature[shown], old.feature),
            mass=jnp.where(seen, spots.mass[shown], old.mass),
            alive=seen,
        ),
        identity=jnp.where(
            born,
            state.born + jnp.cumsum(born, dtype=jnp.int32) - 1,
            jnp.where(kept, state.identity, -1),
        ),
        lost=lost,
        last=jnp.where(seen[:, None], position, state.last),
        time=time,
        born=state.born + jnp.sum(born, dtype=jnp.int32),
    )


def _pairs(
    position: Array, known: Array, spots: Array, alive: Array, reach: Array | float
) -> Array:
    """The spot of each particle [N] int32, −1 for none: nearest to each other, in rounds."""
    square = sum((spots[:, None, d] - position[:, d]) ** 2 for d in range(position.shape[-1]))
    square = jnp.where(alive[:, None] & known & (square <= reach**2), square, jnp.inf)
    # Kept both ways round, and reduced along the first axis alone: XLA:CPU is many times slower
    # along the last one, and at finding where the least is.
    both = jax.lax.optimization_barrier((square, square.T))
    of_spot, of_particle = (jnp.arange(size, dtype=jnp.int32)[:, None] for size in square.shape)

    def pair(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        mate, owner, _ = carry
        by_spot, by_particle = (
            jnp.where((rows[:, None] < 0) & (columns < 0), s, jnp.inf)
            for s, rows, columns in ((both[0], owner, mate), (both[1], mate, owner))
        )
        least, least_of_spot = jnp.min(by_spot, 0), jnp.min(by_particle, 0)

        def mutual(s: Array, rows: Array, columns: Array, index: Array) -> Array:
            return jnp.max(jnp.where((s == rows[:, None]) & (s == columns), index, -1), 0)

        least = jnp.where(jnp.isfinite(least), least, -1)  # equal to nothing
        spot = mutual(by_spot, least_of_spot, least, of_spot)
        particle = mutual(by_particle, least, least_of_spot, of_particle)
        # Of several at the same distance one alone is the spot's.
        mine = (spot >= 0) & (particle[spot] == of_particle[:, 0])
        taken = (particle >= 0) & mine[particle] & (spot[particle] == of_spot[:, 0])
        mate = jnp.where(mine, spot, mate)
        return mate, jnp.where(taken, particle, owner), jnp.any(mine)

    mate, owner = (jnp.full(size, -1, jnp.int32) for size in square.shape[::-1])
    start = mate, owner, jnp.any(jnp.isfinite(square))
    return jax.lax.while_loop(lambda carry: carry[2], pair, start)[0]


@functools.partial(jax.jit, static_argnames=("diameter", "count", "dark", "predict"))
def follow(
    frames: Array,
    times: Array,
    *,
    diameter: int,
    reach: Array | float,
    memory: Array | float = 0.0,
    count: int = 256,
    least: Array | float = 0.05,
    brightest: Array | float = 0.3,
    dark: bool = False,
    predict: Predict = at_rest,
) -> Tracks:
    """The spots of a clip, located and linked through all its frames.

    Args:
        frames: [T, H, W] or [T, H, W, 3], uint8 or floats in [0, 1].
        times: [T] seconds, rising; may be uneven.
        diameter, count, least, brightest, dark: of the spots, see `spots.locate`.
        reach, memory, predict: of their paths, see `step`.

    Returns:
        Position in frame heights, velocity in frame heights per second, feature as
        `spots.locate` gives it, with identities; no cuts.

    Raises:
        ValueError: the frames or times are of another shape, or see `spots.locate`.

    Example:
        >>> y, x = jnp.mgrid[:24, :24] + 0.5
        >>> clip = [jnp.exp(-((x - 9 - t) ** 2 + (y - 12) ** 2) / 6) for t in range(3)]
        >>> found = follow(
        ...     jnp.stack(clip), jnp.arange(3) / 2, diameter=7, reach=0.1, count=2
        ... )
        >>> [round(24 * float(x), 2) for x in found.trajectory.particles.position[:, 0, 0]]
        [9.0, 10.0, 11.0]
    """
    if frames.ndim not in (3, 4) or times.shape != frames.shape[:1]:
        raise ValueError(
            f"frames have shape {frames.shape} and times {times.shape}; expected "
            "[T, H, W] or [T, H, W, 3] and [T]."
        )

    def spots(frame: Array) -> Particles:
        looks = {"least": least, "brightest": brightest, "dark": dark}
        return locate(frame, diameter=diameter, count=count, **looks)

    def advance(state: LinkState, item: tuple[Array, Array]):
        frame, time = item
        state = step(state, spots(frame), time, reach=reach, memory=memory, predict=predict)
        return state, (state.particles, state.identity)

    times = jnp.asarray(times, jnp.float32)
    nothing = _nothing(jax.eval_shape(spots, frames[0]), times[0])
    _, (points, identity) = jax.lax.scan(advance, nothing, (frames, times))
    return Tracks(Trajectory(points, times), identity, jnp.zeros(len(times), bool))
