"""Subtitles in a clip: drawn into its picture, or as a track beside it."""

from vidparticles.editing.captions.burn import burn_in
from vidparticles.editing.captions.style import CaptionStyle
from vidparticles.editing.captions.tracks import add_track

__all__ = ["CaptionStyle", "add_track", "burn_in"]
