"""Cuts of files copied where no cut touches them."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from vidparticles.editing.reel import Reel, Written
from vidparticles.editing.trim import Part
from vidparticles.storage import PathLike
from vidparticles.video import cut
from vidparticles.video.copying import Part as Stored
from vidparticles.video.copying import copy_parts


def copied(
    whole: Reel, parts: Sequence[tuple[Reel, Part]], out: PathLike, *, overwrite: bool = False
) -> Written | None:
    """Write parts of files one after another, encoded at the cuts alone; see `copy_parts`.

    Args:
        whole: the parts as a reel, whose sound and extras are written.
        parts: of each, the file as a reel, and the part of it.
        out: what to write.
        overwrite: replace an existing file.

    Returns:
        What was written; None, with nothing written, where they cannot be copied.

    Raises:
        InputError: the file cannot be written.
    """
    audio = whole.audio
    if audio is not None and abs(audio.duration - whole.duration) * audio.rate >= 1:
        audio = cut(audio, 0, whole.duration)
    stored = [Stored(reel.sources[0], part.first, part.last) for reel, part in parts]
    done = copy_parts(
        stored,
        out,
        times=whole.times,
        duration=whole.duration,
        rate=whole.rate,
        audio=audio,
        extras=whole.extras,
        overwrite=overwrite,
    )
    if done is None:
        return None
    share, lost = done
    return Written(
        path=pathlib.Path(out),
        frames=len(whole.times),
        seconds=float(whole.duration),
        width=whole.width,
        height=whole.height,
        sound=audio is not None,
        copied=share,
        warnings=(
            *whole.warnings,
            *([f"{out} cannot hold {', '.join(lost)}; left out."] if lost else []),
        ),
    )
