"""How objects of composites move: positions [T, 2] in pixels, made for pictures of `shape`."""

from __future__ import annotations

import numpy as np


def smooth(rng: np.random.Generator, frames: int, scale: float, *, memory: int = 6) -> np.ndarray:
    """A smooth random walk [T] from 0, that moves about `scale` a frame."""
    steps = rng.normal(0, scale, frames + 4 * memory)
    window = np.hanning(2 * memory + 1)
    walk = np.convolve(np.cumsum(steps), window / window.sum(), "same")[2 * memory :][:frames]
    return walk - walk[0]


def wander(
    rng: np.random.Generator, frames: int, size: float, shape: tuple[int, int], *, rests: bool
) -> np.ndarray:
    """Of one object: straight on, in curves, thrown, from place to place, stopping and going.

    Args:
        rng: of everything random.
        frames: T.
        size: of the object, pixels.
        shape: rows and columns of the picture.
        rests: whether it likes to rest, and for long.
    """
    high, wide = shape
    # Some leave the picture, and some of them come back.
    margin = -0.7 * size if rng.random() < 0.25 else 0.25 * size
    low, most = np.array([margin, margin]), np.array([wide - margin, high - margin])
    at = np.array([rng.uniform(3, wide - 3), rng.uniform(3, high - 3)])
    speed = float(np.exp(rng.uniform(np.log(0.25), np.log(5.5))))
    velocity = _way(rng, speed)
    kinds = ("line", "turn", "stop", "thrown", "places", "drift")
    odds = (0.12, 0.12, 0.4, 0.1, 0.2, 0.06) if rests else (0.2, 0.2, 0.2, 0.15, 0.15, 0.1)
    kind = rng.choice(kinds, p=odds)
    longest = 40 if rests else 14
    turn, fall = rng.normal(0, 0.2), rng.uniform(0.1, 0.6)
    going, left, steps = bool(rng.random() < 0.6), int(rng.integers(3, longest)), np.zeros((0, 2))
    found = np.zeros((frames, 2))
    for t in range(frames):
        found[t] = at
        if kind == "turn":
            c, s = np.cos(turn), np.sin(turn)
            velocity = np.array([[c, -s], [s, c]]) @ velocity
        elif kind == "drift":
            velocity = velocity + rng.normal(0, 0.25 * speed, 2)
            velocity *= speed / (np.linalg.norm(velocity) + 1e-6)
        elif kind == "thrown":
            velocity = velocity + np.array([0, fall])
        step = velocity
        if kind in ("stop", "places"):
            left -= 1
            if left <= 0:
                going = not going
                velocity = _way(rng, speed)
                left = int(rng.integers(3, longest))
                if kind == "places" and going:
                    steps = _hop(rng, speed)
                    left = len(steps) + 1
            step = velocity * going
            if kind == "places":
                step = steps[0] if len(steps) else np.zeros(2)
                steps = steps[1:]
        at = at + step
        if kind != "places":
            back = ((at < low) & (velocity < 0)) | ((at > most) & (velocity > 0))
            velocity = np.where(back, -velocity, velocity)
            at = np.where(back, np.clip(at, low, most), at)
    return found


def _way(rng: np.random.Generator, speed: float) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    return speed * np.array([np.cos(angle), np.sin(angle)])


def _hop(rng: np.random.Generator, speed: float) -> np.ndarray:
    """Steps along an arc to another place: slow, fast, slow."""
    count = int(rng.integers(5, 14))
    length = np.clip(speed * count, 4, 45)
    angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.6, 0.6)
    t = 0.5 - 0.5 * np.cos(np.pi * np.arange(count + 1) / count)
    along, aside = length * t, length * bend * np.sin(np.pi * t)
    c, s = np.cos(angle), np.sin(angle)
    return np.diff(np.stack([c * along - s * aside, s * along + c * aside], -1), axis=0)


def swaps(
    rng: np.random.Generator, frames: int, count: int, size: float, shape: tuple[int, int]
) -> np.ndarray:
    """Of several alike: they rest, and pairs change places around each other; [count, T, 2]."""
    high, wide = shape
    middle = np.array([wide / 2 + rng.uniform(-14, 14), high / 2 + rng.uniform(-3, 3)])
    radius = rng.uniform(max(14, 0.8 * size), 24)
    angle = rng.uniform(0, 6.3) + 2 * np.pi * np.arange(count) / count
    home = middle + radius * np.stack([rng.uniform(1, 1.4) * np.cos(angle), np.sin(angle)], -1)
    home = np.clip(
        home + rng.normal(0, 1, home.shape), 0.4 * size, np.array([wide, high]) - 0.4 * size
    )
    now, found = home.copy(), [home.copy()] * int(rng.integers(1, 9))
    length, bulge = int(rng.integers(5, 12)), rng.uniform(0.3, 0.9)
    while len(found) < frames:
        i, j = rng.choice(count, 2, replace=False)
        center, half = (now[i] + now[j]) / 2, (now[i] - now[j]) / 2
        aside = bulge * rng.choice([-1, 1]) * np.array([-half[1], half[0]])
        for t in range(1, length + 1):
            way = half * np.cos(np.pi * t / length) + aside * np.sin(np.pi * t / length)
            between = now.copy()
            between[i], between[j] = center + way, center - way
            found.append(between)
        now = found[-1]
        found += [now.copy()] * int(rng.integers(0, 12))
    return np.stack(found[:frames], 1)
