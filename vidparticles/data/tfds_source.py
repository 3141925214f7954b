"""TFDS video data sets by name, once they are prepared on disk: any record, in any order."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import os
import pathlib
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vidparticles.data.clips import Choice, indices_at
from vidparticles.data.folder import SPLITS, chosen, split_of
from vidparticles.data.tf import tensorflow, tensorflow_datasets
from vidparticles.errors import InputError, nearest, reason

# Frames a second of clips that are stored as frames, whose true rate TFDS does not keep.
FRAME_RATE = 25.0


@dataclasses.dataclass(frozen=True)
class Record:
    """One example; its label is read when it is asked for."""

    clips: _Records
    index: int

    @property
    def label(self) -> int:
        """The class."""
        return self.clips.label_of(self.index)


@dataclasses.dataclass(frozen=True)
class TfdsDataset:
    """A prepared data set; used like a `folder.Dataset`.

    Attributes:
        classes: names; one alone, "unlabelled", where the data set has no labels.
        splits: "train", "val" and "test" → their records.
        name: with its folder, for messages.
        held_out: the splits that were not given, and are a part of train.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, Sequence[Record]]
    name: str
    held_out: tuple[str, ...] = ()

    def clips(self, split: str) -> TfdsClips:
        """The clips of a split, as the pipeline reads them.

        Raises:
            InputError: no such split, or it is empty.
        """
        return TfdsClips(chosen(self.splits, split, self.name))


