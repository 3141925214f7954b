"""Edits of files: trim, splice, speed, stabilize, recolor. Sound stays in step; all or nothing."""

from vidparticles.editing.recolor import Colors, parse_colors, recolor
from vidparticles.editing.reel import Written
from vidparticles.editing.speed import speed
from vidparticles.editing.splice import splice
from vidparticles.editing.stabilize import stabilize
from vidparticles.editing.trim import parse_span, trim

__all__ = [
    "Colors",
    "Written",
    "parse_colors",
    "parse_span",
    "recolor",
    "speed",
    "splice",
    "stabilize",
    "trim",
]
