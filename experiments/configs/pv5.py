"""PV-5: five synthetic tasks that tell models of long video apart; a row is TASK,MODEL.

    python experiments/train.py --config=experiments/configs/pv5.py:t2,object_particles --workdir=W
    python -m experiments.pv5 --tasks t2 --models object_particles --seeds 1

The first trains a row, the second trains it and tests it. Tasks and models are those of
experiments/pv5/plans.py, with the steps of each. A curriculum is equal parts of the steps.
Clips are made on the fly, 25 a second; validation is on 256 clips of the last stage.
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common
from experiments.pv5.plans import MODELS, PLANS, RATE, SLOW, SLOW_RATE
from vidparticles.errors import InputError, nearest


def get_config(row: str = "t2,object_particles") -> ml_collections.ConfigDict:
    task, _, name = row.partition(",")
    for given, known in ((task, PLANS), (name, MODELS)):
        if given not in known:
            raise InputError(
                f"'{row}' is no row of PV-5; expected TASK,MODEL as t2,object_particles: there is "
                f"no '{given}'.{nearest(given, known)}"
            )
    plan, (model, options) = PLANS[task], MODELS[name]
    config = common.get_config(model)
    config.steps = plan.steps if model == "object_particles" else plan.baseline_steps
    config.eval_every = config.get_ref("steps")
    config.checkpoint_every = 50
    config.optimizer.learning_rate = SLOW_RATE if (task, name) in SLOW else RATE
    config.optimizer.warmup = 0.05
    config.optimizer.weight_decay = 1e-4
    config.optimizer.ema = 0.0  # what is evaluated is what is trained
    if model == "object_particles":
        config.model.options.objects.update(plan.objects)
    # Also what a model of its own name does not have: the ablations' build knows it.
    config.model.options.update(options)
    config.data = ml_collections.ConfigDict({"kind": "pv5"})
    config.data.pv5 = ml_collections.ConfigDict(
        {
            "task": plan.task,
            "steps": config.get_ref("steps"),
            "options": dict(plan.options),
            "stages": dict(plan.stages),
            "draw": dict(plan.draw),
            "val": 256,
        }
    )
    return config
