"""The faces of a reel, so that none of them is left to be seen; and when one may have been missed.

CenterFace looks at each frame. What it finds is linked, and carried through the frames in which it
finds nothing, forward and backward (`tracking.box_tracks`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from vidparticles import shots, weights
from vidparticles.editing.effects.regions import Faces, FindFaces
from vidparticles.editing.reel import Doubt, Reel
from vidparticles.image.resample import shrunk_bytes
from vidparticles.inference.objects import detector_parameters, each, followed
from vidparticles.models.published import centerface, nanodet
from vidparticles.progress import counted
from vidparticles.storage import PathLike
from vidparticles.tracking.box_tracks import BoxTrack, BoxTrackConfig, box_tracks

WITHOUT_PERSONS = (
    "persons were not looked for, whose faces may have been missed from the first to the last "
    "frame; `vidparticles weights get nanodet` gets what finds them"
)


@dataclasses.dataclass(frozen=True)
class FaceConfig:
    """How faces are found, and when one may have been missed.

    Attributes:
        size: pixels of the longer side at which a frame is looked at; smaller ones are not
            enlarged.
        least: score from which something that is near a face is one,
        doubt: and from which something that is not may be one all the same.
        tracks: how faces are followed.
        carried: seconds in which a face was not seen and its box carried, from which that is told.
        beyond: seconds before a face was found first and after it was lost in which it is told that
            it may have been there, where persons are looked for too; else all of the shot.
        rim: distance from the picture's edge, frame heights, at which a face may come or go.
        every: persons are looked for in each so many-th frame.
        head: share of the height of a person's box in which its face would be,
        half: or share of its width, where that is more: of who sits, or is near, half is seen.
        person: height of a person's box, frame heights, from which a face could be seen.
    """

    size: int = 640
    least: float = 0.15
    doubt: float = 0.25
    tracks: BoxTrackConfig = dataclasses.field(
        default_factory=lambda: BoxTrackConfig(begin=0.45, go_on=0.2)
    )
    carried: float = 0.2
    beyond: float = 1.0
    rim: float = 0.03
    every: int = 4
    head: float = 0.35
    half: float = 0.6
    person: float = 0.15


DEFAULT = FaceConfig()


def find_faces(
    check: bool = False, *, path: PathLike | None = None, config: FaceConfig = DEFAULT
) -> FindFaces:
    """A function that finds the faces in a reel.

    Args:
        check: tell when one may have been missed, too: persons are looked for, whose heads are
            not among the faces.
        path: weights of CenterFace; default, those that `vidparticles weights get centerface` got.
        config: how they are found.

    Raises:
        InputError: the weights are not there.
    """
    params = centerface.parameters(weights.load("centerface", path))
    persons = detector_parameters() if check else None

    def find(reel: Reel) -> Faces:
        if reel.again is None:
            raise ValueError("these frames can be run through but once: nothing is found in them.")
        found = detected(reel, params, config)
        times = np.array([float(time) for time in reel.times])
        tracks = box_tracks(found.boxes, found.scores, times, found.shot, config.tracks)
        boxes = covering(tracks, len(times))
        if not check:
            return Faces(boxes, ())
        # Who looks for persons knows more than that a face was lost.
        beyond = np.inf if persons is None else config.beyond
        aspect = reel.width / reel.height
        doubts = doubtful(found, tracks, times, aspect, beyond=beyond, config=config)
        if persons is None:
            doubts.append(Doubt(0.0, float(reel.duration), WITHOUT_PERSONS))
        else:
            doubts += faceless(_heads(reel, persons, config), boxes, times, config)
        return Faces(boxes, sorted(doubts, key=lambda doubt: (doubt.start, doubt.end)))

    return find


@dataclasses.dataclass(frozen=True)
class Detected:
    """What was found frame by frame.

    Attributes:
        boxes: of each frame [K, 4] left, top, right, bottom, frame heights.
        scores: of these [K].
        shot: [T] int, which shot each frame belongs to.
    """

    boxes: Sequence[np.ndarray]
    scores: Sequence[np.ndarray]
    shot: np.ndarray


def _small(reel: Reel, size: int, work: str) -> Iterator[tuple[Fraction, np.ndarray]]:
    assert reel.again is not None
    count = len(reel.times)
    for time, picture in counted(reel.again(0, count), count, work=work):
        yield time, shrunk_bytes(picture.rgb(), longest=size)


def detected(reel: Reel, params: Any, config: FaceConfig = DEFAULT) -> Detected:
    """What CenterFace finds in the frames of a reel, which are run through by `again`.

    Args:
        reel: the frames.
        params: of `models.published.centerface`.
        config: how they are looked at.
    """
    look = centerface.faces(
        params, centerface.CenterFaceConfig(size=config.size, least_score=config.least)
    )
    boxes, scores, cuts = [], [], []
    for _, frame, cut in shots.stream(_small(reel, config.size, "finding faces")):
        told = look(frame)
        valid = np.asarray(told.valid)
        boxes.append(np.asarray(told.box, float)[valid])
        scores.append(np.asarray(told.score, float)[valid])
        cuts.append(bool(cut))
    return Detected(boxes, scores, np.cumsum(cuts))


def covering(tracks: Sequence[BoxTrack], count: int) -> list[np.ndarray]:
    """The boxes [K, 4] of each of so many frames."""
    found: list[list[np.ndarray]] = [[] for _ in range(count)]
    for track in tracks:
        for frame, box in zip(track.frames, track.box, strict=True):
            found[frame].append(box)
    return [np.array(boxes, float).reshape(-1, 4) for boxes in found]


def doubtful(
    found: Detected,
    tracks: Sequence[BoxTrack],
    times: np.ndarray,
    aspect: float,
    *,
    beyond: float = np.inf,
    config: FaceConfig = DEFAULT,
) -> list[Doubt]:
    """When a face may have been missed, by what was found and how it was followed.

    Args:
        found: what the detector said.
        tracks: of it.
        times: [T] seconds.
        aspect: width of the picture, frame heights.
        beyond: seconds before a face was found and after it was lost, at most, that are told.
        config: from when on that is told.
    """
    doubts = []
    boxes = covering(tracks, len(times))
    low = np.zeros(len(times), bool)
    for t, (own, covered) in enumerate(zip(found.boxes, boxes, strict=True)):
        likely = own[found.scores[t] >= config.doubt]
        low[t] = any(_inside(box, covered) < 0.5 for box in likely)
    doubts += _told(low, times, "something that may be a face was left as it is")
    for track in tracks:
        inner = np.flatnonzero(track.seen)
        for a, b in itertools.pairwise(inner):
            if times[track.frames[b]] - times[track.frames[a]] > config.carried:
                start, end = times[track.frames[a]], times[track.frames[b]]
                doubts.append(
                    Doubt(float(start), float(end), "a face was not seen, its box was carried on")
                )
        shot = found.shot == found.shot[track.frames[0]]
        for at, after in ((inner[0], False), (inner[-1], True)):
            if _at_rim(track.box[at], aspect, config.rim):
                continue
            here = track.frames[at]
            part = np.flatnonzero(shot)
            alone = part[part > here] if after else part[part < here]
            # As long as no other was seen there is no telling where this one is.
            others = [
                other.frames[other.seen]
                for other in tracks
                if other is not track and np.isin(other.frames[other.seen], alone).any()
            ]
            elsewhere = np.zeros(len(times), bool)
            elsewhere[alone] = np.abs(times[alone] - times[here]) <= beyond
            for frames in others:
                fresh = frames[0] > here if after else frames[-1] < here
                if fresh:
                    elsewhere[frames] = False
            why = "a face was lost before" if after else "a face was found only after"
            doubts += _told(elsewhere, times, why)
    return doubts


def faceless(
    heads: dict[int, np.ndarray],
    boxes: Sequence[np.ndarray],
    times: np.ndarray,
    config: FaceConfig = DEFAULT,
) -> list[Doubt]:
    """When there was a person without a face.

    Args:
        heads: by frames that were looked at, [K, 4] where faces of persons would be.
        boxes: of each frame [K, 4] of faces.
        times: [T] seconds.
        config: from which size on.
    """
    alone = np.zeros(len(times), bool)
    for t, own in sorted(heads.items()):
        for head in own:
            middles = (boxes[t][:, :2] + boxes[t][:, 2:]) / 2
            within = (middles >= head[:2]) & (middles <= head[2:])
            if not within.all(-1).any():
                alone[t : t + config.every] = True
    return _told(alone, times, "a person was there whose face was not seen")


def _heads(reel: Reel, params: Any, config: FaceConfig) -> dict[int, np.ndarray]:
    """Where the faces of persons would be, in each frame that is looked at."""
    person = nanodet.KINDS.index("person")
    small = _small(reel, nanodet.NanoDetConfig().size, "looking for persons")
    stream = enumerate(shots.stream(small))
    found = {}
    for one in followed(params, ((k, *told) for k, told in each(stream, config.every))):
        report = one.report
        alive = np.asarray(one.state.particles.alive) & (np.asarray(report.unseen) <= 0)
        alive &= np.asarray(report.kind) == person
        box = np.asarray(report.box)[alive]
        box = box[box[:, 3] - box[:, 1] >= config.person]
        found[one.index] = head_of(box, config)
    return found


def head_of(box: np.ndarray, config: FaceConfig = DEFAULT) -> np.ndarray:
    """Where the faces of persons would be.

    Args:
        box: [K, 4] of persons: left, top, right, bottom.
        config: how much of a box that is.

    Returns:
        [K, 4], a little wider and higher than the upper part of each box.

    Example:
        >>> head_of(np.array([[0.0, 0.0, 0.2, 0.8], [0.0, 0.0, 0.8, 0.8]])).round(2)[:, 3]
        array([0.28, 0.48])
    """
    wide, high = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    deep = np.maximum(config.head * high, np.minimum(config.half * wide, high))
    side = 0.1 * wide
    sides = box[:, 0] - side, box[:, 1] - 0.1 * high, box[:, 2] + side, box[:, 1] + deep
    return np.stack(sides, -1)


def _inside(box: np.ndarray, covered: np.ndarray) -> float:
    """The largest share of a box in one of others [K, 4]."""
    if not len(covered):
        return 0.0
    sides = np.minimum(box[2:], covered[:, 2:]) - np.maximum(box[:2], covered[:, :2])
    area = np.prod(np.maximum(sides, 0), -1)
    return float(area.max() / max(np.prod(box[2:] - box[:2]), 1e-12))


def _at_rim(box: np.ndarray, aspect: float, rim: float) -> bool:
    return bool(min(box[0], box[1], aspect - box[2], 1 - box[3]) < rim)


def _told(which: np.ndarray, times: np.ndarray, why: str) -> list[Doubt]:
    """Spans of the frames of which something is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], which, [False]]).astype(int)))
    gap = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return [
        Doubt(float(times[a]), float(times[b - 1]) + gap, why)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
