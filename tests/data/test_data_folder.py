"""Folders of clips: what is found, how it is split, and what a wrong layout is told."""

from __future__ import annotations

import pathlib

import pytest

from vidparticles.data import folder
from vidparticles.errors import InputError


def _tree(root: pathlib.Path, *names: str) -> pathlib.Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_hash_split_is_stable_and_moves_nothing(tmp_path: pathlib.Path) -> None:
    names = [f"{c}/clip_{i:03d}.mp4" for c in ("run", "walk") for i in range(150)]
    data = folder.scan(_tree(tmp_path, *names))
    assert data.classes == ("run", "walk")
    sizes = {k: len(v) for k, v in data.splits.items()}
    assert sum(sizes.values()) == 300
    assert 180 < sizes["train"] < 240
    assert min(sizes["val"], sizes["test"]) > 25
    before = {c.path: k for k, v in data.splits.items() for c in v}
    _tree(tmp_path, *(f"run/more_{i}.mp4" for i in range(50)))
    after = {c.path: k for k, v in folder.scan(tmp_path).splits.items() for c in v}
    assert all(after[path] == split for path, split in before.items())
    assert all(
        c.label == data.classes.index(c.path.parent.name) for v in data.splits.values() for c in v
    )


def test_split_folders_and_what_is_passed_over(tmp_path: pathlib.Path) -> None:
    _tree(
        tmp_path,
        *(f"train/{c}/{i}.mp4" for c in "ab" for i in range(40)),
        *("test/a/x.MKV", "test/b/y.avi", "train/a/notes.txt", "train/a/.hidden.mp4"),
        *(".cache/z.mp4", "README.md"),
    )
    data = folder.scan(tmp_path)
    assert [c.path.name for c in data.splits["test"]] == ["x.MKV", "y.avi"]
    # Without val/ a part of train is held out, each clip in one of the two.
    train, val = ({c.path for c in data.splits[s]} for s in ("train", "val"))
    assert len(train | val) == 80
    assert not train & val
    assert len(val) > 3
    assert data.held_out == ("val",)


@pytest.mark.parametrize("given", [("train", "val"), ("train", "test"), ("train",)])
def test_what_is_given_is_used_as_it_is_and_train_lends_the_rest(
    tmp_path: pathlib.Path, given: tuple[str, ...]
) -> None:
    _tree(tmp_path, *(f"{split}/{c}/{i}.mp4" for split in given for c in "ab" for i in range(40)))
    data = folder.scan(tmp_path)
    absent = {"train", "val", "test"} - set(given)
    for split, clips in data.splits.items():
        lent_by = "train" if split in absent else split
        assert {c.path.relative_to(tmp_path).parts[0] for c in clips} == {lent_by}
        if split != "train":
            assert len(clips) == 80 or (split in absent and 3 < len(clips) < 25)
    assert set(data.held_out) == absent
    assert sum(map(len, data.splits.values())) == 80 * len(given)
    said = folder.describe(data)
    assert all(f"{len(clips)} {split}" in said for split, clips in data.splits.items())
    assert all(split in said.split(";")[1] for split in absent)


def test_clips_in_folders_within_a_class_are_its_own(tmp_path: pathlib.Path) -> None:
    data = folder.scan(
        _tree(tmp_path, "run/a.mp4", "run/home/b.mp4", "run/.bin/c.mp4", "walk/a.avi")
    )
    found = {c.path.relative_to(tmp_path).as_posix() for v in data.splits.values() for c in v}
    assert found == {"run/a.mp4", "run/home/b.mp4", "walk/a.avi"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([], ["is empty", folder.LAYOUT]),
        (["a.mp4"], ["a.mp4", "outside any class folder", folder.LAYOUT]),
        (["train/a.mp4"], ["a.mp4", "outside any class folder", folder.LAYOUT]),
        (["notes.txt"], ["no class folders", folder.LAYOUT]),
        (["run/a.mp4", "walk/notes.txt"], ["the class 'walk' has no clips"]),
        (["train/run/a.mp4", "walk/b.mp4"], ["'walk' beside 'train'", folder.LAYOUT]),
    ],
)
def test_wrong_layouts(tmp_path: pathlib.Path, files: list[str], words: list[str]) -> None:
    root = tmp_path / "data"
    root.mkdir()
    with pytest.raises(InputError) as caught:
        folder.scan(_tree(root, *files))
    for word in [str(root), *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        folder.scan(tmp_path / "absent")
    with pytest.raises(InputError, match="is a file"):
        folder.scan(_tree(tmp_path, "clip.mp4") / "clip.mp4")


def test_empty_split_is_named(tmp_path: pathlib.Path) -> None:
    data = folder.scan(_tree(tmp_path, *(f"test/a/{i}.mp4" for i in range(3)), "val/a/1.mp4"))
    with pytest.raises(InputError, match=r"no clips in its split 'train'; it has val \(\d+ clips"):
        data.clips("train")
    with pytest.raises(InputError, match="no split 'tets'"):
        data.clips("tets")
