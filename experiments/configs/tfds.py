"""A TFDS video data set by its name, when it is prepared on disk.

    python experiments/train.py --config=experiments/configs/tfds.py \
        --config.data.name=ucf101 --workdir=W

config.data.dir is TFDS' data_dir; empty means its default, ~/tensorflow_datasets.
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common


def get_config(model: str = "frame_particles") -> ml_collections.ConfigDict:
    config = common.get_config(model)
    config.data.kind = "tfds"
    config.data.name = "ucf101"
    config.data.dir = ""
    return config
