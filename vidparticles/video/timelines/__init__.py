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
from vidparticles.video.timelines.data import Clip, Effect, Gap, Item, Timeline, Transition

__all__ = [
    "Clip",
    "Effect",
    "Gap",
    "Item",
    "Timeline",
    "Transition",
    "concatenate",
    "insert",
    "overwrite",
    "remove",
    "split",
    "trim",
    "with_effects",
    "with_transition",
]
