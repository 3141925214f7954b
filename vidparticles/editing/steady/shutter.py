"""A rolling shutter: rows of a frame are read out one after another, and a shake bends the picture.

Row y (0 above, 1 below) is of the time t + r (y − ½), r the readout as a share of the time between
frames. From one frame to the next it so moves by s + r (y − ½) a, s the step and a half of how the
next step differs from the one before (Forssén & Ringaby, CVPR 2010, to first order). A similarity
takes up a part of that; what it leaves is what r is told from, by least squares over a whole clip.
What near things do in a shake goes with s, not with a, and so does not pass for it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from vidparticles.flow.ground import Motions


@dataclasses.dataclass(frozen=True)
class ShutterConfig:
    """When a shutter is taken for a rolling one.

    Attributes:
        least: readout, share of the time between frames; less is taken for none,
        most: and no more is believed.
    """

    least: float = 0.1
    most: float = 1.0


def row_moments(told: Motions) -> np.ndarray:
    """What a step tells of the readout, for each of its K motions.

    Returns:
        [4, K] complex: Σ w g* e and Σ w |g|², where e is what a motion leaves unexplained of the
        points and g what a similarity leaves of y − ½; and turn and shift of that similarity.
    """
    before, after = (np.asarray(p, np.float64) @ [1, 1j] for p in (told.before, told.after))
    weight = np.asarray(told.vote, np.float64) * np.asarray(told.say)
    turn, shift = (
        np.asarray(x, np.float64) @ [1, 1j] for x in (told.motion.turn, told.motion.shift)
    )
    row = before.imag - 0.5
    total = weight.sum(1) + 1e-9
    middle, level = weight @ before / total, weight @ row / total
    place = before - middle[:, None]
    spread = (weight * np.abs(place) ** 2).sum(1) + 1e-9
    like = (weight * np.conj(place) * (row - level[:, None])).sum(1) / spread
    left = row - level[:, None] - like[:, None] * place
    error = after - (turn[:, None] * before + shift[:, None])
    return np.stack(
        [
            (weight * np.conj(left) * error).sum(1),
            (weight * np.abs(left) ** 2).sum(1),
            like,
            level - like * middle,
        ]
    )


def bends(steps: np.ndarray, shot: np.ndarray) -> np.ndarray:
    """a [T]: half the difference of the steps after and before each; 0 at the ends of a shot.

    Args:
        steps: [T] complex, of the center to each frame from the one before.
        shot: [T] the shot that each frame belongs to.
    """
    out = np.zeros(len(steps), complex)
    if len(steps) > 3:
        inner = (steps[3:] - steps[1:-2]) / 2
        out[2:-1] = np.where(shot[3:] == shot[:-3], inner, 0)
    return out


def readout(moments: np.ndarray, bend: np.ndarray, config: ShutterConfig) -> float:
    """r, from the moments [T, 4] of the ground's motions and how each step bends, [T]; or 0."""
    told = np.sum(np.real(np.conj(bend) * moments[:, 0]))
    found = told / (np.sum(np.abs(bend) ** 2 * moments[:, 1].real) + 1e-12)
    return float(min(found, config.most)) if found >= config.least else 0.0


def row_velocity(
    turn: np.ndarray, shift: np.ndarray, shot: np.ndarray, center: complex
) -> tuple[np.ndarray, np.ndarray]:
    """How the picture turns and moves while a frame is read, [T] complex each, a frame.

    Args:
        turn, shift: [T] complex, the steps of the picture, frame heights.
        shot: [T] the shot that each frame belongs to.
        center: of the picture.

    Returns:
        ω and ν: a point p moves by ω (p − center) + ν.
    """
    parts = []
    for step in (turn - 1, turn * center + shift - center):
        later = np.append(step[1:], 0)
        first = np.diff(shot, prepend=-1) != 0
        last = np.diff(shot, append=-1) != 0
        parts.append((np.where(first, later, step) + np.where(last, step, later)) / 2)
    turned, moved = parts
    alone = np.isin(shot, [n for n in np.unique(shot) if np.sum(shot == n) == 1])
    return np.where(alone, 0, turned), np.where(alone, 0, moved)
