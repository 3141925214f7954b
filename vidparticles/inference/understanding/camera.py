"""How the camera moved, in words: still, pans, tilts, zooms, shakes."""

from __future__ import annotations

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from vidparticles.flow.camera import Similarity
from vidparticles.flow.global_motion import GlobalMotionConfig, global_motion
from vidparticles.image.resample import gray
from vidparticles.inference.understanding.moments import Moment
from vidparticles.inference.understanding.told import Told, runs
from vidparticles.programs import persistent_jit


@dataclasses.dataclass(frozen=True)
class CameraWordsConfig:
    """When a motion of the picture is called what.

    Attributes:
        rate: comparisons a second.
        pan: widths a second of the picture that go by in a pan, and heights in a tilt, at least.
        zoom: growth a second, at least.
        shake: the same as of a pan, root mean square, of what goes to and fro.
        smooth: seconds over which motion is averaged.
        shortest: seconds that any of it takes.
        motion: how the motion between two pictures is found.
    """

    rate: float = 6.0
    pan: float = 0.05
    zoom: float = 0.05
    shake: float = 0.1
    smooth: float = 1.0
    shortest: float = 0.5
    motion: GlobalMotionConfig = dataclasses.field(default_factory=GlobalMotionConfig)


@dataclasses.dataclass(frozen=True)
class CameraPath:
    """How the picture went, as a whole.

    Attributes:
        words: what the camera did, in order, without those stretches in which nothing is known.
        times: [K] seconds.
        shift: [K, 2] how far the picture has gone since the clip began, in widths to the right and
            heights down; where nothing is known it stays.
    """

    words: tuple[Told, ...]
    times: np.ndarray
    shift: np.ndarray


@functools.partial(persistent_jit, static_argnames=("config",))
def _moved(
    before: Array, after: Array, start: tuple[ArrayLike, ArrayLike], *, config: GlobalMotionConfig
) -> tuple[tuple[Array, Array], Array, Array]:
    """How the picture went: as `start` has it; in widths, heights and growth; how much agrees."""
    turn, shift = map(jnp.asarray, start)
    motion, share = global_motion(gray(before), gray(after), Similarity(turn, shift), config)
    height, width = before.shape[:2]
    middle = jnp.asarray([[width / height / 2, 0.5]])
    gone = (motion(middle) - middle)[0] * jnp.asarray([height / width, 1.0])
    growth = jnp.log(motion.scale)
    return (motion.turn, motion.shift), jnp.append(gone, growth), share


class CameraLane:
    """Compares the frames of a clip as they come.

    Args:
        config: when a motion is called what.
    """

    def __init__(self, config: CameraWordsConfig | None = None) -> None:
        self._config = config or CameraWordsConfig()
        self._before: tuple[float, np.ndarray] | None = None
        self._motion = _rest()
        # (from, to, widths right, heights down, growth, believed, shot)
        self._rows: list[tuple[float, float, float, float, float, bool, int]] = []
        self._shot = 0

    def take(self, moment: Moment) -> None:
        """The next frame."""
        config = self._config
        if moment.cut:
            self._shot, self._before = self._shot + 1, None
        if self._before is None:
            self._before, self._motion = (moment.time, moment.thumbnail), _rest()
            return
        since = moment.time - self._before[0]
        if since < 1 / config.rate - 1e-3:
            return
        small = moment.thumbnail
        motion, gone, share = _moved(self._before[1], small, self._motion, config=config.motion)
        # Where nothing moves, what is left of a picture without texture agrees with anything.
        believed = float(share) >= config.motion.least_share
        self._motion = motion if believed else _rest()
        x, y, growth = np.asarray(gone).tolist()
        self._rows.append((self._before[0], moment.time, x, y, growth, believed, self._shot))
        self._before = moment.time, small

    def end(self) -> CameraPath:
        """What the camera did."""
        rows, config = np.asarray(self._rows, float).reshape(-1, 7), self._config
        begin, end, believed, shot = rows[:, 0], rows[:, 1], rows[:, 5] > 0, rows[:, 6]
        gone = np.where(believed[:, None], rows[:, 2:5], 0.0)
        speed = gone / np.maximum(end - begin, 1e-6)[:, None]
        told: list[Told] = []
        for number in np.unique(shot):
            part = shot == number
            edges = np.append(begin[part], end[part][-1])
            names = _named(speed[part], believed[part], (begin[part] + end[part]) / 2, config)
            found = runs(names, edges, shortest=config.shortest)
            told += [Told(name, float(edges[a]), float(edges[b])) for name, a, b in found]
        times = np.append(begin[:1], end)
        shift = np.concatenate([np.zeros((len(times[:1]), 2)), np.cumsum(gone[:, :2], 0)])
        return CameraPath(tuple(told), times, shift)


def _named(
    speed: np.ndarray, believed: np.ndarray, time: np.ndarray, config: CameraWordsConfig
) -> list[str | None]:
    """A word for each comparison; None where nothing is known."""
    names: list[str | None] = []
    for now in time:
        near = (np.abs(time - now) <= config.smooth / 2 + 1e-6) & believed
        if not near.any():
            names.append(None)
            continue
        x, y, growth = speed[near].mean(0)
        about = float(np.sqrt(((speed[near, :2] - [x, y]) ** 2).sum(1).mean()))
        # What the picture shows goes the other way than the camera.
        ways = [
            (abs(x) / config.pan, "pans left" if x > 0 else "pans right"),
            (abs(y) / config.pan, "tilts up" if y > 0 else "tilts down"),
            (abs(growth) / config.zoom, "zooms in" if growth > 0 else "zooms out"),
        ]
        strength, name = max(ways)
        if strength >= 1 and about < 2 * max(abs(x), abs(y), abs(growth)):
            names.append(name)
        else:
            names.append("shakes" if about >= config.shake else "is still")
    return names


def _rest() -> tuple[ArrayLike, ArrayLike]:
    """The turn and the shift of what does not move."""
    return np.array([1.0, 0.0], np.float32), np.zeros(2, np.float32)
