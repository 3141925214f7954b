"""Pictures of a source while they arrive: a pipe, a camera, a file that still grows.

Nothing is known of what comes, so there is no table of frames: packets are decoded as they are
read, and what cannot be decoded is left out.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import av

from vidparticles.errors import InputError, reason
from vidparticles.video.files import video_stream
from vidparticles.video.picture.stored import Picture

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_POLL = 0.1  # seconds between two looks at a file that grows
_BAD = 250  # packets in a row that do not decode, with which a source is given up


class BrokenSourceError(InputError):
    """A source that was there gives no further pictures, and not because it has ended."""


def is_address(source: str) -> bool:
    """Whether a source is a camera or a server, which may come back when it breaks.

    Example:
        >>> is_address("rtsp://camera/1"), is_address("clip.mp4")
        (True, False)
    """
    return bool(_ADDRESS.match(source))


def arriving(source: str, *, patience: float = 3.0) -> Iterator[tuple[float, Picture]]:
    """Pictures as they arrive, with their times.

    Args:
        source: "-" for the standard input, an address that FFmpeg knows (rtsp://, http://, udp://,
            …) or a file, which is read on while it grows.
        patience: seconds without anything new after which a file has ended, and after which an
            address is broken.

    Returns:
        (seconds since the first picture, never falling; the picture as it is stored).

    Raises:
        InputError: there is no such file, or what comes is no video.
        BrokenSourceError: it breaks off.
    """
    with contextlib.ExitStack() as exit:
        container = exit.enter_context(_opened(source, patience, exit))
        stream = video_stream(container, pathlib.Path(source))
        stream.thread_type = "AUTO"
        last, base, bad, count = 0.0, None, 0, 0
        rate = float(stream.average_rate or 25)
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = packet.decode()
                bad = 0
            except (av.error.FFmpegError, OSError) as error:
                bad += 1
                if not isinstance(error, av.error.InvalidDataError) or bad > _BAD:
                    raise BrokenSourceError(
                        f"{_name(source)} broke off after {last:.1f} s ({reason(error)})."
                    ) from error
                continue
            for frame in frames:
                at = count / rate if frame.time is None else float(frame.time)
                count += 1
                base = at - last if base is None or at - base < last else base
                last = at - base
                yield last, Picture(frame)


def _opened(
    source: str, patience: float, exit: contextlib.ExitStack
) -> av.container.InputContainer:
    file: Any = source
    options: dict[str, Any] = {}
    if source == "-":
        file = _Pipe()
    elif is_address(source):
        options = {"timeout": (max(patience, 5.0), patience)}
    else:
        path = pathlib.Path(source)
        if not path.is_file():
            raise InputError(f"{source}: no such file; give a file, a folder, an address or -.")
        file = exit.enter_context(_Growing(path, patience))
    try:
        return av.open(file, "r", **options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        kind = BrokenSourceError if is_address(source) else InputError
        raise kind(f"{_name(source)} is not a video that can be read ({reason(error)}).") from error


def _name(source: str) -> str:
    """For sentences: the standard input, or an address without its password."""
    if source == "-":
        return "the standard input"
    return re.sub(r"(://)[^/@]*@", r"\1", source)


class _Pipe:
    """The standard input, from front to back."""

    def read(self, size: int) -> bytes:
        """What has come, at least a byte until the end."""
        return os.read(sys.stdin.fileno(), size)


class _Growing:
    """A file that is read on while it grows."""

    def __init__(self, path: pathlib.Path, patience: float):
        self._file = path.open("rb")
        self._patience = patience

    def __enter__(self) -> _Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """The next bytes; at the end those that are added within the time of patience."""
        data = self._file.read(size)
        until = time.monotonic() + self._patience
        while not data and time.monotonic() < until:
            time.sleep(_POLL)
            data = self._file.read(size)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of files."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of files."""
        return self._file.tell()
