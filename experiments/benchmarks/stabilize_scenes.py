"""Made scenes in which the camera is hard to tell, each with its ground alone beside it.

A photograph or a frame of a clip is the ground, which a shaken camera looks at; what `KINDS` names
makes it hard. Of each scene there are two films: what is seen, and what the ground alone would
show in good light. A stabilizer watches the first and is judged by what it does to the second.
`TUNED` are the pictures and clips that numbers were chosen on, `HELD` those of the last tables.
"""

from __future__ import annotations

import itertools
import zlib

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from experiments.benchmarks import tracks_scenes
from experiments.benchmarks.tracks_scenes import HEIGHT, WIDTH, picture, view

FRAMES, RATE = 100, 25
TUNED, HELD = tracks_scenes.TUNED, tracks_scenes.HELD[:2]  # as many as there is time for
TUNED_SEED, HELD_SEED = 0, 1
TUNED_CLIPS = (
    "chaplin.mp4",
    "goat_256.mp4",
    "flipping_a_pancake.mkv",
    "basketball_two_players.mp4",
)
HELD_CLIPS = ("arm_wrestling.mp4", "cleaning_pool_kinetics.mp4")
KINDS = ("still", "near", "held", "passer", "fade", "rolling", "flat", "dim")
SHIFT, TURN, SCALE = 0.012, np.deg2rad(0.6), 0.004  # r.m.s. of the shake, below some 6 Hz
READOUT = 0.8  # of the time between frames, from the first row to the last
FADE = 13  # frames from black to full light
CELLS = 10  # across the picture, of each of which some corners are followed
BANDS = 3  # in which the picture of a rolling shutter is judged, as its rows do not move together


