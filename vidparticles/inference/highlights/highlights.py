"""`highlights(path)`: the parts of a clip in which something happens."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from fractions import Fraction

from vidparticles.editing.compose import keep
from vidparticles.editing.selection import Kept, SelectionConfig, Signals, choose
from vidparticles.errors import InputError
from vidparticles.inference.highlights.signals import signals


@dataclasses.dataclass(frozen=True)
class Highlights:
    """What is kept of a clip.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        parts: what is kept, in order.
        signals: by which it was chosen.
        warnings: sentences on what is wrong with the file, and on what could not be told.
    """

    path: pathlib.Path
    seconds: float
    parts: tuple[Kept, ...]
    signals: Signals
    warnings: tuple[str, ...] = ()

    @property
    def spans(self) -> list[tuple[Fraction, Fraction]]:
        """Seconds at which each part begins and ends, to the frame; `editing.trim.keep` takes
        them. One in which no frame begins is left out."""
        parts = keep(self.path, [(part.start, part.end) for part in self.parts])
        return [(clip.start, clip.end) for clip in parts.clips]

    @property
    def kept(self) -> float:
        """Seconds of all parts together."""
        return sum(part.end - part.start for part in self.parts)


def highlights(
    path: str | os.PathLike[str], *, config: SelectionConfig | None = None
) -> Highlights:
    """The parts of a clip in which something happens; `edit` keeps them alone.

    Args:
        path: a video file.
        config: what is kept; by default, where something moves, is new, is said or heard.

    Raises:
        InputError: the clip cannot be read, nothing of it is left, or silence is to be removed
            of a clip without sound.

    Example:
        >>> from vidparticles.video import footage
        >>> [(part.start, part.end) for part in highlights(footage.path("chaplin")).parts]
        [(0.0, 5.0)]
    """
    config = config or SelectionConfig()
    found = signals(path)
    if "silence" in config.remove and not found.sound:
        raise InputError(f"{path} has no sound, so that all of it is silence; remove idle instead.")
    parts = choose(found, config)
    if not parts:
        kinds = " or ".join(sorted(config.remove))
        raise InputError(f"{path}: nothing is left, all of it is {kinds}; remove less.")
    return Highlights(pathlib.Path(path), found.seconds, parts, found, found.warnings)
