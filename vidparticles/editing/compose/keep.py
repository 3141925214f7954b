"""Parts of a file as a timeline, to the frame."""

from __future__ import annotations

import os
from collections.abc import Iterable

from vidparticles.editing.reel import Reel, opened
from vidparticles.editing.trim import Moment, part_of
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video.timelines import Clip, Timeline

EVERYTHING: tuple[tuple[Moment, Moment], ...] = ((None, None),)


def keep(
    path: PathLike, spans: Iterable[tuple[Moment | float, Moment | float]] = EVERYTHING
) -> Timeline:
    """The timeline of parts of a file, one after another; each begins and ends with a frame.

    Args:
        path: a video file.
        spans: (start, end) of each, as of `editing.trim`: seconds, frames, or None for the
            file's own beginning or end; in any order. One in which no frame begins is left out.

    Returns:
        A timeline of a clip for each, in the file's own rate.

    Raises:
        InputError: the file cannot be read, or no frame begins in any of the spans.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from vidparticles.video import write_video
        >>> clip = os.path.join(tempfile.mkdtemp(), "clip.mp4")
        >>> write_video(clip, np.zeros((10, 32, 48, 3), np.uint8), rate=10)
        >>> [str(part.start) for part in keep(clip, [(0.52, 0.8), (0, 0.2)]).clips]
        ['3/5', '0']
    """
    with opened(path) as reel:
        return kept(reel, spans, path)


def kept(
    reel: Reel, spans: Iterable[tuple[Moment | float, Moment | float]], path: PathLike
) -> Timeline:
    """As `keep`, of a file that is open as a reel."""
    clips, refused = [], None
    for span in spans:
        try:
            part = part_of(reel, *span)
        except InputError as error:
            refused = refused or error
            continue
        clips.append(Clip(os.fspath(path), part.begin, part.stop))
    if not clips:
        raise refused or InputError(f"{path}: nothing of it is kept; give a span of it.")
    return Timeline(tuple(clips), reel.rate)
