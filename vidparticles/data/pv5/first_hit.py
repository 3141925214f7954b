"""PV-5 T1, first-hit: which of four circling discs was the first to touch the one in the middle?

A white disc stands in the center; four colored ones circle near the corners, each at its own
rate, colors permuted among them. Time has four equal slots. In each slot another disc, in
permuted order, leaves its orbit, touches the center disc and returns; that takes half a slot
and begins at random in it. The label is the color of the first. Every disc does the same
once, so that what is pooled over frames without their order gives 25 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import drawing

STREAM = 1
DISCS, RADIUS, CENTRE_RADIUS = 4, 0.08, 0.09
CONTACT = 0.17
CORNERS = np.array([[0.22, 0.22], [0.78, 0.22], [0.22, 0.78], [0.78, 0.78]])
ORBIT = 0.07
TURN = (0.2, 0.5)  # radians a frame
COLORS = drawing.hues(DISCS)


def batch(
    indices: Sequence[int] | np.ndarray, *, frames: int = 64, idle: int = 0, ask: str = "first"
) -> dict[str, Any]:
    """The clips of these indices.

    Args:
        indices: B of them; a clip is a function of its index and of the options.
        frames: length of the four slots together, a multiple of 4 and at least 16; visits take
            half a slot, so that in longer clips they are slower.
        idle: frames more in which discs only circle, put at random before the slots and after
            the last; they change nothing but when things happen.
        ask: "first", for the color of the first hitter; or "order", for all four.

    Returns:
        frames uint8 [B, T, 32, 32, 3] with T = frames + idle, label int32 [B] (0 … 3; or the
        rank of the order among all 24), and truth: position [B, T, 5, 2] (in sides; the center
        disc is the last), visible [B, T, 5], color [B, 4] (of each disc), order [B, 4] (which
        disc visits in each slot), contact [B, 4] (the frame in which it touches).

    Example:
        >>> clips = batch([0, 1], frames=32, idle=8)
        >>> clips["frames"].shape, bool((clips["label"] < 4).all())
        ((2, 40, 32, 32, 3), True)
    """
    if frames < 16 or frames % DISCS or idle < 0:
        raise ValueError(
            f"frames is {frames} and idle is {idle}; expected a multiple of 4 from 16 on, and "
            f"idle ≥ 0."
        )
    if ask not in ("first", "order"):
        raise ValueError(f"ask is {ask!r}; expected 'first' or 'order'.")
    slot = frames // DISCS
    visit = slot // 4 * 2  # even, so that the touch falls on a frame
    drawn = []
    for index in indices:
        rng = rng_of(STREAM, int(index))
        drawn.append(
            (
                rng.permutation(DISCS),
                rng.permutation(DISCS),
                rng.uniform(*TURN, DISCS) * (2 * rng.integers(0, 2, DISCS) - 1),
                rng.uniform(0, 2 * np.pi, DISCS),
                rng.integers(0, slot - visit + 1, DISCS) + slot * np.arange(DISCS),
                np.sort(rng.integers(0, idle + 1, DISCS)),
            )
        )
    color, order, turn, phase, begin, wait = (np.array(x) for x in zip(*drawn, strict=True))
    contact = begin + wait + visit // 2
    of_disc = np.take_along_axis(contact, np.argsort(order, axis=1), axis=1)
    path = _path(np.arange(frames + idle), turn, phase, of_disc, visit)
    canvas = drawing.canvas(*path.shape[:2])
    middle = np.broadcast_to([0.5, 0.5], (*path.shape[:2], 2))
    drawing.disc(canvas, middle, radius=CENTRE_RADIUS, color=drawing.WHITE)
    for k in range(DISCS):
        drawing.disc(canvas, path[:, :, k], radius=RADIUS, color=COLORS[color[:, k], None])
    hitters = np.take_along_axis(color, order, axis=1)
    label = hitters[:, 0] if ask == "first" else rank(hitters)
    position = np.concatenate([path, middle[:, :, None]], axis=2)
    return {
        "frames": drawing.finish(canvas),
        "label": label.astype(np.int32),
        "truth": {
            "position": position.astype(np.float32),
            "visible": np.ones(position.shape[:3], bool),
            "color": color,
            "order": order,
            "contact": contact,
        },
    }


def rank(order: np.ndarray) -> np.ndarray:
    """The index of permutations [B, 4] among all 24, in alphabetical order.

    Example:
        >>> rank(np.array([[0, 1, 2, 3], [0, 1, 3, 2], [3, 2, 1, 0]])).tolist()
        [0, 1, 23]
    """
    n = order.shape[1]
    smaller = [(order[:, i + 1 :] < order[:, i, None]).sum(1) for i in range(n)]
    return sum(s * math.factorial(n - 1 - i) for i, s in enumerate(smaller))


def _path(
    clock: np.ndarray, turn: np.ndarray, phase: np.ndarray, contact: np.ndarray, visit: int
) -> np.ndarray:
    """Paths [B, T, 4, 2]; turn, phase and contact are [B, 4], of each disc."""
    angle = phase[:, None] + turn[:, None] * clock[:, None]
    outward = CORNERS - 0.5 + ORBIT * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    far = np.linalg.norm(outward, axis=-1, keepdims=True)
    # From the orbit along its ray from the center, to the touch and back.
    since = np.clip((clock[:, None] - contact[:, None]) / visit, -0.5, 0.5)
    near = np.cos(np.pi * since)[..., None] ** 2
    return 0.5 + outward * (1 - near + near * CONTACT / far)
