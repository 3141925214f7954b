"""Fights told from how tracked points move, and from nothing else: fight-surv, 181 clips.

    python experiments/benchmarks/fight_motion.py [--smoke] [--json FILE] [--cache DIR]

Every clip is followed at one size and one rate (where it has fewer frames, at its own), without
sound; `models/motion_statistics.py` gives its features, a logistic regression the answer. Each of
the three folds, which share no source, is tested once by a head fitted to the other two; which
statistics over time and how much shrinkage is chosen inside these two, by the log-loss of a
cross-validation whose parts share no source either. Beside it, through the same protocol: the
majority class, the file's metadata, and motion energy of the very same frames.

Figures, for `motion`, `energy`, `metadata` and `majority`: `fight_{name}_accuracy`, the mean over
the folds; `…_low` and `…_high`, its 95 % interval when sources are drawn anew within each fold
(clips of one source are not independent); and `…_fold{k}`. To reach: fight_motion_accuracy ≥ 0.72.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import itertools
import os
import pathlib
import tempfile
from collections.abc import Sequence

import numpy as np

from experiments.benchmarks import harness
from vidparticles.models.motion_statistics import NAMES, STATISTICS, motion_statistics
from vidparticles.particles import Trajectory, particles
from vidparticles.storage import atomic_write
from vidparticles.tracking.points.state import PointConfig
from vidparticles.tracking.points.tracker import point_tracker
from vidparticles.training.baselines import motion_energy
from vidparticles.video import open_video

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
SIZE = (240, 320)  # to which all clips are stretched, so that their shape tells nothing
RATE, LONGEST = 15.0, 64  # frames a second, and frames, at most
COUNT = 512  # places for particles
SHRUNK = 4  # times, of what motion energy is taken of
FOLDS = ("fold0", "fold1", "fold2")
FACTS = ("duration_s", "fps", "frames", "width", "height", "bytes")
# What may be chosen inside the training folds.
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
OVER_TIME: tuple[tuple[str, ...], ...] = (("mean",), ("mean", "low", "high"), STATISTICS)
PARTS, REPEATS = 6, 3  # of the cross-validation inside
RESAMPLES = 4000


@dataclasses.dataclass(frozen=True)
class Clips:
    """All clips, in one order.

    Attributes:
        label: int [n], 1 is a fight.
        fold, source: str [n].
        features: name of a predictor → its choices of features, each [n, ·].
    """

    label: np.ndarray
    fold: np.ndarray
    source: np.ndarray
    features: dict[str, list[np.ndarray]]


def fingerprint() -> str:
    """Of all that a clip's measurements depend on."""
    package = harness.ROOT / "vidparticles"
    files = [package / "models" / "motion_statistics.py"]
    for room in ("dynamics", "particleize", "render"):
        files += sorted((package / room).rglob("*.py"))
    parts = [file.read_bytes() for file in files]
    parts.append(repr((SIZE, RATE, LONGEST, COUNT, SHRUNK)).encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def measured(path: pathlib.Path, cache: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Motion statistics and motion energy of one clip; from the cache, where they are in it."""
    kept = cache / f"{path.parent.name}_{path.stem}.npz"
    if kept.exists():
        with np.load(kept) as found:
            return found["statistics"], found["energy"]
    with open_video(path) as video:
        ticks = np.arange(0, video.info.duration, 1 / RATE)[:LONGEST]
        places = np.unique([video.index_at(tick) for tick in ticks])
        frames, times = video.frames(places, size=SIZE), video.times[places]
    tracker = point_tracker(PointConfig(count=COUNT))
    state, states = tracker.init_fn((), frames[0], times[0]), []
    for frame, time in zip(frames, times, strict=True):
        state, _ = tracker.step_fn((), state, frame, time)
        states.append(state)
    # Of one length, so that one program is compiled; nothing is alive beyond the end.
    spare = LONGEST - len(frames)
    position, alive = (
        np.concatenate([x, np.zeros((spare, *x.shape[1:]), x.dtype)])
        for x in (
            np.stack([s.particles.position for s in states]),
            np.stack([s.particles.alive for s in states]),
        )
    )
    times = np.concatenate([times, times[-1] + np.arange(1, spare + 1) / RATE]).astype(np.float32)
    statistics = motion_statistics(Trajectory(particles(position, alive=alive), times))
    height, width = (side // SHRUNK for side in SIZE)
    small = frames.reshape(len(frames), height, SHRUNK, width, SHRUNK, 3).mean((2, 4))
    result = np.asarray(statistics), motion_energy(small[None])[0]
    with atomic_write(kept) as partial:
        np.savez(partial, statistics=result[0], energy=result[1])
    return result


def load(cache: pathlib.Path, *, few: int | None) -> Clips:
    """All clips of the folder, or `few` of each class and fold."""
    from tqdm import tqdm

    folder = DATA / "fight-surv"
    if not folder.is_dir():
        raise SystemExit(f"no data at {folder}; set VIDPARTICLES_DATA to the folder of real data.")
    with (folder / "MANIFEST.tsv").open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    if few is not None:
        kinds: dict[tuple[str, str], list[dict[str, str]]] = {}
        for row in rows:
            kinds.setdefault((row["label"], row["split"]), []).append(row)
        # Spread over the list, which is sorted by source.
        rows = [kind[k * len(kind) // few] for kind in kinds.values() for k in range(few)]
    got = [measured(folder / row["file"], cache) for row in tqdm(rows, unit="clip")]
    statistics, energy = (np.stack(part) for part in zip(*got, strict=True))
    ends = [name.rsplit(" ", 1)[1] for name in NAMES]
    facts = [
        [*(np.log(float(row[fact])) for fact in FACTS), bool(row["audio"].strip())] for row in rows
    ]
    return Clips(
        label=np.array([row["label"] == "fight" for row in rows], int),
        fold=np.array([row["split"] for row in rows]),
        source=np.array([row["group"] for row in rows]),
        features={
            "motion": [statistics[:, np.isin(ends, kinds)] for kinds in OVER_TIME],
            "energy": [energy],
            "metadata": [np.array(facts, float)],
            "majority": [np.zeros((len(rows), 1))],
        },
    )


def head(strength: float):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def choose(
    choices: Sequence[np.ndarray],
    label: np.ndarray,
    source: np.ndarray,
    strengths: Sequence[float] = STRENGTHS,
) -> tuple[int, float]:
    """The place of the features and the strength with the least log-loss on held-out sources."""
    import threadpoolctl
    from sklearn.model_selection import StratifiedGroupKFold

    splits = [
        split
        for seed in range(REPEATS)
        for split in StratifiedGroupKFold(PARTS, shuffle=True, random_state=seed).split(
            choices[0], label, source
        )
    ]

    def loss(option: tuple[int, float]) -> float:
        features, total = choices[option[0]], 0.0
        for fit, held in splits:
            model = head(option[1]).fit(features[fit], label[fit])
            probability = model.predict_proba(features[held])[np.arange(len(held)), label[held]]
            total -= np.log(np.maximum(probability, 1e-12)).sum()
        return total

    with threadpoolctl.threadpool_limits(1):  # threads only wait for each other in fits this small
        return min(itertools.product(range(len(choices)), strengths), key=loss)


def interval(right: np.ndarray, fold: np.ndarray, source: np.ndarray) -> tuple[float, float]:
    """95 % of the mean accuracy over folds, sources drawn with replacement within each."""
    rng = np.random.default_rng(0)
    means = np.zeros(RESAMPLES)
    for name in FOLDS:
        inside = fold == name
        _, which = np.unique(source[inside], return_inverse=True)
        count = np.bincount(which)
        hits = np.bincount(which, weights=right[inside])
        drawn = rng.integers(0, len(count), (RESAMPLES, len(count)))
        means += hits[drawn].sum(1) / count[drawn].sum(1) / len(FOLDS)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was measured of the clips")
    args = options.parse_args()
    root = pathlib.Path(args.cache or pathlib.Path(tempfile.gettempdir()) / "fight-motion")
    cache = root / fingerprint()
    cache.mkdir(parents=True, exist_ok=True)
    clips = load(cache, few=4 if args.smoke else None)

    figures: dict[str, float] = {}
    rows, chosen = [], {}
    for name, choices in clips.features.items():
        right = np.zeros(len(clips.label))
        for fold in FOLDS:
            held, fit = clips.fold == fold, clips.fold != fold
            best, strength = choose([x[fit] for x in choices], clips.label[fit], clips.source[fit])
            model = head(strength).fit(choices[best][fit], clips.label[fit])
            right[held] = model.predict(choices[best][held]) == clips.label[held]
            figures[f"fight_{name}_{fold}"] = right[held].mean()
            chosen[f"{name} {fold}"] = [choices[best].shape[1], strength]
        each = [figures[f"fight_{name}_{fold}"] for fold in FOLDS]
        low, high = interval(right, clips.fold, clips.source)
        figures[f"fight_{name}_accuracy"] = float(np.mean(each))
        figures[f"fight_{name}_low"], figures[f"fight_{name}_high"] = low, high
        told = f"{100 * np.mean(each):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        rows.append([name, told, *(f"{100 * part:.1f}" for part in each)])
    header = ["told from", "accuracy, mean of the folds", *FOLDS]
    harness.print_table(header, rows)
    harness.print_table(
        ["chosen", "features", "strength"], [[key, *value] for key, value in chosen.items()]
    )
    harness.finish(
        args,
        figures,
        packages=("scikit-learn", "av"),
        table={"header": header, "rows": rows},
        chosen=chosen,
        clips=len(clips.label),
    )


if __name__ == "__main__":
    main()
