"""The boxes of an mp4 file, as far as its edit lists need (ISO/IEC 14496-12, 8.1 and 8.6)."""

from __future__ import annotations

import pathlib
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

_HOLDERS = (b"moov", b"trak", b"edts", b"mdia")


def boxes(
    file: BinaryIO, start: int = 0, end: int | None = None
) -> Iterator[tuple[tuple[bytes, ...], int, int]]:
    """Walk the boxes that lead to edit lists.

    Yields:
        (names from the outermost, where its body starts, where it ends)
    """
    if end is None:
        end = file.seek(0, 2)
    while start + 8 <= end:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        body = start + 8
        if size == 1:
            size, body = struct.unpack(">Q", file.read(8))[0], start + 16
        stop = end if size == 0 else start + size
        if stop <= start:
            return
        yield (name,), body, stop
        if name in _HOLDERS:
            for names, inner, last in boxes(file, body, stop):
                yield (name, *names), inner, last
        start = stop


def show_only(path: pathlib.Path, seconds: Fraction) -> None:
    """Let the picture of an mp4 file end after a time, whatever frames its stream still holds.

    Args:
        path: a file with one edit that shows something, as FFmpeg writes; changed in place.
        seconds: how long the picture lasts.
    """
    with path.open("r+b") as file:
        timescale, edits, picture = 1, None, False
        for names, body, _ in list(boxes(file)):
            file.seek(body)
            if names[-1] == b"mvhd":
                timescale = _u32(file, body + (20 if file.read(1) == b"\1" else 12))
            elif names[-1] == b"trak":
                edits = None
            elif names[-1] == b"elst":
                edits = body
            elif names[-1] == b"hdlr":
                picture = _read(file, body + 8, 4) == b"vide"
                if picture and edits is not None:
                    # Down, so that the frame after the last one never shows for part of a tick.
                    _shorten(file, edits, int(seconds * timescale))


def _shorten(file: BinaryIO, body: int, ticks: int) -> None:
    """Set the length of the last edit of an elst box (the ones before it are empty)."""
    wide, count = _read(file, body, 1) == b"\1", _u32(file, body + 4)
    at = body + 8 + (count - 1) * (20 if wide else 12)
    file.seek(at)
    file.write(struct.pack(">Q" if wide else ">I", ticks))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _u32(file: BinaryIO, at: int) -> int:
    return int(struct.unpack(">I", _read(file, at, 4))[0])
