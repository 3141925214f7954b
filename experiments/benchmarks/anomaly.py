"""Whether falls and fights stand out from what is normal, and how soon after they begin.

    python -m experiments.benchmarks.anomaly [--smoke] [--json FILE] [--cache DIR] [--clips N]
                                             [--tuning]

Falls (gmdcsa24-falls, 15 clips): each clip is judged against those of daily life without itself; a
frame is positive while EVENTS.tsv says that someone falls. Fights (fight-surv): of each fold N
clips of either kind, spread over it, are judged against N × 2 clips without a fight of the other
folds, which share no source with them; a frame is positive in a clip with a fight.

Figures: `anomaly_{falls,fights}_auc`, the area under the ROC of all frames judged (of fights the
mean of the folds), by novelty, by each of its parts (`…_sudden_motion_auc` and so on), and by those
of `points`, of `objects` and of both; beside it `…_energy_auc`, motion energy: how much the picture
changes from frame to frame; and `anomaly_cpu_per_second`, what following takes. At the threshold
that is to be exceeded once an hour by what is normal (`…_threshold` nats, the median; `…_highest`
is the highest novelty of all): `…_found`, the share of the events with an alarm, `…_delay`,
seconds from their begin to it (median of those found, left out where there is none), and
`…_false_per_hour`, alarms an hour in what is normal, of `…_normal_seconds`. `…_found_at_5` and
`…_delay_at_5` are the same where 5 % of the frames without an event are above the threshold.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import os
import pathlib
import time
from collections.abc import Sequence

import numpy as np

from experiments.benchmarks import harness
from vidparticles.inference.anomalies import detect, scores
from vidparticles.inference.anomalies.cells import Cells, cells_of, followed
from vidparticles.inference.anomalies.motion import Motion
from vidparticles.inference.anomalies.normal import Normal, normal_of
from vidparticles.inference.anomalies.objects import Frames
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.searching.index import build, default_folder
from vidparticles.inference.understanding.moments import moments
from vidparticles.storage import atomic_write
from vidparticles.video import open_video

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
FALLS = {"Falling (BW)", "Falling (FW)", "Falling (SW)", "Fall (FW)"}
FOLDS = ("fold0", "fold1", "fold2")
GROUPS = {"points": [0, 1], "objects": [3, 4], "points and objects": [0, 1, 3, 4]}
USED = 8  # clips of a fold and a kind that results/anomaly.json is of


@dataclasses.dataclass(frozen=True)
class Judged:
    """A clip and the truth.

    Attributes:
        path: the clip.
        cells: what is known of it.
        energy: [T] change from frame to frame, and `times` [T] seconds of the frames.
        events: (start, end) in seconds.
        cpu: seconds that it took to follow points and objects.
    """

    path: pathlib.Path
    cells: Cells
    energy: np.ndarray
    times: np.ndarray
    events: tuple[tuple[float, float], ...] = ()
    cpu: float = 0.0

    @property
    def positive(self) -> np.ndarray:
        """Bool [T]: the frames of an event."""
        inside = [(self.times >= start) & (self.times < end) for start, end in self.events]
        return np.any(inside, 0) if inside else np.zeros(len(self.times), bool)

    def by_frame(self, values: np.ndarray) -> np.ndarray:
        """A number for each cell, as one for each frame; 0 where it is not known."""
        return np.interp(
            self.times, (self.cells.starts + self.cells.ends) / 2, np.nan_to_num(values)
        )


def read(path: pathlib.Path, entry: Entry, cache: pathlib.Path) -> Judged:
    """What is known of a clip; what moves in it from the cache, where that is in it."""
    kept = cache / f"moves-{'-'.join(path.relative_to(DATA).parts)}.npz"
    if not kept.exists():
        began = time.process_time()
        motion, frames = followed(path)
        spent = time.process_time() - began
        with open_video(path) as video:
            shown = [(moment.time, moment.thumbnail) for moment in moments(video)]
        luma = np.stack([picture.astype(np.float32).mean(-1) / 255 for _, picture in shown])
        energy = np.abs(np.diff(luma, axis=0, prepend=luma[:1])).mean((1, 2))
        told = {f"motion_{k}": v for k, v in motion._asdict().items()}
        told |= {f"frames_{k}": v for k, v in frames._asdict().items()}
        with atomic_write(kept) as partial:
            np.savez(partial, **told, energy=energy, times=[t for t, _ in shown], cpu=spent)
    with np.load(kept) as found:
        motion = Motion(*(found[f"motion_{name}"] for name in Motion._fields))
        frames = Frames(*(found[f"frames_{name}"] for name in Frames._fields))
        cells = cells_of(entry, motion, frames)
        return Judged(path, cells, found["energy"], found["times"], cpu=float(found["cpu"]))


def area(values: np.ndarray, positive: np.ndarray) -> float:
    """Under the ROC: the chance that a positive is above a negative, ties halved."""
    from scipy.stats import rankdata

    ranks = rankdata(values)
    count, others = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


class Tally:
    """What is judged, frame by frame, and the alarms."""

    def __init__(self) -> None:
        self.frames: dict[str, list[np.ndarray]] = collections.defaultdict(list)
        self.positive: list[np.ndarray] = []
        self.clips: list[Judged] = []
        self.thresholds: list[float] = []
        self.delays: list[float | None] = []
        self.false, self.seconds = 0, 0.0

    def add(self, clip: Judged, known: Normal) -> None:
        """Judge a clip against what is normal."""
        parts = detect.against(clip.cells, known)
        novelty = scores.together(parts)
        self.frames["novelty"].append(clip.by_frame(novelty))
        for name, column in zip(scores.PARTS, parts.T, strict=True):
            self.frames[name].append(clip.by_frame(column))
        for name, columns in GROUPS.items():
            self.frames[name].append(clip.by_frame(scores.together(parts[:, columns])))
        self.frames["energy"].append(clip.energy)
        self.positive.append(clip.positive)
        self.clips.append(clip)
        self.thresholds.append(known.threshold)
        alarms = detect.alarms(clip.cells, parts, novelty, known.threshold)
        for start, end in clip.events:
            inside = [a for a in alarms if a.end > start and a.start < end]
            # It is told at the end of the cell in which it is above the threshold.
            told = min((max(a.start, start) for a in inside), default=None)
            self.delays.append(None if told is None else told - start + 0.5)
        if not clip.events:
            self.false += len(alarms)
            self.seconds += float(clip.cells.ends[-1])

    def areas(self) -> dict[str, float]:
        """Under the ROC of all frames, for each predictor."""
        positive = np.concatenate(self.positive)
        return {name: area(np.concatenate(x), positive) for name, x in self.frames.items()}


def at_five(tallies: Sequence[Tally]) -> list[float | None]:
    """Seconds from the begin of each event to a frame that 5 % of those without one exceed."""
    delays: list[float | None] = []
    for tally in tallies:
        values, positive = (np.concatenate(x) for x in (tally.frames["novelty"], tally.positive))
        threshold = np.quantile(values[~positive], 0.95)
        for clip, novelty in zip(tally.clips, tally.frames["novelty"], strict=True):
            for start, end in clip.events:
                over = clip.times[
                    (novelty > threshold) & (clip.times >= start) & (clip.times < end)
                ]
                delays.append(float(over[0] - start) if len(over) else None)
    return delays


def falls(index: pathlib.Path) -> Tally:
    """Each clip against those of daily life."""
    folder, events = DATA / "gmdcsa24-falls", collections.defaultdict(list)
    with (folder / "EVENTS.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["event"] in FALLS:
                events[row["file"]].append((float(row["start_s"]), float(row["end_s"])))
    library = build(sorted(folder.rglob("*.mp4")), folder=index)
    clips = [
        dataclasses.replace(
            read(path, entry, index), events=tuple(events[path.relative_to(folder).as_posix()])
        )
        for path, entry in zip(library.paths, library.entries, strict=True)
    ]
    tally = Tally()
    for clip in clips:
        others = [one.cells for one in clips if not one.events and one is not clip]
        tally.add(clip, normal_of(others))
    return tally


def fights(index: pathlib.Path, count: int, *, tuning: bool) -> list[Tally]:
    """Clips of each fold against those without a fight of the others; for tuning, unused ones."""
    folder = DATA / "fight-surv"
    rows: dict[tuple[str, str], list[pathlib.Path]] = collections.defaultdict(list)
    with (folder / "MANIFEST.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["split"], row["label"]].append(folder / row["file"])
    chosen = {}
    for key, paths in rows.items():
        used = some(paths, USED)
        free = [path for path in paths if path not in used] if tuning else paths
        chosen[key] = some(free, count)
    library = build([path for paths in chosen.values() for path in paths], folder=index)
    known = {
        path: read(path, entry, index)
        for path, entry in zip(library.paths, library.entries, strict=True)
    }
    tallies = []
    for fold in FOLDS:
        others = [p for f in FOLDS if f != fold for p in chosen[f, "noFight"]]
        normal, tally = normal_of([known[path].cells for path in others]), Tally()
        for path in chosen[fold, "noFight"]:
            tally.add(known[path], normal)
        for path in chosen[fold, "fight"]:
            clip = known[path]
            tally.add(dataclasses.replace(clip, events=((0.0, clip.cells.ends[-1]),)), normal)
        tallies.append(tally)
    return tallies


def some(paths: Sequence[pathlib.Path], count: int) -> list[pathlib.Path]:
    """So many, spread over all."""
    count = min(count, len(paths))
    return [paths[k * len(paths) // count] for k in range(count)]


def summed(name: str, tallies: Sequence[Tally], figures: dict[str, float]) -> list[list[object]]:
    """Fill in the figures of a set; returns a row for each predictor."""
    areas = [tally.areas() for tally in tallies]
    rows: list[list[object]] = []
    for key in areas[0]:
        value = float(np.mean([one[key] for one in areas]))
        behind = "" if key == "novelty" else "_" + key.replace(" ", "_")
        figures[f"anomaly_{name}{behind}_auc"] = value
        rows.append([key, f"{value:.3f}"])
    delays = [delay for tally in tallies for delay in tally.delays]
    for behind, each in (("", delays), ("_at_5", at_five(tallies))):
        found = [delay for delay in each if delay is not None]
        figures[f"anomaly_{name}_found{behind}"] = len(found) / len(each)
        if found:
            figures[f"anomaly_{name}_delay{behind}"] = float(np.median(found))
    thresholds = [threshold for tally in tallies for threshold in tally.thresholds]
    highest = max(float(x.max()) for tally in tallies for x in tally.frames["novelty"])
    figures[f"anomaly_{name}_threshold"] = float(np.median(thresholds))
    figures[f"anomaly_{name}_highest"] = highest
    seconds = sum(tally.seconds for tally in tallies)
    figures[f"anomaly_{name}_normal_seconds"] = seconds
    figures[f"anomaly_{name}_false_per_hour"] = sum(t.false for t in tallies) / seconds * 3600
    return rows


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was seen of clips")
    options.add_argument(
        "--clips", metavar="N", type=int, default=USED, help="of a fold and a kind"
    )
    options.add_argument("--tuning", action="store_true", help="fights that are not judged else")
    args = options.parse_args()
    index = pathlib.Path(args.cache) if args.cache else default_folder()
    index.mkdir(parents=True, exist_ok=True)
    figures: dict[str, float] = {}
    count = 2 if args.smoke else args.clips
    sets = {} if args.tuning else {"falls": [falls(index)]}
    sets["fights"] = fights(index, count, tuning=args.tuning)
    of = [summed(name, tallies, figures) for name, tallies in sets.items()]
    rows = [[row[0][0], *(one[1] for one in row)] for row in zip(*of, strict=True)]
    header = ["area under the ROC of frames, by", *sets]
    clips = [clip for tallies in sets.values() for tally in tallies for clip in tally.clips]
    # The first of each size compiles.
    figures["anomaly_cpu_per_second"] = float(
        np.median([clip.cpu / clip.cells.ends[-1] for clip in clips])
    )
    harness.print_table(header, rows)
    harness.finish(
        args,
        figures,
        packages=("av", "flax", "scipy"),
        table={"header": header, "rows": rows},
        clips=count,
    )


if __name__ == "__main__":
    main()
