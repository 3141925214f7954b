"""Splice: clips one after another, their sizes, rates and sounds reconciled."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.base import Edit, apply
from vidparticles.editing.compose import effect, render
from vidparticles.editing.reel import Frames, Reel, Written, check_paths, opened
from vidparticles.editing.splicing.join import joined
from vidparticles.editing.splicing.sequence import sequence
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Encoding, Video


def join(*paths: PathLike) -> Edit:
    """An edit that lets other clips follow, see `sequence`; one file is open at a time.

    Args:
        *paths: video files, in order.

    Returns:
        The edit; it raises InputError where a file cannot be read.
    """

    def edit(first: Reel) -> Reel:
        sources = list(first.sources)
        return sequence([first, *(_later(path, sources) for path in paths)]).replace(
            sources=sources
        )

    return edit


def _later(path: PathLike, sources: list[Video]) -> Reel:
    """A file as a reel that opens it when its frames are asked for, and then adds it to a list."""

    def again(first: int, last: int) -> Frames:
        with opened(path) as reel:
            sources.extend(reel.sources)
            assert reel.again is not None
            yield from reel.again(first, last)

    with opened(path) as reel:
        # The facts and the sound alone: a file that was read would be held with it.
        return reel.replace(frames=again(0, len(reel.times)), again=again, sources=())


def splice(
    paths: Sequence[PathLike],
    out: PathLike,
    *,
    transition: str = "cut",
    seconds: float | Fraction = Fraction(1, 2),
    loudness: float | None = None,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write clips one after another, see `join`.

    Args:
        paths: two or more video files.
        out: what to write.
        transition: "cut", "fade", "dip" (to black), "wipe" or "morph", which lay the end of each
            clip over the start of the next, with their sounds.
        seconds: that a transition takes.
        loudness: LUFS, of EBU R128, to which the sound of each clip is brought as a whole;
            default, it is left as it is.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as those of the first clip were.

    Raises:
        InputError: fewer than two clips, one that is too short for its transitions, or a file that
            cannot be read or written.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from vidparticles.video import write_video
        >>> folder = tempfile.mkdtemp()
        >>> clip, out = (os.path.join(folder, name) for name in ("clip.mp4", "out.mp4"))
        >>> write_video(clip, np.zeros((4, 32, 48, 3), np.uint8), rate=2)
        >>> splice([clip, clip], out).seconds
        4.0
    """
    if len(paths) < 2:
        raise InputError("splice joins two clips or more; give at least two video files.")
    for path in paths:
        check_paths(path, out, overwrite)
    if transition == "cut" and loudness is None:
        return apply(paths[0], out, join(*paths[1:]), overwrite=overwrite, encoding=encoding)
    timeline = joined(paths, transition=transition, seconds=Fraction(seconds), loudness=loudness)
    return render(timeline, out, effects=effect, overwrite=overwrite, encoding=encoding)
