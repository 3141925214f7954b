"""Stabilize: the shake of a hand taken out, the way the camera means to go kept.

Particles are followed, and what most of them share is the camera's motion. Each frame is laid
where it would be had the camera moved smoothly: at the mean of where its picture goes in the
second before and after (Matsushita et al. 2006), as read from a line fitted through it, so
that a steady pan stays one. What would show beyond the frame's edges is cropped away, by the
same share in all frames. Nothing is carried over from one shot to another.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles import shots
from vidparticles.editing.base import Edit
from vidparticles.editing.follow import shrunk
from vidparticles.editing.reel import Frames, Reel
from vidparticles.flow.camera import camera_motion
from vidparticles.image.resample import bilinear, pixel_centers, to_bytes
from vidparticles.progress import counted
from vidparticles.tracking.points.state import PointConfig, PointState
from vidparticles.tracking.points.tracker import point_tracker


@dataclasses.dataclass(frozen=True)
class StabilizeConfig:
    """How the camera is followed, and how smoothly it is to move.

    Attributes:
        points: how the points are followed of which most share its motion.
        smooth: seconds, standard deviation of the weights in time.
        least_crop: share of height and width that is kept at least; where more shakes than can be
            cropped away, less is mended.
    """

    points: PointConfig = dataclasses.field(default_factory=lambda: PointConfig(count=512))
    smooth: float = 0.8
    least_crop: float = 0.75


DEFAULT = StabilizeConfig()


@dataclasses.dataclass(frozen=True)
class Steadying:
    """Where each frame of a clip is laid, p ↦ turn · p + shift in the complex plane.

    Attributes:
        turn: [T] complex, scale and angle.
        shift: [T] complex, frame heights.
        crop: share of height and width that is in the picture in every frame.
    """

    turn: np.ndarray
    shift: np.ndarray
    crop: float


# ---------------------------------------------------------------- the camera's way


@jax.jit
def _step(before: Array, after: Array, alive: Array) -> Array:
    """Turn and shift of one step, [4]."""
    motion, _ = camera_motion(before, after, alive)
    return jnp.concatenate([motion.turn, motion.shift])


def watch(
    timed: Frames, config: StabilizeConfig = DEFAULT
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The camera's motion from each frame to the next, and the shots.

    Args:
        timed: frames with their times; they are used up.
        config: how the camera is followed.

    Returns:
        turn [T] and shift [T], complex, of the step to each frame from the one before; rest
        where there is none in the same shot; and the number of each frame's shot [T].
    """
    steps, seconds_of, tracker = [], [], point_tracker(config.points)

    def frames() -> Iterator[np.ndarray]:
        new: PointState | None = None
        for time, stored in timed:
            frame = stored.rgb()
            picture, seconds = shrunk(frame, config.points), float(time)
            seconds_of.append(seconds)
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

    measured = shots.measure(frames())
    changes = shots.transitions(measured, np.array(seconds_of))
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
    turn: np.ndarray,
    shift: np.ndarray,
    shot: np.ndarray,
    times: np.ndarray,
    aspect: float,
    config: StabilizeConfig = DEFAULT,
) -> Steadying:
    """Where each frame is to be laid.

    Args:
        turn, shift: [T] complex, the camera's steps.
        shot: [T] the shot that each frame belongs to.
        times: [T] seconds.
        aspect: width over height.
        config: how smoothly it is to move.
    """
    size, off = np.zeros(len(turn), complex), np.zeros(len(turn), complex)
    center = (aspect + 1j) / 2
    for number in np.unique(shot):
        part = np.flatnonzero(shot == number)
        size[part], off[part] = _smoothed(
            turn[part], shift[part], times[part], center, config.smooth
        )
        # Where the frame is too small for it, the shot is mended less.
        low, high = 0.0, 1.0
        if _crop(size[part], off[part], aspect) < config.least_crop:
            for _ in range(20):
                middle = (low + high) / 2
                left = _crop(middle * size[part], middle * off[part], aspect)
                low, high = (middle, high) if left >= config.least_crop else (low, middle)
            size[part] *= low
            off[part] *= low
    turn = np.exp(size)
    return Steadying(turn, center + off - turn * center, _crop(size, off, aspect))


