"""Your own clips: DIR/class/clip.mp4, or DIR/{train,val,test}/class/clip.mp4.

    python experiments/train.py --config=experiments/configs/folder.py \
        --config.data.dir=DIR --workdir=W

Without train/ val/ test/ each clip falls into one of them by a hash of its name. Large clips
train many times faster from small copies: `vidparticles prepare DIR` makes them, once.
"""

from __future__ import annotations

import ml_collections

from experiments.configs import common


def get_config(model: str = "frame_particles") -> ml_collections.ConfigDict:
    config = common.get_config(model)
    config.data.kind = "folder"
    config.data.dir = ""
    return config
