"""Parts of a clip chosen by what happens in them: a pure function of signals."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from vidparticles.editing.selection.signals import SILENT, Signals
from vidparticles.editing.selection.spans import Kept, held, stretches, united, without_gaps
from vidparticles.editing.selection.summary import SummaryConfig, summary
from vidparticles.errors import InputError, nearest

KINDS = ("idle", "silence", "black", "duplicate", "frozen")


@dataclasses.dataclass(frozen=True)
class SelectionConfig:
    """What is kept.

    Attributes:
        remove: kinds of moments that are left out, of `KINDS`.
        margin: seconds before and after what happens that are kept with it.
        shortest: seconds; what is kept for less and not heard counts as nothing, and a gap between
            two parts that would be shorter behind their margins is kept.
        most: seconds of all parts together at most, see `summary`; None for any.
        motion: share of the picture that moves where something happens, and
        moves_on: as long as which it goes on.
        novelty: how unlike all that was before a picture is that is kept.
        speech: likelihood of speech.
        event: decibels by which a sound is louder than the clip mostly is in its quiet tenth.
        quiet: decibels above that tenth up to which it is silence,
        quietest, loudest: but at least and at most at this level.
        summary: how the best parts are chosen where not all may stay.
    """

    remove: frozenset[str] = frozenset({"idle"})
    margin: float = 0.25
    shortest: float = 0.5
    most: float | None = None
    motion: float = 0.004
    moves_on: float = 0.001
    novelty: float = 0.15
    speech: float = 0.5
    event: float = 12.0
    quiet: float = 8.0
    quietest: float = -60.0
    loudest: float = -35.0
    summary: SummaryConfig = dataclasses.field(default_factory=SummaryConfig)

    def __post_init__(self) -> None:
        for kind in sorted(self.remove - set(KINDS)):
            raise InputError(f"there is nothing called '{kind}' to remove.{nearest(kind, KINDS)}")
        for name in ("margin", "shortest"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise InputError(f"{name} is {getattr(self, name)}; give seconds, 0 or more.")
        if self.most is not None and not 0 < self.most < float("inf"):
            raise InputError(f"at most {self.most} s cannot be kept; give seconds above 0.")


def parse_kinds(text: str) -> frozenset[str]:
    """Kinds of moments, divided by commas or bars.

    Raises:
        InputError: none, or one that is not known.

    Example:
        >>> sorted(parse_kinds("silence|black"))
        ['black', 'silence']
    """
    kinds = frozenset(filter(None, re.split(r"[,|\s]+", text.strip().lower())))
    if not kinds:
        raise InputError(f"there is nothing to remove in '{text}'; give {', '.join(KINDS)}.")
    return SelectionConfig(remove=kinds).remove


def choose(signals: Signals, config: SelectionConfig | None = None) -> tuple[Kept, ...]:
    """The parts of a clip that are kept, in order and apart.

    No part begins or ends where someone speaks but at a pause: it is rather longer.

    Args:
        signals: of the clip.
        config: what is kept.

    Returns:
        None where all is left out.

    Example:
        >>> zero, no = np.zeros(80), np.zeros(80, bool)
        >>> moved = np.where((np.arange(80) >= 40) & (np.arange(80) < 56), 0.1, 0.0)
        >>> signals = Signals(0.125, 10, moved, zero, zero - 120, zero, no, no, no, zero[:, None])
        >>> choose(signals)
        (Kept(start=4.75, end=7.25, why='motion'),)
    """
    config = config or SelectionConfig()
    if not len(signals.motion):
        return ()
    happens = happenings(signals, config)
    out = _left_out(signals, happens, config)
    step, edges = signals.step, signals.edges
    kept = ~out
    least = config.shortest / step - 1e-9
    speaks = happens["speech"]
    audible = speaks | happens["sound"]
    for first, stop in stretches(kept):
        if stop - first < min(least, len(kept)) and not audible[first:stop].any():
            kept[first:stop] = False
    margin = round(config.margin / step)
    # Steps that begin with a shot: the first whose middle is in it.
    walls = {int(np.ceil(cut / step - 0.5)): cut for cut in signals.cuts}
    kept = without_gaps(kept, max(1, 2 * margin + int(np.ceil(least))), unless=[*walls])
    spans = []
    for first, stop in stretches(kept):
        first = max([0, first - margin, *(wall for wall in walls if wall <= first)])
        stop = min([len(kept), stop + margin, *(wall for wall in walls if wall >= stop)])
        while first > 0 and speaks[first - 1] and speaks[first]:
            first -= 1
        while stop < len(kept) and speaks[stop - 1] and speaks[stop]:
            stop += 1
        spans.append((first, stop))
    parts = [(int(a), int(b)) for a, b in united(spans)]
    if config.most is not None:
        value = _value(signals, happens)
        parts = summary(parts, value, signals, speaks, config.most, config.summary)
    at = [walls.get(k, float(edge)) for k, edge in enumerate(edges)]
    told = signals.wanted or happens
    return tuple(Kept(at[a], at[b], _why(told, a, b)) for a, b in parts if a < b)


def happenings(signals: Signals, config: SelectionConfig) -> dict[str, np.ndarray]:
    """[T] bool of each kind of what happens: speech, motion, sound, a new picture.

    Args:
        signals: of the clip.
        config: when something counts.
    """
    speech = (signals.speech >= config.speech) & (signals.loudness > SILENT)
    loud = signals.loudness >= max(_floor(signals, config) + config.event, config.quietest)
    return {
        "speech": speech,
        "motion": held(signals.motion, config.moves_on, config.motion),
        "sound": loud & ~speech,
        "a new picture": signals.novelty >= config.novelty,
    }


def _floor(signals: Signals, config: SelectionConfig) -> float:
    """Decibels of the clip's quiet tenth."""
    heard = signals.loudness[signals.loudness > SILENT]
    return float(np.quantile(heard, 0.1)) if len(heard) else SILENT


def _left_out(
    signals: Signals, happens: dict[str, np.ndarray], config: SelectionConfig
) -> np.ndarray:
    """[T] bool."""
    quiet = np.clip(_floor(signals, config) + config.quiet, config.quietest, config.loudest)
    kinds = {
        "idle": ~np.any([*happens.values()], axis=0),
        "silence": (signals.loudness <= quiet) & ~happens["speech"],
        "black": signals.black,
        "duplicate": signals.duplicate,
        "frozen": signals.frozen,
    }
    out = [kinds[kind] for kind in config.remove]
    if signals.wanted is not None:
        out.append(~np.any([np.zeros_like(signals.black), *signals.wanted.values()], axis=0))
    return np.any(out or [np.zeros_like(signals.black)], axis=0)


def _value(signals: Signals, happens: dict[str, np.ndarray]) -> np.ndarray:
    """[T] how much a second is worth: of motion the more the more of the picture moves."""
    moved = np.minimum(1, np.sqrt(signals.motion / 0.25))
    told = happens["speech"] + 0.5 * happens["sound"] + signals.novelty
    return 0.05 + moved + told


def _why(happens: Mapping[str, np.ndarray], first: int, stop: int) -> str:
    """What happens in a part, what takes longest first."""
    share = {name: found[first:stop].mean() for name, found in happens.items()}
    return ", ".join(sorted((n for n, s in share.items() if s > 0), key=lambda n: -share[n]))
