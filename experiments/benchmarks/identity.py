"""Who stays who in real footage: boxes of one detector, followed by ours and by three peers.

    python -m experiments.benchmarks.identity [--untouched] [--smoke] [--json FILE]

Judged on boxes labelled by hand, `tests/data/objects`: six clips and seven of surveillance to
develop on, on which numbers of ours were tuned, and with `--untouched` eight that were labelled
before and not run. Every
tracker is given the same boxes of NanoDet (`vidparticles weights get nanodet`) at 416 pixels, which
are kept in `--cache`; of what they say persons, animals and balls count. IDF1, switches, fragments
and HOTA are TrackEval's, at an overlap of one half; a ghost is a number that never overlaps a
labelled thing by .3. A frame that is not labelled is not judged.

The rows below ours leave out one part each: appearance (and with it finding again), the
prediction of a contact, all motion, the camera's motion; and one adds the spring that on made clips
keeps most numbers (`occlusions`): it draws who is out of sight to all others. Ours begins with a
pass backwards over the first four frames, as for a file, but in the row "not seeded". Cuts, as
`shots` finds them, are told to all: peers begin anew. The time is that of tracking alone, judging
included. `detected` is
the share of labelled boxes that a box of NanoDet covers by one half, of a score from which an
object may begin (high) or go on (any): the most that a tracker of these boxes can tell.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.benchmarks.box_peers import PEERS, overlap
from experiments.benchmarks.harness import finish, parser, print_table
from experiments.benchmarks.identity_clips import DATA, Clip, clips
from experiments.benchmarks.occlusions_laws import Law, law, pushed
from vidparticles.flow.camera import Similarity
from vidparticles.inference.objects import FUSION, moving_config, object_config
from vidparticles.models.published import nanodet
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.observations import Observations, without_doubles
from vidparticles.tracking.objects.observers import FusionConfig, fused
from vidparticles.tracking.objects.seed import seeded_from
from vidparticles.tracking.objects.state import Slots
from vidparticles.tracking.objects.step import advance, confusion
from vidparticles.tracking.objects.tracker import (
    follow_from,
    no_objects,
    report,
    rest,
    shown,
)

TENNIS = DATA / "masks" / "davis_tennis" / "frames"
CONFIG = nanodet.object_config()
GROUPS = (
    ("person",),
    ("cat", "dog", "horse", "sheep", "cow", "bear", "elephant", "zebra", "giraffe", "bird"),
    ("sports ball", "frisbee", "orange", "apple"),
)
FIRST = 4  # frames of the pass backwards
LINES = 480  # of the frame that peers are given, whose numbers are in pixels
LEFT_OUT = {
    "no appearance": {"appearance": 0.0, "again": 1e-6, "again_young_cost": 1e-6}
    | {"unlike": 9.0, "low_unlike": 9.0},
    "no contact": {"contact": 1e3},
    "no motion": {"held": -1.0, "slowing": 1e-6},
}
BOTH = object_config()
SPRING = law("spring", strength=3.0)  # the strength that `occlusions` chose, 1 / s²
Shown = list[list[tuple[int, np.ndarray]]]  # of each frame, numbers and boxes


# ---------------------------------------------------------------- trackers


@functools.partial(jax.jit, static_argnames="config")
def both(seen: Observations, moving: Observations, config: FusionConfig) -> Observations:
    return jax.vmap(lambda one, other: fused(one, other, config))(seen, moving)


@functools.partial(jax.jit, static_argnames="config")
def follow_under(
    start: tuple[Slots, jax.Array],
    seen: Observations,
    camera: Similarity,
    times: jax.Array,
    cuts: jax.Array,
    width: float,
    config: ObjectConfig,
    acting: Law,
) -> Any:
    """As `follow_from`, with a law between those that are followed."""
    steps = jnp.diff(jnp.asarray(times, jnp.float32), prepend=times[:1])

    def one(carry: tuple[Slots, jax.Array], item: Any) -> tuple:
        observed, moved, dt, cut = item
        slots = pushed(carry[0], dt, acting)
        slots, confirmed = advance(
            slots, carry[1], observed, moved, dt, cut, jnp.float32(width), config
        )
        told = slots.number, shown(slots, config).alive, report(slots, config)
        return (slots, confirmed), told

    return jax.lax.scan(one, start, (seen, camera, steps, jnp.asarray(cuts)))


def ours(
    config: ObjectConfig,
    observed: str = "detector",
    *,
    acting: Law | None = None,
    still: bool = False,
    seed: bool = True,
    named: bool = False,
    fusion: FusionConfig = FUSION,
) -> Callable[[Clip], Shown]:
    """Our tracker.

    Args:
        config: how things are followed.
        observed: what it is given: "detector", "moving" (what a network
            learned), "motion" (what differs from the ground), or the first and one of these:
            "with motion", "with moving".
        acting: a law between objects.
        still: as if the camera never moved.
        seed: whether it begins with a pass backwards.
        named: whether only what has a class is shown.
        fusion: what is one thing of two that are given.
    """
    counted = [nanodet.KINDS.index(kind) for group in GROUPS for kind in group]
    counted += [] if named else list(config.classless)

    def run(clip: Clip) -> Shown:
        camera, seen = clip.camera, clip.seen
        if observed in ("moving", "motion"):
            seen = getattr(clip, observed)
        elif observed != "detector":
            seen = both(seen, getattr(clip, observed.removeprefix("with ")), fusion)
        if still:
            camera = jax.tree.map(lambda a, b: np.broadcast_to(a, b.shape), rest(), camera)
        start = no_objects(config)
        if seed:
            shot = int(np.argmax(clip.cuts)) if clip.cuts.any() else len(clip)
            early = slice(min(FIRST, shot))
            first = jax.tree.map(lambda x: x[early], (seen, camera, clip.times))
            start = seeded_from(*first, clip.width, config)
        # All clips as long as the longest, so that one program serves them.
        more = -len(clip) % 300
        filled = jax.tree.map(lambda x: np.pad(x, [(0, more)] + [(0, 0)] * (x.ndim - 1)), seen)
        still_on = jax.tree.map(lambda x: np.pad(x, [(0, more), (0, 0)], mode="edge"), camera)
        times = np.concatenate([clip.times, clip.times[-1] + np.arange(1, more + 1) / 25])
        cuts = np.pad(clip.cuts, (0, more))
        given = (start, filled, still_on, times, cuts, clip.width, config)
        _, out = follow_from(*given) if acting is None else follow_under(*given, acting)
        number, alive, told = jax.tree.map(np.asarray, out)
        alive = alive & np.isin(told.kind, counted)
        return [
            [(int(number[t, k]), told.box[t, k]) for k in np.flatnonzero(alive[t])]
            for t in range(len(clip))
        ]

    return run


clean = jax.jit(
    jax.vmap(
        lambda seen: without_doubles(
            seen,
            jnp.asarray(confusion(CONFIG)),
            overlap=CONFIG.overlap,
            contained=CONFIG.contained,
            weaker=CONFIG.weaker,
        )
    )
)


def peer(make: Callable[[], Any]) -> Callable[[Clip], Shown]:
    """A peer, one for each group of kinds, on the boxes that ours takes: without doubles."""

    def run(clip: Clip) -> Shown:
        valid = clip.seen.valid & (clip.seen.score >= CONFIG.least)
        seen = dataclasses.replace(clip.seen, valid=valid)
        seen = jax.tree.map(np.asarray, clean(seen))
        shown: Shown = [[] for _ in range(len(clip))]
        for group, kinds in enumerate(GROUPS):
            tracker, before = make(), 10_000 * group
            member = seen.valid & np.isin(seen.kind, [nanodet.KINDS.index(k) for k in kinds])
            for t in range(len(clip)):
                if clip.cuts[t]:
                    tracker, before = make(), before + 1000
                boxes = LINES * seen.box[t][member[t]].astype(float)
                told = tracker.step(boxes, seen.score[t][member[t]])
                shown[t] += [(before + number, box / LINES) for number, box in told]
        return shown

    return run


# ---------------------------------------------------------------- judging


def judged(clip: Clip, shown: Shown) -> dict[str, float]:
    """TrackEval's counts of a clip, over the labelled frames, and ghosts."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets, and misses what is not asked for
        from trackeval import metrics
    truth_ids: dict[str, int] = {}
    our_ids: dict[int, int] = {}
    data: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    touched = set()
    for frame, rows in sorted(clip.truth.items()):
        boxes = [[float(r[side]) for side in ("left", "top", "right", "bottom")] for r in rows]
        ignored = [box for r, box in zip(rows, boxes, strict=True) if r["kind"] == "ignore"]
        true = [
            (r["object"], box) for r, box in zip(rows, boxes, strict=True) if r["kind"] != "ignore"
        ]
        told = [
            (number, box)
            for number, box in shown[frame]
            if not within(box, ignored) or overlap([b for _, b in true], [box]).max() >= 0.5
        ]
        iou = overlap([box for _, box in true], [box for _, box in told])
        data["gt_ids"].append(
            np.array([truth_ids.setdefault(o, len(truth_ids)) for o, _ in true], int)
        )
        data["tracker_ids"].append(
            np.array([our_ids.setdefault(n, len(our_ids)) for n, _ in told], int)
        )
        data["similarity_scores"].append(iou)
        if iou.size:
            touched |= {told[k][0] for k in np.flatnonzero(iou.max(0) > 0.3)}
    for name, ids in (("gt", truth_ids), ("tracker", our_ids)):
        data[f"num_{name}_ids"] = len(ids)
        data[f"num_{name}_dets"] = sum(map(len, data[f"{name}_ids"]))
    data["num_timesteps"] = len(clip.truth)
    quiet = {"PRINT_CONFIG": False}
    identity = metrics.Identity(quiet).eval_sequence(data)
    clear = metrics.CLEAR(quiet).eval_sequence(data)
    hota = metrics.HOTA().eval_sequence(data)
    return {
        "right": float(identity["IDTP"]),
        "missed": float(identity["IDFN"]),
        "false": float(identity["IDFP"]),
        "switches": float(clear["IDSW"]),
        "fragments": float(clear["Frag"]),
        "hota": float(np.mean(hota["HOTA"])),
        "ghosts": float(len(our_ids.keys() - touched)),
        "minutes": float(clip.times[-1] - clip.times[0]) / 60,
    }


