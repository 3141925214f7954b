"""Edits of video: trim, retime, recolor, stabilize, join. Sound stays in step; all or nothing.

An edit is made by a function of its options and takes a `Reel` to a `Reel` (see `base`);
`apply(path, out, *edits)` reads a file once and writes another.
"""

from vidparticles.editing.base import Edit, apply, chain
from vidparticles.editing.captions import CaptionStyle, add_track, burn_in
from vidparticles.editing.effects.blur import blur, boxes_of, faces_of, objects_of
from vidparticles.editing.effects.fps import fps
from vidparticles.editing.effects.overlay import overlay
from vidparticles.editing.effects.recolor import Colors, parse_colors, recolor
from vidparticles.editing.effects.reframe import reframe
from vidparticles.editing.effects.size import crop, resize
from vidparticles.editing.effects.sound import lay_under, mute
from vidparticles.editing.effects.trails import trails
from vidparticles.editing.reel import Reel, Written, opened, write
from vidparticles.editing.splicing.splice import join, splice
from vidparticles.editing.steady.stabilize import stabilize
from vidparticles.editing.timing.retime import retime
from vidparticles.editing.trim import parse_span, trim

__all__ = [
    "CaptionStyle",
    "Colors",
    "Edit",
    "Reel",
    "Written",
    "add_track",
    "apply",
    "blur",
    "boxes_of",
    "burn_in",
    "chain",
    "crop",
    "faces_of",
    "fps",
    "join",
    "lay_under",
    "mute",
    "objects_of",
    "opened",
    "overlay",
    "parse_colors",
    "parse_span",
    "recolor",
    "reframe",
    "resize",
    "retime",
    "splice",
    "stabilize",
    "trails",
    "trim",
    "write",
]
