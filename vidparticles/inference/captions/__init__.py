"""Subtitles of a clip: what is said in it, a known text at its times, or what happens in it."""

from vidparticles.inference.captions.caption import Captions, caption
from vidparticles.inference.captions.events import describe
from vidparticles.inference.captions.words import Hearing

__all__ = ["Captions", "Hearing", "caption", "describe"]
