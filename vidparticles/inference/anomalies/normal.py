"""What is normal: the cells of a folder of clips, kept as a small file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import pathlib

import numpy as np

from vidparticles import storage
from vidparticles.errors import InputError
from vidparticles.inference.anomalies import scores as score
from vidparticles.inference.anomalies.cells import SPAN, Cells, cells_of, followed
from vidparticles.inference.anomalies.motion import DEFAULT, VELOCITY
from vidparticles.inference.anomalies.objects import RATE
from vidparticles.inference.anomalies.tail import LEAST, Tail, nats, tail_of
from vidparticles.inference.searching.index import (
    build,
    default_folder,
    detector,
    lookers,
    videos,
)
from vidparticles.progress import counted, listening
from vidparticles.storage import PathLike

VERSION = 2
HOUR = 3600.0  # seconds in which one false alarm is accepted


@dataclasses.dataclass(frozen=True)
class Normal:
    """What is normal.

    Attributes:
        cells: of all clips, one after another.
        owners: int [N], of which clip each is.
        parts: [N, 5] `score.scores` of each, against the other clips.
        broken: a sentence on each clip that could not be read.
    """

    cells: Cells
    owners: np.ndarray
    parts: np.ndarray
    broken: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How much of it there is."""
        return float((self.cells.ends - self.cells.starts).sum())

    @property
    def tails(self) -> tuple[Tail | None, ...]:
        """How each of the parts is spread."""
        return tuple(tail_or_none(column) for column in self.parts.T)

    @property
    def threshold(self) -> float:
        """Nats of `score.together` that are exceeded once an hour, by the tail of what was seen."""
        totals = score.together(score.chances(self.parts, self.tails))
        tail = tail_or_none(totals)
        plain = math.log(HOUR / SPAN)
        if tail is None:
            return plain
        # The chance of a cell that is wanted is exceeded by the tail: from `tail.nats`, solved.
        over = plain - float(nats(tail, tail.begin))
        if over <= 0:  # more than enough was seen
            return max(plain, float(np.quantile(tail.body, 1 - SPAN / HOUR)))
        excess = tail.excesses * tail.mean * math.expm1(over / tail.excesses)
        return max(plain, tail.begin + excess)


def tail_or_none(numbers: np.ndarray) -> Tail | None:
    """How those that are known are spread; None where they are too few."""
    known = numbers[np.isfinite(numbers)]
    return tail_of(known) if len(known) >= LEAST else None


def normal_of(clips: list[Cells], broken: tuple[str, ...] = ()) -> Normal:
    """What is normal, from clips.

    Args:
        clips: of each its cells; two or more, so that each can be judged by the others.
        broken: a sentence on each clip that could not be read.

    Raises:
        InputError: there are fewer than two clips, or too little of them.
    """
    owners = np.repeat(np.arange(len(clips)), [len(one.starts) for one in clips])
    if len(clips) < 2 or len(owners) < LEAST:
        raise InputError(
            f"{len(clips)} clips with {SPAN * len(owners):g} s are too few to tell what is normal; "
            f"give two or more, of {SPAN * LEAST:g} s together."
        )
    fields = (f.name for f in dataclasses.fields(Cells))
    cells = Cells(
        **{name: np.concatenate([getattr(one, name) for one in clips]) for name in fields}
    )
    others = owners[:, None] != owners
    parts = score.scores(cells, cells, score.scaling(cells.velocity), others)
    return Normal(cells, owners, parts, broken)


def learn(folder: PathLike, *, index: PathLike | None = None) -> Normal:
    """What is normal in a folder of clips; what was found is kept for the next time.

    Args:
        folder: with video files in which nothing happens that is to be told.
        index: where what is known of clips is kept, see `search`; by default in the user's cache.

    Raises:
        InputError: no clip can be read, or they are too few.
    """
    library = build(videos(folder), folder=index)
    here = default_folder() if index is None else pathlib.Path(index)
    how = dataclasses.asdict(DEFAULT), RATE, detector()
    told = [VERSION, how, SPAN, lookers(), sorted(library.hashes)]
    name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
    path = here / f"normal-{name}.safetensors"
    kept = _read(path)
    if kept is None:
        clips = []
        for clip, entry in counted(
            zip(library.paths, library.entries, strict=True), len(library.paths), work="following"
        ):
            with listening(None):
                clips.append(cells_of(entry, *followed(clip)))
        kept = normal_of(clips)
        _write(path, kept)
    return dataclasses.replace(kept, broken=library.left_out)


def _write(path: pathlib.Path, normal: Normal) -> None:
    from safetensors import numpy as safetensors

    tensors = {
        name: getattr(normal.cells, name)
        for name in ("starts", "ends", "error", "velocity", "objects")
    }
    tensors["like"] = normal.cells.like.astype(np.float16)
    tensors |= {"owners": normal.owners, "parts": normal.parts}
    whole = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    storage.write_bytes(path, safetensors.save(whole))


def _read(path: pathlib.Path) -> Normal | None:
    """What was kept; None where there is nothing, or nothing that fits."""
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    try:
        found = safetensors.load(path.read_bytes())
        cells = Cells(
            starts=found["starts"],
            ends=found["ends"],
            error=found["error"],
            velocity=found["velocity"],
            like=found["like"].astype(np.float32),
            objects=found["objects"],
        )
        normal = Normal(cells, found["owners"], found["parts"])
    except (OSError, SafetensorError, KeyError):
        return None
    return normal if normal.cells.velocity.shape[1:] == (len(VELOCITY),) else None
