"""Which clips a run reads and how: the `data` part of its config."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vidparticles.data.composites.pool import Composites
from vidparticles.data.pv5.stream import Curriculum
from vidparticles.errors import InputError, nearest
from vidparticles.video import probe

KINDS = ("clip", "composites", "embedded", "folder", "manifest", "pv5", "tfds")
MULTIPLE = 8  # pixels: a clip in its own shape is some of them high and wide, in whole cells


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The `data` part of a config; unknown keys are refused.

    Attributes:
        kind: "folder" (class/clip.mp4, or train|val|test/class/clip.mp4), "embedded" (made in
            `dir` when it is not there), "manifest" (`dir`/MANIFEST.tsv with the columns file,
            label and split), "tfds" (by `name`, prepared on disk), "clip" (one `file`, without
            labels), "pv5" (made on the fly, frames and size as the task has them) or "composites"
            (a pool in `dir`, made when it is not there).
        file: of one clip.
        dir: the folder; for tfds its data_dir, "" for the default one.
        name: of the TFDS data set.
        clips: embedded: clips a class for each split.
        splits: manifest: for each of train, val, test the values of the column split.
        pv5: what `data.pv5.stream.Curriculum` has.
        composites: what `data.composites.pool.Composites` has, beside `dir`.
        frames: T, of a sampled clip.
        size: H = W, pixels; of one clip about H, and W is as its shape has it.
        sampling: "uniform", one frame in each of T equal parts of the clip; or "dense", windows
            of T frames 1/rate seconds apart.
        rate: frames a second of dense sampling; of one clip 0 means its own.
        crop, flip, turn, brightness: how training clips are varied, see `data.augment.Augment`.
    """

    kind: str
    file: str = ""
    dir: str = ""
    name: str = ""
    clips: Mapping[str, int] | None = None
    splits: Mapping[str, Sequence[str]] | None = None
    pv5: Mapping[str, Any] | None = None
    composites: Mapping[str, Any] | None = None
    frames: int = 16
    size: int = 64
    sampling: str = "uniform"
    rate: float = 8.0
    crop: float = 1.0
    flip: bool = False
    turn: bool = False
    brightness: float = 0.0

    def open(self, *, once: Callable[[Callable[[], Any]], Any] = lambda work: work()) -> Any:
        """The data set: its classes, and the clips of each split.

        Args:
            once: does work on files that several processes share, of which one is to do it, as
                `training.sharding.first_then_all`.

        Raises:
            InputError: `kind` is unknown, or `dir` does not hold what it should.
        """
        from vidparticles.data import embedded, folder

        if self.kind not in KINDS:
            raise InputError(f"config.data.kind is '{self.kind}'.{nearest(self.kind, KINDS)}")
        if self.kind == "clip":
            return one_clip(self.file)
        if self.kind == "pv5":
            return Curriculum(**(self.pv5 or {}))
        if self.kind != "tfds" and not self.dir:
            raise InputError(
                "config.data.dir is empty; give the folder of the clips with --config.data.dir=DIR."
            )
        if self.kind == "composites":
            pool = Composites(dir=self.dir, **(self.composites or {}))
            once(pool.make)
            return pool
        if self.kind == "tfds":
            from vidparticles.data import tfds_source

            return tfds_source.load(self.name, data_dir=self.dir or None)
        if self.kind == "embedded":
            once(lambda: embedded.make(self.dir, clips_per_class=self.clips))
        if self.kind == "manifest":
            return from_manifest(self.dir, self.splits or {})
        return folder.scan(self.dir)

    def batches(self, dataset: Any, *, split: str, **options: Any) -> Any:
        """The batches of a split, sampled as this says; `options` as `data.pipeline.batches`."""
        if self.kind in ("composites", "pv5"):
            return dataset.batches(split=split, **options)
        from vidparticles.data import augment, pipeline

        size, rate = (self.size, self.size), self.rate
        if self.kind == "clip":
            info = probe(self.file)
            shape = info.width * float(info.pixel_aspect) / info.height
            size, rate = in_shape(self.size, shape), rate or float(info.rate)
        return pipeline.batches(
            dataset,
            split=split,
            frames=self.frames,
            size=size,
            sampling=self.sampling,
            rate=rate,
            augment=augment.Augment(
                crop=self.crop, flip=self.flip, turn=self.turn, brightness=self.brightness
            ),
            **options,
        )


