"""Does `understand` find what happens when: stories of several acts, in and out of step.

    python experiments/benchmarks/timeline.py [--run out/demo/particles] [--smoke] [--json FILE]

Each story is a file of four acts of the embedded set by unseen digits, made from seeds that no
training saw. "In step", acts begin on whole clip lengths; "out of step", the file's beginning is
cut off by a random part of an act. Figures, means over the stories: `timeline_in_step` and
`timeline_out_of_step`, the share of the time whose label is right, `timeline_majority`, the share
that the best single label reaches, and `timeline_edge_seconds`, the median distance from a true
boundary of two acts to the nearest one found.
"""

from __future__ import annotations

import pathlib
import statistics
import tempfile

import numpy as np

from experiments.benchmarks import harness
from vidparticles.data import embedded
from vidparticles.editing.edit import edit
from vidparticles.inference.understanding.trained import classify

STEP = 0.01  # seconds between the moments at which labels are compared


def compare(path: pathlib.Path, run: pathlib.Path, acts: list, cut: float) -> dict:
    """One file against what is known of it; `cut` seconds of the story came before it."""
    seen = classify(path, run)
    moments = np.arange(STEP / 2, seen.seconds, STEP)
    truth = [next(a.label for a in acts if t + cut < a.end) for t in moments]
    said = [next(e.label for e in seen.timeline if t <= e.end) for t in moments]
    found = np.array([e.end for e in seen.timeline[:-1]] or [np.inf])
    edges = [float(np.abs(found + cut - a.end).min()) for a in acts[:-1] if a.end > cut]
    return {
        "right": float(np.mean([a == b for a, b in zip(truth, said, strict=True)])),
        "majority": max(truth.count(label) for label in set(truth)) / len(truth),
        "edges": edges,
    }


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--run", default="out/demo/particles", help="of experiments/train.py")
    options.add_argument("--stories", type=int, default=12)
    args = options.parse_args()
    count = 2 if args.smoke else args.stories
    rng = np.random.default_rng(0)
    results: dict[str, list[dict]] = {"in step": [], "out of step": []}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(count):
            whole = pathlib.Path(scratch) / f"{seed}.mp4"
            acts = embedded.story(whole, seed=1000 + seed, acts=4)
            results["in step"].append(compare(whole, pathlib.Path(args.run), acts, 0.0))
            cut = float(rng.uniform(0.1, 0.9)) * acts[0].end
            part = whole.with_name(f"{seed}_cut.mp4")
            edit(whole, part, trim=f"{cut}:")
            results["out of step"].append(compare(part, pathlib.Path(args.run), acts, cut))
    rows = []
    for name, files in results.items():
        right = [f["right"] for f in files]
        edges = [e for f in files for e in f["edges"]]
        rows.append(
            [
                name,
                statistics.mean(right),
                min(right),
                statistics.mean(f["majority"] for f in files),
                statistics.median(edges),
            ]
        )
    header = ["acts", "time labelled right", "worst file", "best single label", "edge, s"]
    harness.print_table(header, rows)
    figures = {
        "timeline_in_step": rows[0][1],
        "timeline_out_of_step": rows[1][1],
        "timeline_majority": rows[1][3],
        "timeline_edge_seconds": rows[1][4],
    }
    harness.finish(args, figures, stories=count)


if __name__ == "__main__":
    main()
