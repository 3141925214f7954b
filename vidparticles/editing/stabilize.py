"""Stabilize: the shake of a hand taken out, the way the camera means to go kept.

Particles are followed, and what most of them share is the camera's motion. Each frame is laid
where it would be had the camera moved smoothly: at the mean of where its picture goes in the
second before and after (Matsushita et al. 2006), as read from a line fitted through it, so
that a steady pan stays one. What would show beyond the frame's edges is cropped away, by the
same share in all frames. Nothing is carried over from one shot to another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.editing.follow import shrunk
from vidparticles.editing.reel import Frames, PathLike, Reel, Written, check_paths, opened, write
from vidparticles.flow.camera import camera_motion
from vidparticles.image.resample import bilinear, pixel_centers
from vidparticles.tracking.points.state import PointConfig, PointState
from vidparticles.tracking.points.tracker import point_tracker

POINTS = PointConfig(count=512)
SMOOTH = 0.8  # seconds, standard deviation of the weights in time
LEAST_SEEN = 0.75  # share of height and width that is kept at least; beyond it, less is mended


@dataclasses.dataclass(frozen=True)
class Steadying:
    """Where each frame of a clip is laid, p ↦ turn · p + shift in the complex plane.

    Attributes:
        turn: [T] complex, scale and angle.
        shift: [T] complex, frame heights.
        seen: share of height and width that is in the picture in every frame.
    """

    turn: np.ndarray
    shift: np.ndarray
    seen: float


# ---------------------------------------------------------------- the camera's way


@jax.jit
def _step(before: Array, after: Array, alive: Array) -> Array:
    """Turn and shift of one step, [4]."""
    motion, _ = camera_motion(before, after, alive)
    return jnp.concatenate([motion.turn, motion.shift])


def watch(reel: Reel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The camera's motion from each frame to the next, and the shots.

    Args:
        reel: its frames are used up.

    Returns:
        turn [T] and shift [T], complex, of the step to each frame from the one before; rest
        where there is none in the same shot; and the number of each frame's shot [T].
    """
    steps, tracker = [], point_tracker(POINTS)

    def frames() -> Iterator[np.ndarray]:
        new: PointState | None = None
        for time, frame in reel.frames:
            picture, seconds = shrunk(frame, POINTS), float(time)
            if new is None:
                steps.append(np.array([1.0, 0, 0, 0]))
            else:
                # Spawned anew in each frame: where shake takes them next, their velocity does
                # not tell.
                found, _ = tracker.step_fn((), new, picture, seconds)
                here, alive = found.particles, found.particles.alive & (found.age > 0)
                alive = alive & new.particles.alive
                steps.append(np.asarray(_step(new.particles.position, here.position, alive)))
            nothing = tracker.init_fn((), picture, seconds)
            new, _ = tracker.step_fn((), nothing, picture, seconds)
            yield np.asarray(shots.thumbnail(frame))

    times = np.array([float(time) for time in reel.times])
    changes = shots.transitions(shots.measure(frames()), times)
    c, s, x, y = np.asarray(steps, np.float64).T
    turn, shift = c + 1j * s, x + 1j * y
    shot = np.zeros(len(turn), int)
    for change in changes:
        # Two pictures lie over each other in a gradual change: there is no one motion.
        turn[change.first : change.last + 1], shift[change.first : change.last + 1] = 1, 0
        shot[change.last + (change.kind != "cut") :] += 1
    begins = np.diff(shot, prepend=-1) > 0
    turn[begins], shift[begins] = 1, 0
    return turn, shift, shot


def steady(
    turn: np.ndarray, shift: np.ndarray, shot: np.ndarray, times: np.ndarray, aspect: float
) -> Steadying:
    """Where each frame is to be laid.

    Args:
        turn, shift: [T] complex, the camera's steps.
        shot: [T] the shot that each frame belongs to.
        times: [T] seconds.
        aspect: width over height.
    """
    size, off = np.zeros(len(turn), complex), np.zeros(len(turn), complex)
    center = (aspect + 1j) / 2
    for number in np.unique(shot):
        part = np.flatnonzero(shot == number)
        size[part], off[part] = _smoothed(turn[part], shift[part], times[part], center)
        # Where the frame is too small for it, the shot is mended less.
        low, high = 0.0, 1.0
        if _seen(size[part], off[part], aspect) < LEAST_SEEN:
            for _ in range(20):
                middle = (low + high) / 2
                enough = _seen(middle * size[part], middle * off[part], aspect) >= LEAST_SEEN
                low, high = (middle, high) if enough else (low, middle)
            size[part] *= low
            off[part] *= low
    turn = np.exp(size)
    return Steadying(turn, center + off - turn * center, _seen(size, off, aspect))


