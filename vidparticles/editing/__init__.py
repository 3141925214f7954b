"""Edits of files: trim, splice, speed, stabilise, recolour. Sound stays in step; all or nothing."""

from vidparticles.editing.recolour import Colours, parse_colours, recolour
from vidparticles.editing.reel import Written
from vidparticles.editing.speed import speed
from vidparticles.editing.splice import splice
from vidparticles.editing.stabilise import stabilise
from vidparticles.editing.trim import parse_span, trim

__all__ = [
    "Colours",
    "Written",
    "parse_colours",
    "parse_span",
    "recolour",
    "speed",
    "splice",
    "stabilise",
    "trim",
]
