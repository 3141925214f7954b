"""Clips in which somebody is out of sight for a while, told as boxes: no picture is drawn.

Four kinds, T frames at 24 a second, with the gap in the middle:

- `hidden`: one of several that go their ways (`data.composites.paths.wander`), at any time;
- `crossing`: one of two of them that pass over each other, the one behind;
- `swapping`: one of two that change places (`paths.swaps`), in long gaps more than once;
- `colliding`: both of two discs that bounce off each other (`data.pv5.world`), as behind a screen.

A box is as wrong as `Noise` says, some are missed, some are of nothing. In every second clip all
look alike. Lengths are frame heights.
"""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from vidparticles.data.composites import paths
from vidparticles.data.pv5 import world
from vidparticles.tracking.objects.observations import Observations

KINDS = ("hidden", "crossing", "swapping", "colliding")
GAPS = (5, 10, 20, 40, 60)
RATE, WIDTH = 24, 1.5
BEFORE, AFTER = 30, 12  # frames with all in sight
MIDDLE = BEFORE + max(GAPS) // 2
FRAMES = BEFORE + max(GAPS) + AFTER
MOST, FEATURES = 4, 8
PIXELS = 64  # of a height, which paths of composites are made for
LONG = 3 * FRAMES  # what a window is looked for in


@dataclasses.dataclass(frozen=True)
class Noise:
    """How wrong boxes are.

    Attributes:
        middle: standard deviation, sizes.
        sides: of the logarithm of the sides.
        feature: of each of the numbers by which things are told apart, before they are a unit
            vector.
        other: how much of its appearance is a thing's own, where all look alike.
        missed: probability that a thing in sight has no box,
        false: and that there is a box of nothing.
    """

    middle: float = 0.05
    sides: float = 0.07
    feature: float = 0.1
    other: float = 0.15
    missed: float = 0.05
    false: float = 0.03


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Clips:
    """C clips of one kind, each of at most `MOST` things and a box of nothing beside.

    Attributes:
        seen: fields [C, T, MOST + 1, ·], a column a thing, before anybody is hidden.
        center: [C, T, MOST, 2] where they are.
        size: [C, MOST] longer sides; 0 for those that are not.
        covered: [C, MOST] bool, whose boxes the gap takes away.
        asked: [C, MOST] bool, who is asked for after it.
        alike: [C] bool, whether all look alike.
    """

    seen: Observations
    center: np.ndarray
    size: np.ndarray
    covered: np.ndarray
    asked: np.ndarray
    alike: np.ndarray


def gap(length: int) -> slice:
    """The frames of a gap."""
    first = MIDDLE - length // 2
    return slice(first, first + length)


def make(kind: str, seed: int, count: int, noise: Noise | None = None) -> Clips:
    """Clips of a kind.

    Args:
        kind: of `KINDS`.
        seed: of everything random; no two of kind, seed and clip share any.
        count: C.
        noise: how wrong boxes are.
    """
    noise, rows = noise or Noise(), []
    for k in range(count):
        rng = np.random.default_rng((seed, KINDS.index(kind), k))
        found = None
        while found is None:
            found = _SCENES[kind](rng)
        center, size, covered, asked = found
        rows.append(_observed(rng, center, size, covered, asked, k % 2 == 0, noise))
    *parts, center, size, covered, asked, alike = (np.stack(x) for x in zip(*rows, strict=True))
    return Clips(Observations(*parts), center, size, covered, asked, alike)


Scene = tuple[np.ndarray, np.ndarray, list[int], list[int]]


