"""PV-5: five synthetic tasks, every model, trained and tested a row at a time.

    python experiments/pv5.py [--smoke] [--json FILE] [--workdir out/pv5]
        [--tasks t2,t3] [--models lru,lru_next] [--seeds 3] [--minutes 15] [--no-cost]

A row is a model, a task and a seed; it is trained with each learning rate (with the best one of
seed 0 from the second seed on), tested, and written to WORKDIR/rows.jsonl. A run that was stopped
goes on with the rows that are not there yet. Then the table is printed: mean accuracy on test
clips over seeds (of t4, mean ROC-AUC) with half the width of its 95 % interval, beside what learns
nothing; of t4 also of scores held for as long as frames are positive. Figures:
`{task}_{model}_{setting}`, with several seeds also `ci_…`; and of the cost
`slope_time_{model}`, `slope_train_time_…`, `slope_memory_…`, `flops_frame_…`, and of models that
stream `state_bytes_…`, `stream_fps_…`.
"""

from __future__ import annotations

import json
import math
import pathlib
import statistics
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "experiments" / "benchmarks")]
import harness  # noqa: E402

from experiments import pv5_cost  # noqa: E402
from experiments.pv5_rows import (  # noqa: E402
    MODELS,
    PLANS,
    REFERENCES,
    SMOKE,
    Limits,
    exists,
    learned,
    reference,
)
from vidparticles.errors import InputError, nearest  # noqa: E402

# Student's t, two-sided 95 %, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}


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
                    first = rows.get((task, name, 0))
                    rates = limits.rates if first is None else (first["rate"],)
                    row = learned(name, task, seed, limits, rates)
                row = {"task": task, "model": name, "seed": seed, **row}
                print(json.dumps(row), flush=True)
                with path.open("a") as file:
                    # Begins a line of its own even after one that was cut off.
                    file.write(f"\n{json.dumps(row)}\n")


def summary(rows: list[dict[str, Any]]) -> tuple[dict[str, float], list[list[str]]]:
    """Figures, and the rows of the table: task and setting down, models beside each other."""
    figures: dict[str, float] = {}
    table = []
    for task in PLANS:
        for name in (*MODELS, *REFERENCES):
            mine = [r for r in rows if r["task"] == task and r["model"] == name]
            for setting in mine[0]["figures"] if mine else ():
                values = [r["figures"][setting] for r in mine]
                key = f"{task}_{name}_{setting}"
                figures[key] = statistics.mean(values)
                is_share = not setting.startswith("delay")
                told = f"{100 * figures[key] if is_share else figures[key]:.1f}"
                if len(values) in (2, 3, 4, 5):
                    spread = statistics.stdev(values) / math.sqrt(len(values))
                    figures[f"ci_{key}"] = STUDENT[len(values) - 1] * spread
                    told += f" ± {100 * figures[f'ci_{key}']:.1f}"
                rates = sorted({r["rate"] for r in mine if "rate" in r})
                rate = ", ".join(f"{r:g}" for r in rates) or "none"
                table.append([task, name, setting, told, len(values), rate])
    return figures, table


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--workdir", default="out/pv5", help="keeps the rows")
    options.add_argument("--tasks", default="", help=f"of {', '.join(PLANS)}; default, all")
    options.add_argument("--models", default="", help="default, all, and what learns nothing")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, default=Limits.steps, help="of each training")
    options.add_argument("--minutes", type=float, default=Limits.minutes, help="of CPU time of it")
    options.add_argument("--test", type=int, default=Limits.test, help="clips a setting")
    options.add_argument("--no-cost", action="store_true", help="without the cost curves")
    args = options.parse_args()
    try:
        tasks = chosen(args.tasks, list(PLANS), "tasks")
        names = chosen(args.models, [*REFERENCES, *MODELS], "models")
    except InputError as error:
        sys.exit(f"error: {error}")
    limits = Limits(steps=args.steps, minutes=args.minutes, test=args.test)
    seeds = args.seeds
    if args.smoke:
        limits, seeds = SMOKE, 1
        tasks, names = tasks if args.tasks else ["t2"], names if args.models else ["gru"]
    path = pathlib.Path(args.workdir) / ("smoke.jsonl" if args.smoke else "rows.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    run(path, tasks, names, seeds, limits)

    figures, rows = summary(read(path))
    header = ["task", "model", "setting", "% (mean ± 95 %)", "seeds", "learning rate"]
    harness.print_table(header, rows)
    if not args.no_cost:
        lengths = (32, 64) if args.smoke else pv5_cost.LENGTHS
        for name in names:
            if name in MODELS:
                figures |= pv5_cost.curves(name, lengths)
    harness.finish(args, figures, table={"header": header, "rows": rows})


if __name__ == "__main__":
    main()
