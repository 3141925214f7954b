"""The laws of motion that a command rolls particles forward with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import jax

from vidparticles.errors import InputError
from vidparticles.models import motion

if TYPE_CHECKING:
    from vidparticles.training.run import Loaded


def motion_laws(checkpoint: str | os.PathLike[str] | None) -> motion.Params:
    """The laws that a run learned, or those it would start from.

    Args:
        checkpoint: workdir of a training run, or None.

    Raises:
        InputError: not a run, or a model that learns no laws of motion.
    """
    if checkpoint is None:
        return motion.init(jax.random.key(0))
    from vidparticles.training.run import load_model

    return laws_of(load_model(checkpoint))


def laws_of(loaded: Loaded) -> motion.Params:
    """The laws that a run learned.

    Args:
        loaded: what `training.run.load_model` gave.

    Raises:
        InputError: its model learns no laws of motion.
    """
    if not loaded.model.capabilities.motion_laws:
        raise InputError(
            f"{loaded.workdir}: its model {loaded.model_name!r} learns no laws of motion; give the "
            "workdir of a run of the model 'frame_particles', or no checkpoint."
        )
    return loaded.model.motion_laws(loaded.params)
