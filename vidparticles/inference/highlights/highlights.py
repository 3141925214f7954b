"""`highlights(path)`: the parts of a clip in which something happens."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing import compose
from vidparticles.editing.selection import Kept, SelectionConfig, Signals, choose
from vidparticles.editing.selection.choose import happenings
from vidparticles.errors import InputError
from vidparticles.inference.highlights.meaning import terms
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
        parts = compose.keep(self.path, [(part.start, part.end) for part in self.parts])
        return [(clip.start, clip.end) for clip in parts.clips]

    @property
    def kept(self) -> float:
        """Seconds of all parts together."""
        return sum(part.end - part.start for part in self.parts)


def highlights(
    path: str | os.PathLike[str],
    *,
    keep: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    config: SelectionConfig | None = None,
) -> Highlights:
    """The parts of a clip in which something happens; `edit` keeps them alone.

    Args:
        path: a video file.
        keep: what is to be there, in words: a kind of object, an action, a thing, what is said;
            several divided by bars; also speech, motion or sound. See `asked`.
        checkpoint: of `keep`: the workdir of a training run, whose classes may be named.
        config: what else is kept; by default, without words, where something moves, is new, is said
            or heard.

    Raises:
        InputError: the clip cannot be read, nothing of it is left, or silence is to be removed
            of a clip without sound; what was asked for is not in it, or nothing here can tell.

    Example:
        >>> from vidparticles.video import footage
        >>> [(part.start, part.end) for part in highlights(footage.path("chaplin")).parts]
        [(0.0, 5.0)]
    """
    if keep is None and checkpoint is not None:
        raise InputError("the classes of a checkpoint are named in words to keep; give some.")
    wanted = None if keep is None else terms(keep)
    config = config or (SelectionConfig() if wanted is None else SelectionConfig(frozenset()))
    found = signals(path)
    if wanted is not None:
        found = _with_wanted(found, path, wanted, checkpoint, config)
    if "silence" in config.remove and not found.sound:
        raise InputError(f"{path} has no sound, so that all of it is silence; remove idle instead.")
    parts = choose(found, config)
    if not parts:
        kinds = " or ".join(sorted(config.remove)) or "too short"
        which = "all of it" if wanted is None else "what was asked for"
        raise InputError(f"{path}: nothing is left, {which} is {kinds}; remove less.")
    return Highlights(pathlib.Path(path), found.seconds, parts, found, found.warnings)


def _with_wanted(
    found: Signals,
    path: str | os.PathLike[str],
    wanted: Sequence[str],
    checkpoint: str | os.PathLike[str] | None,
    config: SelectionConfig,
) -> Signals:
    """The signals with where what is asked for is."""
    happens = happenings(found, config)
    there = {term: happens[term] for term in wanted if term in happens}
    rest = [term for term in wanted if term not in there]
    cuts: tuple[float, ...] = ()
    shows: tuple[str, ...] = ()
    warnings = found.warnings
    if rest:
        # Others are told without the networks that this brings.
        from vidparticles.inference.highlights.asked import asked

        step, count = found.step, len(found.motion)
        told = asked(path, rest, step=step, count=count, checkpoint=checkpoint)
        there |= told.there
        cuts, shows = told.cuts, told.shows
        warnings = tuple(dict.fromkeys((*warnings, *told.warnings)))
    if not any(mask.any() for mask in there.values()):
        shown = f"what is found in it is {', '.join(shows)}" if shows else "nothing is found in it"
        raise InputError(f"{path}: nothing in it is {' or '.join(wanted)}; {shown}.")
    return dataclasses.replace(found, wanted=there, cuts=cuts, warnings=warnings)
