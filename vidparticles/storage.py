"""Files that are whole or not there: written beside under a hidden name, then renamed.

Nothing else in the package renames a file, so that no reader ever meets half of one, whatever
stops the writer: an exception, an interrupt or a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import secrets
from collections.abc import Iterator

from vidparticles.errors import InputError, reason

PathLike = str | os.PathLike[str]

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def atomic_write(path: PathLike) -> Iterator[pathlib.Path]:
    """A hidden path beside `path`, to be written within the `with` block and renamed at its end.

    What goes wrong in the block is passed on as it is; use `write_errors` within it around what
    touches the disk. Then, and after an interrupt, the hidden file is removed and what was at
    `path` before is untouched.

    Args:
        path: the file to write; its folder exists. An existing file is replaced.

    Yields:
        The hidden path, with the suffix of `path`.

    Raises:
        InputError: the file cannot be renamed, because the disk is full for example.

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
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        with write_errors(path):
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write a file at once, all of it or nothing.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(path) as partial, write_errors(path):
        partial.write_bytes(content)


def write_text(path: PathLike, text: str) -> None:
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
    write_bytes(path, text.encode())
