"""The contract of edits, and the one way through a file: read, edited and written in one pass.

An edit is made by a function of its options and takes a `Reel` to a `Reel`:

- it decodes nothing itself: frames come when the new reel's frames are asked for, one at a time,
  and only a bounded number of them is held;
- the new reel's times rise from 0 (from later where its sound begins before its picture), number
  as many as its frames, and end before its duration; on an exact clock frame k shows at k / rate,
  and the duration is that of the frames; on none, the last frame may stand for long;
- its sound begins at time 0 and lasts as long as its picture;
- where the reel that it is given can be run through again, so can the new one.

Edits are applied in order: `chain(a, b)(reel)` is `b(a(reel))`, and `chain()` changes nothing.
"""

from __future__ import annotations

import functools
from typing import Protocol

from vidparticles.editing.reel import Reel, Written, check_paths, opened, write
from vidparticles.storage import PathLike
from vidparticles.video import Encoding


class Edit(Protocol):
    """A change of a reel; see above for what it keeps."""

    def __call__(self, reel: Reel, /) -> Reel:
        """The reel as it is changed."""


def chain(*edits: Edit) -> Edit:
    """Edits one after another as one edit.

    Example:
        >>> from vidparticles.editing import retime, trim
        >>> reel = Reel(frames=iter(()), times=[0, 1, 2, 3], duration=4, rate=1, height=2, width=2)
        >>> chain(trim(1, 3), retime(2))(reel).duration, chain()(reel) is reel
        (1.0, True)
    """

    def edit(reel: Reel) -> Reel:
        return functools.reduce(lambda edited, step: step(edited), edits, reel)

    return edit


def apply(
    path: PathLike,
    out: PathLike,
    *edits: Edit,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write a clip with edits, in one pass over the file; without any, it is encoded anew.

    Args:
        path: a video file.
        out: what to write: .mp4, .m4v, .mov, .mkv, .webm or .gif.
        *edits: in the order in which they are applied.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as they were.

    Returns:
        What was written, with the warnings of all files that were read.

    Raises:
        InputError: a file cannot be read or written, `out` is `path`, or an edit leaves nothing.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from vidparticles.editing import trim
        >>> from vidparticles.video import write_video
        >>> folder = tempfile.mkdtemp()
        >>> clip, part = (os.path.join(folder, name) for name in ("clip.mp4", "part.mp4"))
        >>> write_video(clip, np.zeros((10, 32, 48, 3), np.uint8), rate=10)
        >>> apply(clip, part, trim(0.2, 0.5)).frames
        3
    """
    check_paths(path, out, overwrite)
    with opened(path) as reel:
        return write(chain(*edits)(reel), out, overwrite=overwrite, encoding=encoding)
