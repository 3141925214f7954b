"""How long points live that were spawned on what moves in real clips.

Where people, animals and balls are is told by boxes labelled by hand (tests/data/objects), between
which they are interpolated; a point counts when it is spawned within the inner half of one.
"""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import av
import cv2
import numpy as np

from experiments.benchmarks.harness import ROOT

LABELS = ROOT / "tests" / "data" / "objects" / "tuned.csv"
DATA = ROOT.parent / "shared" / "data"
CLIPS = {
    "basketball": "clips/basketball_two_players.mp4",
    "dog": "clips/sam2_01_dog.mp4",
    "juggle": "clips/sam2_05_default_juggle.mp4",
}
LONGEST = 90  # frames


def boxes(clip: str) -> dict[int, list[np.ndarray]]:
    """Frame → boxes [4] left, top, right, bottom in frame heights, of all that is labelled."""
    labels: dict[str, list[tuple[int, np.ndarray]]] = defaultdict(list)
    with LABELS.open() as file:
        for row in csv.DictReader(file):
            if row["clip"] == clip:
                box = [float(row[side]) for side in ("left", "top", "right", "bottom")]
                labels[row["object"]].append((int(row["frame"]), np.asarray(box)))
    found = defaultdict(list)
    for known in labels.values():
        for (first, before), (last, after) in itertools.pairwise(sorted(known, key=lambda k: k[0])):
            if last - first > 12:  # it was away
                continue
            for frame in range(first, last):
                found[frame].append(before + (after - before) * (frame - first) / (last - first))
    return found


def frames_of(clip: str) -> Iterator[np.ndarray]:
    """The first frames of a clip, no larger than 640 pixels."""
    with av.open(str(DATA / clip)) as file:
        for frame in itertools.islice(file.decode(video=0), LONGEST):
            scale = min(1, 640 / frame.width)
            size = [int(n * scale) // 2 * 2 for n in (frame.width, frame.height)]
            yield frame.to_ndarray(format="rgb24", width=size[0], height=size[1])


def lives(
    clip: str, step: Callable[[Any, np.ndarray, float], Any], *, rate: float
) -> dict[str, list[int]]:
    """Frames that each point lived that was spawned on a thing; or as many as there were.

    Args:
        clip: of the labels.
        step: (state or None, frame, seconds) → the next state.
        rate: frames a second.

    Returns:
        Of ours, and of OpenCV's, there and back, from where ours were spawned.
    """
    places, state, gray = boxes(clip), None, None
    last: dict[int, tuple[int, int]] = {}
    known: set[int] = set()
    theirs, followed = np.zeros((0, 2), np.float32), []  # of those alive; ended
    ages = np.zeros(0, int)
    for t, frame in enumerate(frames_of(clip)):
        before, gray = gray, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if len(theirs):
            there, found, _ = cv2.calcOpticalFlowPyrLK(before, gray, theirs[:, None], None)
            back, again, _ = cv2.calcOpticalFlowPyrLK(gray, before, there, None)
            home = np.linalg.norm(back[:, 0] - theirs, axis=-1) < 1
            kept = (found[:, 0] > 0) & (again[:, 0] > 0) & home
            followed += ages[~kept].tolist()
            theirs, ages = there[kept, 0], ages[kept] + 1
        state = step(state, frame, t / rate)
        alive = np.asarray(state.particles.alive)
        at, names = np.asarray(state.particles.position)[alive], np.asarray(state.identity)[alive]
        inside = np.zeros(len(at), bool)
        for box in places.get(t, []):
            middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            inside |= (np.abs(at - middle) < size / 4).all(-1)
        spawned = []
        for name, place, within in zip(names.tolist(), at, inside, strict=True):
            if name in last:
                last[name] = last[name][0], t
            elif name not in known and within:
                last[name] = t, t
                spawned.append(place * frame.shape[0] - 0.5)
            known.add(name)
        if spawned:
            theirs = np.concatenate([theirs, np.asarray(spawned, np.float32)])
            ages = np.concatenate([ages, np.ones(len(spawned), int)])
    ours = [end - start + 1 for start, end in last.values()]
    return {"ours": ours, "cv2": followed + ages.tolist()}
