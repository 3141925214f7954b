"""PV-5 T3, flash-recall: which color did the marked one of four moving discs once show?

Four gray discs move and collide without loss. In frames 0 … 15 each once shows one of eight
hues for three frames, all different, in random order; in the last four frames a white dot
marks one. The label is its hue. Chance is 12.5 %; to know which hues were shown but not by
whom gives 25 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import drawing, world

STREAM = 3
DISCS, RADIUS, DOT = 4, 0.09, 0.045
SPEED = (0.02, 0.035)
SHOW, EACH, FLASH, MARKED = 16, 4, 3, 4
HUES = drawing.hues(8)


def batch(indices: Sequence[int] | np.ndarray, *, frames: int = 64) -> dict[str, Any]:
    """The clips of these indices.

    Args:
        indices: B of them; a clip is a function of its index and of the options.
        frames: T ≥ 20; the hue of a disc has to be kept for about T − 16 frames.

    Returns:
        frames uint8 [B, T, 32, 32, 3], label int32 [B] (the hue, 0 … 7), and truth: position
        [B, T, 4, 2] (in sides), visible [B, T, 4], hue [B, 4], order [B, 4] (whose turn it was
        to flash), marked [B].

    Example:
        >>> clips = batch([0, 1], frames=32)
        >>> clips["frames"].shape, bool((clips["label"] < 8).all())
        ((2, 32, 32, 32, 3), True)
    """
    if frames < SHOW + MARKED:
        raise ValueError(f"frames is {frames}; expected at least {SHOW + MARKED}.")
    drawn = []
    for index in indices:
        rng = rng_of(STREAM, int(index))
        drawn.append(
            (
                world.scatter(rng, DISCS, radius=RADIUS),
                world.velocities(rng, DISCS, *SPEED),
                rng.permutation(len(HUES))[:DISCS],
                rng.permutation(DISCS),
                rng.integers(DISCS),
            )
        )
    position, velocity, hue, order, marked = (np.array(x) for x in zip(*drawn, strict=True))
    path, _ = world.run(position, velocity, radius=RADIUS, frames=frames)
    rows, clock = np.arange(len(path)), np.arange(frames)
    turn = np.argsort(order, axis=1)  # when it is each disc's turn
    flashes = (clock[:, None] // EACH == turn[:, None]) & (clock % EACH < FLASH)[:, None]
    color = np.where(flashes[..., None], HUES[hue][:, None], drawing.GREY)
    canvas = drawing.canvas(len(path), frames)
    for k in range(DISCS):
        drawing.disc(canvas, path[:, :, k], radius=RADIUS, color=color[:, :, k])
    drawing.disc(
        canvas,
        path[rows, :, marked],
        radius=DOT,
        color=drawing.WHITE,
        shown=clock >= frames - MARKED,
    )
    return {
        "frames": drawing.finish(canvas),
        "label": hue[rows, marked].astype(np.int32),
        "truth": {
            "position": path.astype(np.float32),
            "visible": np.ones(path.shape[:3], bool),
            "hue": hue,
            "order": order,
            "marked": marked,
        },
    }
