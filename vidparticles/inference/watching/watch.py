"""`vidparticles watch`: a camera, a pipe, a file that grows, or the new files of a folder."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Iterator

from vidparticles.errors import InputError
from vidparticles.inference.watching.signals import Happening, WatchConfig, Watcher
from vidparticles.video.files import SUFFIXES
from vidparticles.video.live import arriving, is_address

_STREAMS = (*SUFFIXES, ".ts", ".m2ts", ".avi", ".flv", ".mpg", ".mpeg", ".wmv", ".3gp", ".ogv")


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """How sources are waited for.

    Attributes:
        patience: seconds without anything new after which a file has ended and an address is
            broken.
        poll: seconds between two looks into a folder.
        settled: seconds for which a new file of a folder has not grown, before it is read.
        first, longest: seconds before an address is tried again: the first time, and at most;
            each time twice as long.
        tries: times in a row without a picture, after which an address is given up; None never.
    """

    patience: float = 3.0
    poll: float = 0.5
    settled: float = 1.0
    first: float = 1.0
    longest: float = 30.0
    tries: int | None = None


def watch(
    source: str | os.PathLike[str],
    *,
    config: WatchConfig | None = None,
    waiting: SourceConfig | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Happening]:
    """What happens in a source, while it happens; memory does not grow.

    Args:
        source: "-" for the standard input; an address (rtsp://, http://, udp://, …), which is
            tried again when it breaks; a file, which is read on while it grows; or a folder, whose
            new files are read one after another, for ever.
        config: when something is told.
        waiting: how sources are waited for.
        sleep: waits so many seconds.

    Returns:
        Happenings; of each file, pipe or connection "begin" first and "end" last. A file or a
        connection that breaks is "broken", and watching goes on.

    Raises:
        InputError: there is no such file or folder.

    Example:
        >>> from vidparticles.video import footage
        >>> told = list(watch(footage.path("nasa"), waiting=SourceConfig(patience=0)))
        >>> [h.what for h in told if h.what in ("begin", "cut", "broken", "end")]
        ['begin', 'cut', 'end']
    """
    waiting, name = waiting or SourceConfig(), os.fspath(source)
    if name != "-" and not is_address(name) and not pathlib.Path(name).exists():
        raise InputError(f"{name}: no such file or folder; give one, an address, or - for a pipe.")
    if is_address(name):
        yield from _address(name, config, waiting, sleep)
    elif os.path.isdir(name):
        yield from _folder(pathlib.Path(name), config, waiting, sleep)
    else:
        yield from _one(name, config, waiting)


def _one(source: str, config: WatchConfig | None, waiting: SourceConfig) -> Iterator[Happening]:
    """A file, a pipe or a connection, until it ends or breaks."""
    last = 0.0
    pictures = arriving(source, patience=waiting.patience)
    broken = None

    def whole() -> Iterator:
        """The pictures, until they end in any way."""
        nonlocal broken
        try:
            yield from pictures
        except InputError as error:
            broken = str(error)

    yield Happening("begin", 0.0, source=source)
    for happening in Watcher(config).run(whole()):
        last = max(last, happening.time)
        yield dataclasses.replace(happening, source=source)
    if broken is not None:
        yield Happening("broken", last, source=source, why=broken)
    yield Happening("end", last, source=source)


def _address(
    source: str,
    config: WatchConfig | None,
    waiting: SourceConfig,
    sleep: Callable[[float], object],
) -> Iterator[Happening]:
    wait, failed = waiting.first, 0
    while waiting.tries is None or failed < waiting.tries:
        seen = False
        for happening in _one(source, config, waiting):
            seen |= happening.what not in ("begin", "broken", "end")
            yield happening
        wait, failed = (waiting.first, 0) if seen else (wait, failed + 1)
        if waiting.tries is None or failed < waiting.tries:
            sleep(wait)
            wait = min(2 * wait, waiting.longest)


def _folder(
    folder: pathlib.Path,
    config: WatchConfig | None,
    waiting: SourceConfig,
    sleep: Callable[[float], object],
) -> Iterator[Happening]:
    known = set(_files(folder))
    sizes: dict[pathlib.Path, tuple[int, float]] = {}
    while True:
        files = _files(folder)
        known &= set(files)  # one that went may come again, and names do not pile up
        sizes = {path: size for path, size in sizes.items() if path in files}
        for path in files:
            if path in known:
                continue
            now = time.monotonic()
            size = _size(path)
            if path not in sizes or sizes[path][0] != size:
                sizes[path] = size, now
            if now - sizes[path][1] >= waiting.settled:
                known.add(path)
                del sizes[path]
                yield from _one(str(path), config, waiting)
        sleep(waiting.poll)


def _size(path: pathlib.Path) -> int:
    """Bytes of a file, −1 of one that is gone again."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The videos of a folder, by name; those that are being written by us are hidden."""
    try:
        paths = list(folder.iterdir())
    except OSError:  # a disk that comes and goes
        return []
    return sorted(p for p in paths if p.suffix.lower() in _STREAMS and not p.name.startswith("."))
