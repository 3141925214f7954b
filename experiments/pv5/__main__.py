"""PV-5: five synthetic tasks, every model, trained and tested a row at a time.

    python -m experiments.pv5 [--smoke] [--json FILE] [--workdir out/pv5]
        [--tasks t2,t3] [--models object_particles,lru_next] [--seeds 3] [--no-cost]

A row is a model, a task and a seed. It is a run of experiments/configs/pv5.py:TASK,MODEL in
WORKDIR/rows_TASK_MODEL_SEED, by the function of experiments/train.py; then it is tested, and
written to WORKDIR/rows.jsonl. What was stopped goes on where it was. Then two tables are printed:
mean accuracy on test clips over seeds (of t4, mean ROC-AUC, also of scores held for as long as
frames are positive) with half the width of its 95 % interval, beside what learns nothing; and what
models cost. Figures: `{task}_{model}_{setting}`, with several seeds also `ci_…`; of the cost
`slope_time_{model}`, `slope_train_time_…`, `slope_memory_…`, `flops_frame_…`, `parameters_…`, and
of models that stream `state_bytes_…`, `stream_fps_…`, `latency_…`. In figures the object particles
are called `particle`.
"""

from __future__ import annotations

import json
import math
import pathlib
import statistics
import sys
from typing import Any

from experiments.benchmarks import harness
from experiments.pv5 import cost as pv5_cost
from experiments.pv5.plans import MODELS, PLANS, SMOKE, Limits, figure_name
from experiments.pv5.rows import exists, learned
from experiments.pv5.scores import REFERENCES, reference
from vidparticles.errors import InputError, nearest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Student's t, two-sided 95 %, by how many values there are.
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
# Of `pv5_cost.curves`, as the table calls them.
COSTS = {
    "parameters": "parameters",
    "flops_frame": "FLOPs a frame",
    "latency": "seconds a frame, streaming",
    "state_bytes": "state, bytes",
    "slope_time": "slope, time",
    "slope_train_time": "slope, time of training",
    "slope_memory": "slope, memory of training",
}


def chosen(given: str, known: list[str], what: str) -> list[str]:
    """The names of a comma-separated list, or all that are known."""
    names = given.split(",") if given else known
    for name in names:
        if name not in known:
            raise InputError(f"--{what} names '{name}'.{nearest(name, known)}")
    return names


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """Rows that were run; a line that was being written when a run stopped is passed over."""
    rows = []
    lines = path.read_text().splitlines() if path.exists() else []
    for line in filter(None, lines):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            print(f"passed over in {path}: {line[:60]}")
    return rows


def run(path: pathlib.Path, tasks: list[str], names: list[str], seeds: int, limits: Limits) -> None:
    """Run what is missing, one seed of all after the other."""
    for seed in range(seeds):
        for task in tasks:
            for name in names:
                if not exists(name, task) or (name in REFERENCES and seed):
                    continue
                rows = {(r["task"], r["model"], r["seed"]): r for r in read(path)}
                if (task, name, seed) in rows:
                    continue
                if name in REFERENCES:
                    row = reference(name, task, limits)
                else:
                    folder = path.parent / f"{path.stem}_{task}_{name}_{seed}"
                    row = learned(name, task, seed, limits, folder)
                row = {"task": task, "model": name, "seed": seed, **row, "commit": harness.commit()}
                print(json.dumps(row), flush=True)
                with path.open("a") as file:
                    # Begins a line of its own even after one that was cut off.
                    file.write(f"\n{json.dumps(row)}\n")


def summary(rows: list[dict[str, Any]]) -> tuple[dict[str, float], dict[str, Any]]:
    """Figures, and the table of scores: tasks and settings down, models beside each other."""
    figures: dict[str, float] = {}
    told: dict[tuple[str, str], dict[str, str]] = {}
    for task in PLANS:
        for name in (*REFERENCES, *MODELS):
            mine = [r for r in rows if r["task"] == task and r["model"] == name]
            label = figure_name(name)
            # Of rows without errors, nothing is said of what explains them.
            for setting in dict.fromkeys(s for r in mine for s in r["figures"]):
                values = [r["figures"][setting] for r in mine if setting in r["figures"]]
                key = f"{task}_{label}_{setting}"
                figures[key] = statistics.mean(values)
                scale = 1 if setting.startswith("delay") else 100
                cell = f"{scale * figures[key]:.1f}"
                if len(values) in STUDENT:
                    spread = statistics.stdev(values) / math.sqrt(len(values))
                    figures[f"ci_{key}"] = STUDENT[len(values)] * spread
                    cell += f" ± {scale * figures[f'ci_{key}']:.1f}"
                told.setdefault((task, setting), {})[label] = cell
    known = [figure_name(n) for n in (*REFERENCES, *MODELS)]
    names = [n for n in known if any(n in cells for cells in told.values())]
    table = [[*where, *(cells.get(n, "") for n in names)] for where, cells in told.items()]
    return figures, {"header": ["task", "setting", *names], "rows": table}


def costs(rows: list[dict[str, Any]], names: list[str], lengths: tuple[int, ...]) -> Any:
    """Figures, and the table of what models cost: in training, a frame, and by a clip's length."""
    figures: dict[str, float] = {}
    table = []
    for name in names:
        if name not in MODELS:
            continue
        found = pv5_cost.curves(name, lengths)
        label = figure_name(name)
        figures |= {f"{key}_{label}": value for key, value in found.items()}
        mine = [r for r in rows if r["model"] == name]
        minutes = [f"{f([r['cpu_minutes'] for r in mine]):.1f}" for f in (min, max) if mine]
        cells = [f"{found[key]:.4g}" if key in found else "" for key in COSTS]
        table.append([label, " – ".join(dict.fromkeys(minutes)), *cells])
    return figures, {"header": ["model", "CPU minutes a training", *COSTS.values()], "rows": table}


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--workdir", default="out/pv5", help="keeps the rows")
    options.add_argument("--tasks", default="", help=f"of {', '.join(PLANS)}; default, all")
    options.add_argument("--models", default="", help="default, all, and what learns nothing")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, help="of each training, at most")
    options.add_argument("--test", type=int, default=Limits.test, help="clips a setting")
    options.add_argument("--no-cost", action="store_true", help="without the cost curves")
    args = options.parse_args()
    try:
        tasks = chosen(args.tasks, list(PLANS), "tasks")
        names = chosen(args.models, [*REFERENCES, *MODELS], "models")
    except InputError as error:
        sys.exit(f"error: {error}")
    limits = Limits(test=args.test, steps=args.steps)
    seeds = args.seeds
    if args.smoke:
        limits, seeds = SMOKE, 1
        tasks, names = tasks if args.tasks else ["t2"], names if args.models else ["gru"]
    path = pathlib.Path(args.workdir) / ("smoke.jsonl" if args.smoke else "rows.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    run(path, tasks, names, seeds, limits)

    rows = read(path)
    figures, table = summary(rows)
    harness.print_table(table["header"], table["rows"])
    more = {}
    if not args.no_cost:
        lengths = (32, 64) if args.smoke else pv5_cost.LENGTHS
        found, more["costs"] = costs(rows, names, lengths)
        figures |= found
        harness.print_table(more["costs"]["header"], more["costs"]["rows"])
    # With what each was trained by and at which commit.
    harness.finish(args, figures, table=table, **more, trained=rows)


if __name__ == "__main__":
    main()
