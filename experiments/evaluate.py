"""Score a trained model on a split, beside predictors that learn next to nothing.

    python experiments/evaluate.py --workdir=W [--split=test] [--baselines] [--beside=W2 …]

Prints accuracy with its 95 % Wilson interval: of the model in W, of the majority class of the
training split, with --baselines of a logistic regression on motion energy, and of the runs in
the folders given as --beside (a single-frame model, an ablation) on the same clips.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

import jax

from vidparticles.data import spec as source
from vidparticles.errors import InputError
from vidparticles.storage import write_text
from vidparticles.training import baselines, metrics, sharding, step
from vidparticles.training.run import load_model, read_config


def evaluate(
    workdir: str | os.PathLike[str],
    *,
    split: str = "test",
    with_baselines: bool = False,
    beside: Sequence[str | os.PathLike[str]] = (),
) -> dict[str, metrics.Score]:
    """The scores, best read from top to bottom.

    Args:
        workdir: W of a training run.
        split: of its data.
        with_baselines: fit motion energy on the training split too.
        beside: further workdirs, scored on the clips that W's data give.

    Returns:
        A name for each predictor → its score.

    Raises:
        InputError: a workdir is no run, or the data have no such split.
    """
    # ---------------------------------------------------------------- the runs
    runs = [load_model(folder) for folder in (workdir, *beside)]
    main = runs[0]
    for run in runs[1:]:
        if run.classes != main.classes:
            raise InputError(
                f"{run.workdir} was trained on the classes {', '.join(run.classes)}, not on those "
                f"of {main.workdir}; give runs over the same data."
            )

    # ---------------------------------------------------------------- the clips
    data = source.DataSpec(**main.config["data"])
    dataset = data.open()
    num_classes = len(main.classes)
    mesh = sharding.data_mesh()
    batch_size = -(-main.config["batch_size"] // mesh.size) * mesh.size

    def batches(name: str, spec: source.DataSpec = data):
        return spec.batches(
            dataset, split=name, train=False, batch_size=batch_size, seed=main.config["seed"]
        )

    # ---------------------------------------------------------------- the predictors
    scores = {}
    for run in runs:
        name = f"{run.model_name} ({run.workdir.name}, step {run.step})"
        eval_step = step.eval_step(run.model, mesh=mesh)
        clips = batches(split, source.DataSpec(**run.config["data"]))
        params = jax.device_put(run.params, sharding.everywhere(mesh))
        scores[name] = metrics.evaluate(eval_step, params, clips, mesh=mesh)
    labels = {name: source.labels(dataset, name) for name in {"train", split}}
    scores["majority class"] = baselines.majority(
        labels["train"], labels[split], num_classes=num_classes
    )
    if with_baselines:
        scores["motion energy"] = baselines.motion_energy_score(
            batches("train"), batches(split), num_classes=num_classes
        )
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True, help="of a training run")
    parser.add_argument("--split", default="test", help="train, val or test")
    parser.add_argument("--baselines", action="store_true", help="fit motion energy too")
    parser.add_argument("--beside", nargs="*", default=[], metavar="W", help="further runs")
    parser.add_argument("--json", metavar="FILE", help="write the figures here")
    args = parser.parse_args()
    try:
        scores = evaluate(
            args.workdir, split=args.split, with_baselines=args.baselines, beside=args.beside
        )
    except InputError as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        sys.exit(2)

    width = max(map(len, scores))
    for name, score in scores.items():
        print(f"{name:{width}s}  {score}")
    classes = read_config(args.workdir)["classes"]
    recall = next(iter(scores.values())).per_class
    print("\nby class: " + ", ".join(f"{c} {r:.0%}" for c, r in zip(classes, recall, strict=True)))
    if args.json:
        figures = {
            name: {"accuracy": s.accuracy, "interval": s.interval, "count": s.count}
            for name, s in scores.items()
        }
        write_text(args.json, json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
