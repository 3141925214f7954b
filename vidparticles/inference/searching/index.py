"""The index: what is kept of each clip of a folder, by the content of its file.

An entry is a file of its own, named after the hash of the clip and of what looked at it. So a clip
that was moved, renamed or copied is not looked at again, one that was changed is, and an index
that was stopped goes on where it was. What the hash of a file is, is kept by its path, size and
time of change, since reading long footage takes longer than comparing it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from vidparticles import storage, weights
from vidparticles.data.folder import SUFFIXES
from vidparticles.errors import InputError, reason
from vidparticles.inference.searching import entry as entries
from vidparticles.inference.searching.entry import Entry
from vidparticles.inference.searching.look import RATE, look
from vidparticles.inference.searching.nearest import Seen
from vidparticles.inference.searching.words import Words
from vidparticles.inference.understanding.features import DEFAULT, PARTS, FeatureConfig
from vidparticles.inference.understanding.networks import Networks, networks
from vidparticles.progress import counted, listening
from vidparticles.storage import PathLike

VERSION = 2  # of what is kept of a clip
NETWORKS = ("i3d", "efficientnet-lite0")  # that look at clips, in the order of `entry.SETS`
DETECTOR = "nanodet"  # finds who moves; without it only the camera is told of
_BESIDE = (".srt", ".vtt", ".ass")  # subtitles in a file of their own, of the clip's name


@dataclasses.dataclass(frozen=True)
class Index:
    """What is known of clips.

    Attributes:
        paths: the clips that could be read.
        entries: of each, what is kept of it.
        hashes: of each, that of its content.
        broken: a sentence on each that could not be read.
        made: how many were looked at now; the others had been before.
        renewed: how many of these had been, too, but by something else, or less was kept.
    """

    paths: tuple[pathlib.Path, ...]
    entries: tuple[Entry, ...]
    hashes: tuple[str, ...]
    broken: tuple[str, ...] = ()
    made: int = 0
    renewed: int = 0

    @property
    def left_out(self) -> tuple[str, ...]:
        """The sentences on those that could not be read, for whoever asked for the others."""
        return tuple(f"{told.rstrip('.')}; it was left out." for told in self.broken)

    @property
    def owners(self) -> np.ndarray:
        """Int [N]: of which clip each moment is."""
        counts = [len(entry.starts) for entry in self.entries]
        return np.repeat(np.arange(len(counts)), counts)

    @property
    def moments(self) -> np.ndarray:
        """Int [N]: which of its clip each moment is."""
        return np.concatenate([np.zeros(0, int), *(np.arange(len(e.starts)) for e in self.entries)])

    @property
    def seen(self) -> Seen:
        """What is seen in the moments."""
        parts = [entry for entry in self.entries if len(entry.like)]
        if not parts:
            return Seen(np.zeros((0, 1), np.float32), np.zeros((0, PARTS**2), np.float32))
        return Seen(*(np.concatenate(x) for x in zip(*map(seen, parts), strict=True)))


def seen(entry: Entry, *, mirrored: bool = False) -> Seen:
    """What is seen in the moments of a clip, or of its mirror image: its layout is another."""
    layouts = entry.layouts.reshape(-1, PARTS, PARTS)[..., :: -1 if mirrored else 1]
    return Seen(entry.like, layouts.reshape(-1, PARTS**2))


def videos(folder: PathLike) -> list[pathlib.Path]:
    """The video files of a folder and of those within, by name; hidden ones are passed over.

    Raises:
        InputError: there is no such folder, or no such file in it.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        was = "is a file" if root.exists() else "no such folder"
        raise InputError(f"{root}: {was}; give a folder of video files.")
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]
    if not found:
        raise InputError(f"{root} holds no video file (.mp4, .mov, .mkv, .webm, .avi, .gif, …).")
    return found


def build(
    paths: Iterable[PathLike],
    *,
    folder: PathLike | None = None,
    words: Words | None = None,
    config: FeatureConfig = DEFAULT,
    rate: float = RATE,
) -> Index:
    """Look at each clip that was not looked at before, and keep what is seen of it.

    Args:
        paths: video files.
        folder: where the index is; by default in the user's cache.
        words: also say where their subtitles, and who moves where, lie among texts.
        config: how clips are looked at.
        rate: frames a second in which objects are followed; 0: they are not.

    Returns:
        What is known of those that could be read.

    Raises:
        InputError: none could be read, or the index cannot be written.

    Example:
        >>> build(["no_such_clip.mp4"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        vidparticles.errors.InputError: no_such_clip.mp4 cannot be read ...
    """
    here = default_folder() if folder is None else pathlib.Path(folder)
    with storage.write_errors(here):
        here.mkdir(parents=True, exist_ok=True)
    given = [pathlib.Path(path) for path in paths]
    reader = _Reader(here, words, config, rate)
    found, broken = [], []
    try:
        for path in counted(given, len(given), work="indexing"):
            try:
                with listening(None):
                    found.append((path, *reader.entry(path)))
            except _Broken as error:
                broken.append(str(error))
    finally:
        reader.known.write()
    if not found and len(given) == 1:
        raise InputError(broken[0])
    if not found:
        raise InputError(f"none of the {len(given)} clips can be read; {broken[0]}")
    names, kept, hashes = zip(*found, strict=True)
    return Index(names, kept, hashes, tuple(broken), made=reader.made, renewed=reader.renewed)


