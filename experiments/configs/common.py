"""What all configs share: the optimizer, the rhythm, the model behind the config's name."""

from __future__ import annotations

import ml_collections

from vidparticles import models


def get_config(model: str = "frame_particles") -> ml_collections.ConfigDict:
    """The common part; each config adds its `data`.

    Args:
        model: a name of the registry, given on the command line behind a colon:
            --config=experiments/configs/folder.py:single_frame.
    """
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.steps = 1000
    config.batch_size = 16  # over all devices of all processes

    config.model = ml_collections.ConfigDict()
    config.model.name = model
    config.model.options = ml_collections.ConfigDict(models.defaults(model))

    config.optimizer = ml_collections.ConfigDict()
    config.optimizer.learning_rate = 1e-3  # the peak
    config.optimizer.warmup = 0.1  # the part of the steps that leads up to it
    config.optimizer.weight_decay = 0.01  # of matrices
    config.optimizer.clip = 1.0  # of the global gradient norm
    config.optimizer.ema = 0.99  # of the parameters that are evaluated and shipped

    config.log_every = 10
    config.eval_every = 200  # on val, where there is one
    config.checkpoint_every = 200
    config.keep = 2  # checkpoints

    config.data = ml_collections.ConfigDict()
    config.data.frames = 16  # T, sampled over the whole clip
    config.data.size = 64  # H = W, pixels
    config.data.sampling = "uniform"  # or "dense": windows of T frames, 1 / rate seconds apart
    config.data.rate = 8.0
    config.data.crop = 1.0  # smallest part of the picture that training keeps
    config.data.flip = False  # left and right; directions may be what a class is about
    config.data.turn = False  # quarter turns and mirror images
    config.data.brightness = 0.0  # largest relative change
    return config
