"""Shots of a clip as files: a video and a picture of each, lists for other programs, chapters."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from PIL import Image

from vidparticles.editing import reel as reels
from vidparticles.editing.compose.copy import copied
from vidparticles.editing.reel import Written
from vidparticles.editing.trim import FrameIndex, keep, part_of
from vidparticles.errors import InputError
from vidparticles.progress import counted
from vidparticles.storage import PathLike, atomic_write, write_errors, write_text
from vidparticles.video import Span, open_video
from vidparticles.video.timelines import Clip, Timeline, write_timeline

Frames = tuple[int, int]  # the first frame of a shot, and the one after its last


def shot_list(path: PathLike, shots: Sequence[Frames]) -> Timeline:
    """The shots of a clip one after another as a timeline.

    Args:
        path: the clip.
        shots: of each, its first frame and the one after its last.

    Raises:
        InputError: the clip cannot be read.
    """
    with reels.opened(path) as reel:
        parts = [part_of(reel, FrameIndex(a), FrameIndex(b)) for a, b in shots]
        clips = tuple(Clip(os.fspath(path), part.begin, part.stop) for part in parts)
        return Timeline(clips, reel.rate)


def split(
    path: PathLike, shots: Sequence[Frames], folder: PathLike, *, overwrite: bool = False
) -> tuple[Written, ...]:
    """Write a file of each shot, copied where it can be, its sound cut to the sample.

    Args:
        path: the clip.
        shots: of each, its first frame and the one after its last.
        folder: where to; is made where it is not there. Files are called by the clip's name and
            the shot's number, and are of the clip's kind, or .mp4 where that cannot be written.
        overwrite: replace existing files.

    Raises:
        InputError: the clip cannot be read, or a file cannot be written.
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    suffix = suffix if suffix in (".mp4", ".m4v", ".mov", ".mkv", ".webm") else ".mp4"
    names = _names(path, shots, folder, suffix)
    for name in names:
        reels.check_paths(path, name, overwrite)
    done = []
    with reels.opened(path) as reel:
        for (first, last), name in zip(shots, names, strict=True):
            part = part_of(reel, FrameIndex(first), FrameIndex(last))
            shot = keep((part.begin, part.stop))(reel)
            made = copied(shot, [(reel, part)], name, overwrite=overwrite)
            done.append(made or reels.write(shot, name, overwrite=overwrite))
    return tuple(done)


def images(
    path: PathLike, shots: Sequence[Frames], folder: PathLike, *, overwrite: bool = False
) -> tuple[pathlib.Path, ...]:
    """Write a picture of each shot, the frame in its middle, as .jpg.

    Args:
        path: the clip.
        shots: of each, its first frame and the one after its last.
        folder: where to; is made where it is not there.
        overwrite: replace existing files.

    Raises:
        InputError: the clip cannot be read, or a file cannot be written.
    """
    names = _names(pathlib.Path(path), shots, folder, ".jpg")
    for name in names:
        if name.exists() and not overwrite:
            raise InputError(f"{name} exists; give --overwrite (overwrite=True) to replace it.")
    with open_video(path) as video:
        wanted = zip(shots, names, strict=True)
        for (first, last), name in counted(wanted, len(names), work="pictures"):
            with atomic_write(name, overwrite=overwrite) as partial, write_errors(name):
                Image.fromarray(video[(first + last - 1) // 2]).save(partial, quality=92)
    return names


def chapters(
    path: PathLike,
    shots: Sequence[Frames],
    out: PathLike,
    *,
    overwrite: bool = False,
) -> Written:
    """Write a copy of a clip with a chapter for each shot, its pictures as they are stored.

    Args:
        path: the clip.
        shots: of each, its first frame and the one after its last.
        out: what to write.
        overwrite: replace an existing file.

    Raises:
        InputError: the clip cannot be read, or the file cannot be written.
    """
    reels.check_paths(path, out, overwrite)
    with reels.opened(path) as reel:
        parts = [part_of(reel, FrameIndex(a), FrameIndex(b)) for a, b in shots]
        told = tuple(
            Span(part.begin, part.stop, f"Shot {k}") for k, part in enumerate(parts, start=1)
        )
        marked = reel.replace(extras=dataclasses.replace(reel.extras, chapters=told))
        done = copied(marked, [(reel, part_of(reel))], out, overwrite=overwrite)
        return done or reels.write(marked, out, overwrite=overwrite)


def keyframes(shots: Sequence[Frames], out: PathLike, *, overwrite: bool = False) -> None:
    """Write where an encoder is to begin anew: x264's and x265's --qpfile.

    Args:
        shots: of each, its first frame and the one after its last.
        out: a line for each, of its first frame, an I that starts anew, and any quantizer.
        overwrite: replace an existing file.

    Raises:
        InputError: the file cannot be written.
    """
    if pathlib.Path(out).exists() and not overwrite:
        raise InputError(f"{out} exists; give --overwrite (overwrite=True) to replace it.")
    write_text(out, "".join(f"{first} I -1\n" for first, _ in shots), overwrite=overwrite)


def lists(
    path: PathLike,
    shots: Sequence[Frames],
    outs: Sequence[PathLike],
    *,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write the shots as timelines, see `write_timeline`.

    Returns:
        Sentences on what these kinds of files cannot hold.

    Raises:
        InputError: the clip cannot be read, or a file cannot be written.
    """
    timeline = shot_list(path, shots)
    told: list[str] = []
    for out in outs:
        told += write_timeline(timeline, out, overwrite=overwrite)
    return tuple(told)


def _names(
    path: pathlib.Path, shots: Sequence[Frames], folder: PathLike, suffix: str
) -> tuple[pathlib.Path, ...]:
    """Files of shots in a folder, which is made."""
    folder = pathlib.Path(folder)
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    wide = max(3, len(str(len(shots))))
    return tuple(
        folder / f"{path.stem}-{number:0{wide}d}{suffix}" for number in range(1, len(shots) + 1)
    )