def default_folder() -> pathlib.Path:
    """Where the index is by default: `vidparticles/index` in the user's cache."""
    return storage.cache_folder() / "index"


class _Broken(Exception):  # noqa: N818
    """A clip that cannot be read, as opposed to an index that cannot be written."""


class _Reader:
    """Finds or makes entries; networks are loaded when the first is to be made."""

    def __init__(
        self, folder: pathlib.Path, words: Words | None, config: FeatureConfig, rate: float
    ):
        self.made = self.renewed = 0
        self.known = _Known(folder / "files.json")
        self._folder, self._words, self._config, self._rate = folder, words, config, rate
        self._recipe = _recipe(config, rate)
        self._loaded: Networks | None = None

    def entry(self, path: pathlib.Path) -> tuple[Entry, str]:
        """What is kept of a clip, and the hash of its content."""
        try:
            content = self.known.hash_of(path)
        except OSError as error:
            raise _Broken(
                f"{path} cannot be read ({reason(error)}); give the path of a video file."
            ) from error
        place = self._folder / f"{content[:32]}-{self._recipe}.safetensors"
        entry = entries.read(place)
        fresh = entry is None
        if entry is None:
            try:
                entry = self._look(path)
            except InputError as error:
                raise _Broken(str(error)) from error
            self.made += 1
            self.renewed += any(self._folder.glob(f"{content[:32]}-*.safetensors"))
        if self._words is not None:
            embed = self._words.embed
            if entry.spoken is None and entry.lines:
                spoken = embed([line.text for line in entry.lines])
                entry, fresh = dataclasses.replace(entry, spoken=spoken), True
            if entry.moved is None and entry.moves:
                moved = embed([line.text for line in entry.moves])
                entry, fresh = dataclasses.replace(entry, moved=moved), True
        if fresh:
            entries.write(place, entry)
        return entry, content

    def _look(self, path: pathlib.Path) -> Entry:
        if self._loaded is None:
            names = (*NETWORKS, DETECTOR) if self._rate else NETWORKS
            self._loaded = networks(self._config.size, names=names)
        seen, moves = look(path, networks_here=self._loaded, config=self._config, rate=self._rate)
        return entries.entry_of(seen, _subtitles(path), moves)


class _Known:
    """Hashes of files by path, size and time of change."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._rows: dict[str, list] = {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(path.read_text(encoding="utf-8"))
            self._rows = found if isinstance(found, dict) else {}
        self._new: dict[str, list] = {}

    def hash_of(self, path: pathlib.Path) -> str:
        stat, name = path.stat(), str(path.resolve())
        stamp = [stat.st_size, stat.st_mtime_ns]
        row = self._rows.get(name)
        if isinstance(row, list) and row[:2] == stamp and len(row) == 3:
            return str(row[2])
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        self._rows[name] = self._new[name] = [*stamp, found]
        return found

    def write(self) -> None:
        if self._new:
            storage.write_text(self._path, json.dumps(self._rows))


def lookers() -> dict[str, str]:
    """The networks that are here to look at clips, and the hashes of their weights."""
    return {
        name: weights.named(name).sha256
        for name in NETWORKS
        if weights.status(name).state == "there"
    }


def detector() -> str | None:
    """The hash of the weights of what finds who moves, where they are here."""
    return weights.named(DETECTOR).sha256 if weights.status(DETECTOR).state == "there" else None


def _recipe(config: FeatureConfig, rate: float) -> str:
    """A name for what looks at clips: which networks are here, and how they are applied."""
    follows = [detector(), rate] if rate else None
    told = json.dumps([VERSION, lookers(), follows, dataclasses.asdict(config)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _subtitles(path: pathlib.Path) -> Sequence:
    from vidparticles.video import open_video
    from vidparticles.video.extras import read_subtitles

    with open_video(path) as video:
        found = list(read_subtitles(path, video.table.origin))
    for suffix in _BESIDE:
        beside = path.with_suffix(suffix)
        if beside.is_file():
            with contextlib.suppress(InputError):  # which is not of the clip itself
                found += read_subtitles(beside)
    return found
