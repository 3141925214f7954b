"""Which parts of a clip are kept, chosen by what happens in them: pure functions of signals."""

from vidparticles.editing.selection.choose import KINDS, SelectionConfig, choose, parse_kinds
from vidparticles.editing.selection.signals import Signals
from vidparticles.editing.selection.spans import Kept

__all__ = ["KINDS", "Kept", "SelectionConfig", "Signals", "choose", "parse_kinds"]
