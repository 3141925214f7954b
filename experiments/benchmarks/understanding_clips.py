"""The clips of tests/data/understanding, each as a file: parts are cut out, pictures are joined."""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re

import numpy as np
from PIL import Image

from experiments.benchmarks import harness
from experiments.benchmarks.fight_motion import DATA
from vidparticles.editing.edit import edit
from vidparticles.video import write_video

TABLES = harness.ROOT / "tests" / "data" / "understanding"
PICTURES_RATE = 24  # a second, of a folder of pictures


@dataclasses.dataclass(frozen=True)
class Labelled:
    """A clip, or a part of one, and what would be right to say of it.

    Attributes:
        file: in the folder of data.
        start, end: seconds; None for the whole.
        actions: labels of Kinetics-400 that are right; none may be.
        things: words that a right label of ImageNet holds.
    """

    file: str
    start: float | None
    end: float | None
    actions: tuple[str, ...]
    things: tuple[str, ...]

    def names(self, tag: str) -> bool:
        """Whether a label of ImageNet names something that is in the picture."""
        return any(re.search(rf"\b{re.escape(w)}\b", tag, re.IGNORECASE) for w in self.things)


def table(name: str) -> list[Labelled]:
    """The rows of `name`.csv."""
    with (TABLES / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Labelled(
            row["file"],
            float(row["start"]) if row["start"] else None,
            float(row["end"]) if row["end"] else None,
            tuple(filter(None, row["actions"].split("|"))),
            tuple(filter(None, row["things"].split("|"))),
        )
        for row in rows
    ]


def as_file(one: Labelled, scratch: pathlib.Path) -> pathlib.Path:
    """The clip; made in `scratch` where it is no file of its own."""
    source = DATA / one.file
    if source.is_dir():
        out = scratch / f"{source.parent.name}.mp4"
        frames = [np.asarray(Image.open(p).convert("RGB")) for p in sorted(source.glob("*.png"))]
        write_video(out, frames, rate=PICTURES_RATE, overwrite=True)
        return out
    if one.start is None:
        return source
    out = scratch / f"{source.stem}-{one.start:g}-{one.end:g}.mp4"
    edit(source, out, trim=f"{one.start:g}:{one.end:g}", overwrite=True)
    return out
