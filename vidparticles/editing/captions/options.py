"""What `vidparticles edit` is told of subtitles, as edits."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from vidparticles.editing.base import Edit
from vidparticles.editing.captions.burn import burn_in
from vidparticles.editing.captions.style import CaptionStyle
from vidparticles.editing.captions.tracks import add_track
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Subtitles
from vidparticles.video import subtitles as files


def captioned(
    edits: Sequence[Edit],
    *,
    subtitles: PathLike | None = None,
    burn: PathLike | None = None,
    shift: float | None = None,
    font: PathLike | None = None,
) -> list[Edit]:
    """Edits of a clip with those of its subtitles, whose cues they carry along.

    Args:
        edits: of the clip, in order.
        subtitles: a file whose cues become a track that viewers turn on.
        burn: a file whose cues are drawn into the picture, after all other edits.
        shift: seconds by which the cues of both come later.
        font: a file of the font that is drawn with.

    Raises:
        InputError: a file that is no file of subtitles, or an option without that which it is of.

    Example:
        >>> captioned([])
        []
    """
    if shift is not None and subtitles is None and burn is None:
        raise InputError("--shift is of subtitles; give --subtitles or --burn too.")
    if font is not None and burn is None:
        raise InputError("--font is of subtitles in the picture; give --burn too.")

    def track(path: PathLike) -> Subtitles:
        return files.shifted(files.read(path), shift or 0)

    found = list(edits)
    if subtitles is not None:
        found.insert(0, add_track(track(subtitles)))
    if burn is not None:
        style = CaptionStyle(font=None if font is None else pathlib.Path(font))
        found = [burn_in(track(burn), *found, style=style)]
    return found
