"""What happens in a clip, measured in one run through it, and the parts that are worth keeping."""

from vidparticles.inference.highlights.highlights import Highlights, highlights
from vidparticles.inference.highlights.signals import SignalsConfig, signals

__all__ = ["Highlights", "SignalsConfig", "highlights", "signals"]
