"""Dense flow between made pairs of pictures: errors and confidence, beside DIS and Farnebäck.

Each pair is a photograph or a frame of a clip, and the same moved as cameras and things move it;
the truth is known at each pixel. Errors are end-point errors in pixels of 320 × 240, over the
pixels that both pictures show. The pictures that the numbers were chosen on are
`tracks_scenes.TUNED`; those of the table, `HELD`, were not looked at before the first run.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from experiments.benchmarks import harness
from experiments.benchmarks.calibration import area_under_curve, calibration_gap, reliability
from experiments.benchmarks.tracks_scenes import (
    FRAMES,
    HEIGHT,
    HELD,
    MIDDLE,
    OBJECT,
    TUNED,
    WIDTH,
    compressed,
    homographies,
    picture,
    pixel_grid,
    through,
    view,
)
from vidparticles import flow

KINDS = (
    "jitter",
    "camera 20",
    "perspective",
    "elastic",
    "object 12",
    "object 20",
    "light",
    "crf36",
    "dim",
)
GOOD = 1.0  # pixels: an error below it is what confidence is about
SURE = 0.5


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two pictures and the truth.

    Attributes:
        first, second: uint8 [H, W, 3].
        motion: [H, W, 2] pixels, from the first to the second.
        shown: [H, W] bool, the second shows it, too.
    """

    first: np.ndarray
    second: np.ndarray
    motion: np.ndarray
    shown: np.ndarray


def pair(kind: str, name: str, cover: str) -> Pair:
    """One pair; `cover` is the picture that a piece of flies over the one of this name."""
    random = np.random.default_rng(zlib.crc32(f"{kind} {name}".encode()))
    source, grid = picture(name), pixel_grid()
    second = view(source, grid)
    if kind in ("jitter", "camera 20", "perspective"):
        moments = homographies(kind, random, 1)
        # Twice the last speed of all that the scene has.
        last = {"camera 20": FRAMES - 1, "perspective": 4}.get(kind, 7)
        there = moments[last - 1] @ np.linalg.inv(moments[last])
        places = through(there, grid)
    elif kind == "elastic":
        bend = [cv2.GaussianBlur(random.normal(size=(HEIGHT, WIDTH)), (0, 0), 25) for _ in "xy"]
        bend = np.stack([3 * b / b.std() for b in bend], -1)
        places = grid + bend
    else:
        places = grid + random.uniform(-4, 4, 2)
    first = view(source, places)
    motion = places - grid
    inside = ((places > 0) & (places < [WIDTH, HEIGHT])).all(-1)
    if kind.startswith("object"):
        way = random.uniform(0, 2 * np.pi)
        step = float(kind.split()[1]) * np.asarray([np.cos(way), np.sin(way)])
        thing = picture(cover)
        off = [np.linalg.norm(grid - MIDDLE - s * step, axis=-1) for s in (-0.5, 0.5)]
        shares = [np.clip(OBJECT - o + 0.5, 0, 1)[..., None] for o in off]
        discs = [view(thing, grid - s * step) for s in (-0.5, 0.5)]
        first, second = (
            share * disc + (1 - share) * ground
            for share, disc, ground in zip(shares, discs, (first, second), strict=True)
        )
        on = off[0] < OBJECT
        motion = np.where(on[..., None], step, motion)
        hidden = np.linalg.norm(places - MIDDLE - 0.5 * step, axis=-1) < OBJECT
        inside = np.where(on, True, inside & ~hidden)
    if kind == "light":
        second = 0.75 * second + 15
    if kind == "dim":
        first, second = (0.1 * p + random.normal(0, 1.5, p.shape) for p in (first, second))
    first, second = (np.clip(np.round(p), 0, 255).astype(np.uint8) for p in (first, second))
    if kind == "crf36":
        first, second = compressed(np.stack([first, second]), crf=36)
    return Pair(first, second, motion.astype(np.float32), inside)


def ours(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(flow.between(first, second).forward)


def _gray(*pictures: np.ndarray) -> list[np.ndarray]:
    return [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in pictures]


def dis(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return finder.calc(*_gray(first, second), None)


def farneback(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return cv2.calcOpticalFlowFarneback(
        *_gray(first, second), None, 0.5, 5, 15, 3, 5, 1.2, cv2.OPTFLOW_FARNEBACK_GAUSSIAN
    )


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "ours": ours,
    "dis": dis,
    "farneback": farneback,
}


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--tuned", action="store_true", help="the pictures tuned on instead")
    args = options.parse_args()
    names = TUNED if args.tuned else HELD
    names = names[:2] if args.smoke else names
    rows, figures = [], {}
    off: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    sure, right, means = [], [], {name: [] for name in METHODS}
    for kind in KINDS:
        here: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
        for k, name in enumerate(names):
            made = pair(kind, name, names[(k + 1) % len(names)])
            for method, find in METHODS.items():
                error = np.linalg.norm(find(made.first, made.second) - made.motion, axis=-1)
                here[method].append(error[made.shown])
                if method == "ours":
                    confidence = np.asarray(flow.between(made.first, made.second).confidence[0])
                    sure.append(confidence.ravel()[::7])
                    right.append(((error < GOOD) & made.shown).ravel()[::7])
        row = [kind]
        for method in METHODS:
            pooled = np.concatenate(here[method])
            off[method].append(pooled)
            means[method].append(pooled.mean())
            row += [round(float(pooled.mean()), 3), round(float(np.median(pooled)), 3)]
        rows.append(row)
    header = ["pair", *(f"{m}, {what}" for m in METHODS for what in ("mean", "median"))]
    harness.print_table(header, rows)
    for method in METHODS:
        figures[f"epe_{method}"] = float(np.mean(means[method]))
        figures[f"good_{method}"] = float(np.mean(np.concatenate(off[method]) < GOOD))
    ahead = np.less(means["ours"], means["dis"])
    figures["rows_ahead_of_dis"] = int(ahead.sum())
    score, good = np.concatenate(sure), np.concatenate(right)
    print()
    table = [
        [f"{low:.1f} to {low + 0.1:.1f}", count, round(said, 3), round(true, 3)]
        for low, count, said, true in reliability(score, good)
    ]
    harness.print_table(["confidence", "pixels", "said", "true"], table)
    figures["confidence_gap"] = calibration_gap(score, good)
    figures["confidence_auc"] = area_under_curve(score, good)
    figures["confidence_sure_share"] = float((score > SURE).mean())
    figures["confidence_sure_right"] = float(good[score > SURE].mean())
    made = pair("jitter", names[0], names[1])
    times = harness.interleaved(
        {name: lambda find=find: find(made.first, made.second) for name, find in METHODS.items()},
        repeats=3 if args.smoke else 15,
    )
    figures["cpu_vs_dis"] = times["ours"].median_cpu / times["dis"].median_cpu
    harness.finish(
        args,
        figures,
        packages=("opencv-python-headless",),
        table={"header": header, "rows": rows},
        confidence={"header": ["confidence", "pixels", "said", "true"], "rows": table},
    )


if __name__ == "__main__":
    main()
