"""How often the first command tells the acts of its unseen story right: one training a seed.

    python -m experiments.benchmarks.story [--seeds 10] [--workdir out/story] [--smoke]

Each seed is a run of the demo's config, and a story of its own, as `python -m experiments.demo
--seed S` makes them; what was stopped goes on. An act is told right when its label has more of its
time than any other. Figures: `story_seeds`, how many seeds there were; `story_three_right`, the
share of them with at least three of four acts right (to reach: 0.9); `story_acts_right`, the share
of all acts; and `story_test_accuracy`, the mean accuracy on the test clips.
"""

from __future__ import annotations

import pathlib
import statistics

from experiments.benchmarks import harness
from experiments.demo import trained
from experiments.train import train
from vidparticles.data import embedded
from vidparticles.inference.understanding.trained import classify

ENOUGH = 3  # acts of a story


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--workdir", default="out/story", help="what is trained stays there")
    args = options.parse_args()
    folder = pathlib.Path(args.workdir)
    rows = []
    for seed in range(2 if args.smoke else args.seeds):
        config = trained.config(folder, "frame_particles", seed=seed, smoke=args.smoke)
        model = folder / f"seed_{seed}"
        accuracy = train(config, model)["test/accuracy"]
        story = folder / f"story_{seed}.mp4"
        acts = embedded.story(story, seed=trained.STORY_SEED + seed, acts=trained.ACTS)
        timeline = classify(story, model).timeline
        right = trained.acts_right(acts, timeline)
        wrong = [act.label for act, is_right in zip(acts, right, strict=True) if not is_right]
        told = ", ".join(f"{e.label} {e.start:.1f}–{e.end:.1f}" for e in timeline)
        rows.append([seed, sum(right), ", ".join(wrong), told, f"{100 * accuracy:.1f}"])
        print(*rows[-1], sep="  ", flush=True)
    header = ["seed", "acts right, of 4", "not right", "what was said, seconds", "test clips, %"]
    harness.print_table(header, rows)
    counts = [row[1] for row in rows]
    figures = {
        "story_seeds": len(rows),
        "story_three_right": statistics.mean(count >= ENOUGH for count in counts),
        "story_acts_right": statistics.mean(counts) / len(trained.ACTS),
        "story_test_accuracy": statistics.mean(float(row[-1]) / 100 for row in rows),
    }
    harness.finish(args, figures, table={"header": header, "rows": rows})


if __name__ == "__main__":
    main()
