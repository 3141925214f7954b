"""Models by name: what a config or a checkpoint calls them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from vidparticles.errors import InputError, nearest
from vidparticles.models.base import Model
from vidparticles.models.baselines.conv_gru import ConvGru
from vidparticles.models.baselines.gru import Gru
from vidparticles.models.baselines.lru import Lru
from vidparticles.models.baselines.single_frame import SingleFrame
from vidparticles.models.baselines.slots import SlotAttention
from vidparticles.models.baselines.slowfast import SlowFast
from vidparticles.models.baselines.tsn import Tsn
from vidparticles.models.baselines.vivit import Vivit
from vidparticles.models.frame_particles.model import FrameParticles
from vidparticles.models.moving.model import Moving
from vidparticles.models.object_particles import ObjectParticles

__all__ = ["Model", "build", "defaults", "names"]

_MODELS: dict[str, Callable[..., Model]] = {
    "frame_particles": FrameParticles,
    "object_particles": ObjectParticles,
    "moving": Moving,
    "single_frame": SingleFrame,
    "tsn": Tsn,
    "slowfast": SlowFast,
    "vivit": Vivit,
    "lru": Lru,
    "gru": Gru,
    "conv_gru": ConvGru,
    "slots": SlotAttention,
}


def names() -> tuple[str, ...]:
    """The names that `build` knows."""
    return tuple(_MODELS)


def build(name: str, **options: Any) -> Model:
    """The model of this name.

    Args:
        name: one of `names()`.
        **options: fields of the model's dataclass; `num_classes` is one of all.

    Raises:
        InputError: an unknown name or option; the sentence names the nearest known one.

    Example:
        >>> build("frame_particles", num_classes=3).num_classes
        3
        >>> build("frame_particles", num_classes=3, plains=2)
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: model 'frame_particles' has no option 'plains'. Did you \
mean 'planes'? Known names: charge, encoder, interactions, motion_clips, motion_points, \
motion_weight, num_classes, planes, spliced.
    """
    if name not in _MODELS:
        raise InputError(f"there is no model {name!r}.{nearest(name, _MODELS)}")
    kind = _MODELS[name]
    known = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for option in options:
        if option not in known:
            raise InputError(f"model {name!r} has no option {option!r}.{nearest(option, known)}")
    return kind(**{option: _option(kind, option, value) for option, value in options.items()})


def defaults(name: str) -> dict[str, Any]:
    """The options of a model with their defaults; those that have parts as dicts of them.

    Example:
        >>> defaults("object_particles")["objects"]["stride"]
        2
    """
    model = build(name, num_classes=2)
    options = dataclasses.asdict(model)  # type: ignore[call-overload]
    return {option: value for option, value in options.items() if option != "num_classes"}


def _option(kind: Any, option: str, value: Any) -> Any:
    """An option as a model has it: of JSON's lists tuples, of a mapping the part it describes."""
    (field,) = (f for f in dataclasses.fields(kind) if f.name == option)
    part = field.default_factory
    if not isinstance(value, Mapping) or part is dataclasses.MISSING:
        return tuple(value) if isinstance(value, list) else value
    default: Any = part()
    known = [f.name for f in dataclasses.fields(default)]
    for key in value:
        if key not in known:
            raise InputError(f"{option} has no option {key!r}.{nearest(key, known)}")
    changes = {key: _option(default, key, item) for key, item in value.items()}
    return dataclasses.replace(default, **changes)
