"""Folders of clips: `DIR/class/clip.mp4`, or the same under `DIR/train`, `val` and `test`."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from vidparticles.data.clips import FileClips, HeldClips
from vidparticles.errors import InputError

T = TypeVar("T")

SPLITS = ("train", "val", "test")
# Of clips that nobody has split, by a hash of their names.
SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}
# What players know as video; anything else in a class's folder is passed over.
SUFFIXES = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts", ".mts"),
    *(".wmv", ".flv", ".ogv", ".3gp"),
}
LAYOUT = "DIR/class/clip.mp4, or DIR/train/class/clip.mp4 with val/ and test/ beside train/"


@dataclasses.dataclass(frozen=True)
class Clip:
    """One labelled file."""

    path: pathlib.Path
    label: int


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Labelled clips on disk.

    Attributes:
        classes: names in alphabetical order; a label is an index of it.
        splits: "train", "val" and "test" → their clips, in the order of their names.
        name: of the folder or the set, for messages.
        held: whether decoded clips are kept in memory, as far as they fit.
        held_out: the splits that were not given, and are a part of train.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, Sequence[Clip]]
    name: str = "the data set"
    held: bool = False
    held_out: tuple[str, ...] = ()

    def clips(self, split: str) -> FileClips:
        """The clips of a split, as the pipeline reads them.

        Raises:
            InputError: no such split, or it is empty.
        """
        clips = chosen(self.splits, split, self.name)
        kind = HeldClips if self.held else FileClips
        return kind([c.path for c in clips], [c.label for c in clips])


def chosen(splits: Mapping[str, Sequence[T]], split: str, where: str) -> Sequence[T]:
    """The members of one split, or a sentence on which splits there are."""
    full = ", ".join(f"{name} ({len(c)} clips)" for name, c in splits.items() if c)
    if split not in splits:
        raise InputError(f"{where} has no split '{split}'; it has {full}.")
    if not splits[split]:
        raise InputError(f"{where} has no clips in its split '{split}'; it has {full}.")
    return splits[split]


def scan(directory: str | os.PathLike[str]) -> Dataset:
    """Find the clips of a folder; nothing is opened.

    Args:
        directory: laid out as `class/clip.mp4`, when every clip goes to train (70 %), val or
            test (15 % each) by a hash of its name, so that adding clips moves none; or with
            folders `train`, `val` and `test` of classes, which are used as they are: one that is
            absent is held out of `train` in the same way.

    Returns:
        the clips, those in folders within a class's too. Hidden files and files of other kinds
        are passed over.

    Raises:
        InputError: no such folder, an empty or wrongly laid-out one, or a class without clips.
    """
    root = pathlib.Path(directory)
    if not root.exists():
        raise InputError(f"{root}: no such folder; expected {LAYOUT}.")
    if not root.is_dir():
        raise InputError(f"{root} is a file; expected a folder laid out as {LAYOUT}.")
    folders = _folders(root)
    if not any(root.iterdir()):
        raise InputError(f"{root} is empty; expected {LAYOUT}.")
    split_folders = [f for f in folders if f.name in SPLITS]
    if split_folders:
        found = {f.name: _classes(f) for f in split_folders}
        stray = [f.name for f in folders if f.name not in SPLITS]
        if stray:
            raise InputError(
                f"{root} has the folder '{stray[0]}' beside '{split_folders[0].name}'; expected "
                f"{LAYOUT}."
            )
    else:
        found = {"all": _classes(root)}
    classes = tuple(sorted({name for classes in found.values() for name in classes}))
    if not classes:
        raise InputError(f"{root} has no class folders; expected {LAYOUT}.")
    for name in classes:
        if not any(classes.get(name) for classes in found.values()):
            raise InputError(
                f"{root}: the class '{name}' has no clips (files ending in .mp4, .mov, .mkv, "
                ".webm, .avi, .gif, …); add some or remove its folder."
            )
    parts: dict[str, list[Clip]] = {name: [] for name in SPLITS}
    for folder, by_class in found.items():
        for label, name in enumerate(classes):
            for path in by_class.get(name, []):
                own = path.relative_to(root).with_suffix("").as_posix()
                parts[split_of(own, folder, found)].append(Clip(path, label))
    splits = {name: tuple(clips) for name, clips in parts.items()}
    held_out = tuple(name for name in SPLITS if "train" in found and name not in found)
    return Dataset(classes, splits, name=str(root), held_out=held_out)


def hash_split(name: str, shares: Mapping[str, float] = SHARES) -> str:
    """The split of a name: the same on every machine, whatever else there is.

    Example:
        >>> hash_split("wave/clip_07.mp4")
        'train'
    """
    digest = hashlib.sha256(name.encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares.values())
    for split, share in shares.items():
        point -= share
        if point < 0:
            return split
    return list(shares)[-1]


def split_of(name: str, given: str, there: Collection[str]) -> str:
    """The split of a clip: the one it was given, unless that lends some to those not there.

    Args:
        name: what its share is drawn by.
        given: the split it was given; any other name for none.
        there: all that were given. Where none is a split, all clips are shared out.

    Example:
        >>> split_of("wave/7", "val", {"train", "val"})
        'val'
        >>> sorted({split_of(f"wave/{k}", "train", {"train", "val"}) for k in range(99)})
        ['test', 'train']
    """
    if not set(SPLITS) & set(there):
        return hash_split(name)
    if given != "train":
        return given
    absent = {split: share for split, share in SHARES.items() if split not in there}
    return hash_split(name, {"train": 1 - sum(absent.values()), **absent})


def describe(dataset: Any) -> str:
    """How many clips each split has, and which were held out of train.

    Args:
        dataset: a `Dataset`, or what is used like one.

    Example:
        >>> describe(Dataset((), {"train": [Clip(pathlib.Path("a.mp4"), 0)], "val": ()}))
        'clips: 1 train, 0 val'
    """
    counts = ", ".join(f"{len(clips)} {name}" for name, clips in dataset.splits.items())
    held = " and ".join(getattr(dataset, "held_out", ()))
    return f"clips: {counts}" + (
        f"; {held} held out of train by a hash of the names" if held else ""
    )


def _classes(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Class name → its clips; a folder of clips without classes is an error."""
    loose = _videos(folder)
    if loose:
        raise InputError(
            f"{folder} holds the clip {loose[0].name} outside any class folder; expected {LAYOUT}."
        )
    return {f.name: _videos(f, within=True) for f in _folders(folder)}


def _folders(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _videos(folder: pathlib.Path, *, within: bool = False) -> list[pathlib.Path]:
    """The clips of a folder; with `within`, of the folders in it too."""
    return sorted(
        f
        for f in (folder.rglob("*") if within else folder.iterdir())
        if f.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in f.relative_to(folder).parts)
        and f.is_file()
    )
