"""fight-surv: fight or no fight, in surveillance-like clips; source-disjoint folds.

Folds 0 and 1 (121 clips) train, fold 2 (60 clips) tests; no clip of a source is on both sides.
There is no val split, and nothing was chosen by looking at fold 2. Clips are read in windows of
16 frames, 8 a second, at one size and without sound: the files' own rate, size and length tell
the class in 66.6 % of cases, which is not what is to be learned.

Measured on 2026-11-25 at commit d757e3d, on 2 CPU cores, one seed (0), 300 steps: accuracy on
fold 2, over clips, with Wilson's 95 % interval. The model does worse than counting motion does;
with 60 clips no difference between the first three is sure.

    particles       65.0 % [52.4, 75.8], 39 of 60
    single frame    55.0 % [42.5, 66.9], 33 of 60
    motion energy   73.3 % [61.0, 82.9], 44 of 60
    majority class  51.7 % [39.3, 63.8], 31 of 60

    python experiments/train.py --config=experiments/configs/fight_surv.py --workdir=W
    python experiments/train.py --config=experiments/configs/fight_surv.py:single_frame --workdir=S
    python experiments/evaluate.py --workdir=W --baselines --beside S

The data are found in $VIDPARTICLES_DATA/fight-surv, or ../shared/data/fight-surv.
"""

from __future__ import annotations

import os
import pathlib

import ml_collections

from experiments.configs import common


def get_config(model: str = "frame_particles") -> ml_collections.ConfigDict:
    config = common.get_config(model)
    config.steps = 300
    config.batch_size = 8

    root = pathlib.Path(__file__).resolve().parents[2]
    data = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", root.parent / "shared" / "data"))
    config.data.kind = "manifest"
    config.data.dir = str(data / "fight-surv")
    config.data.splits = ml_collections.ConfigDict(
        {"train": ("fold0", "fold1"), "test": ("fold2",)}
    )
    config.data.size = 64
    config.data.sampling = "dense"  # one rate for all: 2 s windows; a clip's windows vote
    config.data.rate = 8.0
    config.data.crop = 0.85
    config.data.flip = True
    config.data.brightness = 0.2
    return config
