"""What is known of each moment of a clip when its parts are chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

SILENT = -120.0  # decibels of no sound at all


@dataclasses.dataclass(frozen=True)
class Signals:
    """What happens in a clip, in T steps of time of one length; step k begins at k × `step`.

    Attributes:
        step: seconds.
        seconds: how long the clip plays; the last step ends with it.
        motion: [T] share of the picture that moves, in [0, 1].
        novelty: [T] how unlike all that came before the picture is, in [0, 1].
        loudness: [T] root mean square of the sound, decibels of which 0 is the loudest.
        speech: [T] how likely someone speaks, in [0, 1].
        black: [T] bool, the picture is black.
        frozen: [T] bool, all its frames show the picture before.
        duplicate: [T] bool, it shows again what moved in the same way before.
        look: [T, F] what the picture looks like: near where pictures are alike.
        sound: the clip has sound.
        wanted: name → [T] bool, where what is asked for is; None where nothing is.
        cuts: seconds, in order, of cuts that a part may end with, but not go beyond for its
            margin alone.
        warnings: sentences on what is wrong with the file, and on what could not be told.
    """

    step: float
    seconds: float
    motion: np.ndarray
    novelty: np.ndarray
    loudness: np.ndarray
    speech: np.ndarray
    black: np.ndarray
    frozen: np.ndarray
    duplicate: np.ndarray
    look: np.ndarray
    sound: bool = True
    wanted: Mapping[str, np.ndarray] | None = None
    cuts: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def edges(self) -> np.ndarray:
        """[T + 1] seconds, at which the steps begin and the last one ends."""
        return np.append(np.arange(len(self.motion)) * self.step, self.seconds)
