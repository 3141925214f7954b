"""What happens before a camera or in a stream, told while it happens."""

from vidparticles.inference.watching.signals import Happening, WatchConfig, Watcher
from vidparticles.inference.watching.watch import watch

__all__ = ["Happening", "WatchConfig", "Watcher", "watch"]
