"""What a command says, laid out for a terminal."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidparticles.inference.counting import Counts
    from vidparticles.inference.cuts import Cuts
    from vidparticles.inference.highlights import Highlights
    from vidparticles.inference.objects import FoundObject, Objects
    from vidparticles.inference.understanding.trained import Classified
    from vidparticles.weights import Status

WIDTH = 40


def describe(seen: Classified) -> str:
    """Probabilities of the classes and the timeline, drawn with bars.

    Args:
        seen: what `classify` gave.

    Returns:
        Lines, without the last line's end.
    """
    wide = max(map(len, seen.classes))
    lines = [f"{seen.path}  {clock(seen.seconds)}", ""]
    for label, probability in seen.classes.items():
        lines.append(f"  {label:{wide}}  {bar(0, probability)}  {100 * probability:3.0f} %")
    lines.append("")
    for event in seen.timeline:
        drawn = bar(event.start / seen.seconds, event.end / seen.seconds)
        span = f"{clock(event.start):>7} – {clock(event.end)}"
        lines.append(f"  {event.label:{wide}}  {drawn}  {100 * event.probability:3.0f} % {span}")
    lines += [
        "",
        f"  decode {seen.decode_seconds:.2f} s, model {seen.model_seconds:.2f} s, "
        f"compile {seen.compile_seconds:.2f} s",
    ]
    return "\n".join(lines)


def list_shots(found: Cuts) -> str:
    """The shots of a clip, one a line, drawn with bars; frames as `edit --trim` takes them.

    Args:
        found: what `cuts` gave.

    Returns:
        Lines, without the last line's end.
    """
    count = len(found.shots)
    lines = [f"{found.path}  {clock(found.seconds)}, {count} shot{'s' * (count > 1)}", ""]
    wide = max(2 * len(str(shot.last + 1)) + 3 for shot in found.shots)
    for number, shot in enumerate(found.shots, start=1):
        drawn = bar(shot.start / found.seconds, shot.end / found.seconds)
        span = f"{clock(shot.start):>7} – {clock(shot.end):7}"
        frames = f"{shot.first}f:{shot.last + 1}f"
        row = f"  {number:>{len(str(count))}}  {drawn}  {span}  {frames:{wide}}  {shot.begins}"
        lines.append(row.rstrip())
    return "\n".join(lines)


def list_parts(found: Highlights) -> str:
    """The parts of a clip that are kept, one a line, drawn with bars.

    Args:
        found: what `highlights` gave.

    Returns:
        Lines, without the last line's end.
    """
    count = len(found.parts)
    lines = [
        f"{found.path}  {clock(found.kept)} of {clock(found.seconds)} kept, "
        f"{count} part{'s' * (count > 1)}",
        "",
    ]
    for number, part in enumerate(found.parts, start=1):
        drawn = bar(part.start / found.seconds, part.end / found.seconds)
        span = f"{clock(part.start):>7} – {clock(part.end):7}"
        lines.append(f"{number:4}  {drawn}  {span}  {part.why}".rstrip())
    return "\n".join(lines)


def list_objects(found: Objects) -> str:
    """The objects of a clip, one a line, drawn with bars of the time that they are there.

    Args:
        found: what `objects` gave.

    Returns:
        Lines, without the last line's end.
    """
    counts = collections.Counter(one.kind for one in found.objects)
    told = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    lines = [f"{found.path}  {clock(found.seconds)}, {told or 'nothing was found'}"]
    if not found.objects:
        return lines[0]
    wide, digits = max(map(len, counts)), len(str(found.objects[-1].number))
    lines.append("")
    for one in found.objects:
        drawn = bar(one.start / found.seconds, one.end / found.seconds)
        span = f"{clock(one.start):>7} – {clock(one.end):7}"
        share = 1 - sum(one.hidden) / len(one.hidden)
        hidden = "" if share == 1 else f"in sight {100 * share:.0f} %"
        lines.append(
            f"  {one.number:>{digits}}  {one.kind:{wide}}  {drawn}  {span}  {hidden}".rstrip()
        )
    return "\n".join(lines)


def objects_as_csv(found: Objects) -> str:
    """A line for each object in each frame; boxes in frame heights.

    Args:
        found: what `objects` gave.
    """
    lines = ["frame,object,kind,left,top,right,bottom,score,hidden"]
    for frame, one, k in _by_frame(found):
        box = ",".join(f"{x:.4f}" for x in one.boxes[k])
        hidden = int(one.hidden[k])
        lines.append(f"{frame},{one.number},{one.kind},{box},{one.score[k]:.3f},{hidden}")
    return "\n".join(lines)


def objects_as_mot(found: Objects) -> str:
    """As MOTChallenge has results: frame and number from 1, left, top, width, height in pixels.

    Args:
        found: what `objects` gave.
    """
    lines = []
    for frame, one, k in _by_frame(found):
        left, top, right, bottom = (found.height * x for x in one.boxes[k])
        box = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
        lines.append(f"{frame + 1},{one.number + 1},{box},{one.score[k]:.3f},-1,-1,-1")
    return "\n".join(lines)


def _by_frame(found: Objects) -> list[tuple[int, FoundObject, int]]:
    """(frame, object, which of its frames that is), in the order of frames."""
    every = [(frame, one, k) for one in found.objects for k, frame in enumerate(one.frames)]
    return sorted(every, key=lambda row: (row[0], row[1].number))


def list_counts(found: Counts) -> str:
    """How many of what there are when, who crosses the lines, who is in the zones.

    Args:
        found: what `counting.count_all` gave.

    Returns:
        Lines, without the last line's end.
    """
    lines = [f"{found.path}  {clock(found.seconds)}"]
    for kind in found.kinds:
        lines += ["", f"  {kind.kind}: {kind.total} in all, at most {kind.most} at once"]
        lines += [
            f"    {clock(s.start):>7} – {clock(s.end):7}  {s.count}" for s in kind.spans if s.count
        ]
    if not found.kinds:
        lines[0] += ", nothing was found"
    for line in found.lines:
        ways = collections.Counter(c.way for c in line.crossings)
        told = ", ".join(f"{count} {way}" for way, count in sorted(ways.items())) or "nobody"
        lines += ["", f"  line {_coordinates(line.ends)}: {told}"]
        lines += [f"    {clock(c.time):>7}  {c.kind} {c.number}  {c.way}" for c in line.crossings]
    for zone in found.zones:
        who = {visit.number for visit in zone.visits}
        lines += ["", f"  zone {_coordinates(zone.box)}: {len(who) or 'nobody'}"]
        lines += [
            f"    {clock(v.start):>7} – {clock(v.end):7}  {v.kind} {v.number}" for v in zone.visits
        ]
    return "\n".join(lines)


def _coordinates(numbers: Sequence[float]) -> str:
    return ",".join(f"{x:g}" for x in numbers)


def list_weights(found: Sequence[Status]) -> str:
    """Published weights, one a line.

    Args:
        found: what `weights.status` gave of each.

    Returns:
        Lines, without the last line's end.
    """
    sizes = [
        f"{one.bytes / 1e6:.0f} MB" + ("" if one.state == "there" else " to get") for one in found
    ]
    rows = [(o.name, o.state, size, o.license) for o, size in zip(found, sizes, strict=True)]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([*(f"{cell:{w}}" for cell, w in zip(row, wide, strict=True)), one.what])
        for row, one in zip(rows, found, strict=True)
    ]
    missing = " ".join(one.name for one in found if one.state != "there")
    get = f"; vidparticles weights get {missing}" if missing else ""
    return "\n".join([*lines, "", f"kept in {found[0].path.parent}{get}"])


def clock(seconds: float) -> str:
    """Seconds as people read them.

    Example:
        >>> clock(2.54), clock(75), clock(3607)
        ('0:02.5', '1:15.0', '1:00:07.0')
    """
    minutes, tenths = divmod(round(10 * seconds), 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def bar(start: float, end: float, *, width: int = WIDTH) -> str:
    """A stretch of 0 … 1, filled; what is short is still seen.

    Example:
        >>> bar(0, 0.5, width=8), bar(0.5, 0.51, width=8)
        ('████····', '····█···')
    """
    first = min(width - 1, round(start * width))
    last = max(round(end * width), first + (end > start))
    return "·" * first + "█" * (last - first) + "·" * (width - last)
