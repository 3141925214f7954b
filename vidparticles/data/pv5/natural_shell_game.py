"""PV-5 T2 in pictures: cups change places over a natural ground, lit, panned, left and returned to.

As `shell_game`, whose paths and rules it has, at 64 × 64 and with four cups: the ground is a part
of a photograph, and the cups are gray, each in a shade of its own or all alike, or have the texture
of another photograph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from vidparticles.data.composites import pictures, shapes
from vidparticles.data.composites.drawing import drawn
from vidparticles.data.composites.scene import CompositeConfig, Layer, Scene
from vidparticles.data.order import rng_of
from vidparticles.data.pv5 import shell_game

STREAM = 6
SIDE, CUPS = 64, 4
_AWAY = 20  # frames that a cup takes to leave the picture and come back


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a game is shown.

    Attributes:
        textured: whether cups have textures; else all are of one gray.
        light: of the picture, × its own.
        pan: pixels a frame that the ground moves, with the cups on it.
        leaves: whether the marked cup leaves the picture before the swaps, and comes back.
    """

    textured: bool = True
    light: float = 1.0
    pan: float = 0.0
    leaves: bool = False


def batch(
    indices: Sequence[int] | np.ndarray,
    bank: Sequence[np.ndarray],
    *,
    swaps: int = 4,
    variant: Variant | None = None,
) -> dict[str, Any]:
    """The clips of these indices.

    Args:
        indices: B of them; a clip is a function of its index and of the options.
        bank: photographs [h, w, 3], for grounds and textures.
        swaps: n.
        variant: how they are shown.

    Returns:
        frames uint8 [B, T, 64, 64, 3], label int32 [B] (the slot in which the marked cup ends),
        and truth: position [B, T, 4, 2] (of each cup, in sides), marked [B], start [B].
    """
    variant = variant or Variant()
    clips = [_clip(rng_of(STREAM, int(i)), bank, swaps, variant) for i in indices]
    return {
        "frames": np.stack([c["frames"] for c in clips]),
        "label": np.array([c["label"] for c in clips], np.int32),
        "truth": {
            key: np.array([c[key] for c in clips]) for key in ("position", "marked", "start")
        },
    }


def _clip(
    rng: np.random.Generator, bank: Sequence[np.ndarray], swaps: int, variant: Variant
) -> dict[str, Any]:
    lead = shell_game.LEAD + (_AWAY if variant.leaves else 0)
    length = lead + (shell_game.MOVE + shell_game.REST) * swaps
    path, marked, start, label, _ = shell_game._clip(
        rng, swaps, swaps, CUPS, length - lead + shell_game.LEAD
    )
    path = np.concatenate([np.repeat(path[:1], length - len(path), 0), path])
    if variant.leaves:
        path[shell_game.LEAD : shell_game.LEAD + _AWAY, marked] = _excursion(path[0, marked])
    ground = pictures.picture(rng, bank, (2 * SIDE, 2 * SIDE), natural=1.0)
    way = rng.uniform(0, 2 * np.pi)
    shift = variant.pan * np.arange(length)[:, None] * [np.cos(way), np.sin(way)]
    shift = shift - shift[-1] / 2  # the picture's middle is passed half way
    camera = np.stack([shapes.matrix(s - SIDE / 2) for s in shift])
    size = 2 * shell_game.RADIUS * SIDE
    gray = np.zeros((96, 96, 3)) + rng.uniform(90, 200)
    layers = []
    for cup in range(CUPS):
        color = shapes.texture(rng, bank, 96) if variant.textured else gray
        piece = shapes.rigid(rng, "disc", color, size, length)[0]
        at = [shapes.matrix(SIDE * p + s) for p, s in zip(path[:, cup], shift, strict=True)]
        layers.append(Layer(cup, piece.picture, np.stack(at) @ piece.matrices))
    dot = shapes.rigid(
        rng, "disc", np.zeros((96, 96, 3)) + shell_game.RED, 2 * shell_game.DOT * SIDE, length
    )[0]
    nowhere = np.array([9.0, 9.0])
    marks = np.where(np.arange(length)[:, None] < shell_game.MARKED, path[:, marked], nowhere)
    at = [shapes.matrix(SIDE * p + s) for p, s in zip(marks, shift, strict=True)]
    layers.append(Layer(-1, dot.picture, np.stack(at) @ dot.matrices))
    config = CompositeConfig(height=SIDE, width=SIDE, frames=length, objects=CUPS)
    none = np.zeros((length, CUPS, 3), np.float32)
    scene = Scene(
        ground=np.round(ground).astype(np.uint8),
        camera=camera,
        layers=tuple(layers),
        center=none[..., :2],
        covariance=none,
        world=none,
        count=CUPS,
        shadows=(None,) * CUPS,
        blur=False,
    )
    video = variant.light * drawn(scene, config)["video"] + rng.normal(
        0, 2.0, (length, SIDE, SIDE, 3)
    )
    return {
        "frames": np.clip(np.round(video), 0, 255).astype(np.uint8),
        "label": label,
        "position": (path + shift[:, None] / SIDE).astype(np.float32),
        "marked": marked,
        "start": start,
    }


def _excursion(home: np.ndarray) -> np.ndarray:
    """Out of the picture on the nearer side, and back, slow at both ends: [frames, 2]."""
    side = np.array([1.3 if home[0] > 0.5 else -0.3, home[1]])
    phase = (np.arange(_AWAY) + 1) / (_AWAY + 1)
    return home + (side - home) * (np.sin(np.pi * phase) ** 2)[:, None]