def _wanderers(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Paths [LONG, n, 2] and sizes [n]."""
    count, shape = int(rng.integers(2, MOST + 1)), (PIXELS, round(WIDTH * PIXELS))
    size = np.exp(rng.uniform(np.log(7), np.log(19), count))
    ways = [paths.wander(rng, LONG, s, shape, rests=False) for s in size]
    return np.stack(ways, 1) / PIXELS, size / PIXELS


def _hidden(rng: np.random.Generator) -> Scene | None:
    path, size = _wanderers(rng)
    path = path[(first := int(rng.integers(LONG - FRAMES))) : first + FRAMES]
    who = int(rng.integers(len(size)))
    moves = np.linalg.norm(np.diff(path[:, who], axis=0), axis=-1).mean() * RATE > 0.2
    return (path, size, [who], [who]) if moves and _inside(path[:, who]).all() else None


def _crossing(rng: np.random.Generator) -> Scene | None:
    path, size = _wanderers(rng)
    front, behind = map(int, rng.permutation(len(size))[:2])
    away = np.linalg.norm(path[:, front] - path[:, behind], axis=-1)
    within = away[MIDDLE : LONG - FRAMES + MIDDLE]
    at = int(within.argmin())
    path = path[at : at + FRAMES]
    near = within[at] < 0.5 * (size[front] + size[behind]) / 2
    pace = np.diff(path[:, front] - path[:, behind], axis=0)[MIDDLE - 3 : MIDDLE + 3]
    passes = np.linalg.norm(pace.mean(0)) * RATE > 0.2
    ok = near and passes and _inside(path[:, [front, behind]]).all()
    return (path, size, [behind], [front, behind]) if ok else None


def _swapping(rng: np.random.Generator) -> Scene | None:
    count, size = int(rng.integers(2, MOST + 1)), rng.uniform(7, 15)
    ways = paths.swaps(rng, LONG, count, size, (PIXELS, round(WIDTH * PIXELS)))
    ways = ways.transpose(1, 0, 2) / PIXELS
    goes = np.linalg.norm(np.diff(ways, axis=0, prepend=ways[:1]), axis=-1) > 1e-9
    # The fastest frame of a swap: where they are abreast.
    pace = np.linalg.norm(np.diff(ways, axis=0, prepend=ways[:1]), axis=-1).max(1)
    middle = (pace[1:-1] >= pace[:-2]) & (pace[1:-1] > pace[2:]) & (goes[1:-1].sum(1) == 2)
    times = np.flatnonzero(middle) + 1
    times = times[(times >= MIDDLE) & (times < LONG - FRAMES + MIDDLE)]
    if not len(times):
        return None
    at = int(rng.choice(times))
    pair = [int(k) for k in rng.permutation(np.flatnonzero(goes[at]))]
    path = ways[at - MIDDLE : at - MIDDLE + FRAMES]
    return path, np.full(count, size / PIXELS), pair[:1], pair


def _colliding(rng: np.random.Generator) -> Scene | None:
    count, radius = int(rng.integers(2, MOST + 1)), rng.uniform(0.05, 0.1)
    start = world.scatter(rng, count, radius=radius)[None]
    speed = world.velocities(rng, count, 0.006, 0.02)[None]
    path, hits = world.run(start, speed, radius=radius, frames=LONG)
    times, which = np.nonzero(hits[0, MIDDLE : LONG - FRAMES + MIDDLE])
    if not len(times):
        return None
    at = int(rng.integers(len(times)))
    pair = [int(x[which[at]]) for x in world.pairs(count)]
    return path[0, times[at] : times[at] + FRAMES], np.full(count, 2 * radius), pair, pair


_SCENES = {
    "hidden": _hidden,
    "crossing": _crossing,
    "swapping": _swapping,
    "colliding": _colliding,
}


def _inside(path: np.ndarray) -> np.ndarray:
    return ((path > 0) & (path < [WIDTH, 1])).all(-1)


def _observed(
    rng: np.random.Generator,
    path: np.ndarray,
    sizes: np.ndarray,
    covered: list[int],
    asked: list[int],
    alike: bool,
    noise: Noise,
) -> tuple[np.ndarray, ...]:
    """The fields of `Clips` of one clip."""
    count = len(sizes)
    center, size = np.zeros((FRAMES, MOST, 2)), np.zeros(MOST)
    center[:, :count], size[:count] = path, sizes
    own = _unit(rng.normal(size=(MOST + 1, FEATURES)))
    own = _unit(own[-1:] + noise.other * own) if alike else own
    feature = _unit(own + noise.feature * rng.normal(size=(FRAMES, MOST + 1, FEATURES)))
    at = np.concatenate([center, rng.uniform((0, 0), (WIDTH, 1), (FRAMES, 1, 2))], 1)
    long = np.broadcast_to(np.append(size, sizes.mean()), (FRAMES, MOST + 1))[..., None]
    at = at + noise.middle * long * rng.normal(size=at.shape)
    half = 0.5 * long * np.exp(noise.sides * rng.normal(size=at.shape))
    score = np.clip(0.8 + 0.07 * rng.normal(size=at.shape[:2]), 0.5, 0.95)
    valid = rng.random(at.shape[:2]) > np.append(np.full(MOST, noise.missed), 1 - noise.false)
    valid[:, :MOST] &= (size > 0) & _inside(center)
    box = np.concatenate([at - half, at + half], -1)
    masks = [np.isin(np.arange(MOST), who) for who in (covered, asked)]
    kind = np.zeros(score.shape, np.int32)
    real = (x.astype(np.float32) for x in (box, score, feature, center, size))
    box, score, feature, center, size = real
    return box, score, kind, feature, valid, center, size, *masks, np.asarray(alike)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)
