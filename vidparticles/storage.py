"""Files that are whole or not there: written beside under a hidden name, then put in their place.

Nothing else in the package renames a file, so that no reader ever meets half of one, whatever
stops the writer: an exception, an interrupt or a full disk. What a process that was killed has
left behind is removed by the next one that writes there: a hidden file is locked while it is
written, and the lock ends with the process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import re
import secrets
import threading
from collections.abc import Iterator

from vidparticles.errors import InputError, reason

try:
    import fcntl
except ImportError:  # Windows, which removes nothing that others have open anyhow
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial(\.\w+)?")

# Of this process, since whoever ends it must know: files that are being written, those that have
# taken their place, folders in which those of others were looked for.
_lock = threading.RLock()
_partial: set[pathlib.Path] = set()
_written: list[pathlib.Path] = []
_swept: set[pathlib.Path] = set()


@contextlib.contextmanager
def atomic_write(
    path: PathLike, *, overwrite: bool = True, listed: bool = True
) -> Iterator[pathlib.Path]:
    """A hidden path beside `path`, which takes its place at the end of the `with` block.

    What goes wrong in the block is passed on as it is; use `write_errors` within it around what
    touches the disk. Then, and after an interrupt, the hidden file is removed and what was at
    `path` before is untouched.

    Args:
        path: the file to write; its folder exists.
        overwrite: replace a file that is there at the end; else one that has appeared meanwhile
            stays.
        listed: whether `written` has it; a cache's files are nobody's business.

    Yields:
        The hidden path, with the suffix of `path`; an empty file.

    Raises:
        InputError: the file cannot be written, because the disk is full for example, or is there
            and not to be replaced.

    Example:
        >>> import tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(path) as partial:
        ...     _ = partial.write_text("whole")
        ...     path.exists()
        False
        >>> path.read_text(), [p.name for p in path.parent.iterdir()]
        ('whole', ['note.txt'])
    """
    path = pathlib.Path(path)
    with write_errors(path):
        _sweep(path.parent)
        partial, file = _locked(path)
    try:
        yield partial
        with write_errors(path), _lock:
            _put(partial, path, overwrite)
            if listed:
                _written.append(path)
    finally:
        with contextlib.suppress(OSError):  # as of a disk that can be read only by now
            partial.unlink(missing_ok=True)
        _partial.discard(partial)
        os.close(file)


def written() -> tuple[pathlib.Path, ...]:
    """The files that this process has put in their place so far, in order."""
    return tuple(_written)


def abandon() -> tuple[pathlib.Path, ...]:
    """Remove what is being written and put nothing in its place any more, for good.

    For whoever ends the process from another thread.

    Returns:
        As `written`.
    """
    _lock.acquire()
    for partial in tuple(_partial):
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return written()


def _locked(path: pathlib.Path) -> tuple[pathlib.Path, int]:
    """A new hidden file beside a path, and its descriptor, which holds its lock."""
    while True:
        partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
        file = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        _partial.add(partial)
        if fcntl is None:
            return partial, file
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if partial.exists():
            return partial, file
        _partial.discard(partial)  # swept by another before it was locked
        os.close(file)


def _put(partial: pathlib.Path, path: pathlib.Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(partial, path)  # which alone tells of a file in one step with making it
            return
        except FileExistsError:
            raise InputError(
                f"{path} has appeared meanwhile and was left as it is; give --overwrite "
                "(overwrite=True) to replace it, or another name."
            ) from None
        except OSError:  # a file system without links
            if path.exists():
                raise
    os.replace(partial, path)


def _sweep(folder: pathlib.Path) -> None:
    """Remove what processes that are no more were writing in a folder."""
    if fcntl is None or folder in _swept:
        return
    _swept.add(folder)
    for path in folder.iterdir():
        if not _PARTIAL.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):  # locked by who writes it, or gone
            file = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


@contextlib.contextmanager
def one_at_a_time(folder: PathLike) -> Iterator[None]:
    """Within the block no other process is in such a block of the same folder; it waits.

    Args:
        folder: is made where it is not there. Nothing is left in it.

    Raises:
        InputError: it cannot be made.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "new"
        >>> with one_at_a_time(folder):
        ...     list(folder.iterdir())
        []
    """
    with write_errors(folder):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    with write_errors(folder):
        file = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def cache_folder() -> pathlib.Path:
    """The folder of this package in the user's cache; `XDG_CACHE_HOME` is heeded.

    Example:
        >>> cache_folder().name
        'vidparticles'
    """
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(root) / "vidparticles"


@contextlib.contextmanager
def write_errors(path: PathLike, *more: type[Exception]) -> Iterator[None]:
    """Turns what goes wrong while `path` is written into a sentence.

    Args:
        path: the file, for the sentence.
        *more: what else than `OSError` tells of a failed write, such as a codec library's own.

    Raises:
        InputError: the disk is full, or another error of the system.

    Example:
        >>> with write_errors("clip.mp4"):
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: clip.mp4: the disk is full (No space left on device) and \
nothing was left there; free some space or give another path.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *more)
    try:
        yield
    except kinds as error:
        if getattr(error, "errno", None) in _FULL_DISK:
            raise InputError(
                f"{path}: the disk is full ({reason(error)}) and nothing was left there; free "
                "some space or give another path."
            ) from error
        raise InputError(
            f"{path} could not be written ({reason(error)}) and nothing was left there; give "
            "another path."
        ) from error


def write_bytes(path: PathLike, content: bytes, *, overwrite: bool = True) -> None:
    """Write a file at once, all of it or nothing.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(path, overwrite=overwrite) as partial, write_errors(path):
        partial.write_bytes(content)


def write_text(path: PathLike, text: str, *, overwrite: bool = True) -> None:
    """Write a file of UTF-8 text at once, all of it or nothing.

    Raises:
        InputError: it cannot be written.

    Example:
        >>> write_text("/no/such/folder/note.txt", "…")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: /no/such/folder/note.txt could not be written (No such \
file or directory) and nothing was left there; give another path.
    """
    write_bytes(path, text.encode(), overwrite=overwrite)
