"""Edits of a timeline against a list of what it shows at each tick."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction

import hypothesis.strategies as st
import pytest
from hypothesis import given

from vidparticles.errors import InputError
from vidparticles.video import Span
from vidparticles.video.timelines import (
    Clip,
    Effect,
    Gap,
    Timeline,
    Transition,
    concatenate,
    insert,
    overwrite,
    remove,
    split,
    trim,
    with_effects,
    with_transition,
)

TICK = Fraction(1001, 24000)
ticks = st.integers(0, 40)
lengths = st.integers(1, 12)


@st.composite
def clips(draw):
    start, length = draw(ticks), draw(lengths)
    speed = draw(st.sampled_from([Fraction(1), Fraction(-1)]))
    return Clip(draw(st.sampled_from("ab")), start * TICK, (start + length) * TICK, speed)


@st.composite
def timelines(draw):
    gaps = st.builds(lambda n: Gap(n * TICK), lengths)
    items = draw(st.lists(clips() | gaps, min_size=1, max_size=5))
    total = round(sum(item.seconds for item in items) / TICK)
    at = sorted(set(draw(st.lists(st.integers(0, total), max_size=4))))
    cues = [Span(a * TICK, b * TICK, f"cue {a}") for a, b in itertools.pairwise(at)]
    return Timeline(tuple(items), Fraction(24000, 1001), tuple(cues))


def shown(timeline: Timeline) -> list[tuple]:
    """What each tick shows: (file, tick of it), or None; and the caption over it."""
    seen: list = []
    for item in timeline.items:
        if isinstance(item, Gap):
            seen += [None] * round(item.seconds / TICK)
        elif isinstance(item, Clip):
            own = range(round(item.start / TICK), round(item.end / TICK))
            order = own if item.speed > 0 else reversed(own)
            seen += [(item.source, tick) for tick in order]
    words = [""] * len(seen)
    for cue in timeline.captions:
        for k in range(round(cue.start / TICK), round(cue.end / TICK)):
            words[k] += cue.text
    return list(zip(seen, words, strict=True))


@given(timelines(), timelines(), ticks, ticks)
def test_every_change_is_that_of_a_list_of_ticks(timeline, other, first, length):
    was, new = shown(timeline), shown(other)
    first = min(first, len(was))
    last = min(first + length, len(was))
    begin, end = first * TICK, last * TICK
    assert shown(trim(timeline, begin, end)) == was[first:last]
    assert shown(remove(timeline, begin, end)) == was[:first] + was[last:]
    assert shown(insert(timeline, begin, other)) == was[:first] + new + was[first:]
    assert shown(overwrite(timeline, begin, other)) == was[:first] + new + was[first + len(new) :]
    assert shown(concatenate(timeline, other)) == was + new
    halves = split(timeline, begin)
    assert shown(halves) == was
    assert first in (0, len(was)) or begin in halves.starts
    assert concatenate(trim(timeline, 0, begin), trim(timeline, begin)).captions == (
        timeline.captions
    )


@given(clips(), st.fractions(0, 1), st.fractions(0, 1), st.sampled_from(["1/2", "3", "-5/4"]))
def test_a_part_of_a_part_is_that_of_the_whole(clip, a, b, speed):
    clip = dataclasses.replace(clip, speed=Fraction(speed))
    cut = clip.seconds * (a + 1) / 3
    left, right = clip.part(Fraction(0), cut), clip.part(cut, clip.seconds)
    assert left.seconds + right.seconds == clip.seconds
    assert left.end - left.start == cut * abs(clip.speed)
    at = right.seconds * (b + 1) / 3
    assert right.part(at, right.seconds) == clip.part(cut + at, clip.seconds)


def ten(name: str) -> Timeline:
    return Timeline((Clip(name, Fraction(5), Fraction(15)),), captions=(_cue(4, 6, name),))


def _cue(start: int, end: int, text: str) -> Span:
    return Span(Fraction(start), Fraction(end), text)


def test_a_transition_shows_two_clips_at_once_and_goes_where_they_are_cut_short():
    both = with_transition(concatenate(ten("a"), ten("b")), 0, 2)
    a, fade, b = both.items
    assert (a.end, fade.before, fade.after, b.start) == (14, 1, 1, 6)
    # The first and last moments are as they were, and so are the cues of both.
    assert both.seconds == 18
    assert both.captions == (_cue(4, 6, "a"), _cue(12, 14, "b"))
    assert trim(both, 8, 10).items[1] == fade
    for cut_short in [(Fraction(17, 2), 18), (0, Fraction(19, 2)), (0, 9), (9, 18)]:
        assert not [i for i in trim(both, *cut_short).items if isinstance(i, Transition)]


def test_what_cannot_be_is_one_sentence():
    clip, fade = Clip("a.mp4", Fraction(5), Fraction(6)), Transition(Fraction(1), Fraction(1))
    for items in [(fade, clip), (clip, fade), (clip, fade, Gap(Fraction(5))), (clip, fade, fade)]:
        with pytest.raises(InputError, match="not between two clips"):
            Timeline(items)
    # One clip cannot be half gone over from and half over into another for longer than it lasts.
    half = Transition(Fraction(3, 5), Fraction(3, 5))
    with pytest.raises(InputError, match="item 3"):
        Timeline((clip, half, clip, half, clip))
    # Nor is there anything before the beginning of a file to go over into.
    with pytest.raises(InputError, match="item 1"):
        Timeline((clip, half, Clip("a.mp4", Fraction(0), Fraction(1))))
    with pytest.raises(InputError, match="holds no time"):
        Clip("a.mp4", Fraction(1), Fraction(1))
    with pytest.raises(InputError, match=r"more than 20 s each"):
        with_transition(concatenate(ten("a"), ten("b")), 0, 20)
    with pytest.raises(ValueError, match="start ≤ end"):
        remove(ten("a"), 3, 2)


def test_effects_go_on_the_clips_that_are_named():
    two = concatenate(ten("a"), ten("b"))
    gray = Effect("recolor", "gray")
    assert [clip.effects for clip in with_effects(two, gray, indices=[1]).clips] == [(), (gray,)]
    assert [clip.effects for clip in with_effects(two, gray).clips] == [(gray,), (gray,)]
