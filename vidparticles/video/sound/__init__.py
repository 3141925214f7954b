"""Sound: read, in blocks, at another speed, how loud it is, and into a file that is written."""

from vidparticles.video.sound.blocks import Sound, cut, join, resample, reverse, silence
from vidparticles.video.sound.read import read_audio
from vidparticles.video.sound.stretch import stretch, warp

__all__ = [
    "Sound",
    "cut",
    "join",
    "read_audio",
    "resample",
    "reverse",
    "silence",
    "stretch",
    "warp",
]
