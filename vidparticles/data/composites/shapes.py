"""Outlines and textures of objects: discs, blobs, polygons, capsules, and jointed bodies."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vidparticles.data.composites import pictures

OUTLINES = ("disc", "ellipse", "blob", "polygon", "capsule", "bar")
_CORNERS = 40
_FINE = 4  # times as fine as it is kept is an outline drawn


@dataclasses.dataclass(frozen=True)
class Part:
    """A piece of an object.

    Attributes:
        picture: uint8 [n, n, 4], color times opacity, and opacity.
        matrices: [T, 3, 3] from its pixels to those of the object, in which it is T frames long.
        mass: opaque pixels of `picture`.
        center: [2] their mean.
        spread: [2, 2] their covariance.
    """

    picture: np.ndarray
    matrices: np.ndarray
    mass: float
    center: np.ndarray
    spread: np.ndarray


def matrix(
    shift: Sequence[float] | np.ndarray = (0.0, 0.0), angle: float = 0.0, scale: float = 1.0
) -> np.ndarray:
    """[3, 3]: turn and scale, then shift.

    Example:
        >>> (matrix((1, 2), 0.0, 3.0) @ [1, 1, 1]).tolist()
        [4.0, 5.0, 1.0]
    """
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]], [0.0, 0.0, 1.0]])


def opacity(rng: np.random.Generator, side: int, outline: str) -> np.ndarray:
    """How opaque each pixel of an outline is, which fills about nine tenths of the side.

    Returns:
        float32 [side, side] in [0, 1].
    """
    turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    flat = rng.uniform(0.35, 1.0)
    circle = np.stack([np.cos(turn), np.sin(turn)], -1)
    if outline == "disc":
        points = circle
    elif outline == "ellipse":
        points = circle * [1, flat]
    elif outline == "blob":
        radius = 1 + sum(
            rng.normal(0, 0.28 / k) * np.cos(k * turn + rng.uniform(0, 6)) for k in range(2, 7)
        )
        radius = np.clip(radius, 0.25, None)
        points = circle * (radius / radius.max())[:, None] * [1, np.sqrt(flat)]
    elif outline == "polygon":
        corners = rng.integers(3, 8)
        at = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(-0.3, 0.3, corners)
        points = np.stack([np.cos(at), np.sin(at)], -1) * rng.uniform(0.6, 1, (corners, 1))
    else:
        thick = rng.uniform(0.13, 0.28) if outline == "bar" else rng.uniform(0.3, 0.5)
        points = circle * thick + np.sign(np.cos(turn))[:, None] * [1 - thick, 0]
    fine = _FINE * side
    image = Image.new("L", (fine, fine))
    corners_of = (fine / 2 + 0.45 * fine * points).ravel().tolist()
    ImageDraw.Draw(image).polygon(corners_of, fill=255)
    soft = image.filter(ImageFilter.GaussianBlur(0.4 * _FINE))
    return np.asarray(soft.resize((side, side), Image.Resampling.BOX), np.float32) / 255


def texture(rng: np.random.Generator, bank: Sequence[np.ndarray], side: int) -> np.ndarray:
    """A texture [side, side, 3] in 0 … 255, shaded now and then."""
    plain = rng.random() < 0.3
    found = pictures.picture(rng, bank, (side, side), natural=0.0 if plain else 0.75)
    if plain and rng.random() < 0.7:
        found = found * 0 + rng.uniform(0, 255, 3)
    if rng.random() < 0.3:
        y, x = np.mgrid[:side, :side] / side - 0.5
        angle, depth = rng.uniform(0, 6.3), rng.uniform(0.2, 0.9)
        found = found * (1 + depth * (x * np.cos(angle) + y * np.sin(angle)))[..., None]
    return np.clip(found, 0, 255).astype(np.float32)


def part(cover: np.ndarray, color: np.ndarray, matrices: np.ndarray, size: float) -> Part:
    """A piece whose outline is `size` long, from its opacity [n, n] and its texture [n, n, 3].

    `matrices` [T, 3, 3] put the middle of it, in units of the object.
    """
    side = len(cover)
    picture = np.concatenate([color * cover[..., None], 255 * cover[..., None]], -1)
    y, x = np.mgrid[:side, :side] + 0.5
    mass = float(cover.sum()) + 1e-6
    center = np.array([(cover * x).sum(), (cover * y).sum()]) / mass
    dx, dy = x - center[0], y - center[1]
    spread = np.array([[(cover * dx * dx).sum(), (cover * dx * dy).sum()], [0, 0]]) / mass
    spread[1] = spread[0, 1], (cover * dy * dy).sum() / mass
    scale = size / (0.9 * side)
    inner = matrix(scale=scale) @ matrix((-side / 2, -side / 2))
    return Part(np.round(picture).astype(np.uint8), matrices @ inner, mass, center, spread)


def rigid(
    rng: np.random.Generator, outline: str, color: np.ndarray, size: float, frames: int
) -> list[Part]:
    """An object of one piece, `size` pixels long."""
    side = int(np.clip(1.3 * size, 8, len(color)))
    still = np.broadcast_to(np.eye(3), (frames, 3, 3))
    return [part(opacity(rng, side, outline), color[:side, :side], still, size)]


def body(
    rng: np.random.Generator,
    colors: Sequence[np.ndarray],
    size: float,
    frames: int,
    *,
    dressed: bool = False,
) -> list[Part]:
    """A jointed body: a trunk, limbs that swing, and perhaps a head.

    Args:
        rng: of everything random.
        colors: textures, of which each piece takes one: clothes, skin.
        size: pixels from head to foot, about.
        frames: T.
        dressed: the first of three colors is that of a shirt, the second of trousers, the third of
            skin; and limbs may swing as little as in one who stands.
    """
    pace, found = rng.uniform(0.15, 0.9), []
    calm = float(np.exp(rng.uniform(np.log(0.05), 0))) if dressed else 1.0
    arms = 0 if dressed and rng.random() < 0.6 else 2
    worn = {"trunk": 0, "leg": 1, "arm": arms, "head": 2}

    def piece(name: str, outline: str, length: float, matrices: np.ndarray) -> Part:
        color = colors[worn[name] if dressed else int(rng.integers(len(colors)))]
        side = int(np.clip(1.3 * length, 8, len(color)))
        return part(opacity(rng, side, outline), color[:side, :side], matrices, length)

    upright = np.broadcast_to(matrix(angle=np.pi / 2), (frames, 3, 3))
    for k in range(rng.integers(2, 5)):
        leg, way = k < 2, 1 if k % 2 else -1
        joint = np.array([0.06 * way * size, (0.18 if leg else -0.15) * size])
        rest = np.pi / 2 + (0 if leg else way * rng.uniform(0.2, 1.2))
        phase = np.pi * (k % 2) + rng.uniform(-0.4, 0.4)
        swing = rest + calm * rng.uniform(0.1, 0.9) * np.sin(pace * np.arange(frames) + phase)
        length = 0.42 * size
        limb = [matrix(joint, angle) @ matrix((0.4 * length, 0)) for angle in swing]
        outline = "bar" if rng.random() < 0.6 else "capsule"
        found.append(piece("leg" if leg else "arm", outline, length, np.stack(limb)))
    found.insert(rng.integers(len(found) + 1), piece("trunk", "capsule", 0.5 * size, upright))
    if rng.random() < 0.75:
        head = np.broadcast_to(matrix((0, -0.34 * size)), (frames, 3, 3))
        found.append(piece("head", "disc", 0.22 * size, head))
    return found