def in_shape(height: int, shape: float) -> tuple[int, int]:
    """Height and width of small pictures of about this height and `shape` times as wide.

    Example:
        >>> in_shape(72, 16 / 9), in_shape(50, 1.0)
        ((72, 128), (48, 48))
    """
    high, wide = (max(1, round(n / MULTIPLE)) * MULTIPLE for n in (height, height * shape))
    return high, wide


def one_clip(file: str) -> Any:
    """The data set of one clip, to train on; it has no classes.

    Raises:
        InputError: no file is given, or it is no video.
    """
    from vidparticles.data.folder import Clip, Dataset

    if not file:
        raise InputError(
            "config.data.file is empty; give the clip with --config.data.file=clip.mp4."
        )
    probe(file)
    clip = Clip(pathlib.Path(file), 0)
    return Dataset(classes=(), splits={"train": (clip,)}, name=file, held=True)


def from_manifest(directory: str, splits: Mapping[str, Sequence[str]]) -> Any:
    """The data set that DIR/MANIFEST.tsv lists, split by its column `split`.

    Args:
        directory: DIR; the column `file` is relative to it.
        splits: for each of train, val, test the values of the column `split` that go there.

    Raises:
        InputError: there is no such file, it lacks a column, or a value is in no row.
    """
    from vidparticles.data.folder import Clip, Dataset

    path = pathlib.Path(directory) / "MANIFEST.tsv"
    if not path.is_file():
        raise InputError(
            f"{path} does not exist; expected a folder with a MANIFEST.tsv, given as "
            "--config.data.dir=DIR."
        )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for column in ("file", "label", "split"):
        if not rows or column not in rows[0]:
            raise InputError(f"{path} has no column '{column}'; expected file, label and split.")
    classes = tuple(sorted({row["label"] for row in rows}))
    values = {row["split"] for row in rows}
    clips: dict[str, tuple[Any, ...]] = {}
    for name, wanted in splits.items():
        for value in wanted:
            if value not in values:
                raise InputError(
                    f"config.data.splits.{name} names '{value}', which no row of {path} has in "
                    f"its column split.{nearest(value, values)}"
                )
        clips[name] = tuple(
            Clip(path.parent / row["file"], classes.index(row["label"]))
            for row in rows
            if row["split"] in wanted
        )
    return Dataset(classes=classes, splits=clips, name=str(path.parent))


def labels(dataset: Any, split: str) -> list[int]:
    """The label of every clip of a split.

    Raises:
        InputError: there is no such split, or it is empty.
    """
    from vidparticles.data.folder import chosen

    return [clip.label for clip in chosen(dataset.splits, split, dataset.name)]


def clip_seconds(dataset: Any, *, sample: int = 32) -> float:
    """The median duration of the training clips: how long a thing is that the model knows.

    Args:
        dataset: what `DataSpec.open` gives.
        sample: how many clips are looked at, evenly spread over the split.

    Raises:
        InputError: there is no split "train", or it is empty, or none of its clips can be read.
    """
    if isinstance(dataset, Curriculum | Composites):
        return dataset.seconds
    clips = dataset.clips("train")
    count = len(clips.names)
    durations = []
    for video in sorted(
        {i * count // sample for i in range(sample)} if count > sample else range(count)
    ):
        # A corrupt clip is counted and named by the pipeline; here it only has no duration.
        with contextlib.suppress(InputError):
            durations.append(clips.duration(video))
    if not durations:
        raise InputError(f"none of the training clips of {dataset.name} can be read as video.")
    return statistics.median(durations)
