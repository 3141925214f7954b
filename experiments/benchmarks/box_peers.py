"""How others assign boxes to tracks, by the rules of their papers, for `benchmarks.identity`.

- SORT (Bewley et al. 2016, arXiv 1602.00763): a Kalman filter of (x, y, area, ratio) with constant
  velocity, boxes assigned by intersection over union.
- ByteTrack (Zhang et al. 2022, arXiv 2110.06864): (x, y, ratio, height); boxes with a high score
  first, then those with a low one to the tracks that are left; tracks wait to come back.
- OC-SORT (Cao et al. 2023, arXiv 2203.14360): SORT's filter; the direction in which a track went
  counts in the assignment; what is left is assigned to where tracks were last observed; and the
  filter is run again over a straight way when one comes back.

Each takes the boxes of one kind of things [K, 4] with their scores, frame by frame, in pixels of a
frame of 480 lines, and gives (number, box) of those that it shows. Times are in frames, as in the
papers. Thresholds of scores are the ones of our own tracker, those of assignment the papers'.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from scipy.optimize import linear_sum_assignment

from vidparticles.tracking.objects.config import ObjectConfig

Shown = list[tuple[int, np.ndarray]]
HIGH, SPAWN = ObjectConfig().high, ObjectConfig().spawn


def overlap(one: Iterable, two: Iterable) -> np.ndarray:
    """Intersection over union [N, M]."""
    a, b = (np.asarray(list(x), float).reshape(-1, 4) for x in (one, two))
    a, b = a[:, None], b[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.clip(sides, 0, None).prod(-1)
    area, other = ((x[..., 2:] - x[..., :2]).prod(-1) for x in (a, b))
    return both / np.maximum(area + other - both, 1e-9)


def assign(gain: np.ndarray, allowed: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of the largest sum; those that are not allowed are dropped afterwards."""
    if not gain.size:
        return []
    rows, columns = linear_sum_assignment(-gain)
    return [(r, c) for r, c in zip(rows, columns, strict=True) if allowed[r, c]]


class Kalman:
    """A filter of four numbers, some of which have a velocity, per frame."""

    def __init__(self, z: np.ndarray, moving: int, spread: np.ndarray):
        n = 4 + moving
        self.x = np.concatenate([z, np.zeros(moving)])
        self.P = np.diag(spread)
        self.F, self.H = np.eye(n), np.eye(4, n)
        self.F[range(moving), range(4, n)] = 1

    def predict(self, noise: np.ndarray) -> None:
        """A frame later."""
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + np.diag(noise)

    def update(self, z: np.ndarray, noise: np.ndarray) -> None:
        """After the four numbers were measured."""
        gain = self.P @ self.H.T @ np.linalg.inv(self.H @ self.P @ self.H.T + np.diag(noise))
        self.x = self.x + gain @ (z - self.H @ self.x)
        self.P = self.P - gain @ self.H @ self.P


# ---------------------------------------------------------------- SORT and OC-SORT

# As the authors' filter: the area's velocity starts and stays nearly still.
SPREAD = np.array([10, 10, 10, 10, 1e4, 1e4, 1e4])
NOISE = np.array([1, 1, 1, 1, 1e-2, 1e-2, 1e-4])
ROUGH = np.array([1, 1, 10, 10])


def to_area(box: np.ndarray) -> np.ndarray:
    width, height = box[2:] - box[:2]
    return np.array([*(box[:2] + box[2:]) / 2, width * height, width / max(height, 1e-6)])


def from_area(x: np.ndarray) -> np.ndarray:
    width = np.sqrt(max(x[2] * x[3], 1e-6))
    half = np.array([width, x[2] / max(width, 1e-6)]) / 2
    return np.concatenate([x[:2] - half, x[:2] + half])


