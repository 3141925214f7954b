"""What is shown between two pictures of a shot, and how far the motion between them is trusted."""

from __future__ import annotations

import dataclasses

import numpy as np

from vidparticles.render import between as warp


@dataclasses.dataclass(frozen=True)
class Network:
    """What a network that others have trained says of two frames.

    Attributes:
        motion: asked once for each two pictures, of the moment half-way between them.
        picture: asked for each moment; None, and its picture is not used.
    """

    motion: warp.FoundFn
    picture: warp.FoundFn | None = None


def match(before: np.ndarray, after: np.ndarray, network: Network | None = None) -> warp.Match:
    """How two pictures, levels [H, W, 3], hang together."""
    if network is None:
        return warp.match(before, after)
    return warp.match_by(before, after, network.motion(before, after, 0.5))


def between(
    before: np.ndarray,
    after: np.ndarray,
    found: warp.Match,
    share: float,
    network: Network | None = None,
    trusted: float = 1.0,
) -> np.ndarray:
    """The picture between two, levels [H, W, 3].

    Args:
        before, after: [H, W, 3] levels.
        found: their `match`.
        share: 0 … 1 of the way from one to the other.
        network: whose picture is shown too.
        trusted: see `trust`.
    """
    picture = None
    if network is not None and network.picture is not None:
        picture = network.picture(before, after, share).picture
    return np.asarray(warp.between(before, after, found, share, picture=picture, trusted=trusted))


def trust(
    before: np.ndarray,
    known: np.ndarray,
    after: np.ndarray,
    share: float = 0.5,
    network: Network | None = None,
) -> float:
    """How far motion is trusted in a shot, by three of its pictures; 0, a dissolve, … 1.

    Args:
        before, known, after: [H, W, 3] levels.
        share: of the way from the first to the last at which the middle one was taken.
        network: whose motion it is.
    """
    shown = between(before, after, match(before, after, network), share, network)
    return float(warp.trust(before, known, after, shown, share))
