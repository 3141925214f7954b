"""How the points of a clip move, moment by moment, and how far that is from where they were going.

Points are followed at a low rate and size, which costs a small part of what networks cost.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.inference.understanding.moments import Moment
from vidparticles.models.motion_statistics import QUANTILES, SIGNALS, SPEEDS, signals
from vidparticles.particles import Trajectory, particles
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker

# How points differ from going on as they went, against the camera (frame heights / s²).
ERROR = "acceleration_q90"
# How they go: fast or slow, together or not, which way with the camera.
VELOCITY = (
    *("speed", "speed_rms", *(f"speed_q{round(100 * q)}" for q in QUANTILES)),
    *(f"share_over_{s:g}" for s in SPEEDS),
    *("shear", "alignment", "direction_entropy", "extent", "expansion", "rotation"),
    *("camera_speed", "camera_zoom"),
)


@dataclasses.dataclass(frozen=True)
class MotionConfig:
    """How points are followed.

    Attributes:
        rate: frames a second, at most.
        count: points.
        shapes: (height, width) at which clips are followed, the nearest in proportion: few, since
            each is a program of its own.
        chunk: frames that are measured at once.
    """

    rate: float = 12.5
    count: int = 160
    shapes: tuple[tuple[int, int], ...] = (
        *((136, 240), (180, 240), (240, 240), (240, 180), (240, 136)),
    )
    chunk: int = 32


DEFAULT = MotionConfig()


class Motion(NamedTuple):
    """What the points of a clip did.

    Attributes:
        times: [T] seconds.
        error: [T] log of (the tenth largest part of accelerations + a little): what a constant
            velocity fails to predict.
        velocity: [T, V] of `VELOCITY`, in the logarithm where they span decades.
    """

    times: np.ndarray
    error: np.ndarray
    velocity: np.ndarray


class MotionLane:
    """Follows points through the frames of one clip as they come.

    Args:
        config: how.
    """

    def __init__(self, config: MotionConfig = DEFAULT) -> None:
        self._config = config
        self._tracker = point_tracker(PointConfig(count=config.count, longest=240))
        self._state: Any = None
        self._next = -np.inf
        self._cut = False
        self._rows: list[tuple[float, np.ndarray, np.ndarray]] = []
        self._found: list[Motion] = []

    def take(self, moment: Moment) -> None:
        """The next frame."""
        self._cut |= moment.cut
        if moment.time < self._next - 1e-6:
            return
        step = 1 / self._config.rate
        # On a grid, so that the rate is kept on average; from here on after a gap.
        self._next = max(self._next + step, moment.time + step / 2)
        picture = moment.picture
        frame: Any = picture.rgb(self._shape(picture.height, picture.width))
        time, cut = jnp.float32(moment.time), jnp.asarray(self._cut)
        if self._state is None:
            self._state = self._tracker.init_fn((), frame, time)
        elif self._cut:
            self._measure()
            self._rows = []
        self._state, _ = self._tracker.step_fn((), self._state, frame, time, cut=cut)
        points = self._state.particles
        self._rows.append((moment.time, np.asarray(points.position), np.asarray(points.alive)))
        self._cut = False
        if len(self._rows) == self._config.chunk:
            self._measure()
            self._rows = self._rows[-2:]  # a moment needs one before and one after

    def end(self) -> Motion:
        """There are no further frames."""
        self._measure()
        if not self._found:
            return Motion(np.zeros(0), np.zeros(0), np.zeros((0, len(VELOCITY))))
        return Motion(*(np.concatenate(parts) for parts in zip(*self._found, strict=True)))

    def _measure(self) -> None:
        if len(self._rows) < 3:
            return
        times, position, alive = (np.stack(x) for x in zip(*self._rows, strict=True))
        spare = self._config.chunk - len(times)
        later = times[-1] + np.arange(1, spare + 1) / self._config.rate
        found, valid = _signals(
            np.concatenate([position, np.repeat(position[-1:], spare, 0)]),
            np.concatenate([alive, np.zeros((spare, *alive.shape[1:]), bool)]),
            np.concatenate([times, later]).astype(np.float32) - np.float32(times[0]),
        )
        there = np.asarray(valid)[: len(times) - 2]
        rows = np.asarray(found)[: len(times) - 2][there]
        self._found.append(Motion(times[1:-1][there], rows[:, 0], rows[:, 1:]))

    def _shape(self, height: int, width: int) -> tuple[int, int]:
        ratio = np.log(height / width)
        return min(self._config.shapes, key=lambda s: abs(np.log(s[0] / s[1]) - ratio))


@functools.partial(jax.jit)
def _signals(position: jax.Array, alive: jax.Array, time: jax.Array) -> tuple[jax.Array, jax.Array]:
    """[T − 2, 1 + V], the error and the velocity, and where they are known."""
    found, valid = signals(Trajectory(particles(position, alive=alive), time))
    columns = []
    for name in (ERROR, *VELOCITY):
        small = SIGNALS[name]
        columns.append(found[name] if small is None else jnp.log(found[name] + small))
    rows = jnp.stack(columns, -1)
    return rows, valid & jnp.isfinite(rows).all(-1)
