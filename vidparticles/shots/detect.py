"""Where one shot ends and the next begins: cuts, dissolves and fades, from particles that die.

At a cut nearly no particle survives from one frame to the next, and none comes back. Under a
flash they come back within a few frames; in a whip pan they die for several frames in a row,
or move fast before and after. In a dissolve most survive each step, yet none the whole of it,
and every frame is a mixture of the two ends. A fade rises from black or sinks into it.

`measure` streams over the frames and keeps a few numbers for each; `transitions` reads them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from vidparticles.shots.survival import SIZE, stays, survival

CALM = 0.6  # share that stays put; above, motion need not be looked for
BREAK = 0.45  # survival below which the chain of particles breaks
CUT = 0.3  # survival of a cut; those near fast motion must be below half of it
DROP = 0.3  # by how much survival at a cut is less than in the steps around it
AGAIN = 0.5  # survival from before to after a flash
FAST = 4.0  # displacement in pixels of SIZE in one frame: a whip pan
LAGS = (1, 2, 3, 5, 8)  # frames that a flash may last
SPANS = (4, 6, 8, 12, 16)  # half lengths of dissolves looked for, frames
MIXTURE = 0.09  # squared misfit of a mixture, over the squared difference of its ends
RELATED = 0.6  # correlation of the ends above which they are taken for one shot at once
CHANGE = 0.04  # r.m.s. difference of the ends of a dissolve, at least
BLACK = 0.03  # r.m.s. of a black frame
BLACK_SHOT = 0.5  # seconds of black that count as a shot of its own

_BLOCK = 64  # frames measured at a time
_PAIRS = 16  # pairs of frames compared at a time: one shape, compiled once
_MARGIN = max(*SPANS, LAGS[-1] + 1)  # frames needed on each side of one


@dataclasses.dataclass(frozen=True)
class Signals:
    """What is measured of each frame.

    Attributes:
        survival: [T] share of the particles of the frame before that are found in this one.
        shift: [T, 2] displacement of the whole picture since the frame before, pixels of SIZE.
        again: [T] where the chain breaks here, the highest survival across a few frames.
        mixed: [T] bool, the frame is a mixture of two pictures around it that share nothing.
        level: [T] r.m.s. of the pixels, in [0, 1].
    """

    survival: np.ndarray
    shift: np.ndarray
    again: np.ndarray
    mixed: np.ndarray
    level: np.ndarray


@dataclasses.dataclass(frozen=True)
class Transition:
    """A change from one shot to the next.

    Attributes:
        kind: "cut", "dissolve" or "fade".
        first, last: frames; a cut is at the first frame of the new shot.
    """

    kind: str
    first: int
    last: int


# ---------------------------------------------------------------- measuring


def measure(frames: Iterable[np.ndarray]) -> Signals:
    """Measure frames as they come; memory does not grow but by the few numbers kept of each.

    Args:
        frames: uint8 [*SIZE, 3], in order.

    Raises:
        ValueError: a frame of another shape, or none at all.
    """
    source = iter(frames)
    window, parts, done = _Window(), [], 0
    while block := list(itertools.islice(source, _BLOCK)):
        window.extend(block)
        while window.end - done >= _BLOCK + _MARGIN:
            parts.append(window.judge(done, done + _BLOCK))
            done += _BLOCK
            window.forget(done - _MARGIN)
    if not window.end:
        raise ValueError("there are no frames; expected at least one.")
    parts.append(window.judge(done, window.end))
    names = [field.name for field in dataclasses.fields(Signals)]
    return Signals(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


class _Window:
    """The newest frames of a stream, from `begin` to `end`, with what is known of them."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self.frames = np.empty((0, *SIZE, 3), np.uint8)
        self.small = np.empty((0, SIZE[0] * SIZE[1] * 3 // 16), np.float32)
        self.survival = np.empty(0)
        self.shift = np.empty((0, 2))

    def extend(self, block: list[np.ndarray]) -> None:
        """Take in further frames."""
        new = np.stack(block)
        if new.shape[1:] != (*SIZE, 3):
            raise ValueError(f"frames have shape {new.shape[1:]}; expected {(*SIZE, 3)}.")
        at, self.end = self.end, self.end + len(new)
        self.frames = np.concatenate([self.frames, new])
        self.small = np.concatenate([self.small, _shrunk(new)])
        places = np.arange(at, self.end)
        shift = np.zeros((len(new), 2))
        before = np.maximum(places - 1, 0)
        pad = np.resize(np.arange(len(new)), _BLOCK)
        share = np.array(stays(self._at(before)[pad], new[pad]))[: len(new)]
        moving = np.flatnonzero(share < CALM)
        share[moving], shift[moving] = self.pairs(before[moving], places[moving])
        self.survival = np.concatenate([self.survival, share])
        self.shift = np.concatenate([self.shift, shift])

    def forget(self, before: int) -> None:
        """Drop the frames before a place."""
        drop = max(0, before - self.begin)
        self.begin += drop
        for name in ("frames", "small", "survival", "shift"):
            setattr(self, name, getattr(self, name)[drop:])

    def pairs(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Survival [P] and displacement [P, 2] between frames at places [P]."""
        share, shift = np.empty(len(first)), np.empty((len(first), 2))
        for k in range(0, len(first), _PAIRS):
            some = np.arange(k, min(k + _PAIRS, len(first)))
            pad = np.resize(some, _PAIRS)
            found = survival(self._at(first[pad]), self._at(second[pad]))
            share[some], shift[some] = (np.asarray(f)[: len(some)] for f in found)
        return share, shift

    def judge(self, start: int, stop: int) -> Signals:
        """The signals of frames start … stop."""
        part = slice(start - self.begin, stop - self.begin)
        return Signals(
            survival=self.survival[part],
            shift=self.shift[part],
            again=self._again(start, stop),
            mixed=self._mixed(start, stop),
            level=np.sqrt(np.mean(self.small[part] ** 2, axis=1)),
        )

    def _at(self, places: np.ndarray) -> np.ndarray:
        return self.frames[places - self.begin]

    def _again(self, start: int, stop: int) -> np.ndarray:
        """Where the chain breaks: what was there before comes back, or comes from before."""
        places = np.arange(start, stop)
        broken = places[self.survival[places - self.begin] < BREAK]
        first = [broken - 1] * len(LAGS) + [broken - 1 - lag for lag in LAGS]
        second = [broken + lag for lag in LAGS] + [broken] * len(LAGS)
        low, high = np.array(first), np.array(second)
        there = (low >= self.begin) & (high < self.end)
        share = np.zeros(low.shape)
        share[there] = self.pairs(low[there], high[there])[0]
        again = np.ones(stop - start)
        again[broken - start] = share.max(0)
        return again

    def _mixed(self, start: int, stop: int) -> np.ndarray:
        """Where a frame lies between two others that share no particles."""
        first, middle = [], []
        steps = self.survival[1:]
        for span in SPANS:
            places = np.arange(max(start, self.begin + span), min(stop, self.end - span))
            if not len(places):
                continue
            a, x, b = (self.small[places + k - self.begin] for k in (-span, 0, span))
            ends, part = b - a, x - a
            apart, along = _dot(ends, ends), _dot(ends, part)
            off = _dot(part, part) - along**2 / (apart + 1e-9)
            between = np.abs(along - 0.5 * apart) < 0.25 * apart
            likely = between & (off < MIXTURE * apart) & (apart > CHANGE**2 * x.shape[1])
            # Across a cut or a flash anything may look like a mixture of anything.
            lowest = np.lib.stride_tricks.sliding_window_view(steps, 2 * span).min(axis=1)
            likely &= lowest[places - span - self.begin] > CUT
            places = places[likely & (_correlation(a, b) < RELATED)]
            first.append(places - span)
            middle.append(places)
        mixed = np.zeros(stop - start, bool)
        if middle:
            low, at = np.concatenate(first), np.concatenate(middle)
            share, _ = self.pairs(low, 2 * at - low)
            mixed[at[share < CUT] - start] = True
        return mixed


def _shrunk(frames: np.ndarray) -> np.ndarray:
    """A quarter of the size, in [0, 1], flat: [T, H, W, 3] → [T, H · W · 3 / 16]."""
    count, height = frames.shape[:2]
    rows = frames.reshape(count, height // 4, 4, -1).sum(2, dtype=np.uint16)
    cells = rows.reshape(count, -1, 4, 3).sum(2, dtype=np.uint16)
    return cells.reshape(count, -1).astype(np.float32) / (16 * 255)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products [T] of vectors [T, D]."""
    return np.einsum("td,td->t", a, b)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Correlations [T] of vectors [T, D]."""
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    return _dot(a, b) / np.sqrt(_dot(a, a) * _dot(b, b) + 1e-9)


# ---------------------------------------------------------------- deciding


def transitions(signals: Signals, times: np.ndarray) -> list[Transition]:
    """Changes of shot, in order.

    Args:
        signals: of all frames of a clip.
        times: [T] seconds.

    Returns:
        Transitions, with at least one frame of a shot before, between and after them. Black
        for less than half a second is no shot: the fades on both sides of it are one.
    """
    fades = _fades(signals, times)
    dissolves = [d for d in _dissolves(signals) if not _touches(d, fades)]
    gradual = fades + dissolves
    cuts = [c for c in _cuts(signals) if not _touches(c, gradual)]
    kept: list[Transition] = []
    for cut in cuts:
        # A few black frames between two shots are one change, not two.
        if kept and _black_between(signals, times, kept[-1].first, cut.first):
            kept.pop()
        kept.append(cut)
    return _apart(sorted(kept + gradual, key=lambda t: t.first), len(signals.level))


def _apart(changes: list[Transition], count: int) -> list[Transition]:
    """Changes shortened or left out so that every shot keeps a frame."""
    kept, begin = [], 0  # the first frame of the shot that goes on
    for change in changes:
        first = max(change.first, begin + 1)
        last = max(first, change.last)
        after = last + (change.kind != "cut")
        if after < count:
            kept.append(Transition(change.kind, first, last))
            begin = after
    return kept


def _touches(one: Transition, others: list[Transition], *, near: int = 2) -> bool:
    return any(one.first <= o.last + near and o.first <= one.last + near for o in others)


def _runs(flags: np.ndarray, *, gap: int = 0) -> Iterator[tuple[int, int]]:
    """First and last place of each run of true flags; gaps up to so many do not end one."""
    places = np.flatnonzero(flags)
    if len(places):
        for run in np.split(places, np.flatnonzero(np.diff(places) > gap + 1) + 1):
            yield int(run[0]), int(run[-1])


def _cuts(signals: Signals) -> list[Transition]:
    """Breaks of a frame or two that do not come back, between frames that hold."""
    share = np.concatenate([[1.0], signals.survival[1:], [1.0, 1.0]])
    speed = np.abs(signals.shift).max(-1) * (signals.survival > BREAK)
    fast = np.concatenate([speed >= FAST, [False, False]])
    cuts = []
    for first, last in _runs(share < BREAK):
        if last - first > 1:
            continue
        at = first + int(np.argmin(share[first : last + 1]))
        around = min(share[first - 1], share[last + 1])
        moving = int(fast[max(0, first - 2) : first].any()) + int(fast[last + 1 : last + 3].any())
        enough = (CUT, CUT / 2, -1.0)[moving]
        returns = signals.again[first : last + 1].max() > AGAIN
        if share[at] < min(enough, around - DROP) and not returns:
            cuts.append(Transition("cut", at, at))
    return cuts


def _dissolves(signals: Signals) -> list[Transition]:
    """Runs of frames that are mixtures."""
    return [
        Transition("dissolve", first, last)
        for first, last in _runs(signals.mixed, gap=4)
        if last - first >= 2
    ]


def _fades(signals: Signals, times: np.ndarray) -> list[Transition]:
    """Stretches of black with a slope on one side or both."""
    level, found = signals.level, []
    for first, last in _runs(level < BLACK):
        falls = _slope(level[:first][::-1])
        rises = _slope(level[last + 1 :])
        out = Transition("fade", first - falls, first)
        back = Transition("fade", last, last + rises)
        alone = times[last] - times[first] >= BLACK_SHOT
        within = first > 0 and last < len(level) - 1
        if alone:
            found += [out] * (falls > 0) + [back] * (rises > 0)
        elif within and (falls or rises):
            found.append(Transition("fade", out.first, back.last))
    return found


def _slope(level: np.ndarray, *, shortest: int = 3, longest: int = 90) -> int:
    """How many frames the level rises from black, 0 where it jumps or does not rise."""
    level = np.concatenate([[BLACK], level[:longest]])
    step = np.diff(level)
    length = int(np.argmax(np.append(step < 0.002, True)))
    gentle = length >= shortest and step[:length].max() < 0.5 * (level[length] - BLACK)
    return length if gentle else 0


def _black_between(signals: Signals, times: np.ndarray, first: int, last: int) -> bool:
    between = signals.level[first:last]
    return bool(np.all(between < BLACK)) and times[last] - times[first] < BLACK_SHOT
