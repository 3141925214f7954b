"""How a row of PV-5 is trained and tested: a run of its config."""

from __future__ import annotations

import pathlib
import time
from typing import Any

import jax

from experiments.configs import pv5 as config_of
from experiments.pv5.plans import ABLATED, PLANS, Limits, build
from experiments.pv5.scores import REFERENCES, figures_of
from experiments.train import train
from vidparticles.training import writer
from vidparticles.training.run import load_model


def exists(name: str, plan: str) -> bool:
    """Whether there is such a row: t4 is scored by prediction, and references are of tasks."""
    if name in REFERENCES:
        return PLANS[plan].task in REFERENCES[name][0]
    if name.startswith("object_particles_") and plan not in ABLATED:
        return False
    return plan != "t4" or name.endswith("_next") or name == "object_particles"


def learned(
    name: str, plan: str, seed: int, limits: Limits, workdir: pathlib.Path
) -> dict[str, Any]:
    """Train a row in its workdir, or go on where it was stopped, and test it.

    Returns:
        Its figures by setting, and what it was trained by: steps, rate, the last loss, the
        validation accuracy where there are labels, parameters, and the CPU minutes that this
        call took to train.
    """
    config = config_of.get_config(f"{plan},{name}")
    config.seed = seed
    if limits.steps is not None:
        config.steps = min(config.steps, limits.steps)
    if limits.batch is not None:
        config.batch_size = config.data.pv5.val = limits.batch
    began = time.process_time()
    train(config, workdir, build=build)
    minutes = (time.process_time() - began) / 60
    loaded = load_model(workdir, build=build)
    last: dict[str, float] = {}
    for line in writer.read(workdir):
        last.update(line)
    told = {"loss": last["train/loss"], "val": last.get("val/accuracy")}
    return {
        "steps": loaded.step,
        "rate": config.optimizer.learning_rate,
        **{key: value for key, value in told.items() if value is not None},
        "cpu_minutes": round(minutes, 2),
        "parameters": sum(x.size for x in jax.tree.leaves(loaded.params)),
        "figures": figures_of(loaded.model, loaded.params, PLANS[plan], limits),
    }
