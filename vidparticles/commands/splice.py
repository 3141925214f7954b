"""`vidparticles splice`: clips one after another."""

from __future__ import annotations

from collections.abc import Sequence

from vidparticles import editing
from vidparticles.editing.reel import PathLike, Written


def splice(paths: Sequence[PathLike], out: PathLike, *, overwrite: bool = False) -> Written:
    """Write clips one after another; see `editing.splice`.

    Args:
        paths: two or more video files.
        out: what to write.
        overwrite: replace an existing file.

    Raises:
        InputError: fewer than two clips, or a file that cannot be read or written.
    """
    return editing.splice(paths, out, overwrite=overwrite)
