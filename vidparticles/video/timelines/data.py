"""A timeline: parts of clips one after another, with what lies between and over them.

Nothing is decoded or changed in a file: a timeline says what is shown when, in exact seconds, and
every edit of it (see `change`) gives another. `editing.compose` renders one; `exchange` reads and
writes those of editing programs.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from vidparticles.errors import InputError
from vidparticles.video.extras import Span


@dataclasses.dataclass(frozen=True)
class Effect:
    """What is done to the pictures of a clip; it changes no time.

    Attributes:
        name: of the option of `vidparticles edit` that does it, as "recolor".
        value: what the option is given, as "hue=90".
    """

    name: str
    value: str


@dataclasses.dataclass(frozen=True)
class Clip:
    """A part of a file, picture and sound.

    Attributes:
        source: the file's path.
        start, end: seconds of the file, from its first moment.
        speed: times as fast; negative where it is shown backwards, from `end` to `start`.
        effects: in the order in which they are applied.
    """

    source: str
    start: Fraction
    end: Fraction
    speed: Fraction = Fraction(1)
    effects: tuple[Effect, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InputError(
                f"{self.source}: a clip from {float(self.start):g} s to {float(self.end):g} s "
                "holds no time; give 0 ≤ start < end."
            )
        if self.speed == 0:
            raise InputError(f"{self.source}: a clip at speed 0 never ends; give another speed.")

    @property
    def seconds(self) -> Fraction:
        """How long it shows."""
        return (self.end - self.start) / abs(self.speed)

    def part(self, begin: Fraction, stop: Fraction) -> Clip:
        """What it shows from `begin` to `stop`, in seconds after it has begun.

        Example:
            >>> ten = Clip("a.mp4", Fraction(0), Fraction(10), speed=Fraction(2))
            >>> str(ten.part(Fraction(1), Fraction(2)).start)
            '2'
        """
        first, last = (at * abs(self.speed) for at in (begin, stop))
        if self.speed < 0:
            return dataclasses.replace(self, start=self.end - last, end=self.end - first)
        return dataclasses.replace(self, start=self.start + first, end=self.start + last)


@dataclasses.dataclass(frozen=True)
class Gap:
    """Black and silence.

    Attributes:
        seconds: how long.
    """

    seconds: Fraction

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise InputError(f"a gap of {float(self.seconds):g} s holds no time; give more.")

    def part(self, begin: Fraction, stop: Fraction) -> Gap:
        """The gap from `begin` to `stop`, in seconds after it has begun."""
        return Gap(stop - begin)


@dataclasses.dataclass(frozen=True)
class Transition:
    """How one clip goes over into the next; it takes no time of its own.

    Before the cut the next clip shows what its file holds before `start`, and after the cut the
    clip before shows what its file holds after `end`.

    Attributes:
        before, after: seconds from its beginning to the cut, and from the cut to its end.
        kind: "dissolve", or another that `editing.splicing.mix_of` knows: "dip", "wipe", "morph".
    """

    before: Fraction
    after: Fraction
    kind: str = "dissolve"

    def __post_init__(self) -> None:
        if min(self.before, self.after) < 0 or self.seconds <= 0:
            raise InputError(
                f"a {self.kind} from {float(self.before):g} s before the cut to "
                f"{float(self.after):g} s after it holds no time; give more."
            )

    @property
    def seconds(self) -> Fraction:
        """How long it takes."""
        return self.before + self.after


Shown = Clip | Gap  # what takes time
Item = Clip | Gap | Transition


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Items one after another.

    Attributes:
        items: in order; a transition stands between two clips that are as long as it asks for.
        rate: frames a second, in which other programs are to count its times; None where it is
            not known.
        captions: in order, in seconds of the timeline, text in the markup of ASS.

    Raises:
        InputError: a transition that is not between two clips, or longer than they are.

    Example:
        >>> two = Timeline((Clip("a.mp4", Fraction(1), Fraction(3)), Gap(Fraction(1))))
        >>> str(two.seconds), [str(at) for at in two.starts]
        ('3', ['0', '2'])
    """

    items: tuple[Item, ...] = ()
    rate: Fraction | None = None
    captions: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if wrong := misplaced(self.items):
            item = self.items[wrong[0]]
            assert isinstance(item, Transition)
            raise InputError(
                f"the {item.kind} of {float(item.seconds):g} s, item {wrong[0]} of the timeline, "
                "is not between two clips whose files hold enough for it; leave it out or shorten "
                "it."
            )

    @property
    def seconds(self) -> Fraction:
        """How long it plays."""
        return sum((item.seconds for item in shown(self.items)), Fraction(0))

    @property
    def starts(self) -> tuple[Fraction, ...]:
        """When each item begins; of a transition, the cut."""
        lengths = (Fraction(0) if isinstance(i, Transition) else i.seconds for i in self.items)
        return tuple(itertools.accumulate(lengths, initial=Fraction(0)))[:-1]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """Its clips, in order."""
        return tuple(item for item in self.items if isinstance(item, Clip))


def shown(items: Sequence[Item]) -> list[Shown]:
    """The items that take time."""
    return [item for item in items if not isinstance(item, Transition)]


def misplaced(items: Sequence[Item]) -> list[int]:
    """Indices of transitions that are not between two clips, or for which these are too short."""
    wrong = []
    for k, item in enumerate(items):
        if not isinstance(item, Transition):
            continue
        one, other = items[max(0, k - 1)], items[min(k + 1, len(items) - 1)]
        if not isinstance(one, Clip) or not isinstance(other, Clip):
            wrong.append(k)
            continue
        taken = items[k - 2] if k >= 2 else None
        # What the transition at the other end of the clip before takes is taken already.
        held = taken.after if isinstance(taken, Transition) and k - 2 not in wrong else Fraction(0)
        early = other.speed > 0 and other.start < item.before * other.speed  # its file's beginning
        if one.seconds < held + item.before or other.seconds < item.after or early:
            wrong.append(k)
    return wrong


def as_data(timeline: Timeline) -> dict[str, Any]:
    """A timeline for programs, in seconds.

    Example:
        >>> one = Timeline((Clip("a.mp4", Fraction(1), Fraction(3)),), Fraction(25))
        >>> as_data(one)["spans"][0]["end"], as_data(one)["seconds"]
        (3.0, 2.0)
    """
    spans: list[dict[str, Any]] = []
    for item, begun in zip(timeline.items, timeline.starts, strict=True):
        told: dict[str, Any] = {"at": float(begun)}
        if isinstance(item, Clip):
            told |= {"source": item.source, "start": float(item.start), "end": float(item.end)}
            told |= {"speed": float(item.speed)} if item.speed != 1 else {}
            if item.effects:
                told["effects"] = {effect.name: effect.value for effect in item.effects}
        elif isinstance(item, Transition):
            told |= {"transition": item.kind, "seconds": float(item.seconds)}
        else:
            told |= {"gap": float(item.seconds)}
        spans.append(told)
    rate = None if timeline.rate is None else str(timeline.rate)
    return {"seconds": float(timeline.seconds), "rate": rate, "spans": spans}
