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
import dataclasses
import functools
import math
import multiprocessing
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import jax

from experiments.benchmarks import harness
from experiments.configs import embedded
from experiments.train import train
from vidparticles import models
from vidparticles.data.embedded import make
from vidparticles.models.frame_particles.interactions import Interactions
from vidparticles.particles import Particles, Trajectory
from vidparticles.training import writer


class Frozen(Interactions):
    """Laws that stay at their random start."""

    def simulate(self, laws: dict[str, Any], start: Particles) -> Trajectory:
        """As `Interactions.simulate`, without a gradient of the laws."""
        return super().simulate(jax.lax.stop_gradient(laws), start)


def without_dynamics(whole: Interactions) -> Interactions:
    """Particles are read where they are."""
    return dataclasses.replace(whole, steps=0)


def frozen(whole: Interactions) -> Interactions:
    """The same laws, frozen."""
    return Frozen(**dataclasses.asdict(whole))


def learned(whole: Interactions) -> Interactions:
    """As they are."""
    return whole


# Variant → the model, and what is put in the place of its interactions.
VARIANTS: dict[str, tuple[str, Callable[[Interactions], Interactions] | None]] = {
    "no dynamics": ("frame_particles", without_dynamics),
    "frozen laws": ("frame_particles", frozen),
    "learned laws": ("frame_particles", learned),
    "single frame": ("single_frame", None),
}
# Student's t, two-sided 95 %, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


def build(variant: str, name: str, **options: Any) -> models.Model:
    """The model of a variant, for `train`."""
    model: Any = models.build(name, **options)
    part = VARIANTS[variant][1]
    return dataclasses.replace(model, interactions=part(model.interactions)) if part else model


def run(
    workdir: pathlib.Path, data: pathlib.Path, steps: int, smoke: bool, job: tuple[str, int]
) -> dict[str, float]:
    """Train one variant with one seed; its last metrics."""
    variant, seed = job
    folder = workdir / f"{variant.replace(' ', '_')}_{seed}"
    config = embedded.get_config(VARIANTS[variant][0])
    config.data.dir, config.seed, config.steps = str(data), seed, steps
    if VARIANTS[variant][1] is not None:
        config.model.options.motion_clips = 0
    if smoke:
        config.batch_size = 4
        config.data.clips.update(dict.fromkeys(config.data.clips, 1))
    train(config, folder, build=functools.partial(build, variant))
    last: dict[str, float] = {}
    for line in writer.read(folder):
        last.update(line)
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
    # A process a run: each compiles and frees its own.
    with concurrent.futures.ProcessPoolExecutor(
        args.at_once, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        last = pool.map(functools.partial(run, workdir, data, steps, args.smoke), jobs)
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
