"""What a run is: W/config.json, and the trained model that W's last checkpoint holds."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from vidparticles import models
from vidparticles.errors import InputError
from vidparticles.storage import write_text
from vidparticles.training import upgrade
from vidparticles.training.checkpoint import Checkpoints
from vidparticles.training.state import PyTree

Build = Callable[..., models.Model]


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A trained model, ready for use.

    Attributes:
        model: what `vidparticles.models.build` gave; `model.apply(params, batch)["logits"]`.
        model_name, options: how it was built.
        classes: the name of each class, in the order of the logits.
        params: the averaged parameters.
        step: of the checkpoint.
        config: W/config.json, all of it; `config["data"]` says how clips were sampled.
        workdir: W.
    """

    model: Any
    model_name: str
    options: Mapping[str, Any]
    classes: tuple[str, ...]
    params: PyTree
    step: int
    config: Mapping[str, Any]
    workdir: pathlib.Path


def read_config(workdir: str | os.PathLike[str]) -> dict[str, Any]:
    """W/config.json, in today's names.

    Raises:
        InputError: W is not the folder of a training run, or of a model that is read no more.
    """
    path = pathlib.Path(workdir) / "config.json"
    if not path.is_file():
        raise InputError(
            f"{pathlib.Path(workdir)} holds no config.json; expected the --workdir of a run of "
            "experiments/train.py."
        )
    try:
        config = json.loads(path.read_text())
        for key in ("classes", "model", "data", "batch_size"):
            config[key]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the config of a training run ({error}); expected the file that "
            "experiments/train.py writes."
        ) from error
    return upgrade.config(config, path=path)


def write_config(workdir: str | os.PathLike[str], config: Mapping[str, Any]) -> None:
    """Write W/config.json; a half-written file never bears that name."""
    path = pathlib.Path(workdir) / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(config, indent=1, sort_keys=True) + "\n")


def changes(workdir: str | os.PathLike[str], config: Mapping[str, Any]) -> list[str]:
    """What a run that goes on in W has been told otherwise than before, one line a key.

    Args:
        workdir: W, which may hold no run yet.
        config: of the run that is about to go on, with its `classes`.

    Raises:
        InputError: the classes are others than those that the run in W has been learning.
    """
    if not (pathlib.Path(workdir) / "config.json").exists():
        return []
    before = read_config(workdir)
    if before["classes"] != config["classes"]:
        raise InputError(
            f"{pathlib.Path(workdir)} holds a run over {_named(before['classes'])}, and the data "
            f"has {_named(config['classes'])}; give the same data, or another --workdir."
        )
    old, new = _flat(before), _flat(config)
    return [
        f"config.{key} was {old.get(key)} until now and is {new.get(key)} from here"
        for key in sorted(old | new)
        if old.get(key) != new.get(key)
    ]


def _named(classes: Sequence[str]) -> str:
    return f"the classes {', '.join(classes)}" if classes else "no classes"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if key == "example":  # follows from the others
            continue
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def row_shapes(batch: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Dtype and shape of a row of a batch, as they are kept in W/config.json.

    Example:
        >>> row_shapes({"time": np.zeros((8, 16), np.float32)})
        {'time': ['float32', [16]]}
    """
    return {name: [x.dtype.name, list(x.shape[1:])] for name, x in batch.items()}


def _example(config: Mapping[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """A batch of one row as the run has read them, without what is in it."""
    data = config["data"]
    # Runs from before it was kept had square clips alone.
    rows = config.get("example") or {
        "video": ["uint8", [data["frames"], data["size"], data["size"], 3]],
        "time": ["float32", [data["frames"]]],
        "label": ["int32", []],
        "_mask": ["bool", []],
        "index": ["int32", []],
    }
    return {
        name: jax.ShapeDtypeStruct((1, *shape), np.dtype(dtype))
        for name, (dtype, shape) in rows.items()
    }


def load_model(workdir: str | os.PathLike[str], *, build: Build = models.build) -> Loaded:
    """The model that a run trained, from its workdir alone.

    Args:
        workdir: W of experiments/train.py.
        build: makes the model of a name, as `models.build`.

    Raises:
        InputError: W is not a run, holds no checkpoint, or one of another model.
    """
    config = read_config(workdir)
    name, options = config["model"]["name"], config["model"]["options"]
    model = build(name, num_classes=len(config["classes"]) or 1, **options)
    like = jax.eval_shape(model.init, jax.random.key(0), _example(config))
    with Checkpoints(workdir, read_only=True) as checkpoints:
        params, step = checkpoints.restore_ema(like)
    return Loaded(
        model=model,
        model_name=name,
        options=options,
        classes=tuple(config["classes"]),
        params=params,
        step=step,
        config=config,
        workdir=pathlib.Path(workdir),
    )
