"""What finds anything that moves, on composites of pictures that it was not trained on.

    python -m experiments.benchmarks.moving [--run WORKDIR] [--peers WORKDIR ...] [--smoke]
        [--json FILE]

Of the parameters that come with the package, or those of a run of configs/moving.py. Two sets of
clips, of pictures from ../shared/data, none of which training has: `plain`, and `hard` with long
rests, swaps, things that fill the picture, shadows, flicker and motion blur. Which clips these are
is told by moving_sets.csv: of each its mean level and the visible area of all its objects. Where a
library or a machine rounds otherwise, these change by less than TOLERANCE; of other clips they
change by more, and the run says so. An object counts from when it
has moved over the ground, where more than six of its pixels are visible, from the fourth frame on;
what has not moved is neither right nor wrong. AP is of middles within a tenth of the height of the
picture; IDF1 is TrackEval's at the same distance, of `tracking.objects` on what the network finds;
resting is the share of objects found by it that have not moved for four frames. In rows of whole
bodies, boxes are taken from the mask and parts joined (`models.moving.bodies`). The shell game in
pictures is that of `moving_shell`; chance is a quarter. Peers are runs of configs/pv5.py, trained
on the game without pictures (`rows_t2_MODEL_SEED` of experiments.pv5), that play the same games.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import pathlib
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import moving_shell
from experiments.benchmarks.harness import ROOT, finish, parser, print_table
from experiments.benchmarks.moving_shell import VARIANTS
from vidparticles.data.composites.drawing import composite
from vidparticles.data.composites.scene import CompositeConfig
from vidparticles.image.resample import gray
from vidparticles.models.moving import files
from vidparticles.models.moving.bodies import BodyConfig
from vidparticles.models.moving.model import Moving
from vidparticles.models.moving.observe import ReadConfig, object_config, observer
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.tracker import camera_of, follow, rest
from vidparticles.training.run import load_model
from vidparticles.video import open_video

DATA = ROOT.parent / "shared" / "data"
PICTURES = (
    *("clips/flipping_a_pancake.mkv", "clips/cleaning_pool_kinetics.mp4", "clips/chaplin.mp4"),
    *("clips/carphone_pristine.mp4", "clips/ntu_fall_1080p.mp4", "clips/bigbuckbunny_5s.mp4"),
    *("scene-cuts/testvideo.mp4", "decode-exact/nasa_13013.mp4"),
)
SETS = {"plain": 0.0, "hard": 1.0}
OUTLINES = ROOT / "experiments" / "benchmarks" / "moving_sets.csv"
TOLERANCE = np.array([0.2, 5.0])  # levels, pixels
CLIPS, GAMES, RATE, NEAR = 40, 100, 24, 0.1
FIRST = 3  # frames that do not count


def bank() -> list[np.ndarray]:
    """Four frames of each clip, the shorter side 240 pixels."""
    from PIL import Image

    found = []
    for name in PICTURES:
        with open_video(DATA / name) as video:
            indices = [int(len(video) * part) for part in (0.05, 0.35, 0.6, 0.85)]
            frames = [video[index] for index in indices]
        for frame in frames:
            scale = 240 / min(frame.shape[:2])
            size = round(scale * frame.shape[1]), round(scale * frame.shape[0])
            found.append(np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX)))
    return found


def clips(name: str, count: int) -> list[dict[str, np.ndarray]]:
    """The clips of a set; all of them together have its hash."""
    config, pictures = CompositeConfig(hard=SETS[name]), bank()
    seeds = [10_000 + 1000 * list(SETS).index(name) + k for k in range(count)]
    return [composite(np.random.default_rng(seed), pictures, config) for seed in seeds]


def outline(made: list[dict[str, np.ndarray]]) -> np.ndarray:
    """[N, 2] mean level, and how much of the objects is visible, pixels in all, of each clip."""
    return np.array([[c["video"].mean(), c["visible"].sum(1).mean()] for c in made])


def as_before(name: str, made: list[dict[str, np.ndarray]]) -> bool:
    """Whether a set is the one that moving_sets.csv tells of, but for how pixels are rounded."""
    with OUTLINES.open() as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == name]
    known = np.array([[float(row["level"]), float(row["visible"])] for row in rows])
    found = outline(made)
    return known.shape == found.shape and bool((np.abs(known - found) < TOLERANCE).all())


@functools.cache
def seeing(model: Moving, body: BodyConfig | None) -> Any:
    """A program: parameters and a clip [T, H, W, 3] → what is observed, and the camera."""
    watch = observer(model, ReadConfig(heights=(64,), body=body))

    def frame(params: Any, carry: Any, picture: Any) -> Any:
        state, before, camera = carry
        luma = gray(picture)
        camera = camera_of(before, luma, camera, jnp.all(before == 0))
        state, seen = watch.observe_fn(params, state, picture, camera, jnp.float32(1 / RATE))
        return (state, luma, camera), (seen, camera)

    def clip(params: Any, video: Any) -> Any:
        start = watch.init_fn(params, video[0]), jnp.zeros(video.shape[1:3]), rest()
        return jax.lax.scan(functools.partial(frame, params), start, video)[1]

    return jax.jit(clip)


def judged(made: dict[str, np.ndarray], seen: Observations, followed: Any) -> dict[str, Any]:
    """What is right of a clip: rows of detections, counts of TrackEval, resting objects."""
    height = made["video"].shape[1]
    center, visible = made["center"] / height, made["visible"] > 6
    there, doubt = visible & made["moved"], visible & ~made["moved"]
    rows, asked, resting, rests = [], 0, 0, 0
    frames: dict[str, list[Any]] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    numbers, alive, report = followed
    for t in range(FIRST, len(center)):
        ours, others = np.flatnonzero(there[t]), np.flatnonzero(doubt[t])
        asked += len(ours)
        score = np.where(seen.valid[t], seen.score[t], 0)
        taken: set[int] = set()
        for k in np.argsort(-score):
            if score[k] < 0.02:
                break
            away = np.linalg.norm(center[t] - seen.position[t, k], axis=-1)
            free = [n for n in ours if n not in taken and away[n] < NEAR]
            if free:
                taken.add(min(free, key=lambda n: away[n]))
                rows.append((score[k], True))
            elif not (len(others) and away[others].min() < 1.5 * NEAR):
                rows.append((score[k], False))
        shown = np.flatnonzero(alive[t] & (report.unseen[t] == 0))
        place = (report.box[t][:, :2] + report.box[t][:, 2:]) / 2
        if len(others):
            away = np.linalg.norm(place[shown][:, None] - center[t, others], axis=-1)
            shown = shown[away.min(-1) > NEAR]
        away = np.linalg.norm(center[t, ours][:, None] - place[shown], axis=-1)
        frames["gt_ids"].append(ours)
        frames["tracker_ids"].append(numbers[t, shown])
        frames["similarity_scores"].append(np.maximum(1 - away / (2 * NEAR), 0))
        hit = away.min(-1, initial=9.0) < NEAR
        still = made["still"][t, ours]
        rests, resting = rests + int(still.sum()), resting + int((still & hit).sum())
    return {"rows": rows, "asked": asked, "rests": rests, "resting": resting, **_identity(frames)}


def _identity(frames: dict[str, list[Any]]) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):  # it greets, and misses what is not asked for
        from trackeval import metrics
    data: dict[str, Any] = {**frames, "num_timesteps": len(frames["gt_ids"])}
    for name in ("gt", "tracker"):
        every = frames[f"{name}_ids"]
        known = {int(n): k for k, n in enumerate(sorted({int(n) for ids in every for n in ids}))}
        data[f"{name}_ids"] = [np.array([known[int(n)] for n in ids], int) for ids in every]
        data[f"num_{name}_ids"] = len(known)
        data[f"num_{name}_dets"] = sum(map(len, every))
    quiet = {"PRINT_CONFIG": False}
    identity = metrics.Identity(quiet).eval_sequence(data)
    switches = metrics.CLEAR(quiet).eval_sequence(data)["IDSW"]
    kept = {"right": "IDTP", "missed": "IDFN", "false": "IDFP"}
    return {**{k: float(identity[v]) for k, v in kept.items()}, "switches": float(switches)}


def scores(results: list[dict[str, Any]]) -> dict[str, float]:
    """AP, IDF1, switches and the share of resting objects that are found, of many clips."""
    rows = np.array(sorted((r for one in results for r in one["rows"]), reverse=True), float)
    right = np.cumsum(rows[:, 1])
    precision = right / np.arange(1, len(rows) + 1)
    recall = right / sum(one["asked"] for one in results)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    ap = float(np.sum(best * np.diff(recall, prepend=0)))
    total = {k: sum(one[k] for one in results) for k in results[0] if k != "rows"}
    return {
        "ap": ap,
        "idf1": 2 * total["right"] / (2 * total["right"] + total["missed"] + total["false"]),
        "switches": total["switches"],
        "resting": total["resting"] / max(total["rests"], 1),
    }


def measure(
    model: Moving, params: Any, made: list[dict[str, np.ndarray]], body: BodyConfig | None
) -> dict[str, float]:
    """The scores of a network on clips."""
    config, program, results = object_config(model), seeing(model, body), []
    for clip in made:
        seen, camera = program(params, clip["video"])
        times = jnp.arange(len(clip["video"])) / RATE
        cuts, width = np.zeros(len(times), bool), clip["video"].shape[2] / clip["video"].shape[1]
        followed = follow(seen, camera, times, cuts, width, config)
        results.append(judged(clip, *jax.tree.map(np.asarray, (seen, followed))))
    return scores(results)


def played(
    model: Moving, params: Any, name: str, count: int, body: BodyConfig | None = None
) -> float:
    """The share of shell games whose answer is right."""
    config, program = object_config(model), seeing(model, body)
    clips = moving_shell.games(name, bank(), count)
    right = 0
    for row, frames in enumerate(clips["frames"]):
        seen, camera = program(params, frames)
        times, cuts = jnp.arange(len(frames)) / RATE, np.zeros(len(frames), bool)
        followed = follow(seen, camera, times, cuts, 1.0, config)
        camera, followed = jax.tree.map(np.asarray, (camera, followed))
        slots = moving_shell.slots_at_end(clips, row)
        right += moving_shell.answer(frames, followed, camera, slots) == clips["label"][row]
    return right / count


def played_by_peer(workdir: pathlib.Path, name: str, count: int) -> float:
    """The share of shell games that a model of PV-5 answers right."""
    clips, answers = moving_shell.games(name, bank(), count), moving_shell.peer(workdir)
    parts = np.array_split(np.arange(count), max(1, count // 20))
    told = np.concatenate([answers(clips["frames"][part]) for part in parts])
    return float((told == clips["label"]).mean())


def frames_a_second(model: Moving, params: Any) -> float:
    """How many frames of 96 × 160 are observed in a second, cues and all; median of five runs."""
    watch = observer(model, ReadConfig(heights=(96,)))
    step = jax.jit(watch.observe_fn)
    video = np.random.default_rng(0).integers(0, 255, (24, 96, 160, 3)).astype(np.uint8)
    state, spent = watch.init_fn(params, video[0]), []
    for _ in range(6):  # the first compiles
        start = time.perf_counter()
        for frame in video:
            state, seen = step(params, state, frame, rest(), jnp.float32(1 / RATE))
        jax.block_until_ready(seen)
        spent.append(time.perf_counter() - start)
    return len(video) / float(np.median(spent[1:]))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--run", metavar="WORKDIR", help="of a training run; default, shipped")
    options.add_argument(
        "--peers", metavar="WORKDIR", nargs="*", default=[], type=pathlib.Path, help="runs of PV-5"
    )
    args = options.parse_args()
    if args.run is None:
        model, params = Moving(), files.shipped()
    else:
        loaded = load_model(args.run)
        model, params = loaded.model, loaded.params
    figures: dict[str, float] = {}
    rows: list[list[str]] = []
    for name in SETS:
        made = clips(name, 4 if args.smoke else CLIPS)
        if not args.smoke:
            print(name, "as before" if as_before(name, made) else "NEW: these are other clips")
        for word, body in (("", None), ("_bodies", BodyConfig())):
            found = measure(model, params, made, body)
            figures |= {f"composites_{name}_{key}{word}": value for key, value in found.items()}
            told = [f"{v:.0f}" if k == "switches" else f"{v:.3f}" for k, v in found.items()]
            rows.append([name + (", whole bodies" if word else ""), *told])
    games = 4 if args.smoke else GAMES
    columns = ["right, %"]
    shells: list[list[Any]] = [[name, played(model, params, name, games)] for name in VARIANTS]
    first = next(iter(VARIANTS))
    bodies = played(model, params, first, games, BodyConfig())
    shells.append([f"{first}_bodies", bodies])
    figures |= {name: part for name, part in shells}
    for workdir in args.peers:
        label = workdir.name.removeprefix("rows_t2_")
        columns.append(label)
        for row in shells[: len(VARIANTS)]:
            row.append(played_by_peer(workdir, row[0], games))
            figures[f"{row[0]}_{label}"] = row[-1]
    figures["fps_96x160"] = frames_a_second(model, params)
    games_table: dict[str, Any] = {
        "header": ["shell game", *columns],
        "rows": [
            [name, *(f"{100 * part:.0f}" for part in parts), *[""] * (len(columns) - len(parts))]
            for name, *parts in shells
        ],
    }
    table = {"header": ["clips", "AP", "IDF1", "switches", "resting found"], "rows": rows}
    for one in (games_table, table):
        print_table(one["header"], one["rows"])
    finish(args, figures, packages=("flax", "trackeval"), table=table, costs=games_table)


if __name__ == "__main__":
    main()
