"""`vidparticles show`: a clip with its particles and their paths drawn over it."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.editing.reel import PathLike, Reel, Written, check_paths, opened, write
from vidparticles.errors import InputError, nearest
from vidparticles.inference.motion_laws import motion_laws
from vidparticles.numerics import safe_norm
from vidparticles.particles import Particles
from vidparticles.storage import atomic_write, write_errors
from vidparticles.tracking.points.state import PointState
from vidparticles.viz import draw
from vidparticles.viz.moments import Moment, moments
from vidparticles.viz.objects import drawn, followers, magnified
from vidparticles.viz.page import write_page

COLORS = ("speed", "group")
RESTING = 0.01  # frame heights per second under which a particle leaves no tail
BIRTH = 4  # frames in which a particle comes into view
FAINT = 0.45  # opacity of the background where colors tell groups
PINK = (1.0, 0.42, 0.80)  # of forces: no speed and no group has it


def show(
    path: PathLike,
    out: PathLike,
    *,
    color: str = "speed",
    forces: bool = False,
    checkpoint: PathLike | None = None,
    overwrite: bool = False,
) -> Written:
    """Write a clip with its particles: dots with tails, rings where they appear and vanish.

    Args:
        path: a video file.
        out: what to write: a video or GIF, .png for the one frame in which most moves, or .html
            for a page with a slider.
        color: "speed", or "group" for what moves together, apart from the camera.
        forces: draw arrows for the pull of the springs between neighbors, or with a checkpoint
            for the forces of its laws of motion.
        checkpoint: workdir of a training run. Of one that follows things, these are drawn: see
            `things`. Of one with laws of motion, the paths that they expect of the moving
            particles are drawn ahead of them, in white.
        overwrite: replace an existing file.

    Raises:
        InputError: a file cannot be read or written, or there is no such color.
    """
    if color not in COLORS:
        raise InputError(f"there is no coloring by '{color}'.{nearest(color, COLORS)}")
    out = pathlib.Path(out)
    kind = out.suffix.lower()
    check_paths(path, out, overwrite, also=(".png", ".html"))
    page = kind == ".html"
    things = None if checkpoint is None else followers(checkpoint)
    if things is not None and page:
        raise InputError(
            f"{out}: a page shows points, and {checkpoint} follows things; give a video, .gif or "
            ".png."
        )
    params = None if checkpoint is None or things is not None else motion_laws(checkpoint)
    with opened(path) as reel:
        if things is not None:
            times = magnified(reel.height)
            larger = reel.replace(height=times * reel.height, width=times * reel.width)
            return _write(larger, drawn(reel, things), out, overwrite=overwrite)
        options = {"grouped": page or color == "group", "forces": page or forces}
        told = moments(reel.frames, params, **options)
        if page:
            return write_page(reel, told, out, source=path, color=color, forces=forces)
        return _write(reel, _drawn(told), out, overwrite=overwrite)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class _Marks:
    """When and where particles last came and went.

    Attributes:
        born: [N] seconds, when the one that is there appeared.
        gone: [N] seconds, when one was lost from sight.
        place: [N, 2] frame heights, where that was.
        color: [N, 3] its color.
        weight: [N] and how strong that was.
    """

    born: Array
    gone: Array
    place: Array
    color: Array
    weight: Array


def _no_marks(count: int) -> _Marks:
    never = jnp.full(count, -jnp.inf)
    return _Marks(never, never, jnp.zeros((count, 2)), jnp.zeros((count, 3)), jnp.zeros(count))


def _drawn(told: Iterable[Moment]) -> Iterator[tuple[Fraction, np.ndarray, float]]:
    """(seconds, the frame with particles, how much moves in it)."""
    canvas: Array | None = None
    before: PointState | None = None
    marks: _Marks | None = None
    for moment in told:
        state, blank = moment.state, draw.blank(*moment.frame.shape[:2])
        if canvas is None or before is None or marks is None or moment.cut:
            canvas, before, marks = blank, state, _no_marks(state.particles.count)
        over = blank
        if moment.ahead is not None:
            over = _lines(over, moment.ahead, _moving(state))
        if moment.force is not None:
            over = _arrows(over, state, moment.force)
        canvas, marks, picture, score = _paint(
            jnp.asarray(moment.frame), canvas, marks, before, state, over, moment.label
        )
        before = state
        yield moment.time, np.asarray(picture), float(score)


def _strength(particles: Particles) -> Array:
    """0 for a particle at rest, 1 for one that moves."""
    speed = safe_norm(particles.velocity)
    return speed**2 / (speed**2 + 0.03**2)


def _moving(state: PointState) -> Array:
    """The same, and 0 for those whose motion has not been seen."""
    points = state.particles
    return jnp.where(points.alive & (state.age > 0), _strength(points), 0)


@jax.jit
def _paint(
    frame: Array,
    canvas: Array,
    marks: _Marks,
    before: PointState,
    state: PointState,
    over: Array,
    label: Array | None,
) -> tuple[Array, _Marks, Array, Array]:
    old, new = before.particles, state.particles
    ripe = jnp.minimum(state.age / BIRTH, 1)
    moving = safe_norm(new.velocity) > RESTING
    if label is None:
        color, weight = draw.speed_color(new.velocity), _strength(new)
    else:
        color = draw.group_color(label)
        weight = jnp.where(label > 0, 1, FAINT * _strength(new))
    tail = jnp.where(new.alive & old.alive & (state.age > 0) & moving, ripe, 0)
    canvas = draw.fade(canvas, state.time - before.time)
    canvas = draw.add_paths(canvas, old.position, new.position, color, tail * weight)

    stayed = old.alive & new.alive & (before.identity == state.identity)
    appeared, vanished = new.alive & ~stayed, old.alive & ~stayed
    first = state.time == before.time  # of a shot: all appear at once, which tells nothing
    marks = _Marks(
        born=jnp.where(appeared & ~first, state.time, jnp.where(new.alive, marks.born, -jnp.inf)),
        gone=jnp.where(vanished, state.time, marks.gone),
        place=jnp.where(vanished[:, None], old.position, marks.place),
        color=jnp.where(vanished[:, None], color, marks.color),
        weight=jnp.where(vanished, weight, marks.weight),
    )
    over = draw.add_rings(
        over,
        jnp.concatenate([new.position, marks.place]),
        jnp.concatenate([color, marks.color]),
        0.35 + 0.55 * jnp.concatenate([weight, marks.weight]),
        state.time - jnp.concatenate([marks.born, marks.gone]),
        jnp.repeat(jnp.asarray([True, False]), new.count, total_repeat_length=2 * new.count),
    )
    dots = jnp.where(new.alive, ripe * (0.35 + 0.65 * weight), 0)
    picture = draw.compose(frame, canvas, new.position, color, dots, over)
    # Tails as well as speed: the best frame is one whose paths have been drawn for a while.
    score = jnp.sum(dots * safe_norm(new.velocity)) * (1 + jnp.sum(canvas[..., 3]))
    return canvas, marks, picture, score


@jax.jit
def _lines(canvas: Array, path: Array, strength: Array) -> Array:
    """The paths [M, N, 2] that are expected, fading with time."""
    pieces = path.shape[0] - 1
    white = jnp.ones((*strength.shape, 3))

    def add(canvas: Array, piece: Array) -> tuple[Array, None]:
        opacity = 0.8 * strength * (1 - piece / pieces)
        ends = path[piece], path[piece + 1]
        return draw.add_paths(canvas, *ends, white, opacity, stamps=3), None

    return jax.lax.scan(add, canvas, jnp.arange(pieces))[0]


@jax.jit
def _arrows(canvas: Array, state: PointState, force: Array) -> Array:
    points = state.particles
    color = jnp.broadcast_to(jnp.asarray(PINK), (points.count, 3))
    opacity = jnp.where(points.alive, jnp.minimum(state.age / BIRTH, 1), 0)
    return draw.add_arrows(canvas, points.position, force, color, opacity)


def _write(
    reel: Reel,
    pictures: Iterator[tuple[Fraction, np.ndarray, float]],
    out: pathlib.Path,
    *,
    overwrite: bool,
) -> Written:
    """All pictures as a video, or the best of them."""
    if out.suffix.lower() == ".png":
        best = max(pictures, key=lambda drawn: drawn[2])
        return _write_still(best[1], out)
    frames = ((time, picture) for time, picture, _ in pictures)
    return write(reel.replace(frames=frames), out, overwrite=overwrite)


def _write_still(picture: np.ndarray, out: pathlib.Path) -> Written:
    """One picture, written beside and renamed."""
    from PIL import Image

    with atomic_write(out) as partial, write_errors(out):
        Image.fromarray(picture).save(partial)
    height, width = picture.shape[:2]
    return Written(out, 1, 0.0, width, height, sound=False)
