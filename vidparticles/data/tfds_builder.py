"""A TFDS data set of a folder of videos: the files' own bytes beside their labels.

TFDS' `Video` feature explodes a clip into images, which takes several times the bytes and
loses the sound and the clock; here a clip is one scalar string, the file as it is. Prepare
the folder first (`prepare`), and the bytes are few.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

from vidparticles.data.folder import Dataset, scan
from vidparticles.data.tf import tensorflow, tensorflow_datasets


def video_folder(
    directory: str | os.PathLike[str], *, data_dir: str | os.PathLike[str], version: str = "1.0.0"
) -> Any:
    """A TFDS builder of a folder laid out as `folder.scan` says.

    Features: `video` (string: the bytes of the file), `label` (ClassLabel) and `name` (the
    path in the folder). Call `download_and_prepare()` on it once; then
    `tfds_source.load("video_folder", data_dir=data_dir)` reads it, as does TFDS anywhere.

    Args:
        directory: the folder.
        data_dir: where TFDS keeps its data sets.
        version: of the data set; give another one when the folder has changed.

    Returns:
        a `tfds.core.GeneratorBasedBuilder`.

    Raises:
        InputError: the folder is laid out otherwise.
    """
    return _builder_class()(scan(directory), data_dir=os.fspath(data_dir), version=version)


@functools.cache
def _builder_class() -> type:
    """The class; made in a function so that importing this module does not import TFDS."""
    tf, tfds = tensorflow(), tensorflow_datasets()

    class VideoFolder(tfds.core.GeneratorBasedBuilder):  # type: ignore[name-defined]
        """Videos by class."""

        VERSION = tfds.core.Version("1.0.0")

        def __init__(self, dataset: Dataset, *, data_dir: str, version: str):
            self._dataset = dataset
            self.VERSION = tfds.core.Version(version)
            super().__init__(data_dir=data_dir, version=version)

        def _info(self) -> Any:
            features = {
                "video": tfds.features.Tensor(shape=(), dtype=tf.string),
                "label": tfds.features.ClassLabel(names=list(self._dataset.classes)),
                "name": tfds.features.Text(),
            }
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
            del dl_manager  # nothing is downloaded
            return {
                split: self._generate_examples(split)
                for split, clips in self._dataset.splits.items()
                if clips
            }

        def _generate_examples(self, split: str) -> Iterator:
            for clip in self._dataset.splits[split]:
                name = os.path.relpath(clip.path, self._dataset.name)
                yield name, {"video": clip.path.read_bytes(), "label": clip.label, "name": name}

    return VideoFolder
