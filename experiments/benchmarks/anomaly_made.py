"""What cannot happen, in made clips: T4 of PV-5 as `anomaly` sees it, and by dynamics of objects.

    python -m experiments.benchmarks.anomaly_made [--smoke] [--json FILE] [--clips N]

Three colored discs collide without loss; in a test clip one is suddenly elsewhere, turns, goes
through another, is gone or has another hue, and the six to eight frames from then on are positive
(`vidparticles.data.pv5.permanence`). N test clips of a kind are judged against 4 N normal ones of
the training part, files of 256 × 256, without published networks: of discs they know nothing.

Figures: the area under the ROC of frames of a kind and their mean, by `novelty` of `anomaly`, by
its parts `sudden_motion` and `unusual_motion` (points), by `objects`, the novelty of the objects of
`tracking.discs`, which is told their radius and that they are rigid, and which nothing was trained
for; and by `energy`, how much the picture changes from frame to frame. `…_held` is of the highest
of the last seven frames, as what happens in one frame is positive for as many: cells of half a
second have that built in, and so the comparison is with it.
"""

from __future__ import annotations

import pathlib
import tempfile

import jax
import numpy as np

from experiments.benchmarks import harness
from experiments.benchmarks.anomaly import Judged, area
from experiments.pv5.plans import PLANS
from experiments.pv5.scores import held
from vidparticles import models
from vidparticles.data.pv5 import Source, permanence, seconds
from vidparticles.inference.anomalies import detect, scores
from vidparticles.inference.anomalies.cells import cells_of, followed
from vidparticles.inference.anomalies.normal import normal_of
from vidparticles.inference.searching.entry import Entry
from vidparticles.models.baselines.novelty import frame_difference
from vidparticles.video import write_video

LARGER = 8  # times the sides of the made pictures
RATE = 25
WAYS = ("novelty", "sudden motion", "unusual motion", "objects", "objects held")
SIMPLE = ("energy", "energy held")


def judged(frames: np.ndarray, scratch: pathlib.Path) -> Judged:
    """What is known of a clip [T, S, S, 3], by its file."""
    path = scratch / "clip.mp4"
    large = frames.repeat(LARGER, 1).repeat(LARGER, 2)
    write_video(path, large, rate=RATE, crf=12.0, overwrite=True)
    times = np.arange(len(frames)) / RATE
    entry = Entry.unseen(len(frames) / RATE)
    energy = frame_difference(frames[None])[0]
    return Judged(path, cells_of(entry, *followed(path, objects=False)), energy, times)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--clips", metavar="N", type=int, default=8, help="of a kind")
    args = options.parse_args()
    count = 2 if args.smoke else args.clips
    plan = PLANS["t4"]
    model = models.build("object_particles", num_classes=2, objects=dict(plan.objects))
    found = jax.jit(model.novelty)
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        clips = Source(plan.task, split="train", kind=None).batch(0, 4 * count)["frames"]
        known = normal_of([judged(frames, scratch).cells for frames in clips])
        params = model.init(jax.random.key(0), {"video": clips[:2], "time": seconds(clips[:2])})
        figures: dict[str, float] = {}
        for kind in permanence.KINDS:
            batch = Source(plan.task, split="test", kind=kind).batch(0, count)
            frames = batch["frames"]
            told = [judged(one, scratch) for one in frames]
            parts = [detect.against(one.cells, known) for one in told]
            objects = np.asarray(found(params, {"video": frames, "time": seconds(frames)}))
            energy = np.stack([one.energy for one in told])
            values = {
                "novelty": [
                    one.by_frame(scores.together(p)) for one, p in zip(told, parts, strict=True)
                ],
                "objects": objects,
                "objects held": held(objects),
                "energy": energy,
                "energy held": held(energy),
            }
            for k, name in enumerate(WAYS[1:3]):
                values[name] = [one.by_frame(p[:, k]) for one, p in zip(told, parts, strict=True)]
            # Nothing can be extrapolated to the first two frames.
            positive = batch["label"][:, 2:] > 0
            for name, each in values.items():
                behind = name.replace(" ", "_")
                figures[f"made_{kind}_{behind}_auc"] = area(
                    np.asarray(each)[:, 2:].ravel(), positive.ravel()
                )
    for name in (*WAYS, *SIMPLE):
        behind = f"{name.replace(' ', '_')}_auc"
        each = [figures[f"made_{kind}_{behind}"] for kind in permanence.KINDS]
        figures[f"made_{behind}"] = float(np.mean(each))
    header = ["area under the ROC of frames, by", *permanence.KINDS, "mean"]
    rows = []
    for name in (*WAYS, *SIMPLE):
        behind = f"{name.replace(' ', '_')}_auc"
        of = [figures[f"made_{kind}_{behind}"] for kind in permanence.KINDS]
        rows.append([name, *(f"{x:.3f}" for x in (*of, figures[f"made_{behind}"]))])
    harness.print_table(header, rows)
    harness.finish(
        args,
        figures,
        packages=("av", "flax", "scipy"),
        table={"header": header, "rows": rows},
        clips=count,
        normal=4 * count,
    )


if __name__ == "__main__":
    main()
