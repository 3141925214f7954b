"""Timelines to reels: what a timeline says, rendered in one pass."""

from vidparticles.editing.compose.keep import keep, kept
from vidparticles.editing.compose.options import cut_list, effect, part_of
from vidparticles.editing.compose.render import opened, render
from vidparticles.editing.compose.shots import chapters, images, keyframes, lists, split

__all__ = [
    "chapters",
    "cut_list",
    "effect",
    "images",
    "keep",
    "kept",
    "keyframes",
    "lists",
    "opened",
    "part_of",
    "render",
    "split",
]