def _smoothed(
    turn: np.ndarray, shift: np.ndarray, times: np.ndarray, center: complex, smooth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the turn and displacement of the center, [T] each, that smooth one shot."""
    count = len(turn)
    turned, position = np.cumprod(turn), np.zeros(count, complex)
    for t in range(1, count):
        position[t] = turn[t] * position[t - 1] + shift[t]
    gap = np.median(np.diff(times)) if count > 1 else 1.0
    reach = min(count - 1, int(np.ceil(3 * smooth / max(gap, 1e-3))))
    # Moments of the weights, and of the weights times what is fitted, for a line in time.
    s0, s1, s2 = (np.zeros(count) for _ in range(3))
    total = np.zeros((2, 2, count), complex)
    for lag in range(-reach, reach + 1):
        at = np.arange(max(0, -lag), min(count, count - lag))
        after = times[at + lag] - times[at]
        weight = np.exp(-0.5 * (after / smooth) ** 2)
        relative = turned[at + lag] / turned[at]
        moved = relative * (center - position[at]) + position[at + lag] - center
        s0[at] += weight
        s1[at] += weight * after
        s2[at] += weight * after**2
        for k, value in enumerate((np.log(relative), moved)):
            total[k, 0, at] += weight * value
            total[k, 1, at] += weight * after * value
    # With a single frame there is no line, and nothing to mend.
    found = (s2 * total[:, 0] - s1 * total[:, 1]) / np.maximum(s0 * s2 - s1**2, 1e-12)
    return found[0], found[1]


def _crop(size: np.ndarray, off: np.ndarray, aspect: float) -> float:
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
def _laid(frame: Array, turn: Array, shift: Array, crop: Array) -> Array:
    """A frame laid by p ↦ turn · p + shift, as seen through the part that is kept."""
    height, width = frame.shape[:2]
    middle = jnp.asarray([width, height], jnp.float32) / 2
    at = (middle + crop * (pixel_centers(height, width) - middle)) / height
    x, y = at[..., 0] - shift[0], at[..., 1] - shift[1]
    size = turn[0] ** 2 + turn[1] ** 2
    back = jnp.stack([turn[0] * x + turn[1] * y, turn[0] * y - turn[1] * x], -1) / size
    planes = [bilinear(frame[..., c].astype(jnp.float32), back * height) for c in range(3)]
    laid = jnp.stack(planes, -1)
    return to_bytes(laid) if frame.dtype == jnp.uint8 else laid


def stabilize(*, config: StabilizeConfig = DEFAULT) -> Edit:
    """An edit that takes out the shake of the camera; times and sound stay.

    The frames are run through twice: once to follow the camera, when the first of the new frames
    is asked for, and once to be laid in their places.

    Args:
        config: how the camera is followed, and how smoothly it is to move.

    Returns:
        The edit; the new reel's `crop` is the share of height and width that is left.

    Example:
        >>> from vidparticles.video import Picture
        >>> frames = [(k, Picture.of(np.zeros((32, 48, 3), np.uint8))) for k in range(3)]
        >>> def again(first, last):
        ...     return iter(frames[first:last])
        >>> reel = Reel(again(0, 3), range(3), 3, 1, height=32, width=48, again=again)
        >>> steady = stabilize()(reel)
        >>> len(list(steady.frames)), round(steady.crop(), 2)
        (3, 1.0)
    """

    def edit(reel: Reel) -> Reel:
        again = reel.again
        if again is None:
            raise ValueError("these frames can be run through but once: not stabilized.")

        @functools.cache
        def way() -> Steadying:
            times = np.array([float(time) for time in reel.times])
            frames = counted(again(0, len(times)), len(times), work="watching")
            camera = watch(frames, config)
            return steady(*camera, times, reel.width / reel.height, config)

        def laid(frames: Frames, first: int) -> Frames:
            found = way()
            for index, (time, picture) in enumerate(frames, first):
                turn, shift = found.turn[index], found.shift[index]
                t, s = (np.array([v.real, v.imag], np.float32) for v in (turn, shift))
                place = functools.partial(_laid, turn=t, shift=s, crop=np.float32(found.crop))
                yield time, reel.redrawn([picture], place)

        return reel.with_frames(laid, slow=True, crop=lambda: reel.crop() * way().crop)

    return edit