def within(box: np.ndarray, regions: list[list[float]]) -> bool:
    """Whether half of a box lies in one of the regions that do not count."""
    area = np.prod(box[2:] - box[:2])
    for region in map(np.asarray, regions):
        sides = np.minimum(box[2:], region[2:]) - np.maximum(box[:2], region[:2])
        if np.prod(np.maximum(sides, 0)) > 0.5 * area:
            return True
    return False


def detected(clips: list[Clip], least: float) -> float:
    """The share of the labelled boxes that some box of that score covers by one half."""
    counted = [nanodet.KINDS.index(kind) for group in GROUPS for kind in group]
    found = []
    for clip in clips:
        for frame, rows in clip.truth.items():
            valid = clip.seen.valid[frame] & (clip.seen.score[frame] >= least)
            boxes = clip.seen.box[frame][valid & np.isin(clip.seen.kind[frame], counted)]
            for row in rows:
                if row["kind"] != "ignore":
                    box = [float(row[side]) for side in ("left", "top", "right", "bottom")]
                    found.append(bool((overlap([box], boxes) >= 0.5).any()))
    return float(np.mean(found))


def on_player(clip: Clip, shown: Shown) -> float:
    """The share of the frames in which the middle of the best one's box lies on the player."""
    hits: dict[int, int] = {}
    for path, told in zip(sorted((TENNIS.parent / "masks").iterdir()), shown, strict=True):
        mask = np.asarray(Image.open(path))
        mask = (mask if mask.ndim == 2 else mask.max(-1)) > 0
        for number, box in told:
            x, y = (len(mask) * (box[:2] + box[2:]) / 2).astype(int)
            inside = 0 <= y < len(mask) and 0 <= x < mask.shape[1]
            hits[number] = hits.get(number, 0) + bool(inside and mask[y, x])
    return max(hits.values()) / len(clip)


