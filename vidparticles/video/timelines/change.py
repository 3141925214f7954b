"""Edits of a timeline: each takes a timeline and gives another, in exact seconds.

`trim` and `concatenate` are what the others are made of. A transition whose clips an edit leaves
too short for it is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

from vidparticles.errors import InputError
from vidparticles.video.extras import Span
from vidparticles.video.timelines.data import (
    Clip,
    Effect,
    Item,
    Timeline,
    Transition,
    misplaced,
)

Seconds = Fraction | int


def trim(timeline: Timeline, start: Seconds = 0, end: Seconds | None = None) -> Timeline:
    """What a timeline shows from a moment to another.

    Args:
        timeline: the timeline.
        start, end: seconds of it; by default its beginning and its end.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> str(trim(ten, 2, 3).clips[0].start)
        '7'
    """
    first = max(Fraction(0), Fraction(start))
    last = timeline.seconds if end is None else min(Fraction(end), timeline.seconds)
    items: list[Item] = []
    for item, begun in zip(timeline.items, timeline.starts, strict=True):
        if isinstance(item, Transition):
            if first < begun < last:
                items.append(item)
            continue
        begin, stop = max(first, begun) - begun, min(last, begun + item.seconds) - begun
        if begin < stop:
            items.append(item.part(begin, stop))
    captions = (
        Span(max(cue.start, first) - first, min(cue.end, last) - first, cue.text)
        for cue in timeline.captions
        if max(cue.start, first) < min(cue.end, last)
    )
    return dataclasses.replace(timeline, items=_fitting(items), captions=tuple(captions))


def concatenate(*timelines: Timeline) -> Timeline:
    """Timelines one after another; a caption that goes on in the next is one still.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> str(concatenate(ten, ten).seconds)
        '20'
    """
    captions: list[Span] = []
    begun = Fraction(0)
    for timeline in timelines:
        for cue in timeline.captions:
            start, end = cue.start + begun, cue.end + begun
            if captions and captions[-1].end == start == begun and captions[-1].text == cue.text:
                start = captions.pop().start
            captions.append(Span(start, end, cue.text))
        begun += timeline.seconds
    rates = (timeline.rate for timeline in timelines if timeline.rate)
    items = tuple(item for timeline in timelines for item in timeline.items)
    return Timeline(items, next(rates, None), tuple(captions))


def remove(timeline: Timeline, start: Seconds, end: Seconds) -> Timeline:
    """A timeline without a part of it; what follows moves up.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> [str(clip.end) for clip in remove(ten, 2, 3).clips]
        ['7', '15']
    """
    return _replaced(timeline, Timeline(), start, end)


def insert(timeline: Timeline, at: Seconds, other: Timeline) -> Timeline:
    """A timeline with another in it; what follows moves on.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> str(insert(ten, 3, ten).seconds)
        '20'
    """
    return _replaced(timeline, other, at, at)


def overwrite(timeline: Timeline, at: Seconds, other: Timeline) -> Timeline:
    """A timeline with another in place of what it shows at that time; nothing else moves.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> str(overwrite(ten, 3, trim(ten, 0, 2)).seconds)
        '10'
    """
    return _replaced(timeline, other, at, Fraction(at) + other.seconds)


def split(timeline: Timeline, at: Seconds) -> Timeline:
    """A timeline in which the clip that is shown at a moment is two from there on.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> len(split(ten, 3).clips), len(split(split(ten, 3), 3).clips)
        (2, 2)
    """
    if Fraction(at) in timeline.starts:
        return timeline
    return insert(timeline, at, Timeline())


def with_transition(
    timeline: Timeline, index: int, seconds: Seconds, *, kind: str = "dissolve"
) -> Timeline:
    """A timeline in which a clip goes over into the next: both show during that time.

    So they begin and end to show within what they showed, and the timeline is shorter by it.

    Args:
        timeline: the timeline.
        index: of the first of two clips in `items`.
        seconds: how long the transition takes.
        kind: see `Transition`.

    Raises:
        InputError: these are no two clips one after another, or not long enough.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> str(with_transition(concatenate(ten, ten), 0, 1).seconds)
        '19'
    """
    pair = timeline.items[index : index + 2]
    half = Fraction(seconds) / 2
    if len(pair) < 2 or not all(isinstance(i, Clip) and i.seconds > 2 * half for i in pair):
        raise InputError(
            f"items {index} and {index + 1} of the timeline are no two clips of more than "
            f"{float(seconds):g} s each, which a {kind} of that length needs."
        )
    before, after = pair
    assert isinstance(before, Clip)
    assert isinstance(after, Clip)
    items = (
        *timeline.items[:index],
        before.part(Fraction(0), before.seconds - half),
        Transition(half, half, kind),
        after.part(half, after.seconds),
        *timeline.items[index + 2 :],
    )
    cut = timeline.starts[index + 1]
    captions = (
        Span(
            cue.start - 2 * half * (cue.start >= cut),
            max(min(cue.end, cut), cue.end - 2 * half),
            cue.text,
        )
        for cue in timeline.captions
    )
    return Timeline(items, timeline.rate, tuple(captions))


def with_effects(
    timeline: Timeline, *effects: Effect, indices: Sequence[int] | None = None
) -> Timeline:
    """A timeline with more effects on its clips.

    Args:
        timeline: the timeline.
        *effects: in the order in which they are applied, after those that are there.
        indices: of the clips in `items`; by default all.

    Example:
        >>> ten = Timeline((Clip("a.mp4", Fraction(5), Fraction(15)),))
        >>> with_effects(ten, Effect("recolor", "gray")).clips[0].effects[0].value
        'gray'
    """
    chosen = range(len(timeline.items)) if indices is None else indices
    items = tuple(
        dataclasses.replace(item, effects=(*item.effects, *effects))
        if isinstance(item, Clip) and k in chosen
        else item
        for k, item in enumerate(timeline.items)
    )
    return dataclasses.replace(timeline, items=items)


def _replaced(timeline: Timeline, other: Timeline, start: Seconds, end: Seconds) -> Timeline:
    """A timeline with another in place of a part of it."""
    if end < start:
        raise ValueError(f"a part from {float(start):g} s to {float(end):g} s; give start ≤ end.")
    return concatenate(trim(timeline, 0, start), other, trim(timeline, end))


def _fitting(items: list[Item]) -> tuple[Item, ...]:
    """Items without the transitions that are not between two clips that are long enough."""
    wrong = misplaced(items)
    return tuple(item for k, item in enumerate(items) if k not in wrong)
