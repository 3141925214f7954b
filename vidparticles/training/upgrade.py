"""Configs of runs from before a renaming, in today's names.

Read where a rename suffices; what cannot be read is said in one sentence.
"""

from __future__ import annotations

import pathlib
from typing import Any

from vidparticles.errors import InputError

# Options of the model of frames that are now those of its interactions.
_INTERACTIONS = ("width", "steps")


def config(given: dict[str, Any], *, path: pathlib.Path) -> dict[str, Any]:
    """A config as today's code reads it.

    Args:
        given: of W/config.json, as a run wrote it.
        path: of that file, for the sentence.

    Raises:
        InputError: the run is of a model whose parameters mean something else today.

    Example:
        >>> old = {"model": {"name": "particles", "options": {"planes": 2, "steps": 1}}}
        >>> config(old, path=pathlib.Path("config.json"))["model"]
        {'name': 'frame_particles', 'options': {'planes': 2, 'interactions': {'steps': 1}}}
    """
    name, options = given["model"]["name"], given["model"]["options"]
    if name == "objects":
        raise InputError(
            f"{path} is of a model 'objects', whose learned rates were per frame and are per "
            "second now; train it again: the same data with the model 'object_particles' behind "
            "the config's name."
        )
    if name not in ("particles", "frame_particles"):
        return given
    if options.get("dynamics", "learned") == "none":
        raise InputError(
            f"{path} is of an ablation without dynamics, which is no option of the model any "
            "more; train it again with experiments/benchmarks/ablation.py."
        )
    moved = {key: options[key] for key in _INTERACTIONS if key in options}
    kept = {k: v for k, v in options.items() if k not in (*_INTERACTIONS, "dynamics")}
    if moved:
        kept["interactions"] = {**kept.get("interactions", {}), **moved}
    return {**given, "model": {**given["model"], "name": "frame_particles", "options": kept}}
