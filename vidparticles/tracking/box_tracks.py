"""Boxes of a whole clip linked to tracks, and carried through frames in which there are none.

Boxes of high score begin tracks, those of low score go on with them (as in ByteTrack, Zhang et al.
2022), and tracks that end where another begins soon after are one. Where a track is in each frame
is then told by all of its boxes, before and after (Rauch, Tung & Striebel 1965), with `kalman`'s
model of motion; and for a while beyond its ends. What is not certain makes the box larger.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclasses.dataclass(frozen=True)
class BoxTrackConfig:
    """How boxes are linked and carried. Sizes are of a box: the mean of its sides.

    Attributes:
        begin: score from which a box begins a track,
        go_on: and from which it may go on with one.
        near: distance in sizes, from where one is expected, in which a box is its own,
        nearer: and how much is added to that for each second since it was seen.
        alike: ratio of sizes, at most, likewise.
        lost: seconds after which a track that is not seen has ended,
        bridge: and in which one that begins near where it ended goes on with it.
        hold: seconds beyond its ends in which a track is carried.
        noise: deviation of a measured side, sizes.
        unrest: density of the noise of acceleration, sizes² per s³.
        sigmas: deviations by which a box is larger at each side,
        most: sizes, at most.
    """

    begin: float = 0.5
    go_on: float = 0.2
    near: float = 0.6
    nearer: float = 1.5
    alike: float = 1.8
    lost: float = 1.0
    bridge: float = 2.0
    hold: float = 0.5
    noise: float = 0.06
    unrest: float = 6.0
    sigmas: float = 1.5
    most: float = 0.6


@dataclasses.dataclass
class BoxTrack:
    """One that is followed.

    Attributes:
        frames: [n] indices, without gaps.
        box: [n, 4] left, top, right, bottom, in what the boxes were; larger where not certain.
        seen: [n] bool, there was a box.
    """

    frames: np.ndarray
    box: np.ndarray
    seen: np.ndarray


def box_tracks(
    boxes: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    times: np.ndarray,
    shot: np.ndarray,
    config: BoxTrackConfig | None = None,
) -> list[BoxTrack]:
    """The tracks of a clip.

    Args:
        boxes: of each frame [K, 4] left, top, right, bottom.
        scores: of these [K] in [0, 1].
        times: [T] seconds.
        shot: [T] int, which shot each frame belongs to; nothing is carried over a cut.
        config: how they are linked and carried.

    Example:
        >>> boxes = [np.array([[k, 0.0, k + 9.0, 9.0]]) for k in range(9)]
        >>> boxes[4] = np.zeros((0, 4))
        >>> scores = [np.full(len(box), 0.9) for box in boxes]
        >>> (track,) = box_tracks(boxes, scores, np.arange(9) / 25, np.zeros(9, int))
        >>> track.seen.tolist().index(False), bool(abs(track.box[4, [0, 2]].mean() - 8.5) < 0.3)
        (4, True)
    """
    config = config or BoxTrackConfig()
    found: list[BoxTrack] = []
    for number in np.unique(shot):
        part = np.flatnonzero(shot == number).tolist()
        own = [np.asarray(boxes[k], float).reshape(-1, 4) for k in part]
        score = [np.asarray(scores[k], float) for k in part]
        hits = _linked(own, score, times[part], config)
        hits = _backwards(hits, own, score, times[part], config)
        for track in _bridged(hits, own, times[part], config):
            found.append(_carried(track, own, times[part], part[0], config))
    return found


Hits = dict[int, int]  # frame of the shot → which of its boxes


def _linked(
    boxes: list[np.ndarray], scores: list[np.ndarray], times: np.ndarray, config: BoxTrackConfig
) -> list[Hits]:
    tracks: list[Hits] = []
    for t, (box, score) in enumerate(zip(boxes, scores, strict=True)):
        free = [k for k in range(len(box)) if score[k] >= config.go_on]
        open_ = [h for h in tracks if times[t] - times[max(h)] <= config.lost]
        for high in (True, False):
            mine = [k for k in free if (score[k] >= config.begin) == high]
            pairs = _pairs(open_, mine, t, boxes, times, config)
            for h, k in pairs:
                h[t] = k
            taken = {id(h) for h, _ in pairs}
            open_ = [h for h in open_ if id(h) not in taken]
            free = [k for k in free if k not in {k for _, k in pairs}]
        tracks += [{t: k} for k in free if score[k] >= config.begin]
    return tracks


def _pairs(
    tracks: list[Hits],
    which: list[int],
    t: int,
    boxes: list[np.ndarray],
    times: np.ndarray,
    config: BoxTrackConfig,
) -> list[tuple[Hits, int]]:
    """Which of the boxes of a frame goes on with which track."""
    if not tracks or not which:
        return []
    cost = np.full((len(tracks), len(which)), 1e6)
    for row, hits in enumerate(tracks):
        expected, gap = _expected(hits, t, boxes, times)
        for column, k in enumerate(which):
            off = _apart(expected, boxes[t][k], config)
            if off <= config.near + config.nearer * gap:
                cost[row, column] = off
    rows, columns = linear_sum_assignment(cost)
    return [(tracks[r], which[c]) for r, c in zip(rows, columns, strict=True) if cost[r, c] < 1e6]


def _expected(
    hits: Hits, t: int, boxes: list[np.ndarray], times: np.ndarray
) -> tuple[np.ndarray, float]:
    """Where a track is expected in a frame by its nearest hits, and the seconds between."""
    near = sorted(hits, key=lambda k: abs(k - t))[:6]
    last = boxes[near[0]][hits[near[0]]]
    gap = float(times[t] - times[near[0]])
    if len(near) < 3:
        return last, abs(gap)
    first = boxes[near[-1]][hits[near[-1]]]
    speed = (last - first) / (times[near[0]] - times[near[-1]])
    middle = np.tile((speed[:2] + speed[2:]) / 2, 2)
    return last + middle * np.clip(gap, -0.3, 0.3), abs(gap)


def _apart(a: np.ndarray, b: np.ndarray, config: BoxTrackConfig) -> float:
    """Distance of middles in sizes; infinite where the sizes are not alike."""
    low, high = sorted(float(np.mean(box[2:] - box[:2])) for box in (a, b))
    if high > config.alike * low:
        return np.inf
    off = (a[:2] + a[2:] - b[:2] - b[2:]) / 2
    return float(np.linalg.norm(off)) / max((low + high) / 2, 1e-9)


def _backwards(
    tracks: list[Hits],
    boxes: list[np.ndarray],
    scores: list[np.ndarray],
    times: np.ndarray,
    config: BoxTrackConfig,
) -> list[Hits]:
    """The same tracks, with what of low score came before each."""
    taken = {(t, k) for hits in tracks for t, k in hits.items()}
    for hits in tracks:
        t = min(hits)
        while t > 0 and times[min(hits)] - times[t - 1] <= config.lost:
            t -= 1
            free = [
                k
                for k in range(len(boxes[t]))
                if (t, k) not in taken and scores[t][k] >= config.go_on
            ]
            for _, k in _pairs([hits], free, t, boxes, times, config):
                hits[t] = k
                taken.add((t, k))
    return tracks


def _bridged(
    tracks: list[Hits], boxes: list[np.ndarray], times: np.ndarray, config: BoxTrackConfig
) -> list[Hits]:
    """Tracks that end where another begins soon after, as one."""
    left = sorted(tracks, key=min)
    done: list[Hits] = []
    while left:
        one = left.pop(0)
        while True:
            after = [
                other
                for other in left
                if min(other) > max(one) and times[min(other)] - times[max(one)] <= config.bridge
            ]
            near = []
            for other in after:
                first = min(other)
                expected, gap = _expected(one, first, boxes, times)
                off = _apart(expected, boxes[first][other[first]], config)
                if off <= config.near + config.nearer * gap:
                    near.append((off + gap, first, other))
            if not near:
                break
            best = min(near, key=lambda item: item[:2])[2]
            left.remove(best)
            one |= best
        done.append(one)
    return done


def _carried(
    hits: Hits, boxes: list[np.ndarray], times: np.ndarray, offset: int, config: BoxTrackConfig
) -> BoxTrack:
    """Where a track is in each frame, and a while beyond its ends."""
    own = {t: boxes[t][k] for t, k in hits.items()}
    size = float(np.median([np.mean(box[2:] - box[:2]) for box in own.values()]))
    begin = int(np.searchsorted(times, times[min(hits)] - config.hold - 1e-9))
    end = int(np.searchsorted(times, times[max(hits)] + config.hold + 1e-9))
    frames = np.arange(begin, end)
    seen = np.array([t in own for t in range(begin, end)])
    measured = np.full((len(frames), 4), np.nan)
    measured[seen] = [own[t] for t in range(begin, end) if t in own]
    # Middle and size: what moves fast is not for that larger.
    told = np.concatenate(
        [measured[:, :2] + measured[:, 2:], measured[:, 2:] - measured[:, :2]], -1
    ) / np.array([2, 2, 1, 1])
    mean, deviation = smoothed(
        told,
        times[frames],
        noise=config.noise * size,
        density=np.array([1, 1, 0.05, 0.05]) * config.unrest * size**2,
    )
    sides = np.maximum(mean[:, 2:], 0.5 * size)
    room = np.minimum(config.sigmas * deviation[:, :2], config.most * size)
    box = np.concatenate([mean[:, :2] - sides / 2 - room, mean[:, :2] + sides / 2 + room], -1)
    # Of what was seen nothing is left out.
    both = np.where(seen[:, None], measured, box)
    box = np.concatenate([np.minimum(box, both)[:, :2], np.maximum(box, both)[:, 2:]], -1)
    return BoxTrack(frames + offset, box, seen)


def smoothed(
    measured: np.ndarray, times: np.ndarray, *, noise: float, density: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions by all measurements before and after, of a velocity that white noise disturbs.

    Args:
        measured: [T, D], nan where there is none; at least one is there.
        times: [T] seconds, rising.
        noise: deviation of a measurement.
        density: [D] of the noise of acceleration, in squared units per s³.

    Returns:
        Mean and deviation, [T, D] each.

    Example:
        >>> line = np.array([[0.0], [1.0], [np.nan], [3.0]])
        >>> mean, deviation = smoothed(line, np.arange(4.0), noise=0.01, density=np.ones(1))
        >>> round(float(mean[2, 0]), 2), bool(deviation[2, 0] > deviation[1, 0])
        (2.0, True)
    """
    count, width = measured.shape
    known = ~np.isnan(measured[:, 0])
    first = measured[np.flatnonzero(known)[0]]
    state = np.stack([first, np.zeros(width)], -1)  # [D, 2]
    gap = np.diff(times, prepend=times[0])
    size = np.maximum(np.ptp(measured[known], axis=0), noise) + noise
    # Nothing is known of the velocity but that it does not go far in a second.
    spread = np.zeros((width, 2, 2))
    spread[:, 0, 0], spread[:, 1, 1] = 4 * size**2, 4 * size**2
    means, spreads, ways, before = [], [], [], []
    for t in range(count):
        dt = gap[t]
        way = np.array([[1, dt], [0, 1]])
        added = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        state, spread = state @ way.T, way @ spread @ way.T + density[:, None, None] * added
        before.append((state, spread))
        ways.append(way)
        if known[t]:
            gain = spread[:, :, 0] / (spread[:, 0, 0] + noise**2)[:, None]
            state = state + gain * (measured[t] - state[:, 0])[:, None]
            spread = spread - gain[:, :, None] * spread[:, None, 0, :]
        means.append(state)
        spreads.append(spread)
    for t in range(count - 2, -1, -1):
        ahead, ahead_spread = before[t + 1]
        back = spreads[t] @ ways[t + 1].T @ np.linalg.inv(ahead_spread + 1e-12 * np.eye(2))
        means[t] = means[t] + (back @ (means[t + 1] - ahead)[..., None])[..., 0]
        turned = np.swapaxes(back, -1, -2)
        spreads[t] = spreads[t] + back @ (spreads[t + 1] - ahead_spread) @ turned
    deviation = np.sqrt(np.maximum(np.stack(spreads)[:, :, 0, 0], 0))
    return np.stack(means)[..., 0], deviation
