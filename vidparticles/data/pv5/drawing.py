"""Anti-aliased discs on a small canvas, many frames at a time.

A canvas is uint8 [B, T, SIDE + 2 · EDGE, SIDE + 2 · EDGE, 3]: the picture and an edge around
it that `finish` cuts off, so that a disc over the border needs no case of its own. Lengths
are parts of the picture's side.
"""

from __future__ import annotations

import colorsys

import numpy as np

SIDE = 32
EDGE = 6
GREY = np.array([128, 128, 128])
WHITE = np.array([255, 255, 255])
BAND_GREY = np.array([64, 64, 64])


def hues(count: int) -> np.ndarray:
    """That many pure colors, evenly around the circle of hues: [count, 3] in 0 … 255.

    Example:
        >>> hues(3).tolist()
        [[255.0, 0.0, 0.0], [0.0, 255.0, 0.0], [0.0, 0.0, 255.0]]
    """
    return np.array([colorsys.hsv_to_rgb(i / count, 1, 255) for i in range(count)]).round()


def canvas(clips: int, frames: int) -> np.ndarray:
    """A black canvas for that many clips of so many frames."""
    return np.zeros((clips, frames, SIDE + 2 * EDGE, SIDE + 2 * EDGE, 3), np.uint8)


def disc(
    canvas: np.ndarray,
    center: np.ndarray,
    *,
    radius: float,
    color: np.ndarray,
    shown: np.ndarray | bool = True,
) -> None:
    """Paint one disc into each frame, over what is there.

    The coverage of a pixel at distance d from the center is clip((r − d) · SIDE + ½, 0, 1).

    Args:
        canvas: painted in place.
        center: [B, T, 2], (x, y) in [0, 1].
        radius: r, at most EDGE / SIDE less a pixel.
        color: 0 … 255, broadcast to [B, T, 3].
        shown: where there is a disc at all, broadcast to [B, T].
    """
    side = canvas.shape[2]
    pixels = canvas.reshape(-1, 3)
    which = np.flatnonzero(np.broadcast_to(shown, center.shape[:2]))
    at = (center.reshape(-1, 2)[which] * SIDE + EDGE).astype(np.float32)
    reach = int(np.ceil(radius * SIDE + 0.5))
    corner = np.floor(at).astype(np.int64) - reach
    window = np.arange(2 * reach + 1)
    # Squared distances from pixels' centers, along each axis and then together.
    off = ((corner - at).astype(np.float32)[..., None] + (window + 0.5).astype(np.float32)) ** 2
    distance = np.sqrt(off[:, 0, None, :] + off[:, 1, :, None])
    cover = np.clip(np.float32(radius * SIDE + 0.5) - distance, 0, 1)[..., None]
    paint = np.broadcast_to(color, (*center.shape[:2], 3)).reshape(-1, 3)[which]
    first = (which * side + corner[:, 1]) * side + corner[:, 0]
    index = first[:, None, None] + window[:, None] * side + window
    below = pixels[index].astype(np.float32)
    below += cover * (paint[:, None, None].astype(np.float32) - below)
    pixels[index] = below + np.float32(0.5)


def band(canvas: np.ndarray, left: float, right: float) -> None:
    """Paint an upright opaque gray band over everything; pixels it covers in part are mixed."""
    pixel = np.arange(SIDE + 2 * EDGE) - EDGE
    cover = np.clip(np.minimum(pixel + 1, right * SIDE) - np.maximum(pixel, left * SIDE), 0, 1)
    for column in np.flatnonzero(cover):
        below = canvas[..., column, :].astype(np.float32)
        canvas[..., column, :] = below + cover[column] * (BAND_GREY - below) + 0.5


def finish(canvas: np.ndarray) -> np.ndarray:
    """The picture without its edge: uint8 [B, T, SIDE, SIDE, 3]."""
    return np.ascontiguousarray(canvas[..., EDGE:-EDGE, EDGE:-EDGE, :])


def share_outside(x: np.ndarray, radius: float, left: float, right: float) -> np.ndarray:
    """What part of the area of a disc at abscissa x lies outside an upright band, in [0, 1].

    Example:
        >>> share_outside(np.array([0.2, 0.5, 0.58]), 0.1, 0.3, 0.58).round(2).tolist()
        [1.0, 0.05, 0.5]
    """

    def below(edge: float) -> np.ndarray:
        u = np.clip((edge - x) / radius, -1, 1)
        return 0.5 + (u * np.sqrt(1 - u * u) + np.arcsin(u)) / np.pi

    return 1 - (below(right) - below(left))
