"""`vidparticles anomaly`: when a clip shows what was not to be expected."""

from __future__ import annotations

import dataclasses
import math
import pathlib

import numpy as np

from vidparticles.inference.anomalies import scores as score
from vidparticles.inference.anomalies.cells import SPAN, Cells, cells_of, followed
from vidparticles.inference.anomalies.normal import HOUR, Normal, learn, tail_or_none
from vidparticles.inference.searching.index import DETECTOR, NETWORKS, build, detector, lookers
from vidparticles.storage import PathLike

APART = 2.6  # seconds by which what is compared lies apart: longer than what networks see at once


@dataclasses.dataclass(frozen=True)
class Alarm:
    """A time at which something was not to be expected.

    Attributes:
        start, end: seconds.
        novelty: its highest, in nats.
        because: what was least to be expected, one of `scores.PARTS`.
    """

    start: float
    end: float
    novelty: float
    because: str


@dataclasses.dataclass(frozen=True)
class Anomalies:
    """What was not to be expected in a clip, and when.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        against: a phrase on what it was compared with.
        starts, ends: seconds, of the cells that are judged.
        novelty: of each, −log of the chance that it is normal; None where too little was known.
        threshold: from which on there is an alarm, exceeded by what is normal once an hour.
        alarms: in order.
        broken: a sentence on each normal clip that could not be read.
        warnings: sentences on what else one should know.
    """

    path: pathlib.Path
    seconds: float
    against: str
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    novelty: tuple[float | None, ...]
    threshold: float
    alarms: tuple[Alarm, ...]
    broken: tuple[str, ...]
    warnings: tuple[str, ...]


def anomaly(
    path: PathLike, *, normal: PathLike | None = None, index: PathLike | None = None
) -> Anomalies:
    """When a clip shows what was not to be expected.

    Args:
        path: the clip.
        normal: a folder of clips in which all is as it should be; by default what came before in
            the clip itself, which takes a dozen seconds to know.
        index: where what is known of clips is kept, see `search`; by default in the user's cache.

    Raises:
        InputError: the clip cannot be read, or the normal clips are too few.
    """
    (entry,) = build([path], folder=index).entries
    cells = cells_of(entry, *followed(path))
    known = None if normal is None else learn(normal, index=index)
    threshold = math.log(HOUR / SPAN) if known is None else known.threshold
    parts = before(cells) if known is None else against(cells, known)
    there = np.isfinite(parts).any(-1)
    novelty = np.where(there, score.together(parts), np.nan)
    told = []
    missing = [name for name in NETWORKS if name not in lookers()]
    if missing:
        told.append(
            f"judged without {' and '.join(missing)}; `vidparticles weights get "
            f"{' '.join(missing)}` gets them, and what is seen counts, too."
        )
    if detector() is None:
        told.append(
            f"judged without what persons, animals and things do; `vidparticles weights get "
            f"{DETECTOR}` gets what finds them."
        )
    if not there.any():
        told.append(
            "the clip is too short to know by itself what is normal; give --normal DIR, a folder "
            "of clips that are."
        )
    return Anomalies(
        path=pathlib.Path(path),
        seconds=entry.seconds,
        against="what came before in it" if known is None else f"{known.seconds:.0f} s in {normal}",
        starts=tuple(cells.starts.tolist()),
        ends=tuple(cells.ends.tolist()),
        novelty=tuple(float(x) if ok else None for x, ok in zip(novelty, there, strict=True)),
        threshold=float(threshold),
        alarms=alarms(cells, parts, novelty, threshold),
        broken=() if known is None else known.broken,
        warnings=tuple(told),
    )


def against(cells: Cells, normal: Normal) -> np.ndarray:
    """How unlikely each part of the cells is where that is normal, in nats [T, P]."""
    allowed = np.ones((len(cells.starts), len(normal.owners)), bool)
    scale = score.scaling(normal.cells.velocity)
    return score.chances(score.scores(cells, normal.cells, scale, allowed), normal.tails)


def before(cells: Cells, *, apart: float = APART) -> np.ndarray:
    """How unlikely each part of the cells is by those that came before, in nats [T, P].

    Args:
        cells: of a clip.
        apart: seconds by which those end before.

    Returns:
        NaN as long as too few came before.
    """
    allowed = cells.ends[None] <= cells.starts[:, None] - apart
    raw = score.scores(cells, cells, score.scaling(cells.velocity), allowed)
    found = np.full_like(raw, np.nan)
    for k in range(len(raw)):
        seen = raw[: int(allowed[k].sum())]
        tails = tuple(tail_or_none(column) for column in seen.T)
        found[k] = score.chances(raw[k : k + 1], tails)[0]
    return found


def alarms(
    cells: Cells, parts: np.ndarray, novelty: np.ndarray, threshold: float
) -> tuple[Alarm, ...]:
    """Runs of cells whose novelty is above the threshold; one cell below does not end a run.

    Args:
        cells: T of them.
        parts: [T, P] nats.
        novelty: [T] nats; NaN where it is not known.
        threshold: nats.
    """
    runs: list[list[int]] = []
    for k in np.flatnonzero(np.nan_to_num(novelty) > threshold):
        if runs and k - runs[-1][-1] <= 2:
            runs[-1].append(int(k))
        else:
            runs.append([int(k)])
    found = []
    for run in runs:
        peak = max(run, key=lambda k: novelty[k])
        because = score.PARTS[int(np.nanargmax(parts[peak]))]
        start, end = float(cells.starts[run[0]]), float(cells.ends[run[-1]])
        found.append(Alarm(start, end, float(novelty[peak]), because))
    return tuple(found)
