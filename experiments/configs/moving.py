"""What finds anything that moves, taught by composites made beforehand.

    python -m experiments.moving_pictures PICTURES
    python experiments/train.py --config=experiments/configs/moving.py \
        --config.data.dir=POOL --config.data.composites.pictures=PICTURES --workdir=W
    python -m experiments.moving W -o moving.safetensors

The first command brings photographs, whose licences moving_pictures.csv names; without them a few
that Python packages bring along are used. The second makes the pool unless it is there: .8 MB and
.12 CPU s a clip. 3,600 steps take 75 to 90 minutes on one core; benchmarks/moving.py measures what
they are worth. To go on from weights that there are, as those that ship were made:
--config.model.options.initial_weights=FILE (or `shipped`), with half the learning rate.
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common


def get_config() -> ml_collections.ConfigDict:
    config = common.get_config("moving")
    config.steps = 3600
    config.batch_size = 3
    config.optimizer.learning_rate = 2e-3
    config.optimizer.warmup = 0.03
    config.optimizer.weight_decay = 1e-4
    config.optimizer.ema = 0.997
    config.log_every = 25
    config.eval_every = config.get_ref("steps")
    config.checkpoint_every = 100
    config.data = ml_collections.ConfigDict({"kind": "composites", "dir": ""})
    config.data.composites = ml_collections.ConfigDict(
        {"clips": 4500, "seed": 0, "pictures": "", "frames": 24, "width": 64}
    )
    # Persons as they are filmed: up to two thirds of the picture high, dressed, and half of all;
    # and things that look alike and touch more often than by default.
    config.data.composites.options = {
        **{"largest": 44.0, "jointed": 0.5, "dressed": 0.6},
        "swaps": 0.3,
    }
    return config
