"""TFDS: a folder becomes a data set, and prepared data sets are read by name."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

from vidparticles.data import folder, pipeline, tfds_source
from vidparticles.data.tf import tensorflow
from vidparticles.data.tfds_builder import video_folder
from vidparticles.errors import InputError

OPTIONS: dict[str, Any] = {"batch_size": 6, "frames": 4, "size": 24, "train": False}


@pytest.fixture(scope="module")
def data_dir(clips_dir: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A TFDS data_dir with the embedded clips and three small made-up data sets."""
    root = tmp_path_factory.mktemp("tfds")
    video_folder(clips_dir, data_dir=root).download_and_prepare()
    tensorflow()
    import tensorflow_datasets as tfds

    video = tfds.features.Video(shape=(None, 32, 48, 3), encoding_format="png")
    label = tfds.features.ClassLabel(names=["dark", "light"])
    plain = tfds.features.Tensor(shape=(5, 16, 16, 1), dtype=np.uint8)
    for name, features, splits, form in (
        ("as_images", {"video": video, "label": label}, ("train", "test"), "tfrecord"),
        ("no_test", {"video": video, "label": label}, ("train", "val"), "tfrecord"),
        ("as_arrays", {"image_sequence": plain}, ("test",), "array_record"),
        ("no_video", {"label": label}, ("train",), "tfrecord"),
    ):
        examples = [_example(features, i) for i in range(40)]
        builder = _stored(name, features, dict.fromkeys(splits, examples))
        builder(data_dir=root, file_format=form).download_and_prepare()
    return root


def _stored(name: str, features: dict[str, Any], splits: dict[str, list]) -> type:
    """A builder class of examples that are at hand, stored in their order."""
    import tensorflow_datasets as tfds

    def info(self: Any) -> Any:
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features), disable_shuffling=True
        )

    body = {
        "name": name,
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": info,
        "_split_generators": lambda self, _: {k: self._generate_examples(k) for k in splits},
        "_generate_examples": lambda self, split: enumerate(splits[split]),
        "__module__": __name__,
    }
    return type(name.title().replace("_", ""), (tfds.core.GeneratorBasedBuilder,), body)


def _example(features: dict[str, Any], i: int) -> dict[str, Any]:
    shape = {"video": (10, 32, 48, 3), "image_sequence": (5, 16, 16, 1)}
    known: dict[str, Any] = {k: np.full(shape[k], 5 * i, np.uint8) for k in shape}
    known = {
        k: v + np.arange(len(v), dtype=np.uint8)[:, None, None, None] for k, v in known.items()
    }
    return {k: v for k, v in {**known, "label": i % 2}.items() if k in features}


def test_folder_and_tfds_give_the_same_clips(
    clips_dir: pathlib.Path, data_dir: pathlib.Path
) -> None:
    data = tfds_source.load("video_folder", data_dir=data_dir)
    assert data.classes == folder.scan(clips_dir).classes
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 18, "val": 6, "test": 12}

    def clips(source: Any) -> list[tuple[bytes, bytes, int]]:
        rows = [
            (b["video"][i].tobytes(), b["time"][i].tobytes(), int(b["label"][i]))
            for b in pipeline.batches(source, split="test", **OPTIONS)
            for i in range(6)
        ]
        return sorted(rows)

    assert clips(data) == clips(clips_dir)
    assert sorted(r.label for r in data.splits["test"]) == sorted(list(range(6)) * 2)


def test_images_are_read_by_time(data_dir: pathlib.Path) -> None:
    data = tfds_source.load("as_images", data_dir=data_dir)
    sizes = {k: len(v) for k, v in data.splits.items()}
    assert data.classes == ("dark", "light")
    assert sizes["test"] == 40
    assert sizes["train"] + sizes["val"] == 40
    assert sizes["val"] > 0
    batch = next(pipeline.batches(data, split="test", **OPTIONS))
    assert batch["label"].tolist() == [0, 1, 0, 1, 0, 1]
    frame = np.round(batch["time"] * tfds_source.FRAME_RATE)
    assert frame[0].tolist() == [1, 3, 6, 8]
    expected = 5 * np.arange(6)[:, None] + frame
    assert np.array_equal(batch["video"].mean((2, 3, 4)), expected)


def test_no_clip_to_validate_on_is_trained_on(data_dir: pathlib.Path) -> None:
    data = tfds_source.load("no_test", data_dir=data_dir)
    of = {split: {r.clips.name.split("/")[1] for r in v} for split, v in data.splits.items()}
    assert of == {"train": {"train"}, "val": {"val"}, "test": {"train"}}
    assert len(data.splits["val"]) == 40
    assert len(data.splits["train"]) + len(data.splits["test"]) == 40
    assert data.held_out == ("test",)


def test_arrays_without_labels(data_dir: pathlib.Path) -> None:
    data = tfds_source.load("as_arrays", data_dir=data_dir)
    assert data.classes == ("unlabelled",)
    assert sum(len(v) for v in data.splits.values()) == 40
    assert all(len(v) for v in data.splits.values())
    batches = pipeline.batches(data, split="train", **{**OPTIONS, "train": True})
    batch = next(batches)
    assert batch["video"].shape == (6, 4, 24, 24, 3)
    assert (batch["label"] == 0).all()
    assert np.ptp(batch["video"][0, 0]) == 0
    again = pipeline.batches(data, split="train", start=1, **{**OPTIONS, "train": True})
    assert np.array_equal(next(again)["video"], next(batches)["video"])
    assert not batches.skipped


def test_mistakes(data_dir: pathlib.Path) -> None:
    with pytest.raises(InputError, match="not prepared") as caught:
        tfds_source.load("ucf101", data_dir=data_dir)
    assert str(data_dir) in str(caught.value)
    assert "download_and_prepare" in str(caught.value)
    with pytest.raises(InputError, match="Did you mean 'as_images'"):
        tfds_source.load("as_image", data_dir=data_dir)
    with pytest.raises(InputError, match="no video feature among label"):
        tfds_source.load("no_video", data_dir=data_dir)
    with pytest.raises(InputError, match="not prepared"):
        tfds_source.load("as_images:2.0.0", data_dir=data_dir)


def test_newest_version_is_taken(tmp_path: pathlib.Path) -> None:
    for version in ("1.9.0", "1.10.0"):
        (tmp_path / "x" / version).mkdir(parents=True)
        (tmp_path / "x" / version / "dataset_info.json").touch()
    assert tfds_source._version_folder(tmp_path, "x").name == "1.10.0"
    assert tfds_source._version_folder(tmp_path, "x:1.9.0").name == "1.9.0"