def idf1(counts: list[dict[str, float]]) -> float:
    right, missed, false = (sum(c[k] for c in counts) for k in ("right", "missed", "false"))
    return 2 * right / max(2 * right + missed + false, 1)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--untouched", action="store_true", help="the eight clips, at the end")
    options.add_argument(
        "--cache",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()) / "vidparticles-observed",
        help="folder for what was observed",
    )
    args = options.parse_args()
    figures: dict[str, float] = {}
    rows: list[list[str]] = []
    trackers = {
        "ours": ours(BOTH, "with moving"),
        "ours, what has a class": ours(BOTH, "with moving", named=True),
        "detector alone": ours(CONFIG),
        "detector, moving, no support": ours(BOTH, "with moving", fusion=FusionConfig()),
        "detector with motion": ours(BOTH, "with motion"),
        "moving alone": ours(moving_config(), "moving"),
        "motion alone": ours(BOTH, "motion"),
        "detector, not seeded": ours(CONFIG, seed=False),
    }
    for name, changes in LEFT_OUT.items():
        trackers[name] = ours(dataclasses.replace(CONFIG, **changes))
    trackers["no camera"] = ours(CONFIG, still=True)
    trackers["spring to the others"] = ours(CONFIG, acting=SPRING)
    trackers |= {name: peer(make) for name, make in PEERS.items()}
    for which in ("tuned", "surveillance", *(("untouched",) if args.untouched else ())):
        every = clips(which, args.cache, args.smoke)
        for word, least in (("high", CONFIG.high), ("any", CONFIG.least)):
            figures[f"detected_{which}_{word}"] = detected(every, least)
        for clip in every:
            if DATA / clip.name == TENNIS:
                figures["tennis_on_player"] = on_player(clip, trackers["ours"](clip))
                alone = on_player(clip, trackers["moving alone"](clip))
                figures["tennis_on_player_moving_alone"] = alone
        for name, run in trackers.items():
            for clip in every:  # compiles
                run(clip)
            start = time.process_time()
            counts = [judged(clip, run(clip)) for clip in every]
            spent = time.process_time() - start
            key = name.replace(", ", "_").replace(" ", "_").replace("-", "").lower()
            figures[f"idf1_{which}_{key}"] = idf1(counts)
            for part in ("switches", "fragments", "ghosts"):
                figures[f"{part}_{which}_{key}"] = sum(c[part] for c in counts)
            figures[f"hota_{which}_{key}"] = float(np.mean([c["hota"] for c in counts]))
            minutes = sum(c["minutes"] for c in counts)
            figures[f"switches_a_minute_{which}_{key}"] = (
                figures[f"switches_{which}_{key}"] / minutes
            )
            for clip, count in zip(every, counts, strict=True):
                short = pathlib.Path(clip.name).stem
                figures[f"idf1_{which}_{key}_{short}"] = idf1([count])
                figures[f"switches_{which}_{key}_{short}"] = count["switches"]
            rows.append(
                [
                    which,
                    name,
                    f"{figures[f'idf1_{which}_{key}']:.3f}",
                    f"{figures[f'hota_{which}_{key}']:.3f}",
                    *(
                        f"{figures[f'{part}_{which}_{key}']:.0f}"
                        for part in ("switches", "fragments", "ghosts")
                    ),
                    f"{1000 * spent / sum(map(len, every)):.1f}",
                ]
            )
            print(*rows[-1], flush=True)
        figures[f"idf1_{which}"] = figures[f"idf1_{which}_ours"]
        figures[f"switches_{which}"] = figures[f"switches_{which}_ours"]
    header = ["clips", "", "IDF1", "HOTA", "switches", "fragments", "ghosts", "CPU ms a frame"]
    print_table(header, rows)
    table = {"header": header, "rows": rows}
    finish(args, figures, packages=("flax", "trackeval"), table=table)


if __name__ == "__main__":
    main()
