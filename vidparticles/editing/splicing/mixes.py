"""What is seen between two pictures of different clips: pure functions of both and of how far."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from vidparticles.editing.timing.in_between import between, match
from vidparticles.errors import InputError, nearest

EDGE = 0.08  # of the width, over which the edge of a wipe is soft


class Mix(Protocol):
    """How one picture goes over into another."""

    def __call__(self, before: np.ndarray, after: np.ndarray, share: float, /) -> np.ndarray:
        """Args: levels [H, W, 3], uint8 or float32, of one size; how far, in [0, 1]. Returns
        levels as `before` has them: near 0 nearly `before`, near 1 nearly `after`."""


def fade(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """A cross-fade: less and less of one, more and more of the other.

    Example:
        >>> black, gray = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 90, np.uint8)
        >>> int(fade(black, gray, 0.5)[0, 0, 0])
        45
    """
    return _as(before, before + (after.astype(np.float32) - before) * np.float32(share))


def dip(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """Down to black, and up from it.

    Example:
        >>> white = np.full((2, 2, 3), 200, np.uint8)
        >>> [int(dip(white, white, share).max()) for share in (0.0, 0.25, 0.5, 1.0)]
        [200, 100, 0, 200]
    """
    shown = before if share < 0.5 else after
    return _as(before, shown.astype(np.float32) * np.float32(abs(1 - 2 * share)))


def wipe(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """The other comes in from the left, behind a soft edge.

    Example:
        >>> black, gray = np.zeros((1, 100, 3), np.uint8), np.full((1, 100, 3), 90, np.uint8)
        >>> wipe(black, gray, 0.5)[0, [0, 99], 0].tolist()
        [90, 0]
    """
    width = before.shape[1]
    place = (np.arange(width, dtype=np.float32) + 0.5) / width
    edge = share * (1 + EDGE)  # where the soft edge ends: at 0 out of the picture, at 1 too
    own = np.clip((edge - place) / EDGE, 0, 1)[None, :, None]
    return _as(before, before + (after.astype(np.float32) - before) * own)


def morph(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """Points of one picture flow to where the other has what is most like them.

    Where both are alike in parts, these move from one place to the other; what has no counterpart
    is cross-faded, as everything is where nothing is alike.
    """
    found = match(before, after)
    return _as(before, np.asarray(between(before, after, found, share), np.float32))


def _as(like: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Levels in the type of a picture."""
    return (
        np.rint(levels).astype(like.dtype) if like.dtype.kind == "u" else levels.astype(like.dtype)
    )


MIXES: dict[str, Mix] = {"fade": fade, "dip": dip, "wipe": wipe, "morph": morph}


def mix_of(kind: str) -> Mix:
    """The mix of a name.

    Raises:
        InputError: there is none.

    Example:
        >>> mix_of("wipe") is wipe
        True
    """
    if kind not in MIXES:
        raise InputError(f"there is no transition '{kind}'.{nearest(kind, ['cut', *MIXES])}")
    return MIXES[kind]
