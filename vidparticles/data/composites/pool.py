"""Composites made beforehand, one file a clip, and batches of them to train on.

What a clip holds follows from (seed, number) alone, what a batch holds from (seed, step) alone, so
that a pool that is larger contains the smaller one and a run can go on anywhere.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from vidparticles import storage
from vidparticles.data.composites import pictures
from vidparticles.data.composites.drawing import composite
from vidparticles.data.composites.scene import CompositeConfig
from vidparticles.data.order import permute, rng_of
from vidparticles.data.pv5.stream import Batches
from vidparticles.errors import InputError
from vidparticles.progress import counted

VERSION = 1  # of how clips are made: pools of others are refused


@dataclasses.dataclass(frozen=True, kw_only=True)
class Composites:
    """A pool of composites: the data set of a config.

    Attributes:
        dir: its folder, made when it is not there.
        clips: how many there are.
        seed: of the clips.
        pictures: a folder of further pictures, "" for none.
        frames: T, of what is trained on, at most those of a clip.
        width: pixels, of what is trained on.
        options: fields of `CompositeConfig`.
    """

    dir: str
    clips: int = 3000
    seed: int = 0
    pictures: str = ""
    frames: int = 24
    width: int = 64
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        config = self.config
        if not 1 < self.frames <= config.frames or not 0 < self.width <= config.width:
            raise InputError(
                f"frames is {self.frames} and width {self.width}; a clip of the pool has "
                f"{config.frames} frames of {config.width} pixels."
            )
        if self.clips < 1:
            raise InputError(f"clips is {self.clips}; expected at least 1.")

    @property
    def config(self) -> CompositeConfig:
        """What clips are made of."""
        return CompositeConfig(**self.options)

    @property
    def name(self) -> str:
        """What sentences call it."""
        return f"composites in {self.dir}"

    @property
    def classes(self) -> tuple[str, ...]:
        """None: what is told of a clip is where its objects are."""
        return ()

    @property
    def splits(self) -> dict[str, range]:
        """What a run reads."""
        return {"train": range(self.clips)}

    @property
    def seconds(self) -> float:
        """The length of a clip, at 24 frames a second."""
        return self.frames / 24

    def make(self, *, workers: int = 2) -> None:
        """Write the clips that are not there yet.

        Args:
            workers: threads.

        Raises:
            InputError: the folder holds a pool made otherwise, or cannot be written.
        """
        root = pathlib.Path(self.dir)
        with storage.write_errors(root):
            root.mkdir(parents=True, exist_ok=True)
        note, made_by = root / "composites.json", self._made_by()
        if note.exists():
            if json.loads(note.read_text()) != made_by:
                raise InputError(
                    f"{root} holds composites made otherwise (see {note}); give an empty folder."
                )
        else:
            storage.write_text(note, json.dumps(made_by))
        todo = [k for k in range(self.clips) if not self._path(k).exists()]
        if not todo:
            return
        bank, config = pictures.photographs(self.pictures), self.config

        def write(number: int) -> None:
            clip = composite(rng_of(self.seed, number), bank, config)
            file = io.BytesIO()
            np.savez(file, **clip)  # type: ignore[arg-type]
            storage.write_bytes(self._path(number), file.getvalue())

        with ThreadPoolExecutor(workers) as pool:
            for _ in counted(pool.map(write, todo), len(todo), work="making composites"):
                pass

    def clip(self, number: int) -> dict[str, np.ndarray]:
        """A clip and its truth, as of `drawing.composite`."""
        with np.load(self._path(number)) as file:
            return dict(file)

    def batches(
        self,
        *,
        split: str,
        batch_size: int,
        seed: int = 0,
        start: int = 0,
        train: bool = True,
        host: int = 0,
        hosts: int = 1,
    ) -> Iterator[dict[str, np.ndarray]]:
        """Batches as of `data.pipeline.batches`; the arguments are as there.

        Each example is a part of a clip in time and across, mirrored, in other colors; beside
        "video" it holds "gate" [B, T, h, w] in [0, 1], where the ground is not to be learned, and
        what `models.moving.loss` asks for.

        Raises:
            InputError: there is no such split.
        """
        if split != "train" or not train:
            raise InputError(f"{self.name} has no split '{split}' to read whole; it has train.")
        rows = batch_size // hosts

        def make(step: int) -> dict[str, np.ndarray]:
            first = step * batch_size + host * rows
            examples = [self._example(seed, counter) for counter in range(first, first + rows)]
            batch = {key: np.stack([e[key] for e in examples]) for key in examples[0]}
            return {
                **batch,
                "label": np.zeros(rows, np.int32),
                "_mask": np.ones(rows, bool),
                "index": np.arange(first, first + rows),
            }

        return Batches(make, start=start, count=None)

    def _example(self, seed: int, counter: int) -> dict[str, np.ndarray]:
        epoch, place = divmod(counter, self.clips)
        number = int(permute(place, count=self.clips, seed=seed, epoch=epoch))
        return example(
            rng_of(seed, counter), self.clip(number), self.frames, self.width, self.config
        )

    def _path(self, number: int) -> pathlib.Path:
        return pathlib.Path(self.dir) / f"{number:06d}.npz"

    def _made_by(self) -> dict[str, Any]:
        folder = os.path.abspath(self.pictures) if self.pictures else ""
        made = {"set": "vidparticles composites", "version": VERSION, "seed": self.seed}
        return {**made, "pictures": folder, "config": dataclasses.asdict(self.config)}


def example(
    rng: np.random.Generator,
    clip: Mapping[str, np.ndarray],
    frames: int,
    width: int,
    config: CompositeConfig,
) -> dict[str, np.ndarray]:
    """A part of a clip, as it is trained on.

    Args:
        rng: of everything random.
        clip: as of `drawing.composite`.
        frames: T.
        width: pixels.
        config: of the clip.
    """
    cell, total = config.cell, len(clip["video"])
    begin = 0 if rng.random() < 0.7 else int(rng.integers(total - frames + 1))
    when = slice(begin, begin + frames)
    columns, kept = config.width // cell, width // cell
    starts = rng.integers(columns - kept + 1, size=3)
    inside = [clip["cover"][when, :, s : s + kept].max() > 60 for s in starts]
    left = int(starts[int(np.argmax(inside))])
    across, pixels = slice(left, left + kept), slice(cell * left, cell * (left + kept))
    shift = np.diff(clip["center"], axis=0, prepend=clip["center"][:1])
    part = clip["visible"] / (clip["visible"].max(0) + 1e-3)
    found = {
        "video": clip["video"][when, :, pixels],
        "cover": clip["cover"][when, :, across],
        "flow": clip["flow"][when, :, across].astype(np.float32),
        "center": clip["center"][when] - np.array([cell * left, 0], np.float32),
        "covariance": clip["covariance"][when],
        "shift": shift[when],
        "visible": part[when].astype(np.float32),
        "moved": clip["moved"][when],
        "still": clip["still"][when],
        "first": np.asarray(begin == 0),
        "time": (np.arange(frames) / 24).astype(np.float32),
    }
    found["gate"] = _gate(rng, found["cover"], found["moved"])
    if rng.random() < 0.5:
        found = _mirrored(found, axis=0, size=width)
    if rng.random() < 0.3:
        found = _mirrored(found, axis=1, size=config.height)
    video = found["video"]
    if rng.random() < 0.6:
        video = video[..., rng.permutation(3)]
    if rng.random() < 0.2:
        video = 255 - video
    return {**found, "video": np.ascontiguousarray(video)}


def _gate(rng: np.random.Generator, cover: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Where objects are thought to be while the ground is learned: as a network that errs has it.

    Some objects are overlooked all along, or all of them; where one has left, or where none ever
    was, one is thought to be.
    """
    found = rng.random(moved.shape[-1]) > 0.15
    objects = (cover / 255 * (moved & found)[:, None, None]).sum(-1)
    kind = rng.choice(3, p=(0.5, 0.2, 0.3))
    if kind == 1:
        objects = objects * 0
    if kind == 2:
        kept, held = rng.uniform(0.8, 0.97), np.zeros(objects.shape[1:])
        for now in objects:
            held = np.maximum(kept * held, now)
            now[...] = held
        if rng.random() < 0.5:
            coarse = rng.normal(size=(4, 4)) > 1.2
            rows, columns = (-(-n // 4) for n in held.shape)
            blob = coarse.repeat(rows, 0).repeat(columns, 1)[: held.shape[0], : held.shape[1]]
            objects = np.maximum(objects, blob)
    return np.clip(1.5 * objects, 0, 1).astype(np.float32)


_GRIDS = ("video", "cover", "flow", "gate")


def _mirrored(part: dict[str, np.ndarray], *, axis: int, size: int) -> dict[str, np.ndarray]:
    """Left and right (axis 0) or top and bottom (1) change places."""
    found = {k: np.flip(v, 2 - axis) if k in _GRIDS else v for k, v in part.items()}
    sign = np.array([-1, 1] if axis == 0 else [1, -1], np.float32)
    found["flow"] = found["flow"] * sign
    found["shift"] = part["shift"] * sign
    found["center"] = part["center"] * sign + size * (sign < 0)
    found["covariance"] = part["covariance"] * np.array([1, -1, 1], np.float32)
    return found
