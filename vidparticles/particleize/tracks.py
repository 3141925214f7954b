"""Particles from any footage, without learning: points of the picture, followed.

A particle is born where the picture has texture in two directions, spread evenly by a
grid; from frame to frame it is carried on by its velocity and corrected by pyramidal
matching (`matching.py`); it dies when it leaves the picture, when its patch no longer looks the
same, or when following it back does not lead home. Dead places are given to the emptiest
textured cells, after at least one dead frame: so an unbroken run of `alive` is one point.

`start` and `step` stream: one frame in, one state out. `follow` does a whole clip. Lengths
inside are pixels of the frames given; give them shrunk to about 320 pixels.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.particleize.matching import RADIUS, levels_of, match, pyramid_of
from vidparticles.particles import Particles, Trajectory
from vidparticles.render.sampling import bilinear, box, grey

MIN_TEXTURE = 4e-5  # smaller eigenvalue of the structure tensor, (luma / pixel)²
MAX_RETURN = 0.5  # pixels between a point and where following it there and back ends
MAX_MISFIT = 0.6  # r.m.s. difference of the patches over the patch's own contrast
CUT_SURVIVAL = 0.2  # fewer survivors than this in one step: a cut, nothing survives
SMOOTHING = 0.6  # weight of the newest displacement in the velocity


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrackState:
    """What following carries from one frame to the next.

    Attributes:
        particles: position, velocity in frame heights and seconds; feature: colour [N, 3]
            in [0, 1].
        age: [N] int32, frames since birth, 0 for the dead.
        cut: bool, nothing of the last frame was found in this one.
        pyramid: flat luma of all levels of the newest frame.
        time: seconds, of the newest frame.
    """

    particles: Particles
    age: Array
    cut: Array
    pyramid: Array
    time: Array


def _texture(luma: Array) -> Array:
    """The smaller eigenvalue of the structure tensor around each pixel [H, W]."""
    padded = jnp.pad(luma, 1, mode="edge")
    gx = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    gy = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    a, b, c = box(jnp.stack([gx * gx, gx * gy, gy * gy], -1), RADIUS - 1).transpose(2, 0, 1)
    return (a + c) / 2 - jnp.sqrt(((a - c) / 2) ** 2 + b * b)


def grid(height: int, width: int, count: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells, at most `count` in all.

    Example:
        >>> grid(90, 160, 128)
        (8, 16)
    """
    rows = max(1, min(count, int((count * height / width) ** 0.5)))
    return rows, max(1, count // rows)


def _seeds(luma: Array, count: int) -> tuple[Array, Array]:
    """The most textured place of each cell, pixels [count, 2], and its texture [count]."""
    height, width = luma.shape
    rows, cols = grid(height, width, count)
    margin = 3  # a patch needs something on each side of its centre
    inside = jnp.zeros((height, width), bool).at[margin:-margin, margin:-margin].set(True)
    score = jnp.where(inside, _texture(luma), 0)
    # Cells of equal size; the few lines left over widen the last row and column.
    ch, cw = -(-height // rows), -(-width // cols)
    padded = jnp.pad(score, ((0, rows * ch - height), (0, cols * cw - width)))
    cells = padded.reshape(rows, ch, cols, cw).transpose(0, 2, 1, 3).reshape(rows * cols, -1)
    best = jnp.argmax(cells, axis=1)
    cell = jnp.arange(rows * cols)
    x = (cell % cols) * cw + best % cw + 0.5
    y = (cell // cols) * ch + best // cw + 0.5
    extra = count - rows * cols
    xy = jnp.pad(jnp.stack([x, y], -1).astype(jnp.float32), ((0, extra), (0, 0)))
    return xy, jnp.pad(jnp.max(cells, axis=1), (0, extra))


def _occupied(xy: Array, alive: Array, height: int, width: int, count: int) -> Array:
    """[count] bool, which cells hold a living particle."""
    rows, cols = grid(height, width, count)
    ch, cw = -(-height // rows), -(-width // cols)
    cell = (xy[:, 1] // ch) * cols + xy[:, 0] // cw
    cell = jnp.where(alive, jnp.clip(cell.astype(jnp.int32), 0, count - 1), count)
    return jnp.zeros(count + 1, bool).at[cell].set(True)[:count]


def _colour(frame: Array, xy: Array) -> Array:
    """Colour [N, 3] in [0, 1] at places in pixels."""
    colour = bilinear(frame.astype(jnp.float32), xy)
    return colour / 255 if frame.dtype == jnp.uint8 else colour


def _check(frame: Array, count: int) -> None:
    if frame.ndim != 3 or frame.shape[-1] != 3 or min(frame.shape[:2]) < 16:
        raise ValueError(
            f"the frame has shape {frame.shape}; expected [H, W, 3] with at least 16 pixels "
            "each way."
        )
    if count < 1:
        raise ValueError(f"count is {count}; expected at least 1 particle.")


def _nothing(frame: Array, time: Array | float, count: int) -> TrackState:
    """Before the first frame: every place is dead, so that the first step is all births."""
    flat = jnp.zeros((count, 2), jnp.float32)
    return TrackState(
        particles=Particles(
            position=flat,
            velocity=flat,
            feature=jnp.zeros((count, 3), jnp.float32),
            mass=jnp.ones(count, jnp.float32),
            alive=jnp.zeros(count, bool),
        ),
        age=jnp.zeros(count, jnp.int32),
        cut=jnp.zeros((), bool),
        pyramid=jnp.zeros(sum(h * w for _, h, w in levels_of(*frame.shape[:2])), jnp.float32),
        time=jnp.asarray(time, jnp.float32),
    )


def start(frame: Array, time: Array | float, *, count: int = 256) -> TrackState:
    """Particles at the textured places of the first frame, at rest.

    Args:
        frame: [H, W, 3] uint8, or floats in [0, 1]; at least 16 × 16.
        time: seconds.
        count: places for particles; a frame with little texture leaves some dead.

    Raises:
        ValueError: the frame is too small or is not [H, W, 3].
    """
    _check(frame, count)
    return step(_nothing(frame, time, count), frame, time)


@jax.jit
def step(state: TrackState, frame: Array, time: Array | float) -> TrackState:
    """The particles followed into the next frame.

    Args:
        state: from `start` or `step`.
        frame: [H, W, 3] of the same size.
        time: seconds, later than that of the state.

    Returns:
        The state at the new frame. Velocity is the newest displacement over the time that
        passed, lightly smoothed over the frames before.
    """
    old = state.particles
    count = old.count
    _check(frame, count)
    luma = grey(frame)
    height, width = luma.shape
    pyramid = pyramid_of(luma)
    time = jnp.asarray(time, jnp.float32)
    dt = jnp.maximum(time - state.time, 1e-6)

    xy = old.position * height
    levels = levels_of(height, width)
    shift, misfit = match(state.pyramid, pyramid, levels, xy, old.velocity * (dt * height))
    there = xy + shift
    # The way back starts at home, so that the finest levels tell whether it stays there.
    back, _ = match(pyramid, state.pyramid, levels[:2], there, -shift)
    away = jnp.sum((shift + back) ** 2, -1)
    inside = jnp.all((there > 0) & (there < jnp.asarray([width, height])), -1)
    alive = old.alive & inside & (away < MAX_RETURN**2) & (misfit < MAX_MISFIT)
    before = jnp.sum(old.alive)
    cut = (before > 8) & (jnp.sum(alive) < CUT_SURVIVAL * before)
    alive = alive & ~cut

    newest = shift / height / dt
    weight = jnp.where(state.age > 0, SMOOTHING, 1.0)[:, None]
    velocity = weight * newest + (1 - weight) * old.velocity

    # Births: the k-th free place takes the k-th emptiest textured cell. A place that died
    # in this very step stays dead for one frame.
    seeds, texture = _seeds(luma, count)
    wanted = jnp.where(_occupied(there, alive, height, width, count), 0, texture)
    rank = jnp.argsort(jnp.argsort(old.alive, stable=True), stable=True)
    cell = jnp.argsort(-wanted, stable=True)[rank]
    born = ~old.alive & (wanted[cell] > MIN_TEXTURE)
    there = jnp.where(born[:, None], seeds[cell], there)
    velocity = jnp.where((alive & ~born)[:, None], velocity, 0)
    there = jnp.clip(there, 0, jnp.asarray([width, height], jnp.float32))
    moved = Particles(
        position=there / height,
        velocity=velocity,
        feature=_colour(frame, there),
        mass=old.mass,
        alive=alive | born,
    )
    age = jnp.where(alive, state.age + 1, 0)
    return TrackState(particles=moved, age=age, cut=cut, pyramid=pyramid, time=time)


@functools.partial(jax.jit, static_argnames="count")
def follow(frames: Array, times: Array, *, count: int = 256) -> Trajectory:
    """Points of a clip, followed through all its frames.

    Args:
        frames: [..., T, H, W, 3] uint8, or floats in [0, 1]; about 320 pixels wide.
        times: [..., T] seconds, rising; may be uneven (variable frame rate).
        count: N, places for particles.

    Returns:
        Trajectory of [..., T, N, ·]: position in frame heights, velocity in frame heights
        per second, feature = colour [3] in [0, 1]. An unbroken run of `alive` along T is
        one point. It is a measurement: no gradient flows into the frames.

    Raises:
        ValueError: the frames are too small or of another shape.

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (32, 40, 3))
        >>> clip = jnp.stack([noise, jnp.roll(noise, 1, axis=1)])
        >>> tracks = follow(clip, jnp.array([0.0, 0.5]), count=12)
        >>> tracks.particles.position.shape
        (2, 12, 2)
    """
    if frames.ndim > 4:
        return jax.vmap(lambda f, t: follow(f, t, count=count))(frames, times)
    if frames.ndim != 4 or times.shape != frames.shape[:1]:
        raise ValueError(
            f"frames have shape {frames.shape} and times {times.shape}; expected "
            "[..., T, H, W, 3] and [..., T]."
        )
    _check(frames[0], count)

    def advance(state: TrackState, item: tuple[Array, Array]):
        state = step(state, *item)
        return state, state.particles

    nothing = _nothing(frames[0], times[0], count)
    _, followed = jax.lax.scan(advance, nothing, (frames, jnp.asarray(times, jnp.float32)))
    return jax.lax.stop_gradient(Trajectory(followed, jnp.asarray(times, jnp.float32)))


def neighbours(position: Array, alive: Array, *, k: int) -> tuple[Array, Array]:
    """The k nearest living particles of each: who is held to whom by springs.

    Args:
        position: [..., N, D].
        alive: [..., N] bool.
        k: how many, at most N − 1 are found.

    Returns:
        index [..., N, K] int32 and bonded [..., N, K] bool, false where either is dead.

    Example:
        >>> index, _ = neighbours(jnp.array([[0.0], [1.0], [5.0]]), jnp.ones(3, bool), k=1)
        >>> index.tolist()
        [[1], [0], [1]]
    """
    square = jnp.sum((position[..., :, None, :] - position[..., None, :, :]) ** 2, -1)
    own = jnp.eye(position.shape[-2], dtype=bool)
    square = jnp.where(own | ~alive[..., None, :], jnp.inf, square)
    nearest, index = jax.lax.top_k(-square, min(k, position.shape[-2]))
    return index.astype(jnp.int32), jnp.isfinite(nearest) & alive[..., :, None]