def load(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> TfdsDataset:
    """Find a TFDS data set on disk; nothing is downloaded.

    Its `train`, `validation` and `test` are used as they are. Of one that is absent, train lends
    15 % by a hash; where there is no train, all records are shared out 70 : 15 : 15 in the same
    way.

    Args:
        name: as in TFDS: `ucf101`, `moving_mnist`, `ucf101/ucf101_1`, `name:1.0.0`.
        data_dir: TFDS' folder; default `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        the data set. Its video feature may be a string (a file's bytes, as `video_folder`
        writes), TFDS' `Video`, or uint8 [T, H, W, 1 or 3]; its labels a `ClassLabel`.

    Raises:
        InputError: it is not prepared there, or has no video feature.
    """
    root = pathlib.Path(
        data_dir or os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    ).expanduser()
    folder = _version_folder(root, name)
    tfds = tensorflow_datasets()
    builder = tfds.builder_from_directory(folder)
    features = builder.info.features
    video = _video_feature(features, name)
    labels = [k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    label = labels[0] if labels else None
    classes = tuple(features[label].names) if label else ("unlabelled",)
    names = {"train": "train", "validation": "val", "val": "val", "test": "test"}
    there = {names.get(split, split) for split in builder.info.splits}
    there = there if "train" in there else set()  # a set that is all of one split: shared out
    parts: dict[str, list[Record]] = {split: [] for split in SPLITS}
    for tfds_split in sorted(builder.info.splits):
        records = _Records(builder, tfds_split, video, label)
        for index in range(len(records)):
            split = split_of(f"{tfds_split}/{index}", names.get(tfds_split, tfds_split), there)
            if split in parts:  # others, as `unsupervised`, are left out
                parts[split].append(Record(records, index))
    return TfdsDataset(
        classes,
        {split: tuple(records) for split, records in parts.items()},
        f"{name} in {root}",
        held_out=tuple(s for s in SPLITS if "train" in there and s not in there),
    )


def _version_folder(root: pathlib.Path, name: str) -> pathlib.Path:
    """The folder of a data set's newest version (or the one named), which holds its facts."""
    base, _, version = name.partition(":")
    found = [p.parent for p in (root / base).glob("**/dataset_info.json")]
    if version:
        found = [p for p in found if p.name == version]
    if not found:
        there = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
        command = f'python -c "import tensorflow_datasets as t; t.builder({name!r}, '
        command += f'data_dir={str(root)!r}).download_and_prepare()"'
        hint = nearest(base.split("/")[0], there) if there else ""
        raise InputError(
            f"the TFDS data set '{name}' is not prepared in data_dir {root}; prepare it with "
            f"{command} or give another data_dir.{hint}"
        )

    def newest(folder: pathlib.Path) -> tuple[list[int], str]:
        numbers = [int(n) if n.isdigit() else -1 for n in folder.name.split(".")]
        return numbers, str(folder)

    return max(found, key=newest)


def _video_feature(features: Mapping[str, Any], name: str) -> str:
    tfds = tensorflow_datasets()
    for key, feature in features.items():
        shape = getattr(feature, "shape", None)
        is_frames = isinstance(shape, tuple) and len(shape) == 4 and shape[3] in (1, 3)
        if isinstance(feature, tfds.features.Video) or is_frames:
            return key
    strings = [k for k, f in features.items() if _is_bytes(f)]
    for key in ("video", *strings):
        if key in strings:
            return key
    raise InputError(
        f"the TFDS data set '{name}' has no video feature among {', '.join(features)}; expected "
        "a Video, uint8 [T, H, W, 3], or the bytes of a file as a string."
    )


def _is_bytes(feature: Any) -> bool:
    tfds = tensorflow_datasets()
    text = isinstance(feature, tfds.features.Text)
    return not text and feature.shape == () and np.dtype(feature.np_dtype) == np.dtype(object)


class _Records:
    """Random access to the examples of one split of a data set."""

    def __init__(self, builder: Any, split: str, video: str, label: str | None):
        self.name = f"{builder.info.name}/{split}"
        self._feature = builder.info.features[video]
        self._video, self._label = video, label
        self._features = builder.info.features
        self._labels: dict[int, int] = {}
        info = builder.info.splits[split]
        self._count = info.num_examples
        if builder.info.file_format.value == "tfrecord":
            self._fetch = _TfRecords([pathlib.Path(p) for p in info.filepaths]).__getitem__
        else:
            # The other formats of TFDS give random access of themselves.
            self._fetch = builder.as_data_source(split=split).data_source.__getitem__

    def __len__(self) -> int:
        return self._count

    def label_of(self, index: int) -> int:
        """The class of an example; 0 in a data set without labels."""
        if index not in self._labels:
            self.example(index)
        return self._labels[index]

    def example(self, index: int) -> bytes | list[bytes] | np.ndarray:
        """The video: a file's bytes, its encoded frames, or uint8 [T, H, W, 1 or 3]."""
        tfds = tensorflow_datasets()
        raw = bytes(self._fetch(index))
        fields = tensorflow().train.Example.FromString(raw).features.feature
        label = fields[self._label].int64_list.value if self._label else [0]
        self._labels[index] = int(label[0])
        if isinstance(self._feature, tfds.features.Video):
            return list(fields[self._video].bytes_list.value)
        if _is_bytes(self._feature):
            return fields[self._video].bytes_list.value[0]
        return self._features.deserialize_example_np(raw)[self._video]


class _TfRecords:
    """The records of tfrecord files by number: 8 bytes of length, 4 of check sum, data, 4."""

    def __init__(self, paths: Sequence[pathlib.Path]):
        self._paths = paths

    @functools.cached_property
    def _offsets(self) -> list[tuple[pathlib.Path, int, int]]:
        offsets = []
        for path in self._paths:
            with path.open("rb") as file:
                while len(head := file.read(12)) == 12:
                    (length,) = struct.unpack("<Q", head[:8])
                    offsets.append((path, file.tell(), length))
                    file.seek(length + 4, os.SEEK_CUR)
        return offsets

    def __getitem__(self, index: int) -> bytes:
        path, at, length = self._offsets[index]
        with path.open("rb") as file:
            file.seek(at)
            return file.read(length)


class TfdsClips:
    """Clips that are TFDS records; see `clips.Clips`."""

    def __init__(self, records: Sequence[Record]):
        self.names = [f"{r.clips.name}#{r.index}" for r in records]
        self._records = records

    def label(self, video: int) -> int:
        """See `clips.Clips`."""
        return self._records[video].label

    def duration(self, video: int) -> float:
        """See `clips.Clips`."""
        example = self._example(video)
        if not isinstance(example, bytes):
            return len(example) / FRAME_RATE
        from vidparticles.video import open_video

        with _file(example) as path, open_video(path) as opened:
            return float(opened.table.duration)

    def read(
        self, video: int, choose: Choice, *, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `clips.Clips`."""
        example = self._example(video)
        if isinstance(example, bytes):
            from vidparticles.video import open_video

            with _file(example) as path, open_video(path) as opened:
                indices = indices_at(opened.times, choose(float(opened.table.duration)))
                return opened.frames(indices, size=size), opened.times[indices]
        times = np.arange(len(example)) / FRAME_RATE
        indices = indices_at(times, choose(len(example) / FRAME_RATE))
        try:
            frames = [_image(example[i], size) for i in indices]
        except (OSError, SyntaxError) as error:  # Pillow's, for a broken JPEG and a broken PNG
            raise InputError(f"{self.names[video]} cannot be read ({reason(error)}).") from error
        return np.stack(frames), times[indices]

    def _example(self, video: int) -> bytes | list[bytes] | np.ndarray:
        record = self._records[video]
        try:
            return record.clips.example(record.index)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.names[video]} cannot be read ({reason(error)}).") from error


def _image(frame: bytes | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    image: Image.Image
    if isinstance(frame, bytes):
        image = Image.open(io.BytesIO(frame))
    else:
        image = Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)
    # Pillow's bilinear widens with the reduction, so it does not alias.
    image = image.convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image)


@contextlib.contextmanager
def _file(content: bytes) -> Iterator[pathlib.Path]:
    """The bytes as a file, for as long as the `with` block lasts: decoders read files."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(content)
        file.flush()
        yield pathlib.Path(file.name)
