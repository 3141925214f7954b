"""Whether the dynamics of objects tell falls and fights, beside those of points.

    python -m experiments.benchmarks.anomaly_objects [--smoke] [--json FILE] [--cache DIR]
                                                     [--clips N] [--tuning]

The clips and the protocol of `anomaly`, without published networks of what is seen. Objects are
followed ten times a second; three numbers a cell of half a second, of the object for which each is
largest in a frame, the mean over frames: `place`, the squared innovation of the filter over its
predicted variance; `shape`, the same of the logarithms of width and height; `presence`, how often
an object appears or is gone away from the border and where no other is. Each becomes a chance by
its tail in what is normal, and these one (`objects`). `points` is sudden and unusual motion as
`anomaly` has them, `points and objects` all five, `energy` how much the picture changes.

Figures: `objects_{falls,fights}_{…}_auc`, as those of `anomaly`; `objects_cpu_per_second`, CPU
seconds a second of clip that following objects takes, `points_cpu_per_second` those of decoding
and following points. `--tuning` is of fights that `anomaly` does not use, spread over its folds:
what the numbers are was chosen on these.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.benchmarks import harness
from experiments.benchmarks.anomaly import DATA, FALLS, FOLDS, Judged, area, some
from vidparticles.flow.camera import Similarity
from vidparticles.inference import objects as following
from vidparticles.inference.anomalies import detect, scores
from vidparticles.inference.anomalies.cells import cells_of
from vidparticles.inference.anomalies.motion import Motion, MotionLane
from vidparticles.inference.anomalies.normal import normal_of, tail_or_none
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.searching.index import default_folder
from vidparticles.inference.searching.look import size_of, small
from vidparticles.inference.understanding.moments import Moment, moments
from vidparticles.storage import atomic_write
from vidparticles.tracking.objects.predict import predict
from vidparticles.tracking.objects.state import Slots
from vidparticles.video import open_video

PARTS = ("place", "shape", "presence")


@dataclasses.dataclass(frozen=True)
class ObjectsConfig:
    """What is odd of objects.

    Attributes:
        rate: frames a second in which they are followed.
        border: frame heights within which who is at the border may come and go,
        covered: and share of a box that others cover, from which on who is behind them may.
        first: frames of a clip in which all appear.
    """

    rate: float = 10.0
    border: float = 0.05
    covered: float = 0.2
    first: int = 4


CONFIG = ObjectsConfig()


class Frame(NamedTuple):
    """Objects in a frame, of N slots.

    Attributes:
        time: seconds.
        number: [N] int, −1 for none.
        seen: [N] bool, observed in this frame.
        known: [N] bool, and expected from the frame before.
        place: [N] squared innovation over its variance, 2 degrees of freedom.
        shape: [N] the same of the logarithms of the sides.
        box: [N, 4] frame heights.
    """

    time: np.ndarray
    number: np.ndarray
    seen: np.ndarray
    known: np.ndarray
    place: np.ndarray
    shape: np.ndarray
    box: np.ndarray


@jax.jit
def innovations(
    before: Slots, after: Slots, camera: Similarity, dt: Array
) -> tuple[Array, Array, Array]:
    """Which slots were expected and observed, and both squared innovations, [N] each.

    That of the place is ν² / S with S the predicted variance and that of the box (Bar-Shalom, Li &
    Kirubarajan 2001, §5.4); an observed side follows from the sides before and after the update.
    """
    config = following.object_config()
    expected = predict(before, dt, camera, config)
    known = before.used & after.used & (after.boxes == before.boxes + 1)
    known &= expected.unseen <= config.active
    rough = jnp.where(after.score < config.high, config.weak, 1)
    noise = (rough * (config.rough * 2 * jnp.max(after.extent, -1) + config.blur)) ** 2
    off = jnp.sum((after.last - expected.position) ** 2, -1)
    variance = expected.extent_variance + (rough * config.rough_sides) ** 2
    share = expected.extent_variance / variance
    sides = [jnp.log(jnp.maximum(x.extent, 1e-4)) for x in (after, expected)]
    grown = (sides[0] - sides[1]) / share[:, None]
    return known, off / (expected.covariance[:, 0] + noise), jnp.sum(grown**2, -1) / variance


@dataclasses.dataclass(frozen=True)
class Record:
    """What was measured of a clip.

    Attributes:
        seconds: how long it plays.
        width: of what objects were followed in, frame heights.
        frames: fields [T, …].
        motion: of its points.
        energy, times: of each frame.
        cpu: seconds of CPU for objects, and for all else.
    """

    seconds: float
    width: float
    frames: Frame
    motion: Motion
    energy: np.ndarray
    times: np.ndarray
    cpu: np.ndarray


def record(path: pathlib.Path, cache: pathlib.Path) -> Record:
    """What is measured of a clip; from the cache, where it is in it."""
    kept = cache / f"objects-{'-'.join(path.relative_to(DATA).parts)}.npz"
    if not kept.exists():
        measured = _measured(path)
        with atomic_write(kept) as partial:
            np.savez(
                partial,
                **{f"frames_{k}": v for k, v in measured.frames._asdict().items()},
                **{f"motion_{k}": v for k, v in measured.motion._asdict().items()},
                **{k: getattr(measured, k) for k in ("seconds", "width", "energy", "times", "cpu")},
            )
    with np.load(kept) as found:
        return Record(
            seconds=float(found["seconds"]),
            width=float(found["width"]),
            frames=Frame(*(found[f"frames_{k}"] for k in Frame._fields)),
            motion=Motion(*(found[f"motion_{k}"] for k in Motion._fields)),
            energy=found["energy"],
            times=found["times"],
            cpu=found["cpu"],
        )


def _measured(path: pathlib.Path) -> Record:
    lane, times, energy, others = MotionLane(), [], [], 0.0

    def shown(frames: Iterator[Moment]) -> Iterator[Moment]:
        nonlocal others
        last, began = None, time.process_time()
        for moment in frames:
            lane.take(moment)
            thumbnail = moment.thumbnail.astype(np.float32).mean(-1) / 255
            energy.append(0.0 if last is None else float(np.abs(thumbnail - last).mean()))
            times.append(moment.time)
            last = thumbnail
            others += time.process_time() - began
            yield moment
            began = time.process_time()
        others += time.process_time() - began

    began, rows = time.process_time(), []
    before: tuple[Slots, float] | None = None
    with open_video(path) as video:
        params = following.detector_parameters()
        for one in following.followed(params, small(shown(moments(video)), 1 / CONFIG.rate)):
            slots = one.state.slots
            count = len(slots.used)
            told = np.zeros(count, bool), np.zeros(count), np.zeros(count)
            if before is not None and not one.cut:
                dt = jnp.float32(one.time - before[1])
                told = jax.tree.map(np.asarray, innovations(before[0], slots, one.state.camera, dt))
            before = slots, float(one.time)
            there = np.asarray(slots.used & (slots.number >= 0))
            number = np.where(there, np.asarray(slots.number), -1)
            seen = there & (np.asarray(slots.unseen) == 0)
            box = np.asarray(one.report.box)
            rows.append(Frame(np.array(one.time), number, seen, there & told[0], *told[1:], box))
        height, width = size_of(video.info.height, video.info.width)
        seconds = video.info.duration
    spent = time.process_time() - began
    return Record(
        seconds=seconds,
        width=width / height,
        frames=Frame(*map(np.stack, zip(*rows, strict=True))),
        motion=lane.end(),
        energy=np.asarray(energy),
        times=np.asarray(times),
        cpu=np.array([spent - others, others]),
    )


# ---------------------------------------------------------------- cells


def columns(told: Record, edges: np.ndarray, config: ObjectsConfig = CONFIG) -> np.ndarray:
    """[cells, 3] of `PARTS`; NaN where no object is known."""
    frames, count = told.frames, len(edges) - 1
    which = np.clip(np.searchsorted(edges, frames.time, side="right") - 1, 0, count - 1)
    largest = [np.where(frames.known, x, -np.inf).max(1) for x in (frames.place, frames.shape)]
    odd = _comings(told, config)
    found = np.full((count, len(PARTS)), np.nan)
    for cell in range(count):
        inside = which == cell
        for k, values in enumerate(largest):
            known = inside & np.isfinite(values)
            if known.any():
                found[cell, k] = values[known].mean()
        if inside.any():
            found[cell, 2] = odd[inside].sum()
    return found


def _comings(told: Record, config: ObjectsConfig) -> np.ndarray:
    """[T] how many objects appear or are gone where none should."""
    frames, odd = told.frames, np.zeros(len(told.frames.time))
    first: dict[int, tuple[int, int]] = {}
    last: dict[int, tuple[int, int]] = {}
    for t, k in zip(*np.nonzero(frames.seen), strict=True):
        first.setdefault(int(frames.number[t, k]), (t, k))
        last[int(frames.number[t, k])] = t, k
    ends = [spot for spot in last.values() if spot[0] < len(odd) - 2]
    for t, k in [*(spot for spot in first.values() if spot[0] >= config.first), *ends]:
        left, top, right, bottom = frames.box[t, k]
        if min(left, top, told.width - right, 1 - bottom) < config.border:
            continue
        others = frames.box[t, (frames.number[t] >= 0) & (np.arange(len(frames.number[t])) != k)]
        sides = np.minimum(others[:, 2:], [right, bottom]) - np.maximum(others[:, :2], [left, top])
        area_of = max((right - left) * (bottom - top), 1e-9)
        if not (np.maximum(sides, 0).prod(1) >= config.covered * area_of).any():
            odd[t] += 1
    return odd


@dataclasses.dataclass(frozen=True)
class Watched:
    """A clip, what points and objects do in it, and the truth."""

    clip: Judged
    objects: np.ndarray


def watched(
    path: pathlib.Path, cache: pathlib.Path, events: Sequence[tuple[float, float]] | None
) -> Watched:
    """What is known of a clip; of events that are None it is one as a whole."""
    told = record(path, cache)
    cells = cells_of(Entry.unseen(told.seconds), told.motion)
    edges = np.append(cells.starts, cells.ends[-1])
    spans = ((0.0, float(cells.ends[-1])),) if events is None else tuple(events)
    return Watched(Judged(path, cells, told.energy, told.times, spans), columns(told, edges))


def against(one: Watched, others: Sequence[Watched]) -> dict[str, np.ndarray]:
    """Of each frame how odd it is against what is normal, by each way to tell."""
    known = normal_of([other.clip.cells for other in others])
    points = detect.against(one.clip.cells, known)[:, :2]
    tails = tuple(tail_or_none(x) for x in np.concatenate([o.objects for o in others]).T)
    objects = scores.chances(one.objects, tails)
    ways = dict(zip(PARTS, objects.T, strict=True))
    ways["objects"] = scores.together(objects)
    ways["points"] = scores.together(points)
    ways["points and objects"] = scores.together(np.concatenate([points, objects], 1))
    return {k: one.clip.by_frame(v) for k, v in ways.items()} | {"energy": one.clip.energy}


def areas(pairs: Sequence[tuple[Watched, Sequence[Watched]]]) -> dict[str, float]:
    """Under the ROC of all frames, for each way to tell."""
    told = [against(one, others) for one, others in pairs]
    positive = np.concatenate([one.clip.positive for one, _ in pairs])
    return {way: area(np.concatenate([t[way] for t in told]), positive) for way in told[0]}


def falls(cache: pathlib.Path, paths: list[pathlib.Path]) -> dict[str, float]:
    """Each clip against those of daily life."""
    folder, events = DATA / "gmdcsa24-falls", collections.defaultdict(list)
    with (folder / "EVENTS.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["event"] in FALLS:
                events[folder / row["file"]].append((float(row["start_s"]), float(row["end_s"])))
    paths += sorted(folder.rglob("*.mp4"))
    clips = [watched(path, cache, events[path]) for path in paths]
    daily = [one for one in clips if not one.clip.events]
    return areas([(one, [other for other in daily if other is not one]) for one in clips])


def fights(
    cache: pathlib.Path, count: int, paths: list[pathlib.Path], *, tuning: bool
) -> dict[str, float]:
    """Clips of each fold against those without a fight of the others; means over the folds."""
    folder = DATA / "fight-surv"
    rows: dict[tuple[str, str], list[pathlib.Path]] = collections.defaultdict(list)
    with (folder / "MANIFEST.tsv").open(newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            rows[row["split"], row["label"]].append(folder / row["file"])
    chosen = {}
    for key, each in rows.items():
        used = some(each, USED)
        chosen[key] = some([p for p in each if p not in used] if tuning else each, count)
    paths += [path for each in chosen.values() for path in each]
    clips = {
        key: [watched(path, cache, None if key[1] == "fight" else ()) for path in each]
        for key, each in chosen.items()
    }
    found = []
    for fold in FOLDS:
        others = [one for f in FOLDS if f != fold for one in clips[f, "noFight"]]
        mine = [*clips[fold, "noFight"], *clips[fold, "fight"]]
        found.append(areas([(one, others) for one in mine]))
    return {way: float(np.mean([one[way] for one in found])) for way in found[0]}


USED = 8  # clips of a fold and a kind that results/anomaly.json is of


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was measured of clips")
    options.add_argument("--clips", metavar="N", type=int, default=USED, help="of a fold and kind")
    options.add_argument("--tuning", action="store_true", help="fights that `anomaly` does not use")
    args = options.parse_args()
    cache = pathlib.Path(args.cache) if args.cache else default_folder()
    cache.mkdir(parents=True, exist_ok=True)
    count = 2 if args.smoke else args.clips
    paths: list[pathlib.Path] = []
    found = {"fights": fights(cache, count, paths, tuning=args.tuning)}
    if not args.tuning:
        found = {"falls": falls(cache, paths)} | found
    figures = {
        f"objects_{name}_{way.replace(' ', '_')}_auc": value
        for name, each in found.items()
        for way, value in each.items()
    }
    told = [record(path, cache) for path in dict.fromkeys(paths)][1:]  # the first one compiles
    cpu = np.sum([one.cpu for one in told], 0) / sum(one.seconds for one in told)
    figures |= {"objects_cpu_per_second": float(cpu[0]), "points_cpu_per_second": float(cpu[1])}
    header = ["area under the ROC of frames, by", *found]
    ways = next(iter(found.values()))
    rows = [[way, *(f"{each[way]:.3f}" for each in found.values())] for way in ways]
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