def shake(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise [T] of unit r.m.s., smoothed over some frames."""
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    noise = np.convolve(rng.normal(size=count + 12), kernel, "valid")
    return noise / noise.std()


def shaken(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Turn [T] and shift [T] of the picture about its middle, complex, frame heights."""
    turn = (1 + SCALE * shake(count, rng)) * np.exp(1j * TURN * shake(count, rng))
    return turn, SHIFT * (shake(count, rng) + 1j * shake(count, rng))


def _share(inside: np.ndarray) -> np.ndarray:
    """Soft cover [H, W, 1] of signed distances from an edge, pixels."""
    return np.clip(inside + 0.5, 0, 1)[..., None]


def scene(kind: str, name: str, cover: str, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is seen and what the ground alone shows, uint8 [T, H, W, 3] each.

    Args:
        kind: one of `KINDS`.
        name: of the picture of the ground.
        cover: of the picture of what is in front of it.
        seed: of what is random; with the name and the kind.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{kind} {name}".encode())])
    ground, front = picture(name), picture(cover)
    turn, shift = shaken(FRAMES, rng)
    way = rng.uniform(0, 2 * np.pi)
    pan = 0.1 * np.exp(1j * way) * np.linspace(-0.5, 0.5, FRAMES)
    turn_at = CubicSpline(np.arange(FRAMES), turn)
    shift_at = CubicSpline(np.arange(FRAMES), HEIGHT * (shift + pan))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5
    grid, middle = x + 1j * y, (WIDTH + 1j * HEIGHT) / 2

    def looked(source: np.ndarray, t: int, times: float = 1.0) -> np.ndarray:
        late = READOUT * (y / HEIGHT - 0.5) if kind == "rolling" else 0.0
        place = (grid - middle - times * shift_at(t + late)) / turn_at(t + late) + middle
        return view(source, np.stack([place.real, place.imag], -1))

    flat = cv2.GaussianBlur(ground, (0, 0), 10)
    flat = flat.mean((0, 1)) + 0.3 * (flat - flat.mean((0, 1)))
    wide, high = rng.uniform(0.5, 0.56) * WIDTH, rng.uniform(0.62, 0.7) * HEIGHT
    left, size = rng.random() < 0.5, rng.uniform(0.31, 0.42) * WIDTH
    seen, alone = [], []
    for t in range(FRAMES):
        clear = looked(ground, t)
        shown = clear
        if kind == "near":  # moves 1.8 × as far, as it is nearer
            moved = grid - 1.8 * shift_at(t)
            off = np.hypot((moved.real - 0.3 * WIDTH) / 1.2, moved.imag - 0.7 * HEIGHT)
            share = _share(0.34 * WIDTH - off)
            shown = share * looked(front, t, 1.8) + (1 - share) * clear
        elif kind == "held":  # to the lens: it does not move
            across = wide - x if left else x - (WIDTH - wide)
            share = _share(np.minimum(across, y - (HEIGHT - high)))
            shown = share * view(front, np.stack([x, y], -1)) + (1 - share) * clear
        elif kind == "passer":
            at = -size / 2 + (WIDTH + size) * t / (FRAMES - 1)
            bob = 0.02 * HEIGHT * np.sin(2 * np.pi * 1.8 * t / RATE)
            share = _share(size / 2 - np.abs(x - at))
            moved = np.stack([x - at + WIDTH / 2, y + bob], -1).astype(np.float32)
            shown = share * view(front, moved) + (1 - share) * clear
        elif kind == "fade":
            shown = min(t / FADE, 1) * clear
        elif kind == "flat":
            shown = looked(flat, t) + rng.normal(0, 1, clear.shape)
        elif kind == "dim":
            shown = 0.1 * clear + rng.normal(0, 1.5, clear.shape)
        seen.append(shown)
        # Where nothing at all is seen, nothing is judged.
        alone.append(clear if shown.any() else 0 * clear)
    return tuple(np.clip(np.round(np.stack(f)), 0, 255).astype(np.uint8) for f in (seen, alone))


def _corners(gray: np.ndarray) -> np.ndarray:
    """Some corners of each cell of a grid [N, 1, 2]: a part has as much say as it is large."""
    found = []
    height, width = gray.shape
    columns, rows = CELLS, max(1, round(CELLS * height / width))
    for y in range(rows):
        for x in range(columns):
            top, left = y * height // rows, x * width // columns
            cell = gray[top : (y + 1) * height // rows, left : (x + 1) * width // columns]
            points = cv2.goodFeaturesToTrack(np.ascontiguousarray(cell), 5, 0.05, 5)
            if points is not None:
                found.append(points + np.float32([left, top]))
    return np.concatenate([np.zeros((0, 1, 2), np.float32), *found])


def step(before: np.ndarray, after: np.ndarray, rows: slice) -> np.ndarray:
    """Displacements [4] of the corners of some rows, as OpenCV sees it; NaN where it sees none."""
    first, second = (np.ascontiguousarray(f[rows]) for f in (before, after))
    height, width = first.shape
    corners = np.array([0, width, 1j * height, width + 1j * height])
    points = _corners(first)
    if len(points) < 8:
        return np.full(4, np.nan + 0j)
    there, found, _ = cv2.calcOpticalFlowPyrLK(first, second, points, None)
    back, _, _ = cv2.calcOpticalFlowPyrLK(second, first, there, None)
    good = (found.ravel() > 0) & (np.abs(back - points).max((1, 2)) < 0.3)
    if good.sum() < 8:
        return np.full(4, np.nan + 0j)
    matrix, _ = cv2.estimateAffinePartial2D(points[good], there[good], ransacReprojThreshold=1.0)
    turn, shift = matrix[:, 0] @ [1, 1j], matrix[:, 2] @ [1, 1j]
    return turn * corners + shift - corners


def jitter(film: np.ndarray, *, bands: int = 1) -> float:
    """R.m.s. change of the picture's step from frame to frame at its corners, pixels.

    Args:
        film: gray [T, H, W].
        bands: rows are judged in so many parts, at the corners of each.
    """
    edges = np.linspace(0, film.shape[1], bands + 1).astype(int)
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    steps = [
        np.concatenate([step(a, b, rows) for rows in parts]) for a, b in itertools.pairwise(film)
    ]
    return float(np.sqrt(np.nanmean(np.abs(np.diff(steps, axis=0)) ** 2)))
