"""What options of `edit` ask for as a timeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.editing.base import Edit
from vidparticles.editing.compose.keep import keep
from vidparticles.editing.effects import recolor as coloring
from vidparticles.editing.splicing.level import amplify
from vidparticles.editing.timing.curve import Piece, parse_curve
from vidparticles.editing.trim import FrameIndex, Moment, Span, parse_span
from vidparticles.errors import InputError
from vidparticles.storage import PathLike
from vidparticles.video.timelines import (
    Clip,
    Effect,
    Timeline,
    concatenate,
    is_timeline,
    read_timeline,
    with_effects,
)
from vidparticles.video.timelines import trim as cut


def part_of(
    path: PathLike, *, trim: str | None = None, parts: Sequence[Span] | None = None
) -> Timeline:
    """What is kept of a clip or of a timeline.

    Args:
        path: a video file, or a timeline that `video.timelines.read_timeline` reads.
        trim: START:END in seconds or frames, see `editing.trim.parse_span`.
        parts: of a video file, (start, end) of each that is kept, instead of `trim`.

    Raises:
        InputError: a file that cannot be read, or nothing that is kept.
    """
    span = (None, None) if trim is None else parse_span(trim)
    if not is_timeline(path):
        return keep(path, [span] if parts is None else parts)
    if parts is not None:
        raise InputError(f"{path} is a timeline; parts are chosen of a video file alone.")
    whole = read_timeline(path)
    start, end = (_seconds(moment, whole, path) for moment in span)
    part = cut(whole, start or 0, end)
    if not part.items:
        raise InputError(
            f"{path}: --trim {trim} keeps nothing of it; it lasts {float(whole.seconds):.2f} s."
        )
    return part


def cut_list(
    path: PathLike,
    *,
    trim: str | None = None,
    parts: Sequence[Span] | None = None,
    speed: float | str | None = None,
    recolor: str | None = None,
    **other: object,
) -> Timeline:
    """What is asked for as a timeline.

    Args:
        path: a video file, or a timeline.
        trim, parts, speed, recolor: see `editing.edit.EditOptions`.
        **other: its other options, which a timeline cannot hold.

    Raises:
        InputError: another option, a speed that changes on its way, or as `part_of`.
    """
    if wrong := sorted(name for name, value in other.items() if value not in (None, False)):
        name = wrong[0].replace("_", "-")
        raise InputError(f"a timeline cannot hold --{name}; write a video, as with -o out.mp4.")
    timeline = part_of(path, trim=trim, parts=parts)
    if speed is not None:
        timeline = _at_speeds(timeline, parse_curve(speed).over(timeline.seconds))
    if recolor is not None:
        effect(told := Effect("recolor", recolor))  # what is not understood is told now
        timeline = with_effects(timeline, told)
    return timeline


def _at_speeds(timeline: Timeline, pieces: Sequence[Piece]) -> Timeline:
    parts = []
    for piece in pieces:
        if piece.first != piece.last or piece.held:
            raise InputError(
                "a timeline cannot hold a speed that changes on its way, or a frame that is held; "
                "write a video, as with -o out.mp4."
            )
        part = cut(timeline, piece.start, piece.end)
        items = tuple(
            dataclasses.replace(item, speed=item.speed * piece.first)
            if isinstance(item, Clip)
            else item
            for item in part.items
        )
        quick = Timeline(items[:: -1 if piece.backwards else 1], part.rate)
        parts.append(quick)
    return concatenate(*parts)


def _seconds(moment: Moment, timeline: Timeline, path: PathLike) -> Fraction | None:
    if not isinstance(moment, FrameIndex):
        return moment
    if timeline.rate is None:
        raise InputError(f"{path} tells no frames a second; give --trim in seconds.")
    return moment.index / timeline.rate


def effect(told: Effect) -> Edit:
    """The edit that an effect of a timeline is."""
    if told.name == "gain":
        return amplify(told.value)
    if told.name != "recolor":
        raise InputError(
            f"a timeline's effect {told.name!r} is not known; known are recolor and gain."
        )
    return coloring.recolor(coloring.parse_colors(told.value))
