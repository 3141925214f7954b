"""Where one shot ends and the next begins: cuts, dissolves and fades, from particles that end.

At a cut nearly no particle survives from one frame to the next, and none comes back. Under a
flash they come back within a few frames; in a whip pan they end for several frames in a row,
or move fast before and after. In a dissolve most survive each step, yet none the whole of it,
and every frame is a mixture of the two ends. A fade comes out of black or white or goes into it.

`signals.measure` says what is seen of each frame; `transitions` reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from vidparticles.shots.signals import Signals


@dataclasses.dataclass(frozen=True)
class ShotConfig:
    """When a change of the picture is one of shots.

    Attributes:
        chain: survival below which the chain of particles breaks.
        cut: survival of a cut, at most; beside fast motion half of it.
        drop: by how much survival at a cut is less than in the steps around it.
        again: survival from before to after a flash.
        fast: displacement in pixels of SIZE in one frame: a whip pan.
        black: r.m.s. of a black frame.
        white: r.m.s. distance to white of a white frame, which a fade may not quite reach.
        plain_shot: seconds of black or of white that count as a shot of its own.
        gap: frames that do not look mixed, but end no dissolve.
        near: frames around a gradual change in which no cut is told.
        stays: share of a jump of the picture that must be left frames later.
        ends: frames from either end of a clip in which a jump is none, as not enough is known.
        pause: frames on each side of a jump that tell how fast things move there.
        held: change of a frame over the most around it, below which it is the one before again.
        shortest_slope, longest_slope: frames of a fade.
        rise: of the level in a frame of a fade, at least.
    """

    chain: float = 0.45
    cut: float = 0.3
    drop: float = 0.3
    again: float = 0.5
    fast: float = 4.0
    black: float = 0.03
    white: float = 0.05
    plain_shot: float = 0.5
    gap: int = 4
    near: int = 2
    stays: float = 0.6
    ends: int = 4
    pause: int = 12
    held: float = 0.1
    shortest_slope: int = 3
    longest_slope: int = 90
    rise: float = 0.002


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


def transitions(
    signals: Signals,
    times: np.ndarray,
    config: ShotConfig | None = None,
    *,
    ended: bool = True,
) -> list[Transition]:
    """Changes of shot, in order.

    Args:
        signals: of all frames of a clip.
        times: [T] seconds.
        config: what counts as a change; default, as measured to do best.
        ended: the last frame is that of the clip.

    Returns:
        Transitions, with at least one frame of a shot before, between and after them. Black or
        white for less than half a second is no shot: the fades on both sides of it are one, and
        at an end of the clip it belongs to the shot beside it.
    """
    config = config or ShotConfig()
    near, count = config.near, len(signals.level)
    fades = _fades(signals, times, config)
    dissolves = [d for d in _dissolves(signals, config) if not _touches(d, fades, near=near)]
    gradual = fades + dissolves
    sharp = _cuts(signals, config)
    sharp += [j for j in _jumps(signals, times, config) if not _touches(j, sharp, near=near)]
    cuts = [c for c in sorted(sharp, key=_first) if not _touches(c, gradual, near=near)]
    kept: list[Transition] = []
    for cut in cuts:
        # A few black or white frames between two shots are one change, not two; at the start, as
        # from a flash or a camera that is not ready, they are none.
        if _plain_between(signals, times, kept[-1].first if kept else 0, cut.first, config):
            if not kept:
                continue
            kept.pop()
        kept.append(cut)
    if kept and ended and _plain_between(signals, times, kept[-1].first, count, config):
        kept.pop()
    return _apart(sorted(kept + gradual, key=_first), count)


def _first(change: Transition) -> int:
    return change.first


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


def _touches(one: Transition, others: list[Transition], *, near: int) -> bool:
    return any(one.first <= o.last + near and o.first <= one.last + near for o in others)


def _runs(flags: np.ndarray, *, gap: int = 0) -> Iterator[tuple[int, int]]:
    """First and last index of each run of true flags; gaps up to so many do not end one."""
    index = np.flatnonzero(flags)
    if len(index):
        for run in np.split(index, np.flatnonzero(np.diff(index) > gap + 1) + 1):
            yield int(run[0]), int(run[-1])


def _cuts(signals: Signals, config: ShotConfig) -> list[Transition]:
    """Breaks of a frame or two that do not come back, between frames that hold."""
    share = np.concatenate([[1.0], signals.survival[1:], [1.0, 1.0]])
    speed = np.abs(signals.shift).max(-1) * (signals.survival > config.chain)
    fast = np.concatenate([speed >= config.fast, [False, False]])
    cuts = []
    for first, last in _runs(share < config.chain):
        if last - first > 1:
            continue
        at = first + int(np.argmin(share[first : last + 1]))
        around = min(share[first - 1], share[last + 1])
        moving = int(fast[max(0, first - 2) : first].any()) + int(fast[last + 1 : last + 3].any())
        enough = (config.cut, config.cut / 2, -1.0)[moving]
        returns = signals.again[first : last + 1].max() > config.again
        if share[at] < min(enough, around - config.drop) and not returns:
            cuts.append(Transition("cut", at, at))
    return cuts


def _jumps(signals: Signals, times: np.ndarray, config: ShotConfig) -> list[Transition]:
    """Jumps of the picture within one place, which leave most particles where they are."""
    count, jumps = len(signals.jump), []
    for k in np.flatnonzero(signals.jump > config.stays):
        flashes = signals.survival[k] < config.chain and signals.again[k] > config.again
        inside = config.ends <= k < count - config.ends
        if inside and not flashes and not _after_pause(int(k), signals.change, times, config):
            jumps.append(Transition("cut", int(k), int(k)))
    return jumps


def _after_pause(index: int, change: np.ndarray, times: np.ndarray, config: ShotConfig) -> bool:
    """A picture stood still, or frames are missing, and then it is where it would have been."""
    around = np.arange(max(1, index - config.pause), min(len(change), index + config.pause + 1))
    around = around[around != index]
    moving = change[around] >= config.held * change[around].max(initial=0)
    # Time since the frame, of those that are not the one before again, that came before each.
    moved = np.zeros(len(change), bool)
    moved[around[moving]] = moved[index] = moved[max(0, around[0] - 1)] = True
    since = np.zeros(len(change))
    for k in np.flatnonzero(moved):
        earlier = np.flatnonzero(moved[:k])
        since[k] = times[k] - times[earlier[-1]] if len(earlier) else 0
    others = around[moving & (since[around] > 0)]
    if not len(others) or since[index] <= 1.5 * since[others].max():
        return False
    return bool(change[index] / since[index] <= (change[others] / since[others]).max())


def _dissolves(signals: Signals, config: ShotConfig) -> list[Transition]:
    """Runs of frames that are mixtures."""
    return [
        Transition("dissolve", first, last)
        for first, last in _runs(signals.mixed, gap=config.gap)
        if last - first >= 2
    ]


def _fades(signals: Signals, times: np.ndarray, config: ShotConfig) -> list[Transition]:
    """Stretches of black or of white with a slope on one side or both."""
    black = _fades_of(signals.level, config.black, signals, times, config)
    white = _fades_of(signals.below_white, config.white, signals, times, config)
    # A white picture that comes out of black is what is shown, not what is faded through.
    return black + [fade for fade in white if not _touches(fade, black, near=config.near)]


def _fades_of(
    level: np.ndarray, limit: float, signals: Signals, times: np.ndarray, config: ShotConfig
) -> list[Transition]:
    """Those through what the level is measured from, which is reached below a limit."""
    found = []
    for first, last in _runs(level < limit):
        falls = _slope(level[: first + 1][::-1], config)
        rises = _slope(level[last:], config)
        out = Transition("fade", first - falls, first)
        back = Transition("fade", last, last + rises)
        alone = times[last] - times[first] >= config.plain_shot
        within = first > 0 and last < len(level) - 1
        # What comes at once and goes slowly, as a flash does, leaves the shot that was there.
        other = max(signals.across[first], signals.across[last]) <= config.again
        if alone:
            found += [out] * (falls > 0) + [back] * (rises > 0)
        elif within and ((falls and rises) or ((falls or rises) and other)):
            found.append(Transition("fade", out.first, back.last))
    return found


def _slope(level: np.ndarray, config: ShotConfig) -> int:
    """How many frames the level rises from its first, 0 where it jumps or does not rise."""
    step = np.diff(level[: config.longest_slope + 1])
    length = int(np.argmax(np.append(step < config.rise, True)))
    gentle = length >= config.shortest_slope
    gentle = gentle and step[:length].max() < 0.5 * (level[length] - level[0])
    return length if gentle else 0


def _plain_between(
    signals: Signals, times: np.ndarray, first: int, stop: int, config: ShotConfig
) -> bool:
    """Frames first … stop are black, or white, for too short a time to be a shot."""
    black = np.all(signals.level[first:stop] < config.black)
    white = np.all(signals.below_white[first:stop] < config.white)
    end = min(stop, len(times) - 1)
    return bool(black or white) and times[end] - times[first] < config.plain_shot
