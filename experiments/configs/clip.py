"""One clip without labels: the objects in it are found and followed, by prediction alone.

    python experiments/train.py --config=experiments/configs/clip.py \
        --config.data.file=clip.mp4 --workdir=W
    vidparticles show clip.mp4 --checkpoint=W -o objects.mp4

A clip is seen in windows of its own frames, small and in its own shape. What is learned is how an
object shows (how far from the background, how large) and how it moves, so that the picture painted
of the objects fits, the one predicted too; minutes on a CPU.
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common


def get_config(model: str = "object_particles") -> ml_collections.ConfigDict:
    config = common.get_config(model)
    config.steps = 150
    config.batch_size = 4
    config.checkpoint_every = 50
    config.optimizer.learning_rate = 3e-3
    config.data.kind = "clip"
    config.data.file = ""
    config.data.frames = 24
    config.data.size = 72  # H; W is as the clip's shape has it
    config.data.sampling = "dense"
    config.data.rate = 0.0  # the clip's own
    if model == "object_particles":
        config.model.options.memory_weight = 0.0  # nothing is asked of it: it keeps what was seen
        config.model.options.objects.update(
            running_background=True,  # what has been seen before, moved with the camera
            count=8,
            stride=4,
            patience=1.0,
        )
    return config
