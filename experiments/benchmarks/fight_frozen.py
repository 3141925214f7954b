"""Fights told from what `understand` sees of them: a frozen I3D, 181 clips of fight-surv.

    python -m experiments.benchmarks.fight_frozen [--smoke] [--size PIXELS] [--json FILE]

A clip's features are the mean of those of its windows (`inference.understanding.features`), the
answer is a logistic regression's. Folds, the choice of how much it shrinks and the interval are
those of `fight_motion`: each fold is tested once by a head that was fitted to the other two, with
which it shares no source. `fight_frozen` is the mean accuracy over the folds, `…_low` and `…_high`
its 95 % interval. To reach: 0.80. Needs `vidparticles weights get i3d`.
"""

from __future__ import annotations

import csv
import pathlib
import tempfile

import numpy as np
from tqdm import tqdm

from experiments.benchmarks import harness
from experiments.benchmarks.fight_motion import DATA, FOLDS, choose, head, interval
from vidparticles.inference.understanding.features import FeatureConfig, clip_features
from vidparticles.inference.understanding.networks import Networks, networks
from vidparticles.storage import atomic_write

# Of 1,024 numbers a clip, of which there are 120: more shrinking than of a few.
STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def features(path: pathlib.Path, found: Networks, size: int, cache: pathlib.Path) -> np.ndarray:
    """Mean features [1024] of a clip; from the cache, where they are in it."""
    kept = cache / f"{path.parent.name}_{path.stem}_{size}.npy"
    if not kept.exists():
        seen = clip_features(path, networks_here=found, config=FeatureConfig(size=size))
        with atomic_write(kept) as partial:
            np.save(partial, seen.features.mean(0))
    return np.load(kept)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--size", type=int, default=160, help="pixels that the network sees")
    options.add_argument("--cache", metavar="DIR", help="keeps what was seen of the clips")
    args = options.parse_args()
    found = networks(args.size, names=("i3d",))
    if found.actions is None:
        raise SystemExit(found.missing[0])
    cache = pathlib.Path(args.cache or pathlib.Path(tempfile.gettempdir()) / "fight-frozen")
    cache.mkdir(parents=True, exist_ok=True)
    with (DATA / "fight-surv" / "MANIFEST.tsv").open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    rows = rows[::6] if args.smoke else rows
    files = tqdm([DATA / "fight-surv" / row["file"] for row in rows], unit="clip")
    seen = np.stack([features(file, found, args.size, cache) for file in files])
    label = np.array([row["label"] == "fight" for row in rows], int)
    fold, source = (np.array([row[key] for row in rows]) for key in ("split", "group"))

    right, strengths = np.zeros(len(rows)), {}
    for name in FOLDS:
        held, fit = fold == name, fold != name
        _, strengths[name] = choose([seen[fit]], label[fit], source[fit], STRENGTHS)
        model = head(strengths[name]).fit(seen[fit], label[fit])
        right[held] = model.predict(seen[held]) == label[held]
    each = {f"fight_frozen_{name}": float(right[fold == name].mean()) for name in FOLDS}
    low, high = interval(right, fold, source)
    figures = {"fight_frozen": float(np.mean([*each.values()]))}
    figures |= {"fight_frozen_low": low, "fight_frozen_high": high, **each}
    harness.finish(
        args,
        figures,
        packages=("scikit-learn", "av", "flax"),
        size=args.size,
        strengths=strengths,
        clips=len(rows),
    )


if __name__ == "__main__":
    main()
