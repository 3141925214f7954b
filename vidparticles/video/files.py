"""Opening and writing media files, with the sentences a user reads when that fails."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Any

import av

from vidparticles.errors import InputError, reason
from vidparticles.storage import PathLike, write_errors

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif")

# Tags that are no UTF-8 are no reason to refuse a file; from PyAV 19 on they never are.
_TOLERANT: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)


def open_input(path: PathLike) -> av.container.InputContainer:
    """A media file opened for reading.

    Raises:
        InputError: no such file, a folder, unreadable, or not a media file.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; give the path of a video file.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected one video file.")
    if not path.is_file():
        raise InputError(
            f"{path} is a pipe or a device, which cannot be read twice; save it to a file first."
        )
    try:
        return av.open(str(path), **_TOLERANT)
    except FileNotFoundError:  # it has gone since it was looked for
        raise InputError(
            f"{path}: no such file any more; leave it there while it is read."
        ) from None
    except PermissionError:
        raise InputError(f"{path} cannot be read; check its permissions.") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        empty = path.exists() and path.stat().st_size == 0
        size = "it is empty" if empty else reason(error)
        raise InputError(
            f"{path} is not a video that can be read ({size}); expected a complete mp4, mov, "
            "mkv, webm, avi or gif file."
        ) from None


def video_stream(container: av.container.InputContainer, path: pathlib.Path) -> av.VideoStream:
    """The picture stream that a player would choose.

    Raises:
        InputError: there is none.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        if container.streams.audio:
            raise InputError(f"{path} holds sound only; expected a file with a video stream.")
        raise InputError(f"{path} has no video stream; expected a video file.")
    return stream


def check_output(
    path: PathLike, overwrite: bool = False, *, suffixes: tuple[str, ...] = SUFFIXES
) -> pathlib.Path:
    """Refuse an output path early, before any work is done.

    Args:
        path: where a video is to be written.
        overwrite: an existing file may be replaced.
        suffixes: what its name may end in.

    Returns:
        The path.

    Raises:
        InputError: the suffix is unknown, the folder is missing or the file exists.

    Example:
        >>> check_output("clip.xyz")
        Traceback (most recent call last):
        ...
        vidparticles.errors.InputError: clip.xyz: cannot write '.xyz'; expected a name that \
ends in .mp4, .m4v, .mov, .mkv, .webm or .gif.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in suffixes:
        raise InputError(
            f"{path}: cannot write {path.suffix!r}; expected a name that ends in "
            f"{', '.join(suffixes[:-1])} or {suffixes[-1]}."
        )
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected the name of a file to write.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; give --overwrite (overwrite=True) to replace it.")
    return path


def writing(path: pathlib.Path) -> contextlib.AbstractContextManager[None]:
    """Turns what goes wrong while a media file is written into a sentence.

    Raises:
        InputError: the disk is full, or another error of the system or of FFmpeg.
    """
    return write_errors(path, av.error.FFmpegError)
