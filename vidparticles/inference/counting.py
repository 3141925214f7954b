"""How many of what, when; which lines they cross, which zones they are in.

Where an object stands is the middle of its box's lower edge. Lengths are frame heights.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from vidparticles.inference.objects import Objects


class Numbered(Protocol):
    """An object with a number, what it is, and its boxes in time."""

    @property
    def number(self) -> int:
        """Its number."""
        ...

    @property
    def kind(self) -> str:
        """What it is."""
        ...

    @property
    def times(self) -> Sequence[float]:
        """Seconds of the frames in which it is there."""
        ...

    @property
    def boxes(self) -> Sequence[Sequence[float]]:
        """Left, top, right, bottom in frame heights, one a time."""
        ...


@dataclasses.dataclass(frozen=True, order=True)
class Span:
    """So many from `start` until `end`, seconds."""

    start: float
    end: float
    count: int


@dataclasses.dataclass(frozen=True, order=True)
class Crossing:
    """A line was crossed.

    Attributes:
        time: seconds.
        number: of the object.
        kind: what it is.
        way: right or left, where the line is steeper than the diagonal; else down or up.
    """

    time: float
    number: int
    kind: str
    way: str


@dataclasses.dataclass(frozen=True, order=True)
class Visit:
    """An object was in a zone from `start` to `end`, seconds."""

    start: float
    end: float
    number: int
    kind: str


@dataclasses.dataclass(frozen=True)
class Count:
    """What is counted of one kind.

    Attributes:
        kind: of objects.
        total: how many there were in all.
        most: how many at once, at most.
        spans: how many when, one after the other.
    """

    kind: str
    total: int
    most: int
    spans: tuple[Span, ...]


def count(objects: Iterable[Numbered], seconds: float) -> tuple[Count, ...]:
    """How many of each kind there are at each time, those out of sight included.

    Args:
        objects: of a clip.
        seconds: how long it plays.

    Example:
        >>> from types import SimpleNamespace as Thing
        >>> told = count([Thing(number=0, kind="dog", times=[1.0, 3.0], boxes=[])], 4.0)
        >>> [(span.start, span.end, span.count) for span in told[0].spans]
        [(0.0, 1.0, 0), (1.0, 3.0, 1), (3.0, 4.0, 0)]
    """
    by_kind = collections.defaultdict(list)
    for one in objects:
        by_kind[one.kind].append((one.times[0], one.times[-1]))
    told = []
    for kind, lives in by_kind.items():
        moments = sorted({0.0, seconds, *itertools.chain.from_iterable(lives)})
        spans: list[Span] = []
        for start, end in itertools.pairwise(moments):
            there = sum(first <= start and end <= last for first, last in lives)
            if spans and spans[-1].count == there:
                spans[-1] = dataclasses.replace(spans[-1], end=end)
            else:
                spans.append(Span(start, end, there))
        # Who is there in one frame alone lives for no time.
        most = max(sum(a <= moment <= b for a, b in lives) for moment in moments)
        told.append(Count(kind, len(lives), most, tuple(spans)))
    return tuple(sorted(told, key=lambda c: (-c.total, c.kind)))


def feet(boxes: ArrayLike) -> np.ndarray:
    """Where objects stand [T, 2], of boxes [T, 4] left, top, right, bottom."""
    left, _, right, bottom = np.asarray(boxes, float).reshape(-1, 4).T
    return np.stack([(left + right) / 2, bottom], -1)


def crossings(
    times: ArrayLike, places: ArrayLike, line: ArrayLike
) -> list[tuple[float, np.ndarray]]:
    """When a path crosses the line between two points, and how far it went there.

    Args:
        times: [T] seconds, rising.
        places: [T, 2].
        line: [2, 2] its ends. Who touches it and turns back does not cross it.

    Returns:
        (seconds, [2] the step in which it was crossed) of each time.

    Example:
        >>> [(t, *step)] = crossings([0, 1], [[0, 0], [1, 0]], [[0.25, -1], [0.25, 1]])
        >>> t
        0.25
    """
    times, places = np.asarray(times, float), np.asarray(places, float)
    first, last = np.asarray(line, float)
    along = last - first
    off = places - first
    side = along[0] * off[:, 1] - along[1] * off[:, 0]
    known = np.flatnonzero(side)  # on the line is on neither side
    found = []
    for a, b in itertools.pairwise(known):
        if side[a] * side[b] > 0:
            continue
        share = side[a] / (side[a] - side[b])
        at = places[a] + share * (places[b] - places[a])
        where = np.dot(at - first, along) / np.dot(along, along)
        if 0 <= where <= 1:
            time = times[a] + share * (times[b] - times[a])
            found.append((float(time), places[b] - places[a]))
    return found


def line_crossings(objects: Iterable[Numbered], line: ArrayLike) -> tuple[Crossing, ...]:
    """Who crosses a line, when and which way.

    Args:
        objects: of a clip.
        line: [2, 2] its ends.
    """
    (x, y), (other_x, other_y) = np.asarray(line, float)
    axis = 0 if abs(other_y - y) > abs(other_x - x) else 1
    words = (("left", "right"), ("up", "down"))[axis]
    found = [
        Crossing(time, one.number, one.kind, words[int(step[axis] > 0)])
        for one in objects
        for time, step in crossings(one.times, feet(one.boxes), line)
    ]
    return tuple(sorted(found))


def zone_visits(objects: Iterable[Numbered], zone: Sequence[float]) -> tuple[Visit, ...]:
    """Who is in a zone, from when to when.

    Args:
        objects: of a clip.
        zone: left, top, right, bottom.
    """
    left, top, right, bottom = zone
    found = []
    for one in objects:
        x, y = feet(one.boxes).T
        inside = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
        for within, run in itertools.groupby(range(len(inside)), key=lambda k: bool(inside[k])):
            frames = list(run)
            if within:
                start, end = one.times[frames[0]], one.times[frames[-1]]
                found.append(Visit(float(start), float(end), one.number, one.kind))
    return tuple(sorted(found))


@dataclasses.dataclass(frozen=True)
class Line:
    """A line and who crosses it: `ends` are x, y, x, y."""

    ends: tuple[float, ...]
    crossings: tuple[Crossing, ...]


@dataclasses.dataclass(frozen=True)
class Zone:
    """A zone and who is in it: `box` is left, top, right, bottom."""

    box: tuple[float, ...]
    visits: tuple[Visit, ...]


@dataclasses.dataclass(frozen=True)
class Counts:
    """All that is counted in a clip.

    Attributes:
        path: the clip.
        seconds: how long it plays.
        kinds: of which there were most first.
        lines, zones: as they were asked for.
    """

    path: pathlib.Path
    seconds: float
    kinds: tuple[Count, ...]
    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]


def count_all(
    found: Objects, lines: Sequence[tuple[float, ...]] = (), zones: Sequence[tuple[float, ...]] = ()
) -> Counts:
    """What `objects` found, counted.

    Args:
        found: in a clip.
        lines: x, y, x, y of the ends of each.
        zones: left, top, right, bottom of each.
    """
    return Counts(
        found.path,
        found.seconds,
        count(found.objects, found.seconds),
        tuple(Line(e, line_crossings(found.objects, (e[:2], e[2:]))) for e in lines),
        tuple(Zone(box, zone_visits(found.objects, box)) for box in zones),
    )
