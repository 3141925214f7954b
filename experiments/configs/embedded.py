"""The embedded set: two digits over moving textures; the class is how they meet.

The set is made where config.data.dir says when it is not there (H.264 and AAC, no download).
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common


def get_config(model: str = "frame_particles") -> ml_collections.ConfigDict:
    config = common.get_config(model)
    config.data.kind = "embedded"
    config.data.dir = "out/embedded"
    config.steps = 700
    config.optimizer.learning_rate = 2e-3
    config.data.size = 48
    # A class is a law of motion: it has no left and right, and no up and down.
    config.data.turn = True
    config.data.clips = ml_collections.ConfigDict({"train": 100, "val": 20, "test": 30})
    return config
