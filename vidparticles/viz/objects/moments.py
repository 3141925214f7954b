"""What is known of the objects of each frame, as `show` draws it.

A path is where the middle of an object came from in the last moments, moved with the camera since.
A force is what the tracker had to change: with a mass of one, the acceleration (v' − v) / Δt from
the velocity v that was expected of the object to the velocity v' after it was observed. It is
large where something pushes: a kick, a bounce, a turn; gravity and the noise of boxes are `weak`.
As it lasts for one frame, the strongest of the last moments is told, fading.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from vidparticles.inference.objects import KINDS
from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class ObjectMomentConfig:
    """What is told of objects.

    Attributes:
        path: seconds that a path goes back.
        fade: seconds in which a force fades to 1/e.
        weak: sizes per second² of forces that are not told: what the noise of boxes makes.
    """

    path: float = 1.5
    fade: float = 0.12
    weak: float = 12.0


CONFIG = ObjectMomentConfig()


@dataclasses.dataclass(frozen=True)
class ShownObject:
    """An object in a frame; lengths are frame heights.

    Attributes:
        number: in the order in which objects were found, from 0.
        kind: what it is.
        box: [4] left, top, right, bottom.
        visible: it is in sight; else the box is where it is expected.
        velocity: [2] per second, apart from the camera.
        force: [2] per mass, frame heights per second²; zero where none is told.
        path: [P, 3] seconds ago and where its middle was, the newest last: that of this frame.
        mask: [h, w] in [0, 1], which pixels are its, of a smaller picture; None where none is told.
    """

    number: int
    kind: str
    box: np.ndarray
    visible: bool
    velocity: np.ndarray
    force: np.ndarray
    path: np.ndarray
    mask: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class ObjectMoment:
    """A frame and the objects in it.

    Attributes:
        time: seconds.
        picture: the frame as it is stored.
        objects: those that are there, in sight or not.
        crowded: there may be more objects than are followed.
    """

    time: Fraction
    picture: Picture
    objects: tuple[ShownObject, ...]
    crowded: bool


class Known(NamedTuple):
    """What is taken of a frame's state: see `ObjectState`, `Slots` and `ObjectReport`."""

    alive: Any
    used: Any
    number: Any
    kind: Any
    box: Any
    position: Any
    velocity: Any
    unseen: Any
    turn: Any
    shift: Any
    cut: Any


@dataclasses.dataclass
class _Past:
    """What was known of an object in the frames before."""

    path: np.ndarray  # [P, 3] seconds and where
    velocity: np.ndarray
    force: np.ndarray
    visible: bool


class History:
    """Objects frame by frame, with their past."""

    def __init__(self, config: ObjectMomentConfig):
        self._config = config
        self._past: dict[int, _Past] = {}
        self._time: float | None = None

    def extend(self, time: float, known: Known) -> tuple[ShownObject, ...]:
        """The objects of one frame more."""
        if known.cut:
            self._past = {}
        passed = 0.0 if self._time is None else time - self._time
        turn = np.array([[known.turn[0], -known.turn[1]], [known.turn[1], known.turn[0]]])
        for past in self._past.values():
            past.path[:, 1:] = past.path[:, 1:] @ turn.T + known.shift
            past.velocity = turn @ past.velocity
        shown = [self._object(k, time, passed, known) for k in np.flatnonzero(known.alive).tolist()]
        there = {one.number for one in shown}
        self._past = {number: past for number, past in self._past.items() if number in there}
        self._time = time
        return tuple(sorted(shown, key=lambda one: one.number))

    def _object(self, k: int, time: float, passed: float, known: Known) -> ShownObject:
        config, number = self._config, int(known.number[k])
        box, velocity = known.box[k], known.velocity[k]
        visible = bool(known.unseen[k] == 0)
        here = np.array([[time, *known.position[k]]])
        past = self._past.get(number)
        force, path = np.zeros(2), here
        if past is not None:
            force = past.force * np.exp(-passed / config.fade)
            recent = past.path[past.path[:, 0] >= time - config.path]
            path = np.concatenate([recent, here])
            if visible and past.visible and passed > 0:
                size = float(np.max(box[2:] - box[:2]))
                new = (velocity - past.velocity) / passed
                strong = np.hypot(*new) > max(config.weak * size, np.hypot(*force))
                force = new if strong else force
        self._past[number] = _Past(path, velocity.copy(), force, visible)
        ago = path - np.array([[time, 0, 0]])
        ago[:, 0] *= -1
        kind = KINDS[known.kind[k]]
        return ShownObject(number, kind, box, visible, velocity, force, ago)
