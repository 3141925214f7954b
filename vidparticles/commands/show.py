"""`vidparticles show`: a clip with its particles and their paths drawn over it."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.commands.laws import motion_laws
from vidparticles.editing.follow import following
from vidparticles.editing.reel import (
    Frames,
    PathLike,
    Written,
    check_paths,
    opened,
    write,
)
from vidparticles.errors import InputError
from vidparticles.models import motion
from vidparticles.numerics import safe_norm
from vidparticles.particleize.tracks import TrackState
from vidparticles.particles import Particles
from vidparticles.render import draw

COUNT = 320  # particles
RESTING = 0.01  # frame heights per second under which a particle leaves no tail
AHEAD, AHEAD_RATE = 0.5, 16.0  # seconds and moments a second of the path that is expected
BIRTH = 4  # frames in which a particle comes into view


def show(
    path: PathLike,
    out: PathLike,
    *,
    checkpoint: PathLike | None = None,
    overwrite: bool = False,
) -> Written:
    """Write a clip with its particles: dots with tails, coloured by speed.

    Args:
        path: a video file.
        out: what to write: a video or GIF, or .png for the one frame in which most moves.
        checkpoint: workdir of a training run; then the paths that its laws of motion expect
            of the moving particles are drawn ahead of them, in white.
        overwrite: replace an existing file.

    Raises:
        InputError: a file cannot be read or written.
    """
    still = pathlib.Path(out).suffix.lower() == ".png"
    if still:
        _check_still(pathlib.Path(out), overwrite)
    else:
        check_paths(path, out, overwrite)
    params = None if checkpoint is None else motion_laws(checkpoint)
    with opened(path) as reel:
        pictures = _drawn(reel.frames, params)
        if still:
            best = max(pictures, key=lambda drawn: drawn[2])
            return _write_still(best[1], pathlib.Path(out))
        frames = ((time, picture) for time, picture, _ in pictures)
        return write(reel.replace(frames=frames), out, overwrite=overwrite)


def _drawn(
    frames: Frames, params: motion.Params | None
) -> Iterator[tuple[Fraction, np.ndarray, float]]:
    """(seconds, the frame with particles, how much moves in it)."""
    canvas: Array | None = None
    before: TrackState | None = None
    for time, frame, state, cut in following(frames, count=COUNT):
        if canvas is None or before is None or cut:
            canvas = draw.blank(*frame.shape[:2])
            before = state
        ahead = draw.blank(*frame.shape[:2])
        if params is not None:
            ahead = _expected(ahead, params, state)
        canvas, picture, score = _paint(jnp.asarray(frame), canvas, before, state, ahead)
        before = state
        yield time, np.asarray(picture), float(score)


def _strength(particles: Particles) -> Array:
    """0 for a particle at rest, 1 for one that moves."""
    speed = safe_norm(particles.velocity)
    return speed**2 / (speed**2 + 0.03**2)


@jax.jit
def _paint(
    frame: Array, canvas: Array, before: TrackState, state: TrackState, ahead: Array
) -> tuple[Array, Array, Array]:
    old, new = before.particles, state.particles
    colour = draw.speed_colour(new.velocity)
    ripe = jnp.minimum(state.age / BIRTH, 1)
    moving = safe_norm(new.velocity) > RESTING
    tail = jnp.where(new.alive & old.alive & (state.age > 0) & moving, ripe, 0)
    canvas = draw.fade(canvas, state.time - before.time)
    canvas = draw.add_paths(canvas, old.position, new.position, colour, tail * _strength(new))
    dots = jnp.where(new.alive, ripe * (0.35 + 0.65 * _strength(new)), 0)
    picture = draw.compose(frame, canvas, new.position, colour, dots, ahead)
    # Tails as well as speed: the best frame is one whose paths have been drawn for a while.
    score = jnp.sum(dots * safe_norm(new.velocity)) * (1 + jnp.sum(canvas[..., 3]))
    return canvas, picture, score


def _expected(canvas: Array, params: motion.Params, state: TrackState) -> Array:
    """The paths that the laws expect of what moves."""
    points = state.particles
    points = points.replace(alive=points.alive & (state.age > 0))
    path = motion.predict(params, points, seconds=AHEAD, rate=AHEAD_RATE).particles.position
    return _lines(canvas, path, jnp.where(points.alive, _strength(points), 0))


@jax.jit
def _lines(canvas: Array, path: Array, strength: Array) -> Array:
    pieces = path.shape[0] - 1
    white = jnp.ones((*strength.shape, 3))

    def add(canvas: Array, piece: Array) -> tuple[Array, None]:
        opacity = 0.8 * strength * (1 - piece / pieces)
        ends = path[piece], path[piece + 1]
        return draw.add_paths(canvas, *ends, white, opacity, stamps=3), None

    return jax.lax.scan(add, canvas, jnp.arange(pieces))[0]


def _check_still(out: pathlib.Path, overwrite: bool) -> None:
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist; create it first.")
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the name of a file to write.")
    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; give --overwrite (overwrite=True) to replace it.")


def _write_still(picture: np.ndarray, out: pathlib.Path) -> Written:
    """One picture, written beside and renamed."""
    from PIL import Image

    partial = out.with_name(f".{out.stem}.partial.png")
    try:
        Image.fromarray(picture).save(partial)
        os.replace(partial, out)
    except OSError as error:
        raise InputError(
            f"{out} could not be written ({error.strerror or error}); give another path."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    height, width = picture.shape[:2]
    return Written(out, 1, 0.0, width, height, sound=False)
