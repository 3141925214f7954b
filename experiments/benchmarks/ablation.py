"""What the dynamics add: the same model without them, with frozen laws, with learned laws.

    python experiments/benchmarks/ablation.py [--smoke] [--json FILE] [--workdir out/ablation]

On the embedded set, each variant with several seeds (of parameters and of data order), the
same steps, the same clips. The single-frame model stands beside them. The laws of motion in the
picture, which have parameters of their own, are left out. A run that was interrupted goes on where
it was. Figures: `accuracy_{variant}` and, of several seeds, `ci_{variant}`: the mean
test accuracy over seeds and half the width of its 95 % interval (Student's t).
"""

from __future__ import annotations

import concurrent.futures
import json
import math
import pathlib
import statistics
import subprocess
import sys

from experiments.benchmarks import harness
from experiments.configs import embedded
from vidparticles.data.embedded import make

OPTIONS = "--config.model.options"
VARIANTS = {
    "no dynamics": ("frame_particles", [f"{OPTIONS}.dynamics=none", f"{OPTIONS}.motion_clips=0"]),
    "frozen laws": ("frame_particles", [f"{OPTIONS}.dynamics=frozen", f"{OPTIONS}.motion_clips=0"]),
    "learned laws": (
        "frame_particles",
        [f"{OPTIONS}.dynamics=learned", f"{OPTIONS}.motion_clips=0"],
    ),
    "single frame": ("single_frame", []),
}
# Student's t, two-sided 95 %, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def run(
    workdir: pathlib.Path, data: pathlib.Path, variant: str, seed: int, steps: int, smoke: bool
) -> dict:
    """Train one variant with one seed in a process of its own; its last metrics."""
    model, flags = VARIANTS[variant]
    folder = workdir / f"{variant.replace(' ', '_')}_{seed}"
    if smoke:
        flags = [*flags, "--config.batch_size=4"]
        flags += [f"--config.data.clips.{split}=1" for split in ("train", "val", "test")]
    command = [
        sys.executable,
        str(harness.ROOT / "experiments" / "train.py"),
        f"--config={harness.ROOT}/experiments/configs/embedded.py:{model}",
        f"--workdir={folder}",
        f"--config.data.dir={data}",
        f"--config.seed={seed}",
        f"--config.steps={steps}",
        *flags,
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=harness.ROOT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    last: dict = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        last.update(json.loads(line))
    print(f"{variant}, seed {seed}: test accuracy {last['test/accuracy']:.3f}", flush=True)
    return last


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--workdir", default="out/ablation", help="keeps the runs")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, default=400, help="of each run")
    options.add_argument("--at-once", type=int, default=2, help="runs side by side")
    args = options.parse_args()
    workdir = pathlib.Path(args.workdir).absolute() / ("smoke" if args.smoke else "full")
    data = workdir / "clips"
    seeds = range(1 if args.smoke else args.seeds)
    steps = 4 if args.smoke else args.steps

    jobs = [(variant, seed) for seed in seeds for variant in VARIANTS]
    # Made before the runs, which would all make them at once.
    clips = embedded.get_config().data.clips.to_dict()
    make(data, clips_per_class=dict.fromkeys(clips, 1) if args.smoke else clips)
    with concurrent.futures.ThreadPoolExecutor(args.at_once) as pool:
        last = pool.map(lambda job: run(workdir, data, *job, steps, args.smoke), jobs)
        results = dict(zip(jobs, last, strict=True))

    figures: dict[str, float] = {"seeds": len(seeds), "steps": steps}
    rows = []
    for variant in VARIANTS:
        scores = [results[variant, seed]["test/accuracy"] for seed in seeds]
        mean = statistics.mean(scores)
        key = variant.replace(" ", "_")
        figures[f"accuracy_{key}"] = mean
        told = f"{100 * mean:.1f} %"
        if len(scores) > 1:
            half = STUDENT[len(scores) - 1] * statistics.stdev(scores) / math.sqrt(len(scores))
            figures[f"ci_{key}"] = half
            told = f"{100 * mean:.1f} ± {100 * half:.1f} %"
        each = ", ".join(f"{100 * s:.1f}" for s in scores)
        rows.append([variant, told, each])
    header = ["model", "test accuracy", "each seed"]
    harness.print_table(header, rows)
    harness.finish(args, figures, table={"header": header, "rows": rows})


if __name__ == "__main__":
    main()
