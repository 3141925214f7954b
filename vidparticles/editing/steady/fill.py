"""Edges that a moved frame leaves open, filled from the frames before and after it.

The mosaic of Matsushita et al. (PAMI 2006): a neighbor is moved as the ground did between the two,
the nearest first. Nothing comes from another shot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.steady.path import Path
from vidparticles.editing.steady.warp import filled
from vidparticles.video import Picture


@dataclasses.dataclass(frozen=True)
class FillConfig:
    """Where what is beyond the edges comes from.

    Attributes:
        reach: frames before and after that are asked, in this order.
        feather: frame heights over which a frame fades into what is under it.
        held_bytes: of pictures that may be held; where that is less, fewer are asked.
    """

    reach: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 17)
    feather: float = 0.015
    held_bytes: int = 400_000_000

    def offsets(self, picture_bytes: int) -> list[int]:
        """The neighbors that can be asked, by their distance in frames."""
        most = self.held_bytes // max(picture_bytes, 1) // 2
        return [side * k for k in self.reach if k <= most for side in (-1, 1)]


def fill_edges(
    reel: Reel,
    again: Callable[[int, int], Frames],
    way: Callable[[], Path],
    config: FillConfig,
) -> Callable[[int, int], Frames]:
    """Frames first … last − 1 through their windows, with nothing cropped.

    Args:
        reel: whose facts new pictures have.
        again: its frames anew.
        way: gives where the window looks.
        config: where what is beyond the edges comes from.

    Returns:
        (first, last) → frames.
    """
    offsets = config.offsets(3 * reel.height * reel.width)
    reach = max(offsets, default=0)
    count = len(reel.times)

    def run(first: int, last: int) -> Frames:
        begin, end = max(0, first - reach), min(count, last + reach)
        held: dict[int, tuple[Fraction, Picture]] = {}
        source = enumerate(again(begin, end), begin)
        for index in range(first, last):
            while min(index + reach, end - 1) not in held:
                at, held[at] = next(source)
            held.pop(index - reach - 1, None)
            yield held[index][0], _one(reel, held, index, offsets, way(), config)

    return run


def _one(
    reel: Reel,
    held: dict[int, tuple[Fraction, Picture]],
    index: int,
    offsets: list[int],
    path: Path,
    config: FillConfig,
) -> Picture:
    near = [index + k for k in offsets if index + k in held]
    near = [k for k in near if path.shot[k] == path.shot[index]]
    windows = np.stack([path.window(index, k) for k in (index, *near)])
    # Asked twice where something is transparent: its cover is warped alone.
    asked = iter([near, []])

    def change(frame: np.ndarray) -> np.ndarray:
        others = next(asked)
        layers = (held[k][1].levels() for k in others)
        return np.asarray(filled(frame, layers, windows[: 1 + len(others)], feather=config.feather))

    return reel.redrawn([held[index][1]], change)
