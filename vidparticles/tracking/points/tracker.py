"""Particles from any footage, without learning: points of the picture, followed.

A particle is born where the picture has texture in two directions, spread evenly by a grid
(`seeds.py`). From frame to frame its velocity and the springs to its neighbors carry it on
(`holding.py`), and the picture corrects it (`matching.py`): coarse to fine against what was
seen last, then against the patch at birth, so that errors do not add up. What is not found
again, or does not lead back, is hidden: for a while it is carried on by its springs and
looked for, and if it comes back it is the same particle. Free places go to the emptiest
textured cells. A cut ends all.

`start` and `step` stream: one frame in, one state out. `follow` does a whole clip. Pictures
are shrunk to `LONGEST` pixels, whatever their size; positions are in frame heights of the
frame given, velocities per second.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.patches import (
    PATCH,
    WIDE,
    cut_out,
    inside,
    levels_of,
    moved,
    pyramid_of,
    upwards,
    window,
)
from vidparticles.image.resample import bilinear, gray, resize, shrink_size
from vidparticles.numerics import masked_mean
from vidparticles.particles import Particles, Trajectory
from vidparticles.tracking.points.blocks import by_blocks
from vidparticles.tracking.points.match import STEADY, find
from vidparticles.tracking.points.seeds import cell_of, grid, noise_of, seeds
from vidparticles.tracking.points.springs import Springs, no_springs, predict, renew

LONGEST = 320  # pixels of the longer side of what is followed
SHORTEST = 16  # pixels of the shorter side, at least; thinner pictures are stretched
CUT_SURVIVAL = 0.2  # fewer survivors than this in one step: a cut, nothing survives
ENOUGH = 8  # particles, or places with texture, below which nothing is said about cuts
SMOOTHING = 0.04  # seconds over which displacements are averaged to velocities
JUMP = 0.015, 0.15  # frame heights, and per second, from where it was expected
HIDDEN = 0.6  # seconds that a particle is looked for
REACH = 0.02, 0.1  # frame heights, and per second hidden, from where it is looked for
SOWING = 0.1  # seconds between births
SPARE = 8  # one place in this many has no cell, for what appears while others are hidden
CROWD = 0.4  # of the side of a cell, to which a particle wards off others
TWINS = 2.0  # pixels within which two particles of a cell are one


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrackState:
    """What following carries from one frame to the next.

    Attributes:
        particles: position, velocity in frame heights and seconds; feature: color [N, 3]
            in [0, 1]. Those that are hidden are not alive, and where they are expected.
        identity: [N] int32, a number for each particle ever born; −1 for a free place.
        age: [N] int32, frames since it was born or found again, 0 where not alive.
        lost: [N] seconds hidden; 0 for the living, infinity for free places.
        cut: bool, nothing of the last frame was found in this one.
        time: seconds, of the newest frame.
        born: int32, particles ever born.
        sown: seconds, when places for births were last looked for.
        springs: between neighbors.
        deformed: [2, 2, N] how the surroundings have deformed since `birth`.
        misfit: [N] how much it differed from `birth` when it was seen last.
        birth: [P, P, N] luma around the particle when it was born.
        seen: [L, P, P, N] around where it was seen last, at all levels, coarsest first.
    """

    particles: Particles
    identity: Array
    age: Array
    lost: Array
    cut: Array
    time: Array
    born: Array
    sown: Array
    springs: Springs
    deformed: Array
    misfit: Array
    birth: Array
    seen: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Tracks:
    """The particles of a clip through all its frames.

    Attributes:
        trajectory: fields [..., T, N, ·]; an unbroken run of `alive` along T is one point.
        identity: [..., T, N] int32; the same number before and after being hidden.
        cut: [..., T] bool, where a new shot begins.
    """

    trajectory: Trajectory
    identity: Array
    cut: Array


def _size(frame: Array) -> tuple[int, int]:
    """Height and width at which a frame is followed."""
    height, width = shrink_size(*frame.shape[:2], longest=LONGEST)
    return max(height, SHORTEST), max(width, SHORTEST)


def _unit(frame: Array) -> Array:
    """Pixels of what is followed in a frame height, across and down, [2]."""
    height, width = _size(frame)
    return jnp.asarray([width * frame.shape[0] / frame.shape[1], height], jnp.float32)


def _luma(frame: Array) -> Array:
    luma, size = gray(frame), _size(frame)
    return luma if luma.shape == size else resize(luma, *size)


def _check(frame: Array, count: int) -> None:
    if frame.ndim != 3 or frame.shape[-1] != 3 or min(frame.shape[:2]) < 1:
        raise ValueError(f"the frame has shape {frame.shape}; expected [H, W, 3].")
    if count < 1:
        raise ValueError(f"count is {count}; expected at least 1 particle.")


def _nothing(frame: Array, time: Array | float, count: int) -> TrackState:
    """Before the first frame: every place is free, so that the first step is all births."""
    flat = jnp.zeros((count, 2), jnp.float32)
    levels = len(levels_of(*_size(frame)))
    return TrackState(
        particles=Particles(
            position=flat,
            velocity=flat,
            feature=jnp.zeros((count, 3), jnp.float32),
            mass=jnp.ones(count, jnp.float32),
            alive=jnp.zeros(count, bool),
        ),
        identity=jnp.full(count, -1, jnp.int32),
        age=jnp.zeros(count, jnp.int32),
        lost=jnp.full(count, jnp.inf, jnp.float32),
        cut=jnp.zeros((), bool),
        time=jnp.asarray(time, jnp.float32),
        born=jnp.zeros((), jnp.int32),
        sown=jnp.asarray(-jnp.inf, jnp.float32),
        springs=no_springs(count),
        deformed=jnp.broadcast_to(jnp.eye(2)[..., None], (2, 2, count)),
        misfit=jnp.zeros(count, jnp.float32),
        birth=jnp.zeros((WIDE + 2, WIDE + 2, count), jnp.float32),
        seen=jnp.zeros((levels, PATCH + 2, PATCH + 2, count), jnp.float32),
    )


def start(frame: Array, time: Array | float, *, count: int = 256) -> TrackState:
    """Particles at the textured places of the first frame, at rest.

    Args:
        frame: [H, W, 3] uint8, or floats in [0, 1].
        time: seconds.
        count: places for particles; a frame with little texture leaves some free.

    Raises:
        ValueError: the frame is not [H, W, 3].
    """
    _check(frame, count)
    return step(_nothing(frame, time, count), frame, time)


def _births(
    luma: Array, noise: Array, xy: Array, alive: Array, free: Array
) -> tuple[Array, Array, Array]:
    """Who is born [N], where in pixels [N, 2], and how much of the picture can be followed.

    The k-th free place takes the k-th emptiest textured cell.
    """
    count, (height, width) = len(alive), luma.shape
    cells = max(1, count - count // SPARE)
    places, texture = seeds(luma, noise, cells)
    # A particle holds each cell that is near, too: else its own cell, once it has left it,
    # would bear another beside it.
    held = jnp.zeros(len(texture) + 1, bool)
    for corner in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        beside = xy + CROWD * (height * width / cells) ** 0.5 * jnp.asarray(corner, jnp.float32)
        cell = jnp.where(alive, cell_of(beside, height, width, cells), len(texture))
        held = held.at[cell].set(True)
    held = held[:-1]
    wanted = jnp.pad(jnp.where(held, 0, texture), (0, count - len(texture)))
    rank = jnp.argsort(jnp.argsort(~free, stable=True), stable=True)
    chosen = jnp.argsort(-wanted, stable=True)[rank]
    born = free & (wanted[chosen] > 0)
    return born, places[jnp.minimum(chosen, len(texture) - 1)], jnp.sum(texture > 0)


def _occupants(
    xy: Array, alive: Array, identity: Array, size: tuple[int, int]
) -> tuple[Array, Array, int]:
    """The oldest particle of each cell or N [cells], the cell of each [N], cells in a row."""
    count = len(alive)
    cells = max(1, count - count // SPARE)
    rows, columns = grid(*size, cells)
    cell = cell_of(xy, *size, cells)
    none = jnp.iinfo(jnp.int32).max
    oldest = jnp.full(rows * columns, none).at[cell].min(jnp.where(alive, identity, none))
    first = alive & (identity == oldest[cell])
    who = jnp.where(first, jnp.arange(count), count)
    return jnp.full(rows * columns, count).at[cell].min(who), cell, columns


def step(state: TrackState, frame: Array, time: Array | float) -> TrackState:
    """The particles followed into the next frame.

    Args:
        state: from `start` or `step`.
        frame: [H, W, 3] of the same size.
        time: seconds, later than that of the state.

    Returns:
        The state at the new frame. Velocity is the newest displacement over the time that
        passed, lightly smoothed over the frames before; of the newborn that of their
        neighbors.
    """
    _check(frame, state.particles.count)
    # Of one type, so that one program is compiled whatever numbers the times are.
    return _step(state, frame, jnp.asarray(time, jnp.float32))


@jax.jit
def _step(state: TrackState, frame: Array, time: Array) -> TrackState:
    old, count = state.particles, state.particles.count
    luma, unit, size = _luma(frame), _unit(frame), _size(frame)
    dt = jnp.maximum(time - state.time, 1e-6)
    flat, noise = pyramid_of(luma), noise_of(luma, count)

    # Predict.
    followed = jnp.isfinite(state.lost)
    ahead = predict(old.replace(alive=followed), old.alive, state.springs, dt)
    guess = ahead.position * unit

    # Correct.
    known = state.seen, state.birth, state.deformed, state.misfit, ~old.alive, guess.T
    match = find(flat, size, noise, followed, known)
    away = jnp.sum((match.xy / unit - ahead.position) ** 2, -1)
    near = away < (REACH[0] + REACH[1] * state.lost) ** 2
    smooth = (state.age == 0) | (away < (JUMP[0] + JUMP[1] * dt) ** 2)
    alive = followed & match.seen & jnp.where(old.alive, smooth, match.anchored & near)
    newest = (match.xy / unit - old.position) / dt
    weight = jnp.where(state.age > 0, 1 - jnp.exp(-dt / SMOOTHING), 1.0)[:, None]
    velocity = old.velocity + weight * (newest - old.velocity)
    velocity = jnp.where((alive & old.alive)[:, None], velocity, ahead.velocity)
    xy = jnp.where(alive[:, None], match.xy, guess)

    # Deaths: nothing is left after a cut; what was hidden for long, left or has a twin is gone.
    found, before = jnp.sum(alive), jnp.sum(followed)
    few = found < CUT_SURVIVAL * before
    # Seldom, since it costs as much as following; but at once where there may be a cut.
    sow = few | (before == 0) | (time - state.sown > SOWING)
    born, places, textured = jax.lax.cond(
        sow,
        lambda: _births(luma, noise, xy, alive, ~followed),
        lambda: (jnp.zeros(count, bool), xy, jnp.zeros((), jnp.int32)),
    )
    cut = (before > ENOUGH) & few & (textured > ENOUGH)
    table, cell, _ = _occupants(xy, alive, state.identity, size)
    first = table[cell]
    apart = jnp.sum((xy - xy[jnp.minimum(first, count - 1)]) ** 2, -1)
    twin = alive & (first < count) & (first != jnp.arange(count)) & (apart < TWINS**2)
    alive = alive & ~twin & ~cut
    lost = jnp.where(alive, 0, state.lost + dt)
    gone = cut | twin | (lost > HIDDEN) | jnp.any((xy < 0) | (xy > _extent(size)), -1)
    lost = jnp.where(gone, jnp.inf, lost)

    # Births.
    xy = jnp.clip(jnp.where(born[:, None], places, xy), 0, _extent(size))
    living = alive | born
    lost = jnp.where(born, 0, lost)
    identity = jnp.where(jnp.isfinite(lost), state.identity, -1)
    identity = jnp.where(born, state.born + jnp.cumsum(born, dtype=jnp.int32) - 1, identity)
    table, cell, columns = _occupants(xy, living, identity, size)
    velocity = jnp.where(born[:, None], _beside(velocity, alive, table, cell, columns), velocity)
    points = Particles(
        position=xy / unit,
        velocity=jnp.where(jnp.isfinite(lost)[:, None], velocity, 0),
        feature=_color(frame, xy, size),
        mass=old.mass,
        alive=jnp.isfinite(lost),
    )
    springs = renew(state.springs, points, living, table, cell, columns, dt)

    # What they look like.
    here = inside(xy.T, *size)
    afresh = born | (alive & ~match.anchored)

    def looks(here: Array) -> tuple[Array, Array]:
        plain, rest = window(flat, jnp.asarray(levels_of(*size)[0]), here, WIDE + 4)
        return moved(plain, rest, WIDE + 2, 1), cut_out(flat, *upwards(*size), here)

    plain, seen = by_blocks(looks, living, here)
    straight = jnp.eye(2)[..., None]
    return TrackState(
        particles=points.replace(alive=living),
        identity=identity,
        age=jnp.where(alive, state.age + 1, 0),
        lost=lost,
        cut=cut,
        time=time,
        born=state.born + jnp.sum(born, dtype=jnp.int32),
        sown=jnp.where(sow, time, state.sown),
        springs=springs,
        deformed=jnp.where(afresh, straight, jnp.where(alive, match.deformed, state.deformed)),
        misfit=jnp.where(alive, jnp.where(afresh, 0, match.misfit), state.misfit * ~born),
        birth=jnp.where(afresh, plain, state.birth),
        # What has begun to be covered is remembered as it was before.
        seen=jnp.where(afresh | (alive & (match.misfit < STEADY)), seen, state.seen),
    )


def _extent(size: tuple[int, int]) -> Array:
    return jnp.asarray([size[1], size[0]], jnp.float32)


def _beside(velocity: Array, alive: Array, table: Array, cell: Array, columns: int) -> Array:
    """The mean velocity [N, 2] in the cells around each particle."""
    around = cell[:, None] + jnp.asarray([1, -1, columns, -columns])
    who = table[jnp.clip(around, 0, len(table) - 1)]
    other = jnp.minimum(who, len(alive) - 1)
    seen = (around >= 0) & (around < len(table)) & (who < len(alive)) & alive[other]
    return masked_mean(velocity[other], seen[..., None], axis=1)


def _color(frame: Array, xy: Array, size: tuple[int, int]) -> Array:
    """Color [N, 3] in [0, 1] at places in pixels of what is followed."""
    places = xy * jnp.asarray([frame.shape[1] / size[1], frame.shape[0] / size[0]], jnp.float32)
    color = bilinear(frame.astype(jnp.float32), places)
    return color / 255 if frame.dtype == jnp.uint8 else color


@functools.partial(jax.jit, static_argnames="count")
def follow(frames: Array, times: Array, *, count: int = 256) -> Tracks:
    """Points of a clip, followed through all its frames.

    Args:
        frames: [..., T, H, W, 3] uint8, or floats in [0, 1].
        times: [..., T] seconds, rising; may be uneven (variable frame rate).
        count: N, places for particles.

    Returns:
        Position in frame heights, velocity in frame heights per second, feature = color
        [3] in [0, 1], with identities and cuts: the same, to the bit, as frame by frame.
        It is a measurement: no gradient flows into the frames.

    Raises:
        ValueError: the frames or times are of another shape.

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (32, 40, 3))
        >>> clip = jnp.stack([noise, jnp.roll(noise, 1, axis=1)])
        >>> tracks = follow(clip, jnp.array([0.0, 0.5]), count=12)
        >>> tracks.trajectory.particles.position.shape
        (2, 12, 2)
    """
    if frames.ndim > 4:
        return jax.lax.map(lambda clip: follow(*clip, count=count), (frames, times))
    if frames.ndim != 4 or times.shape != frames.shape[:1]:
        raise ValueError(
            f"frames have shape {frames.shape} and times {times.shape}; expected "
            "[..., T, H, W, 3] and [..., T]."
        )
    _check(frames[0], count)

    def advance(state: TrackState, item: tuple[Array, Array]):
        state = step(state, *item)
        return state, (state.particles, state.identity, state.cut)

    nothing = _nothing(frames[0], times[0], count)
    times = jnp.asarray(times, jnp.float32)
    _, (points, identity, cut) = jax.lax.scan(advance, nothing, (frames, times))
    return jax.lax.stop_gradient(Tracks(Trajectory(points, times), identity, cut))


def neighbors(position: Array, alive: Array, *, k: int) -> tuple[Array, Array]:
    """The k nearest living particles of each: who is held to whom by springs.

    Args:
        position: [..., N, D].
        alive: [..., N] bool.
        k: how many, at most N − 1 are found.

    Returns:
        index [..., N, K] int32 and bonded [..., N, K] bool, false where either is dead.

    Example:
        >>> index, _ = neighbors(jnp.array([[0.0], [1.0], [5.0]]), jnp.ones(3, bool), k=1)
        >>> index.tolist()
        [[1], [0], [1]]
    """
    square = jnp.sum((position[..., :, None, :] - position[..., None, :, :]) ** 2, -1)
    own = jnp.eye(position.shape[-2], dtype=bool)
    square = jnp.where(own | ~alive[..., None, :], jnp.inf, square)
    nearest, index = jax.lax.top_k(-square, min(k, position.shape[-2]))
    return index.astype(jnp.int32), jnp.isfinite(nearest) & alive[..., :, None]