def _smoothed(
    turn: np.ndarray, shift: np.ndarray, times: np.ndarray, center: complex
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the turn and displacement of the center, [T] each, that smooth one shot."""
    count = len(turn)
    way, place = np.cumprod(turn), np.zeros(count, complex)
    for t in range(1, count):
        place[t] = turn[t] * place[t - 1] + shift[t]
    gap = np.median(np.diff(times)) if count > 1 else 1.0
    reach = min(count - 1, int(np.ceil(3 * SMOOTH / max(gap, 1e-3))))
    # Moments of the weights, and of the weights times what is fitted, for a line in time.
    s0, s1, s2 = (np.zeros(count) for _ in range(3))
    total = np.zeros((2, 2, count), complex)
    for lag in range(-reach, reach + 1):
        at = np.arange(max(0, -lag), min(count, count - lag))
        after = times[at + lag] - times[at]
        weight = np.exp(-0.5 * (after / SMOOTH) ** 2)
        relative = way[at + lag] / way[at]
        moved = relative * (center - place[at]) + place[at + lag] - center
        s0[at] += weight
        s1[at] += weight * after
        s2[at] += weight * after**2
        for k, value in enumerate((np.log(relative), moved)):
            total[k, 0, at] += weight * value
            total[k, 1, at] += weight * after * value
    # With a single frame there is no line, and nothing to mend.
    found = (s2 * total[:, 0] - s1 * total[:, 1]) / np.maximum(s0 * s2 - s1**2, 1e-12)
    return found[0], found[1]


def _seen(size: np.ndarray, off: np.ndarray, aspect: float) -> float:
    """The share of height and width around the center that lies inside of every frame."""
    half = np.array([aspect + 1j, aspect - 1j, -aspect + 1j, -aspect - 1j])[:, None] / 2

    def inside(share: float) -> bool:
        source = (share * half - off) / np.exp(size)
        return bool(
            (np.abs(source.real) <= aspect / 2).all() and (np.abs(source.imag) <= 0.5).all()
        )

    low, high = 0.0, 1.0
    if inside(high):
        return high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) else (low, middle)
    return low


# ---------------------------------------------------------------- the new frames


@jax.jit
def _laid(frame: Array, turn: Array, shift: Array, seen: Array) -> Array:
    """A frame laid by p ↦ turn · p + shift, as seen through the part that is kept."""
    height, width = frame.shape[:2]
    middle = jnp.asarray([width, height], jnp.float32) / 2
    at = (middle + seen * (pixel_centers(height, width) - middle)) / height
    x, y = at[..., 0] - shift[0], at[..., 1] - shift[1]
    size = turn[0] ** 2 + turn[1] ** 2
    back = jnp.stack([turn[0] * x + turn[1] * y, turn[0] * y - turn[1] * x], -1) / size
    planes = [bilinear(frame[..., c].astype(jnp.float32), back * height) for c in range(3)]
    return jnp.round(jnp.stack(planes, -1)).astype(jnp.uint8)


def stabilized(reel: Reel, way: Steadying) -> Reel:
    """The reel with each frame laid in its place, cropped to what all of them show."""

    def laid(frames: Frames, first: int, last: int) -> Frames:
        ways = way.turn[first:last], way.shift[first:last]
        for (time, frame), turn, shift in zip(frames, *ways, strict=True):
            where = (np.array([v.real, v.imag], np.float32) for v in (turn, shift))
            yield time, np.asarray(_laid(frame, *where, np.float32(way.seen)))

    again = reel.again
    return reel.replace(
        frames=laid(reel.frames, 0, len(reel.times)),
        again=again and (lambda first, last: laid(again(first, last), first, last)),
        seen=reel.seen * way.seen,
    )


def steadying(reel: Reel) -> Steadying:
    """Where the frames of a reel are to be laid; they are used up."""
    times = np.array([float(time) for time in reel.times])
    return steady(*watch(reel), times, reel.width / reel.height)


def stabilize(path: PathLike, out: PathLike, *, overwrite: bool = False) -> Written:
    """Write a clip without the shake of its camera; times and sound stay.

    Args:
        path: a video file.
        out: what to write.
        overwrite: replace an existing file.

    Returns:
        What was written; `seen` is the share of height and width that is left.

    Raises:
        InputError: a file cannot be read or written.
    """
    check_paths(path, out, overwrite)
    with opened(path) as reel:
        way = steadying(reel)
    with opened(path) as reel:
        return write(stabilized(reel, way), out, overwrite=overwrite)
