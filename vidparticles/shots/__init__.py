"""Where one shot ends and the next begins: cuts, dissolves, fades."""

from vidparticles.shots.detect import ShotConfig, Transition, transitions
from vidparticles.shots.signals import SignalConfig, Signals, joined, measure
from vidparticles.shots.stream import StreamConfig, cuts_of, stream, thumbnail
from vidparticles.shots.survival import SIZE

__all__ = [
    "SIZE",
    "ShotConfig",
    "SignalConfig",
    "Signals",
    "StreamConfig",
    "Transition",
    "cuts_of",
    "joined",
    "measure",
    "stream",
    "thumbnail",
    "transitions",
]
