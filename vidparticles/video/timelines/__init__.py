"""Timelines: what is shown when, edited as data, read and written as editing programs do."""

from vidparticles.video.timelines.change import (
    concatenate,
    insert,
    overwrite,
    remove,
    split,
    trim,
    with_effects,
    with_transition,
)
from vidparticles.video.timelines.data import (
    Clip,
    Effect,
    Gap,
    Item,
    Timeline,
    Transition,
    as_data,
)
from vidparticles.video.timelines.exchange import (
    ADAPTERS,
    is_timeline,
    read_timeline,
    write_timeline,
)

__all__ = [
    "ADAPTERS",
    "Clip",
    "Effect",
    "Gap",
    "Item",
    "Timeline",
    "Transition",
    "as_data",
    "concatenate",
    "insert",
    "is_timeline",
    "overwrite",
    "read_timeline",
    "remove",
    "split",
    "trim",
    "with_effects",
    "with_transition",
    "write_timeline",
]
