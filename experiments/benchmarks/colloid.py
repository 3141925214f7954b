"""Spheres in water located and linked, beside trackpy on the same frames with the same settings.

The 50 frames of `../shared/data/colloid` (micron spheres, 24 frames/s, 100/285 µm a pixel), with
the settings of the walkthrough that EXPECTED.txt quotes: spots 11 pixels across, at least 20
levels bright, linked within 5 pixels, hidden for up to 3 frames; paths seen in 25 frames or
more; of those the spots that are bright, small and round; the mean drift taken off; the power
of time with which the mean squared displacement grows, over all lags. EXPECTED.txt has 1.08 from
all 300 frames; the standard error here is that of drawing the paths anew. The same
analysis is done on both. The made pictures have spots of known places under noise.
"""

from __future__ import annotations

import importlib.util
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.benchmarks import harness
from vidparticles.tracking.base import scan
from vidparticles.tracking.blobs.link import LinkConfig
from vidparticles.tracking.blobs.locate import LocateConfig
from vidparticles.tracking.blobs.tracker import BlobConfig, blob_tracker

DIAMETER, LEAST, REACH, HIDDEN = 11, 20, 5, 3
RATE, MICRONS = 24, 100 / 285
STUB = 25  # frames in which a path must be seen
BRIGHT, SMALL, ROUND = 50, 2.6, 0.3
COUNT = 1024  # places for spots

Table = np.ndarray  # rows of frame, particle, x, y, brightness, size, eccentricity


def ours(frames: np.ndarray) -> Table:
    height = frames.shape[1]
    spots = LocateConfig(diameter=DIAMETER, count=COUNT, least=LEAST / 255, dark=True)
    paths = LinkConfig(reach=REACH / height, memory=(HIDDEN + 1.5) / RATE)
    tracker = blob_tracker(BlobConfig(spots, paths))
    colored = jnp.repeat(jnp.asarray(frames)[..., None], 3, axis=-1)
    follow = jax.jit(lambda frames, times: scan(tracker, (), frames, times))
    tracks = follow(colored, jnp.arange(len(frames)) / RATE)
    points = tracks.trajectory.particles
    alive = np.asarray(points.alive)
    look = np.asarray(points.feature)[alive] * [255, 1, 1]
    place = np.asarray(points.position)[alive] * height - 0.5
    who = np.asarray(tracks.identity)[alive]
    return np.column_stack([np.nonzero(alive)[0], who, place, look])


def trackpy(frames: np.ndarray) -> Table:
    import trackpy

    trackpy.quiet()
    found = trackpy.batch(frames, DIAMETER, minmass=LEAST, invert=True, processes=1)
    linked = trackpy.link(found, REACH, memory=HIDDEN)
    return linked[["frame", "particle", "x", "y", "mass", "size", "ecc"]].to_numpy()


def paths(table: Table, frames: int) -> np.ndarray:
    """Places [T, N, 2] of the paths that are no stubs, NaN where not seen well."""
    who, place = np.unique(table[:, 1], return_inverse=True)
    kept = np.bincount(place) >= STUB
    good = kept[place] & (table[:, 4] > BRIGHT) & (table[:, 5] < SMALL) & (table[:, 6] < ROUND)
    found = np.full((frames, len(who), 2), np.nan)
    found[table[good, 0].astype(int), place[good]] = table[good, 2:4]
    return found[:, kept]


def exponent(found: np.ndarray) -> float:
    """n in ⟨|r(t + τ) − r(t)|²⟩ = A τⁿ, the mean drift taken off, over all lags."""
    drift = np.nancumsum(np.nanmean(np.diff(found, axis=0), axis=1), axis=0)
    found = found - np.concatenate([np.zeros((1, 2)), drift])[:, None]
    lags = np.arange(1, len(found))
    square = [np.nanmean(np.sum((found[k:] - found[:-k]) ** 2, -1)) for k in lags]
    return float(np.polyfit(np.log(lags / RATE), np.log(square), 1)[0])


def uncertain(found: np.ndarray, draws: int) -> float:
    """Standard error of the exponent: paths drawn anew, with repeats."""
    rng = np.random.default_rng(0)
    who = rng.integers(0, found.shape[1], (draws, found.shape[1]))
    return float(np.std([exponent(found[:, w]) for w in who]))


def made(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """uint8 picture of dark spots under noise, and their places [N, 2] in pixels."""
    grid = np.stack(np.meshgrid(np.arange(16), np.arange(10)), -1).reshape(-1, 2)
    places = 40 * (grid + 0.5) + rng.uniform(-8, 8, (len(grid), 2))
    y, x = np.mgrid[0:400, 0:640]
    depth = np.zeros((400, 640))
    for cx, cy in places:
        depth += 40 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 2.3**2))
    noisy = 160 - depth + rng.normal(0, 3, depth.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8), places


def error(table_of: object, pictures: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Root mean square of the errors of both coordinates, pixels."""
    off = []
    for picture, places in pictures:
        found = table_of(np.stack([picture] * 2))
        found = found[found[:, 0] == 0, 2:4]
        step = found[:, None] - places
        nearest = np.argmin(np.sum(step**2, -1), axis=0)
        off.append(step[nearest, np.arange(len(places))])
    return float(np.sqrt(np.mean(np.square(off))))


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    args = options.parse_args()
    folder = harness.pathlib.Path(args.data) / "colloid" / "bulk_water"
    files = sorted(folder.iterdir())[: 30 if args.smoke else None]
    # The green of all colors, as in the walkthrough.
    frames = np.stack([np.asarray(Image.open(file))[..., 1] for file in files])
    finders = {"ours": ours, "trackpy": trackpy}
    if not importlib.util.find_spec("trackpy"):
        print("skipped: trackpy (not installed)")
        del finders["trackpy"]
    calls = {name: lambda run=run: run(frames) for name, run in finders.items()}
    timings = harness.interleaved(calls, repeats=1 if args.smoke else 3)
    harness.print_timings(timings)

    rng = np.random.default_rng(0)
    pictures = [made(rng) for _ in range(1 if args.smoke else 5)]
    rows, seen = [], {}
    for name, run in finders.items():
        table = run(frames)
        found = paths(table, len(frames))
        seen[name] = {
            "spots a frame": len(table) / len(frames),
            "paths": len(np.unique(table[:, 1])),
            f"in {STUB} frames": found.shape[1],
            "exponent": exponent(found),
            "±": uncertain(found, 20 if args.smoke else 200),
            "made, px": error(run, pictures),
            "ms a frame": 1e3 * timings[name].median / len(frames),
        }
        rows.append([name, *(round(value, 4) for value in seen[name].values())])
    header = ["", *seen["ours"]]
    harness.print_table(header, rows)
    mine = seen["ours"]
    figures = {"colloid_exponent": mine["exponent"], "colloid_exponent_error": mine["±"]}
    figures["colloid_error_px"] = mine["made, px"]
    if "trackpy" in seen:
        theirs = seen["trackpy"]
        figures |= {
            "colloid_trackpy_exponent": theirs["exponent"],
            "colloid_count_ratio": mine["spots a frame"] / theirs["spots a frame"],
            "colloid_path_ratio": mine[f"in {STUB} frames"] / theirs[f"in {STUB} frames"],
            "colloid_error_vs_trackpy": mine["made, px"] / theirs["made, px"],
            "colloid_time_vs_trackpy": harness.ratio(timings, "ours", "trackpy"),
        }
    harness.finish(args, figures, packages=("trackpy",), table={"header": header, "rows": rows})


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    jax.config.update("jax_platforms", "cpu")
    main()