@dataclasses.dataclass
class Track:
    """A track of SORT or OC-SORT."""

    filter: Kalman
    number: int
    hits: int = 1
    streak: int = 1
    unseen: int = 0
    seen: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    saved: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def box(self) -> np.ndarray:
        """Where it is expected."""
        return from_area(self.filter.x)


class Sort:
    """SORT; with `observations`, OC-SORT."""

    def __init__(self, observations: bool = False):
        self.tracks: list[Track] = []
        self.observations = observations
        self.frame = self.numbers = 0
        self.least, self.hits = 0.3, 3
        self.patience = 30 if observations else 1
        self.inertia, self.before = 0.2, 3

    def step(self, boxes: np.ndarray, scores: np.ndarray) -> Shown:
        """One frame more."""
        boxes = boxes[scores >= HIGH]
        self.frame += 1
        for track in self.tracks:
            if track.filter.x[2] + track.filter.x[6] <= 0:
                track.filter.x[6] = 0
            track.filter.predict(NOISE)
            track.unseen += 1
            if track.unseen > 1:
                track.streak = 0
        gain = iou = overlap([t.box for t in self.tracks], boxes)
        if self.observations:
            gain = iou + self.inertia * self._directions(boxes)
        pairs = assign(gain, iou >= self.least)
        if self.observations:
            pairs += self._last_boxes(boxes, pairs)
        for row, column in pairs:
            self._update(self.tracks[row], boxes[column])
        taken = {column for _, column in pairs}
        for k, box in enumerate(boxes):
            if k not in taken:
                self.tracks.append(Track(Kalman(to_area(box), 3, SPREAD), self.numbers))
                self.tracks[-1].seen[self.frame] = box
                self.numbers += 1
        told = [
            (t.number, t.seen[self.frame] if self.observations else t.box)
            for t in self.tracks
            if not t.unseen and (t.streak >= self.hits or self.frame <= self.hits)
        ]
        self.tracks = [t for t in self.tracks if t.unseen <= self.patience]
        return told

    def _update(self, track: Track, box: np.ndarray) -> None:
        if self.observations and track.unseen > 1 and track.saved is not None:
            self._again(track, box)
        track.filter.update(to_area(box), ROUGH)
        track.saved = track.filter.x.copy(), track.filter.P.copy()
        track.unseen, track.hits, track.streak = 0, track.hits + 1, track.streak + 1
        track.seen[self.frame] = box

    def _again(self, track: Track, box: np.ndarray) -> None:
        """The filter from when the track was seen last, over a straight way to its box."""
        assert track.saved is not None
        last = track.seen[max(track.seen)]
        track.filter.x, track.filter.P = (part.copy() for part in track.saved)
        for k in range(1, track.unseen + 1):
            track.filter.predict(NOISE)
            if k < track.unseen:
                share = k / track.unseen
                track.filter.update(to_area((1 - share) * last + share * box), ROUGH)

    def _directions(self, boxes: np.ndarray) -> np.ndarray:
        """How well the way to each box goes on in a track's direction, in [−.5, .5]."""
        found = np.zeros((len(self.tracks), len(boxes)))
        for row, track in enumerate(self.tracks):
            frames = sorted(track.seen)
            if len(frames) < 2:
                continue
            early = [f for f in frames if f <= frames[-1] - self.before]
            old = track.seen[early[-1] if early else frames[0]]
            way = middle(track.seen[frames[-1]]) - middle(old)
            on = middle(boxes) - middle(old)
            cosine = on @ way / np.maximum(np.linalg.norm(on, axis=-1) * np.linalg.norm(way), 1e-9)
            found[row] = 0.5 - np.arccos(np.clip(cosine, -1, 1)) / np.pi
        return found

    def _last_boxes(self, boxes: np.ndarray, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What is left, assigned to where tracks were observed last."""
        rows = [r for r in range(len(self.tracks)) if r not in {r for r, _ in pairs}]
        columns = [c for c in range(len(boxes)) if c not in {c for _, c in pairs}]
        iou = overlap([t.seen[max(t.seen)] for t in (self.tracks[r] for r in rows)], boxes[columns])
        return [(rows[r], columns[c]) for r, c in assign(iou, iou >= self.least)]


def middle(box: np.ndarray) -> np.ndarray:
    return (box[..., :2] + box[..., 2:]) / 2


# ---------------------------------------------------------------- ByteTrack


@dataclasses.dataclass
class ByteItem:
    """A track of ByteTrack."""

    filter: Kalman
    number: int
    confirmed: bool
    unseen: int = 0

    @property
    def box(self) -> np.ndarray:
        """Where it is expected."""
        x = self.filter.x
        half = np.array([x[2] * x[3], x[3]]) / 2
        return np.concatenate([x[:2] - half, x[:2] + half])


class ByteTrack:
    """ByteTrack."""

    def __init__(self):
        self.tracks: list[ByteItem] = []
        self.frame = self.numbers = 0
        self.patience = 30

    def step(self, boxes: np.ndarray, scores: np.ndarray) -> Shown:
        """One frame more."""
        self.frame += 1
        for track in self.tracks:
            if track.unseen:
                track.filter.x[7] = 0
            height = track.filter.x[3]
            spread = np.array([height / 20, height / 20, 1e-2, height / 20])
            speeds = np.array([height / 160, height / 160, 1e-5, height / 160])
            track.filter.predict(np.concatenate([spread, speeds]) ** 2)
            track.unseen += 1
        high, low = (list(np.flatnonzero(s)) for s in (scores >= HIGH, scores < HIGH))
        confirmed = [t for t in self.tracks if t.confirmed]
        left, high = self._round(confirmed, high, boxes, scores, 0.2)
        self._round([t for t in left if t.unseen == 1], low, boxes, scores, 0.5)
        _, high = self._round([t for t in self.tracks if not t.confirmed], high, boxes, scores, 0.3)
        for k in high:
            if scores[k] >= SPAWN:
                self._spawn(boxes[k])
        self.tracks = [t for t in self.tracks if t.unseen <= (self.patience if t.confirmed else 0)]
        return [(t.number, t.box) for t in self.tracks if t.confirmed and not t.unseen]

    def _round(
        self,
        tracks: list[ByteItem],
        chosen: list[int],
        boxes: np.ndarray,
        scores: np.ndarray,
        least: float,
    ) -> tuple[list[ByteItem], list[int]]:
        """One assignment; the tracks and the boxes that are left. High boxes count by score."""
        iou = overlap([t.box for t in tracks], boxes[chosen])
        if least != 0.5:
            iou = iou * scores[chosen]
        pairs = assign(iou, iou >= least)
        for row, column in pairs:
            track, box = tracks[row], boxes[chosen[column]]
            height = track.filter.x[3]
            rough = np.array([height / 20, height / 20, 1e-1, height / 20]) ** 2
            track.filter.update(shape(box), rough)
            track.unseen, track.confirmed = 0, True
        rows, columns = ({p[k] for p in pairs} for k in (0, 1))
        return (
            [t for k, t in enumerate(tracks) if k not in rows],
            [c for k, c in enumerate(chosen) if k not in columns],
        )

    def _spawn(self, box: np.ndarray) -> None:
        height = box[3] - box[1]
        places = np.array([height / 10, height / 10, 1e-2, height / 10])
        speeds = np.array([height / 16, height / 16, 1e-5, height / 16])
        spread = np.concatenate([places, speeds]) ** 2
        self.tracks.append(ByteItem(Kalman(shape(box), 4, spread), self.numbers, self.frame == 1))
        self.numbers += 1


def shape(box: np.ndarray) -> np.ndarray:
    width, height = box[2:] - box[:2]
    return np.array([*middle(box), width / max(height, 1e-6), height])


PEERS = {"SORT": Sort, "ByteTrack": ByteTrack, "OC-SORT": lambda: Sort(observations=True)}
