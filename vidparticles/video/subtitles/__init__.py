"""Subtitles: files of them, their times, and how text is laid out in cues.

A track is `Subtitles`, whose cues have exact seconds and text in the markup of ASS, which holds
what every other format can: `markup` goes to plain text and back.
"""

from vidparticles.video.subtitles.cues import Word, arranged, cues_of
from vidparticles.video.subtitles.files import SUFFIXES, check_subtitles, read, text_of, write
from vidparticles.video.subtitles.layout import LayoutConfig, lines_of
from vidparticles.video.subtitles.markup import Look, escaped, look, plain
from vidparticles.video.subtitles.times import clipped, scaled, shifted

__all__ = [
    "SUFFIXES",
    "LayoutConfig",
    "Look",
    "Word",
    "arranged",
    "check_subtitles",
    "clipped",
    "cues_of",
    "escaped",
    "lines_of",
    "look",
    "plain",
    "read",
    "scaled",
    "shifted",
    "text_of",
    "write",
]
