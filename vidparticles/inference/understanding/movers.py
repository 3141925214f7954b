"""Who moves where, in words: from objects that were followed to sentences."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vidparticles.inference.understanding.camera import CameraPath

if TYPE_CHECKING:
    from vidparticles.inference.objects import FoundObject

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PLURALS = {
    "person": "persons",
    "sheep": "sheep",
    "mouse": "mice",
    "knife": "knives",
    "skis": "skis",
    "scissors": "scissors",
    "broccoli": "broccoli",
}
# What does not move by itself is told of only where it goes somewhere: the sides of its box change
# when somebody steps in front of it.
_RESTING = {
    *(
        "bench",
        "chair",
        "couch",
        "potted plant",
        "bed",
        "dining table",
        "toilet",
        "tv",
        "microwave",
    ),
    *("oven", "toaster", "sink", "refrigerator", "clock", "traffic light", "fire hydrant"),
    *("stop sign", "parking meter"),
}


@dataclasses.dataclass(frozen=True)
class MoverConfig:
    """When an object is said to move.

    Lengths are in widths and heights of the picture.

    Attributes:
        smooth: seconds over which a path is averaged.
        speed: a second, from which on an object moves.
        far: how far it must go, at least.
        edge: share of the picture on either side from which, and into which, it goes to cross it.
        nearer: growth of its height at which it comes nearer.
        shortest: seconds that it is there, at least.
    """

    smooth: float = 0.6
    speed: float = 0.06
    far: float = 0.15
    edge: float = 0.35
    nearer: float = 1.35
    shortest: float = 0.6


@dataclasses.dataclass(frozen=True)
class Movement:
    """What some objects do for a while.

    Attributes:
        words: "two persons cross from left to right".
        start, end: seconds.
        kind: of the objects; "moving" for what is known by its motion alone.
        numbers: which objects, as `vidparticles objects` numbers those that it finds.
    """

    words: str
    start: float
    end: float
    kind: str
    numbers: tuple[int, ...]


def movements(
    found: Sequence[FoundObject],
    camera: CameraPath,
    *,
    width: float,
    cuts: Sequence[float] = (),
    config: MoverConfig | None = None,
) -> tuple[Movement, ...]:
    """What the objects of a clip do, in the order in which they begin.

    Args:
        found: the objects.
        camera: how the picture went as a whole: who stands while the camera pans stays.
        width: of the picture, in its heights.
        cuts: seconds at which shots begin: what is done ends there.
        config: when an object is said to move.
    """
    config = config or MoverConfig()
    told: list[tuple[str, float, float, FoundObject]] = []
    for one in found:
        for part in _parts(one, cuts):
            if part[-1, 0] - part[0, 0] >= config.shortest:
                told += [
                    (words, start, end, one)
                    for words, start, end in _said(part, camera, width, config)
                    if one.kind not in _RESTING or words.startswith(("moves", "crosses"))
                ]
    return tuple(_together(told))


def _parts(one: FoundObject, cuts: Sequence[float]) -> Iterator[np.ndarray]:
    """Rows of (seconds, left, top, right, bottom), shot by shot."""
    rows = np.column_stack([one.times, one.boxes])
    yield from (
        part
        for part in np.split(rows, np.searchsorted(rows[:, 0], np.asarray(cuts) - 1e-9))
        if len(part) > 1
    )


def _said(
    rows: np.ndarray, camera: CameraPath, width: float, config: MoverConfig
) -> Iterator[tuple[str, float, float]]:
    """(verb and way, from, to) of one object in one shot."""
    time = rows[:, 0]
    x, y = rows[:, [1, 3]].mean(1) / width, rows[:, [2, 4]].mean(1)
    high = np.maximum(rows[:, 4] - rows[:, 2], 1e-3)
    own = np.column_stack([x, y])
    if len(camera.times):
        gone = [np.interp(time, camera.times, camera.shift[:, k]) for k in (0, 1)]
        own = own - np.column_stack(gone)
    own, size = _smoothed(own, time, config.smooth), _smoothed(high[:, None], time, config.smooth)
    speed = np.gradient(own, time, axis=0) if len(time) > 1 else np.zeros_like(own)
    moves = np.linalg.norm(speed, axis=1) >= config.speed
    edges = np.flatnonzero(np.diff(moves)) + 1
    still: tuple[float, float] | None = None
    for part in np.split(np.arange(len(time)), edges):
        first, last = part[0], min(part[-1] + 1, len(time) - 1)
        words = None
        if moves[first]:
            way = own[last] - own[first]
            words = _way(way, x[[first, last]], float(size[last, 0] / size[first, 0]), config)
        if words is None:
            still = (still[0] if still else float(time[first]), float(time[last]))
            continue
        if still is not None and still[1] - still[0] >= config.shortest:
            yield _stays(x, y, time, still), *still
        still = None
        yield words, float(time[first]), float(time[last])
    if still is not None and still[1] - still[0] >= config.shortest:
        yield _stays(x, y, time, still), *still


def _way(way: np.ndarray, ends: np.ndarray, growth: float, config: MoverConfig) -> str | None:
    """Where an object goes; None where that is nowhere far."""
    across, down = way
    depth = ""
    if growth >= config.nearer:
        depth = "comes nearer"
    elif growth <= 1 / config.nearer:
        depth = "goes away"
    if max(abs(across), abs(down)) < config.far:
        return depth or None
    side = "right" if across > 0 else "left"
    edge = config.edge
    if abs(across) < abs(down):
        words = f"moves {'down' if down > 0 else 'up'}"
    elif min(ends) < edge and max(ends) > 1 - edge:
        words = f"crosses from {'left to right' if across > 0 else 'right to left'}"
    else:
        words = f"moves {side}"
    return f"{words} and {depth}" if depth else words


def _stays(x: np.ndarray, y: np.ndarray, time: np.ndarray, span: tuple[float, float]) -> str:
    inside = (time >= span[0]) & (time <= span[1])
    where = float(x[inside].mean())
    place = "on the left" if where < 0.36 else "on the right" if where > 0.64 else "in the middle"
    return f"stays {place}"


def _smoothed(values: np.ndarray, time: np.ndarray, width: float) -> np.ndarray:
    """Means [T, D] within half a width of each time; less at the ends, so that they stay."""
    reach = np.minimum(np.minimum(time - time[0], time[-1] - time), width / 2) + 1e-9
    first, stop = np.searchsorted(time, time - reach), np.searchsorted(time, time + reach)
    return np.array([values[a : max(b, a + 1)].mean(0) for a, b in zip(first, stop, strict=True)])


def _together(told: list[tuple[str, float, float, FoundObject]]) -> Iterator[Movement]:
    """The same words of several objects at about the same time, as one."""
    groups: list[list[tuple[str, float, float, FoundObject]]] = []
    for said in sorted(told, key=lambda t: (t[1], t[3].number)):
        words, start, end, one = said
        for group in groups:
            begin, stop = min(g[1] for g in group), max(g[2] for g in group)
            shared = min(end, stop) - max(start, begin)
            alike = group[0][0] == words and group[0][3].kind == one.kind
            if alike and shared >= 0.5 * max(end - start, stop - begin):
                group.append(said)
                break
        else:
            groups.append([said])
    for group in groups:
        numbers = tuple(dict.fromkeys(g[3].number for g in group))
        yield Movement(
            sentence(len(numbers), group[0][3].kind, group[0][0]),
            min(g[1] for g in group),
            max(g[2] for g in group),
            group[0][3].kind,
            numbers,
        )


def sentence(count: int, kind: str, does: str) -> str:
    """How many of what do it.

    Example:
        >>> sentence(1, "person", "crosses from left to right")
        'one person crosses from left to right'
        >>> sentence(2, "bus", "moves up and goes away"), sentence(1, "moving", "stays")
        ('two buses move up and go away', 'one thing stays')
    """
    noun = "thing" if kind == "moving" else kind
    if count > 1:
        ending = "es" if noun.endswith(("s", "ch", "sh", "x")) else "s"
        noun = _PLURALS.get(noun, noun + ending)
        verbs = {"crosses": "cross", "moves": "move", "comes": "come", "goes": "go"}
        verbs["stays"] = "stay"
        does = " ".join(verbs.get(word, word) for word in does.split())
    many = _COUNTS[count] if count < len(_COUNTS) else str(count)
    return f"{many} {noun} {does}"
