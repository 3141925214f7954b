"""A blob tracker that carries a tag: what PV-5 takes without any learning.

It is told what a learned model has to find out: how many discs there are and how large, that
the background is black, that gray of one kind hides, and what a tag looks like. Each frame it
predicts p + v, gives every pixel to the nearest disc (as k-means does, within reach of one)
and moves discs by as much as what they were given is off what they should see there. Plain
numpy.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 4
# Gray levels of what hides and of the darkest disc.
BAND, BRIGHT = 64, 128


def follow(frames: np.ndarray, *, count: int, radius: float) -> np.ndarray:
    """Where discs are in every frame, each in its place of the list throughout.

    Args:
        frames: uint8 [B, T, S, S, 3].
        count: K, how many discs there are.
        radius: of each, in sides of the picture.

    Returns:
        float32 [B, T, K, 2], (x, y) in sides.

    Example:
        >>> y, x = np.mgrid[:32, :32] + 0.5
        >>> clip = [200 * (np.hypot(x - 8 - t, y - 16) < 4) for t in range(4)]
        >>> frames = np.repeat(np.array(clip, np.uint8)[None, ..., None], 3, -1)
        >>> path = follow(frames, count=1, radius=0.125)
        >>> [round(float(x), 2) for x in path[0, :, 0, 0]]
        [0.25, 0.28, 0.31, 0.34]
    """
    side = frames.shape[2]
    shown = frames.max(-1).astype(np.float32).reshape(*frames.shape[:2], -1)
    light = np.clip(shown / BRIGHT, 0, 1)
    # A pixel of the band in both this frame and the first: edges of discs pass through its gray.
    hides = (np.abs(shown - BAND) < 2) & (np.abs(shown[:, :1] - BAND) < 2)
    pixel = (np.arange(side, dtype=np.float32) + 0.5) / side
    grid = np.stack(np.meshgrid(pixel, pixel), axis=-1).reshape(-1, 2)
    here = _start(np.where(hides[:, 0], 0, light[:, 0]), grid, count, radius)
    here = _settle(light[:, 0], ~hides[:, 0], grid, here, radius)
    before, path = here, [here]
    for t in range(1, frames.shape[1]):
        ahead = 2 * here - before
        before, here = here, _settle(light[:, t], ~hides[:, t], grid, ahead, radius)
        path.append(here)
    return np.stack(path, axis=1)


def _start(light: np.ndarray, grid: np.ndarray, count: int, radius: float) -> np.ndarray:
    """Places [B, K, 2] of most light within a radius, the brightest first, none twice."""
    near = (np.linalg.norm(grid[:, None] - grid, axis=-1) < radius).astype(np.float32)
    left, found = light.copy(), []
    for _ in range(count):
        best = grid[(left @ near).argmax(1)]
        found.append(best)
        left *= np.linalg.norm(grid - best[:, None], axis=-1) > 1.2 * radius
    return np.stack(found, axis=1)


def _settle(
    light: np.ndarray, visible: np.ndarray, grid: np.ndarray, place: np.ndarray, radius: float
) -> np.ndarray:
    """Discs moved until the middle of the light they own is where it should be."""
    side = np.sqrt(len(grid))
    for _ in range(ROUNDS):
        distance = np.sqrt(np.square(place[:, :, None] - grid).sum(-1))
        mine = distance == distance.min(1, keepdims=True)
        mine &= (distance < radius + 1.5 / side) & visible[:, None]
        seen = mine * light[:, None]
        expected = mine * np.clip((radius - distance) * side + 0.5, 0, 1)
        mass = expected.sum(-1, keepdims=True)
        off = (seen @ grid) / np.maximum(seen.sum(-1, keepdims=True), 1e-6)
        off -= (expected @ grid) / np.maximum(mass, 1e-6)
        # What is hidden by more than three quarters goes on as it went.
        place = place + np.where(mass > 0.25 * np.pi * (radius * side) ** 2, off, 0)
    return place


def shell_game(frames: np.ndarray, slots: np.ndarray, *, radius: float) -> np.ndarray:
    """PV-5 T2: the slot [B] in which the cup ends that was marked red.

    Args:
        frames: uint8 [B, T, S, S, 3].
        slots: [K, 2] where cups stand, in sides.
        radius: of a cup.
    """
    return marked_slot(follow(frames, count=len(slots), radius=radius), frames, slots)


def marked_slot(path: np.ndarray, frames: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """The slot [B] in which, of what was followed, ends what was marked red at first.

    Args:
        path: [B, T, K, 2], in sides; far away where something is not there.
        frames: uint8 [B, T, S, S, 3].
        slots: [K, 2] where cups stand, in sides.
    """
    color = frames[:, 0].astype(np.float32)
    red = np.clip(color[..., 0] - color[..., 1], 0, None)
    end = path[np.arange(len(path)), -1, _nearest(path[:, 0], _middle(red))]
    return np.linalg.norm(slots - end[:, None], axis=-1).argmin(-1)


def flash_recall(frames: np.ndarray, hues: np.ndarray, *, count: int, radius: float) -> np.ndarray:
    """PV-5 T3: the hue [B] that the disc once showed which is marked white at the end.

    Args:
        frames: uint8 [B, T, S, S, 3].
        hues: [8, 3] in 0 … 255.
        count: how many discs there are.
        radius: of a disc.
    """
    return marked_hue(follow(frames, count=count, radius=radius), frames, hues)


def marked_hue(path: np.ndarray, frames: np.ndarray, hues: np.ndarray) -> np.ndarray:
    """The hue [B] once shown by what, of what was followed, is marked white at the end.

    Args:
        path: [B, T, K, 2], in sides; far away where something is not there.
        frames: uint8 [B, T, S, S, 3].
        hues: [8, 3] in 0 … 255.
    """
    rows = np.arange(len(frames))
    white = frames[:, -1].min(-1).astype(np.float32)
    marked = _nearest(path[:, -1], _middle(np.clip(white - 160, 0, None)))
    # The color under the disc in the frame in which it was most vivid.
    vivid = np.ptp(frames.astype(np.int16), axis=-1)
    place = np.clip(np.floor(path[rows, :, marked] * frames.shape[2]), 0, frames.shape[2] - 1)
    place = place.astype(int)
    clock = np.arange(frames.shape[1])
    when = vivid[rows[:, None], clock, place[..., 1], place[..., 0]].argmax(1)
    seen = frames[rows, when, place[rows, when, 1], place[rows, when, 0]].astype(np.float32)
    return np.square(seen[:, None] - hues).sum(-1).argmin(-1)


def _middle(weight: np.ndarray) -> np.ndarray:
    """Center of mass [B, 2], (x, y) in sides, of weights [B, S, S]."""
    side = weight.shape[1]
    pixel = (np.arange(side) + 0.5) / side
    total = np.maximum(weight.sum((1, 2)), 1e-6)
    return np.stack([weight.sum(1) @ pixel, weight.sum(2) @ pixel], axis=-1) / total[:, None]


def _nearest(places: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Which of places [B, K, 2] is nearest to [B, 2]."""
    return np.linalg.norm(places - to[:, None], axis=-1).argmin(-1)
