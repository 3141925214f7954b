"""One composite: which objects move how over what, before it is drawn.

Lengths are pixels of the clip, the origin at its top left corner, the middle of the first pixel
at (0.5, 0.5).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from vidparticles.data.composites import paths, pictures, shapes
from vidparticles.data.composites.shapes import Part, matrix
from vidparticles.errors import InputError


@dataclasses.dataclass(frozen=True)
class CompositeConfig:
    """What clips are made of.

    Attributes:
        height, width: pixels, whole cells.
        frames: T.
        objects: K, the most in a clip.
        cell: pixels of a cell's side, in which truths are told.
        hard: how probable a clip is with long rests, swaps, things that fill the picture, shadows,
            flicker and motion blur.
        swaps: of these, how many are of things that look alike and change places.
        smallest, largest: pixels, sizes of objects,
        large, huge: and of those that fill the picture.
        jointed: how probable an object is a body with limbs.
        dressed: how probable such a body wears a shirt and trousers and now and then stands
            nearly still, like a person; else each piece of it has any of its colors.

    Raises:
        InputError: the picture is not made of whole cells.
    """

    height: int = 64
    width: int = 96
    frames: int = 36
    objects: int = 6
    cell: int = 4
    hard: float = 0.67
    swaps: float = 0.18
    smallest: float = 2.5
    largest: float = 30.0
    large: float = 26.0
    huge: float = 60.0
    jointed: float = 0.3
    dressed: float = 0.0

    def __post_init__(self) -> None:
        if self.height % self.cell or self.width % self.cell:
            raise InputError(
                f"a picture of {self.height} × {self.width} pixels is not made of cells of "
                f"{self.cell}; give multiples."
            )


@dataclasses.dataclass(frozen=True)
class Layer:
    """A piece of the picture over what is behind it.

    Attributes:
        owner: index of its object; −1 for what stands in the scene.
        picture: uint8 [n, n, 4], color times opacity, and opacity.
        matrices: [T, 3, 3] from its pixels to those of the clip.
    """

    owner: int
    picture: np.ndarray
    matrices: np.ndarray


@dataclasses.dataclass(frozen=True)
class Scene:
    """A clip before it is drawn.

    Attributes:
        ground: uint8 [h, w, 3], larger than the clip.
        camera: [T, 3, 3] from its pixels to those of the clip.
        layers: from back to front.
        center: [T, K, 2] middles of the objects, as if nothing hid them.
        covariance: [T, K, 3] of their pixels: xx, xy, yy.
        world: [T, K, 3] where each is on the ground, and how far it has turned and stretched, all
            in pixels: what does not change while it rests.
        count: how many objects there are.
        shadows: for each, None or (depth, shift in sizes [2], flatness).
        blur: whether it is exposed while it moves.
    """

    ground: np.ndarray
    camera: np.ndarray
    layers: tuple[Layer, ...]
    center: np.ndarray
    covariance: np.ndarray
    world: np.ndarray
    count: int
    shadows: tuple[tuple[float, float, float, float] | None, ...]
    blur: bool


def scene(rng: np.random.Generator, bank: Sequence[np.ndarray], config: CompositeConfig) -> Scene:
    """Draw a scene.

    Args:
        rng: of everything random.
        bank: photographs, as of `pictures.photographs`.
        config: what clips are made of.
    """
    hard = rng.random() < config.hard
    swapping = hard and rng.random() < config.swaps
    rests, huge = hard and rng.random() < 0.5, hard and not swapping and rng.random() < 0.35
    still = swapping or rng.random() < 0.35
    shape, frames = (config.height, config.width), config.frames
    size = (round(1.6 * config.height), round(1.6 * config.width))
    ground = pictures.picture(rng, bank, size, natural=0.75)
    camera = _camera(rng, size, shape, frames, still)
    drift = camera[:, :2, 2] - camera[0, :2, 2]

    count = int(rng.choice(7, p=[0.04, 0.18, 0.22, 0.2, 0.16, 0.12, 0.08]))
    count = int(rng.integers(2, 7)) if swapping else count
    count = min(count, config.objects)
    alike = swapping or rng.random() < 0.25
    few, many = np.log(config.smallest), np.log(config.largest)
    # Alike: of one outline and size, and half of them of one texture too.
    common = rng.uniform(7, 19) if swapping else float(np.exp(rng.uniform(few, many)))
    outline, same = _outline(rng, jointed=0.0), rng.random() < 0.5
    texture = shapes.texture(rng, bank, 96)
    places = paths.swaps(rng, frames, count, common, shape) if swapping else None

    center = np.zeros((frames, config.objects, 2), np.float32)
    covariance = np.zeros((frames, config.objects, 3), np.float32)
    world = np.zeros((frames, config.objects, 3), np.float32)
    own: list[list[Layer]] = []
    shadows = []
    for k in range(count):
        length = common if alike else float(np.exp(rng.uniform(few, many)))
        kind = outline if alike else _outline(rng, jointed=config.jointed)
        if huge and k == 0:
            kind, length = (
                "body" if rng.random() < 0.7 else "blob",
                rng.uniform(config.large, config.huge),
            )
        length = max(length, 9) if kind == "body" else length
        if places is not None:
            path = places[k]
        elif huge and k == 0 and rng.random() < 0.5:  # sways where it is
            start = np.array([rng.uniform(0, config.width), rng.uniform(0, config.height)])
            sway = [paths.smooth(rng, frames, rng.uniform(0, s)) for s in (0.6, 0.3)]
            path = start + np.stack(sway, -1)
        else:
            path = paths.wander(rng, frames, length, shape, rests=rests)
        if places is None and not still and rng.random() < 0.55:
            path = path + drift  # of its own on the ground, else in the picture
        turning = paths.smooth(
            rng, frames, 0.0 if swapping or rng.random() < 0.5 else rng.uniform(0.02, 0.12)
        )
        upright = kind == "body" and rng.random() < 0.7
        angle = (rng.normal(0, 0.2) + 0.3 * turning) if upright else rng.uniform(0, 6.3) + turning
        growth = paths.smooth(rng, frames, 0.0 if swapping or rng.random() < 0.6 else 0.015)
        pose = np.stack(
            [matrix(p, a, s) for p, a, s in zip(path, angle, np.exp(growth), strict=True)]
        )
        colors = [texture if alike and same else shapes.texture(rng, bank, 96)]
        if kind == "body":
            dressed = config.dressed > 0 and rng.random() < config.dressed
            more = 2 if dressed else rng.integers(0, 3)
            colors += [shapes.texture(rng, bank, 96) for _ in range(more)]
            parts = shapes.body(rng, colors, length, frames, dressed=dressed)
        else:
            parts = shapes.rigid(rng, kind, colors[0], length, frames)
        moved = [dataclasses.replace(p, matrices=pose @ p.matrices) for p in parts]
        own.append([Layer(k, p.picture, p.matrices) for p in moved])
        center[:, k], covariance[:, k] = _moments(moved)
        on_ground = (
            np.linalg.inv(camera) @ np.append(center[:, k], np.ones((frames, 1)), -1)[..., None]
        )
        world[:, k, :2] = on_ground[:, :2, 0]
        limbs = 0.15 * length * np.arange(frames) if kind == "body" else 0
        spin = 0 if kind == "disc" else 0.4 * length * (angle - angle[0])
        world[:, k, 2] = spin + limbs + 0.5 * length * growth
        cast = hard and rng.random() < 0.15
        shadows.append(
            tuple(rng.uniform((0.15, -0.5, 0.3, 0.25), (0.6, 0.5, 0.8, 0.6))) if cast else None
        )
    own += [[layer] for layer in _standing(rng, bank, camera, drift, size, hard and not still)]
    order = rng.permutation(len(own))
    return Scene(
        ground=np.round(ground).astype(np.uint8),
        camera=camera,
        layers=tuple(layer for k in order for layer in own[k]),
        center=center,
        covariance=covariance,
        world=world,
        count=count,
        shadows=tuple(shadows),
        blur=hard and rng.random() < 0.3,
    )


def _outline(rng: np.random.Generator, *, jointed: float) -> str:
    return "body" if rng.random() < jointed else str(rng.choice(shapes.OUTLINES))


def _camera(
    rng: np.random.Generator,
    size: tuple[int, int],
    shape: tuple[int, int],
    frames: int,
    still: bool,
) -> np.ndarray:
    """[T, 3, 3] from the ground to the picture: still, drifting, shaken, turning, zooming."""
    if still:
        shift, turn, zoom = np.zeros((frames, 2)), np.zeros(frames), np.zeros(frames)
    else:
        pace = float(np.exp(rng.uniform(np.log(0.1), np.log(1.6))))
        walk = [paths.smooth(rng, frames, pace * s) for s in (1.0, 0.7)]
        pan = rng.normal(0, 1, 2) * [0.5, 0.25] * np.arange(frames)[:, None]
        shake = rng.normal(0, rng.uniform(0, 0.6) * (rng.random() < 0.4) + 1e-9, (frames, 2))
        shift = np.stack(walk, -1) + pan + shake
        turn = paths.smooth(rng, frames, 0.004 * (rng.random() < 0.4))
        zoom = paths.smooth(rng, frames, 0.006 * (rng.random() < 0.4))
    turn, zoom = turn + rng.uniform(-0.2, 0.2), zoom + np.log(rng.uniform(0.8, 1.25))
    middle = np.array([shape[1], shape[0]]) / 2
    to_middle = matrix((-size[1] / 2, -size[0] / 2))
    moves = zip(shift, turn, np.exp(zoom), strict=True)
    return np.stack([matrix(middle + s, a, z) @ to_middle for s, a, z in moves])


def _standing(
    rng: np.random.Generator,
    bank: Sequence[np.ndarray],
    camera: np.ndarray,
    drift: np.ndarray,
    size: tuple[int, int],
    near: bool,
) -> list[Layer]:
    """What stands in the scene and hides what passes behind it; nearer things pass faster."""
    found = []
    for _ in range(rng.choice(4, p=[0.55, 0.25, 0.13, 0.07])):
        length = float(np.exp(rng.uniform(np.log(8), np.log(45))))
        at = np.array(size[::-1]) / 2 + rng.uniform(-1, 1, 2) * [55, 36]
        outline = rng.choice(("polygon", "bar", "blob", "capsule"))
        piece = shapes.rigid(rng, outline, shapes.texture(rng, bank, 96), length, 1)[0]
        placed = camera @ matrix(at, rng.uniform(0, 6.3)) @ piece.matrices[0]
        if near and rng.random() < 0.4:
            ahead = rng.uniform(0.1, 0.6) * drift
            placed = np.stack([matrix(step) for step in ahead]) @ placed
        found.append(Layer(-1, piece.picture, placed))
    return found


def _moments(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Middles [T, 2] and covariances [T, 3] of the pixels of a few pieces together."""
    linear = [p.matrices[:, :2, :2] for p in parts]
    mass = np.stack([p.mass * np.abs(np.linalg.det(a)) for p, a in zip(parts, linear, strict=True)])
    weight = (mass / mass.sum(0))[..., None]
    middles = np.stack([(p.matrices @ [*p.center, 1])[:, :2] for p in parts])
    center = (weight * middles).sum(0)
    spread = np.stack([a @ p.spread @ a.swapaxes(1, 2) for p, a in zip(parts, linear, strict=True)])
    off = middles - center
    spread = (weight[..., None] * (spread + off[..., :, None] * off[..., None, :])).sum(0)
    return center, np.stack([spread[:, 0, 0], spread[:, 0, 1], spread[:, 1, 1]], -1)
