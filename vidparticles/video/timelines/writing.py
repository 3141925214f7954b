"""A timeline to OpenTimelineIO's, as far as a kind of file holds it."""

from __future__ import annotations

import dataclasses
import pathlib
from fractions import Fraction
from typing import Any

from vidparticles.errors import InputError
from vidparticles.video.timelines.data import Clip, Gap, Item, Timeline, Transition

OWN = "vidparticles"  # under which others' files keep what they have no field for
DISSOLVE = "SMPTE_Dissolve"
# Frames a second that the adapter of .fcpxml writes and reads as they are.
_WHOLE_RATES = (24, 25, 30, 50, 60)


def plain(timeline: Timeline, kind: str, lost: list[str]) -> Timeline:
    """A timeline with what a kind of file holds: whole frames, dissolves, no effects.

    Args:
        timeline: the timeline.
        kind: suffix of the file.
        lost: is added names of what is left out.
    """
    rate = timeline.rate or Fraction(30)
    if kind == ".fcpxml" and rate not in _WHOLE_RATES:
        raise InputError(
            f"an .fcpxml of {float(rate):.5g} frames a second is not one that its adapter writes "
            "as it is; write an .otio or .xml."
        )

    def frames(seconds: Fraction) -> Fraction:
        return round(seconds * rate) / rate

    items: list[Item] = []
    names = set()
    for item in timeline.items:
        if isinstance(item, Transition):
            if item.kind != "dissolve":
                names.add(f"the transition {item.kind} other than as a dissolve")
            if kind == ".fcpxml":  # its adapter writes cuts alone
                names.add(f"the transition {item.kind}")
                continue
            own: Item = Transition(frames(item.before), frames(item.after))
        elif isinstance(item, Clip):
            names |= {f"the effect {effect.name}" for effect in item.effects}
            if item.speed != 1:  # as their adapters write it, it does not come back
                raise InputError(
                    f"a {kind} cannot hold {item.source} at {float(item.speed):g} times its speed; "
                    "write an .otio."
                )
            start = frames(item.start)
            own = Clip(item.source, start, start + max(1 / rate, frames(item.seconds)))
        else:
            own = Gap(max(1 / rate, frames(item.seconds)))
            if items and isinstance(items[-1], Gap):
                own = Gap(own.seconds + items.pop().seconds)
        items.append(own)
    if kind == ".xml" and _center(items, rate):
        names.add("the odd frame of a dissolve")
    while items and isinstance(items[-1], Gap):
        items.pop()
        names.add("black at its end")
    while items and isinstance(items[0], Gap) and kind == ".edl":
        items.pop(0)
        names.add("black at its beginning")
    lost += sorted(names)
    if timeline.captions:
        lost.append("captions")
    edges = {edge * rate for item in timeline.items for edge in _edges(item)}
    if any(edge.denominator > 1 for edge in edges):
        lost.append(f"times between frames of {float(rate):.5g} a second")
    return Timeline(tuple(items), rate)


def _center(items: list[Item], rate: Fraction) -> bool:
    """Move cuts to the middle of their dissolves, where an .xml has them; the same is shown.

    Returns:
        A dissolve had an odd number of frames, and has one less.
    """
    odd = False
    for k, item in enumerate(items):
        if not isinstance(item, Transition):
            continue
        half = item.seconds * rate // 2 / rate
        before, after = items[k - 1], items[k + 1]
        assert isinstance(before, Clip)
        assert isinstance(after, Clip)
        by = half - item.before
        items[k - 1] = dataclasses.replace(before, end=before.end + by)
        items[k] = Transition(half, half)
        items[k + 1] = dataclasses.replace(after, start=after.start + by)
        odd |= 2 * half != item.seconds
    return odd


def _edges(item: Item) -> tuple[Fraction, ...]:
    """The times of an item."""
    if isinstance(item, Clip):
        return item.start, item.seconds
    return (item.before, item.after) if isinstance(item, Transition) else (item.seconds,)


def content(otio: Any, timeline: Timeline, name: str, *, tracks: int) -> Any:
    """A timeline as OpenTimelineIO's; its sound is cut as its picture is."""
    whole = otio.schema.Timeline(name=name)
    own: dict[str, Any] = {}
    if timeline.rate:
        own["rate"] = str(timeline.rate)
        whole.global_start_time = otio.opentime.RationalTime(0, float(timeline.rate))
    if timeline.captions:
        own["captions"] = [
            {"start": str(cue.start), "end": str(cue.end), "text": cue.text}
            for cue in timeline.captions
        ]
    if own:
        whole.metadata[OWN] = own
    ends = {clip.source: clip.end for clip in sorted(timeline.clips, key=lambda clip: clip.end)}
    for kind in ("Video", "Audio")[:tracks]:
        track = otio.schema.Track(name=kind[0] + "1", kind=kind)
        for k, item in enumerate(timeline.items):
            if kind == "Video" or not isinstance(item, Transition):
                child = _child(otio, item, timeline.rate, ends)
                # What is alike to the letter, an adapter would write but once.
                child.metadata.setdefault(OWN, {})["item"] = f"{track.name}.{k}"
                track.append(child)
        whole.tracks.append(track)
    return whole


def _child(otio: Any, item: Item, rate: Fraction | None, ends: dict[str, Fraction]) -> Any:
    """An item as OpenTimelineIO's."""

    def ticks(seconds: Fraction) -> Any:
        """In frames, or in parts of a second where they are not whole: either is exact."""
        if rate and (seconds * rate).denominator == 1:
            return otio.opentime.RationalTime(int(seconds * rate), float(rate))
        return otio.opentime.RationalTime(seconds.numerator, seconds.denominator)

    def span(start: Fraction, length: Fraction) -> Any:
        return otio.opentime.TimeRange(ticks(start), ticks(length))

    if isinstance(item, Gap):
        return otio.schema.Gap(source_range=span(Fraction(0), item.seconds))
    if isinstance(item, Transition):
        dissolve = item.kind == "dissolve"
        return otio.schema.Transition(
            name=item.kind,
            transition_type=DISSOLVE if dissolve else "Custom_Transition",
            in_offset=ticks(item.before),
            out_offset=ticks(item.after),
        )
    source = pathlib.Path(item.source)
    clip = otio.schema.Clip(
        name=source.name,
        # How long it shows, which is not what is used of the file where the speed is another.
        source_range=span(item.start, item.seconds),
        media_reference=otio.schema.ExternalReference(
            target_url=source.resolve().as_uri(),
            available_range=span(Fraction(0), ends[item.source]),
        ),
    )
    if item.speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=float(item.speed)))
        clip.metadata[OWN] = {"speed": str(item.speed)}  # a float holds no third
    for effect in item.effects:
        own = {OWN: {"value": effect.value}}
        clip.effects.append(otio.schema.Effect(effect_name=effect.name, metadata=own))
    return clip
