"""What is known of each frame of a clip, and what a layer draws of that.

`show` has one way from frames to a file: a layer says what it knows of each moment, then what is
to be drawn of it. Points and objects are layers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import jax
import numpy as np
from jax import Array

from vidparticles.editing.reel import Reel
from vidparticles.particles import Particles


@dataclasses.dataclass(frozen=True)
class Moment:
    """A frame and the particles in it, in frame heights and seconds of the clip.

    Attributes:
        time: seconds.
        frame: [H, W, 3] uint8.
        cut: it begins a new shot.
        particles: [N, ·] where they are; inactive ones are not drawn.
        visible: [N] bool, whether they are seen now, or only expected there.
        identity: [N] int32, a number for each particle of the clip; −1 for a free slot.
        label: [N] int32 by which colors are told, 0 for the background; None where they tell speed.
        force: [N, 2] per mass, frame heights per second²; None where none is drawn.
        ahead: [M, N, 2] the path that is expected of each; None likewise.
        radius: half axes, x and y, of the outlines; zeros where particles are dots.
        state: of the tracker.
    """

    time: Fraction
    frame: np.ndarray
    cut: bool
    particles: Particles
    visible: Array
    identity: Array
    label: Array | None
    force: Array | None
    ahead: Array | None
    radius: tuple[float, float]
    state: Any


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ink:
    """What is drawn of a moment.

    Attributes:
        color: [N, 3] of each particle, in [0, 1].
        dot: [N] opacity of its dot.
        tail: [N] opacity of the path from where it was in the frame before.
        over: [H, W, 4] a canvas on top, for this moment alone.
        interest: how much there is to see, by which a still is chosen; at least 0.
    """

    color: Array
    dot: Array
    tail: Array
    over: Array
    interest: Array


class Layer(Protocol):
    """What is drawn over the frames of a clip."""

    def moments(self, reel: Reel) -> Iterator[Moment]:
        """What is known of each frame; uses the frames of the reel up."""

    def enlargement(self, height: int) -> int:
        """How many times as large a picture of this height is drawn, to be readable."""

    def start(self, first: Moment) -> Any:
        """What is carried from frame to frame, before the first of a shot."""

    def ink(self, carried: Any, before: Moment, now: Moment, blank: Array) -> tuple[Any, Ink]:
        """What is drawn of `now`, and what is carried on.

        Args:
            carried: from `start` or `ink`.
            before: the moment of the frame before; `now` in the first of a shot.
            now: the moment.
            blank: an empty canvas of the picture's size.
        """

    def written(self, picture: np.ndarray, now: Moment, carried: Any) -> np.ndarray:
        """The picture with what is written on it, numbers for example."""
