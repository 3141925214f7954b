"""Batches: the same to the bit after any stop, on any number of hosts; every clip once."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from vidparticles.data import folder, pipeline
from vidparticles.data.augment import Augment
from vidparticles.data.clips import FileClips
from vidparticles.errors import InputError
from vidparticles.video import open_video

SMALL: dict[str, Any] = {"frames": 4, "size": 24, "batch_size": 4}
TRAIN = {**SMALL, "split": "train", "augment": Augment(crop=0.8, flip=True, brightness=0.2)}


def _same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def run(clips_dir: pathlib.Path) -> list[dict[str, np.ndarray]]:
    """The first 14 batches of a run over 18 clips: three epochs and a piece."""
    batches = pipeline.batches(clips_dir, seed=3, **TRAIN)
    return [next(batches) for _ in range(14)]


def test_batch_is_as_promised(run: list[dict[str, np.ndarray]]) -> None:
    batch = run[0]
    shapes = {k: (v.shape, v.dtype.name) for k, v in batch.items()}
    assert shapes == {
        "video": ((4, 4, 24, 24, 3), "uint8"),
        "time": ((4, 4), "float32"),
        "label": ((4,), "int32"),
        "_mask": ((4,), "bool"),
        "index": ((4,), "int64"),
    }
    assert batch["_mask"].all()
    assert (np.diff(batch["time"], axis=1) > 0).all()
    assert batch["time"].min() >= 0
    assert batch["time"].max() < 2


def test_stop_anywhere_and_go_on(clips_dir: pathlib.Path, run: list[dict[str, np.ndarray]]) -> None:
    for start in (1, 4, 5, 9, 13):
        batches = pipeline.batches(clips_dir, seed=3, start=start, **TRAIN)
        assert batches.state == start
        assert _same(next(batches), run[start])
        assert batches.state == start + 1
    other = pipeline.batches(clips_dir, seed=4, **TRAIN)
    assert not _same(next(other), run[0])


@pytest.mark.parametrize("hosts", [2, 4])
def test_any_number_of_hosts(
    clips_dir: pathlib.Path, run: list[dict[str, np.ndarray]], hosts: int
) -> None:
    each = [
        pipeline.batches(clips_dir, seed=3, start=4, host=h, hosts=hosts, **TRAIN)
        for h in range(hosts)
    ]
    for step in (4, 5):
        parts = [next(batches) for batches in each]
        assert {len(p["label"]) for p in parts} == {4 // hosts}
        whole = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
        assert _same(whole, run[step])


def test_each_epoch_sees_every_clip_once(run: list[dict[str, np.ndarray]]) -> None:
    seen = np.concatenate([batch["index"] for batch in run])
    epochs = seen[:54].reshape(3, 18)
    assert (np.sort(epochs, axis=1) == np.arange(18)).all()
    assert not np.array_equal(epochs[0], epochs[1])


def test_frames_are_the_clips_own(clips_dir: pathlib.Path) -> None:
    data = folder.scan(clips_dir)
    plain = {**SMALL, "split": "train", "size": (40, 60)}
    for sampling in pipeline.SAMPLINGS:
        batch = next(pipeline.batches(data, seed=1, sampling=sampling, rate=6.0, **plain))
        for row, video in enumerate(batch["index"]):
            clip = data.splits["train"][video]
            assert batch["label"][row] == clip.label
            with open_video(clip.path) as opened:
                places = [opened.index_at(t + 1e-4) for t in batch["time"][row]]
                assert np.allclose(opened.times[places], batch["time"][row])
                assert np.array_equal(opened.frames(places, size=(40, 60)), batch["video"][row])


def test_clips_that_are_held_are_the_same(clips_dir: pathlib.Path, monkeypatch) -> None:
    from vidparticles.data import clips

    read = folder.scan(clips_dir)
    held = dataclasses.replace(read, held=True).clips("train")
    fresh = read.clips("train")
    for most in (clips._HELD, 0):  # what does not fit is read as ever
        monkeypatch.setattr(clips, "_HELD", most)
        for video, times in ((0, [0.1, 0.1, 0.4]), (1, [0.0, 0.3, 9.0]), (0, [0.2])):

            def choose(_: float, times: list[float] = times) -> np.ndarray:
                return np.array(times)

            one, other = (c.read(video, choose, size=(24, 32)) for c in (held, fresh))
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)


def test_evaluation_sees_every_clip_once(clips_dir: pathlib.Path) -> None:
    options = {**SMALL, "split": "test", "batch_size": 10, "train": False}
    batches = pipeline.batches(clips_dir, **options)
    found = list(batches)
    assert len(found) == len(batches) == 2  # 12 clips and 8 rows of padding
    mask = np.concatenate([b["_mask"] for b in found])
    index = np.concatenate([b["index"] for b in found])
    assert index[mask].tolist() == list(range(12))
    assert (index[~mask] == -1).all()
    assert all(len(b["label"]) == 10 for b in found)
    # The same on two hosts, which see equally many batches.
    halves = [list(pipeline.batches(clips_dir, host=h, hosts=2, **options)) for h in range(2)]
    for whole, *parts in zip(found, *halves, strict=True):
        assert _same(whole, {k: np.concatenate([p[k] for p in parts]) for k in whole})
    # Fixed times: evaluation has no randomness.
    assert _same(next(pipeline.batches(clips_dir, seed=9, **options)), found[0])


def test_dense_evaluation_covers_every_clip(clips_dir: pathlib.Path) -> None:
    found = list(
        pipeline.batches(clips_dir, split="val", train=False, sampling="dense", rate=5.0, **SMALL)
    )
    mask = np.concatenate([b["_mask"] for b in found])
    index = np.concatenate([b["index"] for b in found])[mask]
    # 2 s in windows of 4/5 s: three each.
    assert index.tolist() == np.repeat(np.arange(6), 3).tolist()
    times = np.concatenate([b["time"] for b in found])[mask][:3].ravel()
    assert times.min() < 0.2
    assert times.max() > 1.8


@pytest.fixture
def broken(clips_dir: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """Eight good clips and two that cannot be read."""
    for split in ("train", "val", "test"):
        for clip in sorted((clips_dir / "test").glob("*/*_0000.mp4"))[:4]:
            where = tmp_path / split / clip.parent.name
            where.mkdir(parents=True)
            shutil.copy(clip, where)
        bad = tmp_path / split / "avoid" / f"bad_{split}.mp4"
        bad.write_bytes(b"this is no video")
    return tmp_path


def test_corrupt_clip_is_replaced_and_named(broken: pathlib.Path) -> None:
    data = folder.scan(broken)
    count = len(data.splits["train"])
    bad = next(i for i, c in enumerate(data.splits["train"]) if c.path.stem == "bad_train")
    first = pipeline.batches(data, split="train", seed=2, **SMALL)
    run = [next(first) for _ in range(6)]
    assert all(b["_mask"].all() for b in run)
    index = np.concatenate([b["index"] for b in run])
    assert bad not in index
    assert list(first.skipped) == [str(data.splits["train"][bad].path)]
    assert "not a video" in next(iter(first.skipped.values()))
    # What replaces it depends on the counter alone, not on what was met before.
    again = pipeline.batches(data, split="train", seed=2, start=5, **SMALL)
    assert _same(next(again), run[5])
    assert count == len(set(index.tolist())) + 1


def test_corrupt_clip_is_masked_in_evaluation(broken: pathlib.Path) -> None:
    data = folder.scan(broken)
    for sampling in pipeline.SAMPLINGS:
        batches = pipeline.batches(
            data, split="test", train=False, sampling=sampling, rate=2.0, **SMALL
        )
        found = list(batches)
        mask = np.concatenate([b["_mask"] for b in found])
        assert mask.sum() == 4
        assert len(batches.skipped) == 1


def test_a_mistake_in_the_code_is_no_corrupt_clip(
    clips_dir: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise TypeError("a mistake")

    batches = pipeline.batches(clips_dir, split="train", **SMALL)
    monkeypatch.setattr(FileClips, "read", wrong)
    with pytest.raises(Exception, match="a mistake"):
        next(batches)
    assert not batches.skipped


def test_nothing_readable_is_an_error(tmp_path: pathlib.Path) -> None:
    for i in range(3):
        (tmp_path / "train" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / "a" / f"{i}.mp4").write_bytes(b"no")
    for given in ("val", "test"):  # so that train lends them nothing
        (tmp_path / given).mkdir()
    with pytest.raises(InputError, match="none of the 3 clips can be read"):
        next(pipeline.batches(tmp_path, split="train", **SMALL))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"batch_size": 3, "hosts": 2}, "multiple of the hosts"),
        ({"host": 2, "hosts": 2}, "expected 0 … 1"),
        ({"sampling": "sparse"}, "uniform, dense"),
        ({"frames": 0}, "frames ≥ 1"),
    ],
)
def test_wrong_arguments(clips_dir: pathlib.Path, wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pipeline.batches(clips_dir, **{**SMALL, "split": "train", **wrong})


def test_endless_training_has_no_length(clips_dir: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="no end"):
        len(pipeline.batches(clips_dir, split="train", **SMALL))
