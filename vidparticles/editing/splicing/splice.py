"""Splice: clips one after another, their sizes, rates and sounds reconciled."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from vidparticles.editing.base import Edit
from vidparticles.editing.compose import effect, render
from vidparticles.editing.reel import Frames, Reel, Written, check_paths, opened
from vidparticles.editing.splicing.join import joined
from vidparticles.editing.splicing.level import LevelConfig, as_the_first
from vidparticles.editing.splicing.match import MatchCut, match_cut
from vidparticles.editing.splicing.sequence import sequence
from vidparticles.editing.trim import FrameIndex, Span
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video import Encoding, Video
from vidparticles.video.sound.loudness import Loudness, factor
from vidparticles.video.sound.loudness import loudness as measure


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
    match: float | None = None,
    loudness: float | Literal["first"] | None = "first",
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write clips one after another.

    Where they are stored alike, their pictures are copied as they are stored.

    Args:
        paths: two or more video files.
        out: what to write.
        transition: "cut", "fade", "dip" (to black), "wipe" or "morph", which lay the end of each
            clip over the start of the next, with their sounds.
        seconds: that a transition takes.
        match: of cuts: seconds at the end of each clip, and at the start of the next, in which
            it is looked for where what moves goes on, see `match_cut`; what lies beyond is left
            out. Default, all of each clip is shown.
        loudness: LUFS, of EBU R128, to which the sound of each clip is brought as a whole; "first",
            that of the first clip, where they differ, see `level.as_the_first`; None, each is left
            as it is.
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
    if match is not None and transition != "cut":
        raise InputError(f"a match is looked for at cuts; leave out the transition {transition!r}.")
    pairs = [*itertools.pairwise(paths)]
    cuts = [] if match is None else [match_cut(*two, seconds=match) for two in pairs]
    spans: list[Span] = [(None, None)] * len(paths)
    for k, cut in enumerate(cuts):
        spans[k] = spans[k][0], FrameIndex(cut.last)
        spans[k + 1] = FrameIndex(cut.first), None
    gains, notes = _gains(paths, loudness)
    timeline = joined(
        paths, transition=transition, seconds=Fraction(seconds), spans=spans, gains=gains
    )
    done = render(timeline, out, effects=effect, overwrite=overwrite, encoding=encoding)
    told = [_line(*two, cut) for two, cut in zip(pairs, cuts, strict=False)]
    return dataclasses.replace(done, told=(*done.told, *told), warnings=(*done.warnings, *notes))


def _gains(
    paths: Sequence[PathLike], target: float | Literal["first"] | None
) -> tuple[list[float], list[str]]:
    """By what the samples of each file are multiplied, and sentences on what is not reached."""
    if target is None:
        return [1.0] * len(paths), []
    if target != "first" and not -70 < target < 0:
        raise InputError(f"{target:g} LUFS is no loudness to bring sound to; give -23 or -16.")
    found: list[Loudness | None] = []
    for path in paths:
        with opened(path) as reel:
            found.append(None if reel.audio is None else measure(reel.audio))
    if target != "first":
        return [1.0 if one is None else factor(one, target) for one in found], []
    leveled = as_the_first(found)
    notes = [
        f"{path} is {missing:.1f} LU quieter than the first clip: its peaks leave no more room."
        for path, (_, missing) in zip(paths, leveled, strict=True)
        if missing >= LevelConfig().apart
    ]
    return [gain for gain, _ in leveled], notes


def _line(before: PathLike, after: PathLike, cut: MatchCut) -> str:
    return (
        f"{before} ends at {float(cut.end):.3f} s (frame {cut.last}), {after} begins at "
        f"{float(cut.start):.3f} s (frame {cut.first}); agreement {cut.agreement:.2f}"
    )
