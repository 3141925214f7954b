"""What an effect is laid on: the contract between what finds things and what changes them.

What is found in a clip is found in a reel, by those who know how (`inference`): editing imports no
network. It is asked of the reel that an effect is given, and no earlier than the first new frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np

from vidparticles.editing.effects.sound import SpeechFn
from vidparticles.editing.reel import Doubt, Frames, Reel
from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class Seen:
    """Objects of one frame.

    Attributes:
        number: [K] int, who they are: the same in all frames.
        box: [K, 4] left, top, right, bottom in frame heights.
        hidden: [K] bool, out of sight, and the box is where it was expected.
    """

    number: np.ndarray
    box: np.ndarray
    hidden: np.ndarray


class Objects(Protocol):
    """The objects of a reel."""

    @property
    def seen(self) -> Sequence[Seen]:
        """Of each frame."""

    @property
    def shot(self) -> np.ndarray:
        """[T] int, which shot each frame belongs to."""

    def masks(
        self, frames: Frames, first: int, /
    ) -> Iterator[tuple[Fraction, Picture, dict[int, np.ndarray]]]:
        """Frames with the masks of those that are in sight, by number: [H, W] in [0, 1].

        Args: the reel's frames from one on, the index of that.
        """


class FindObjects(Protocol):
    """Finds objects in a reel."""

    def __call__(self, reel: Reel, /) -> Objects:
        """The objects; the reel's frames are run through by `again`."""


@dataclasses.dataclass(frozen=True)
class Faces:
    """The faces of a reel.

    Attributes:
        boxes: of each frame [K, 4] left, top, right, bottom in frame heights.
        doubts: when one may have been missed.
    """

    boxes: Sequence[np.ndarray]
    doubts: Sequence[Doubt]


class FindFaces(Protocol):
    """Finds faces in a reel."""

    def __call__(self, reel: Reel, /) -> Faces:
        """The faces; the reel's frames are run through by `again`."""


class FindKind(Protocol):
    """Makes what finds objects."""

    def __call__(self, which: str, /) -> FindObjects:
        """Args: a number, as `vidparticles objects` gives it, a kind, or "" for all."""


@dataclasses.dataclass(frozen=True)
class Finders:
    """What finds things in reels; `inference.finders.finders` makes it of networks.

    Attributes:
        objects: makes what finds objects.
        faces: makes what finds faces; its argument: also where one may have been missed.
        speech: tells when somebody speaks; None where its network is not here.
    """

    objects: FindKind
    faces: Callable[[bool], FindFaces]
    speech: SpeechFn | None = None
