"""Timelines, laid out for a terminal."""

from __future__ import annotations

import pathlib

from vidparticles.video.timelines import Clip, Gap, Timeline


def list_timeline(timeline: Timeline) -> str:
    """What a timeline shows, one item a line: when, of which file, from where to where.

    Args:
        timeline: the timeline.

    Returns:
        Lines, without the last line's end.

    Example:
        >>> from fractions import Fraction
        >>> print(list_timeline(Timeline((Clip("a.mp4", Fraction(1), Fraction(3)),))))
          0:00.000  a.mp4  0:01.000 – 0:03.000
        1 part, 0:02.000
    """
    lines = []
    wide = max((len(pathlib.Path(clip.source).name) for clip in timeline.clips), default=0)
    for item, begun in zip(timeline.items, timeline.starts, strict=True):
        at = f"{moment(float(begun)):>10}"
        if isinstance(item, Clip):
            name = f"{pathlib.Path(item.source).name:{wide}}"
            span = f"{moment(float(item.start)):>10} – {moment(float(item.end))}"
            quick = f"  at {float(item.speed):g} times its speed" if item.speed != 1 else ""
            what = "".join(f"  {effect.name} {effect.value}" for effect in item.effects)
            lines.append(f"{at}  {name}{span}{quick}{what}")
        elif isinstance(item, Gap):
            lines.append(f"{at}  black for {float(item.seconds):.2f} s")
        else:
            lines.append(f"{at}  {item.kind} of {float(item.seconds):.2f} s")
    count = len(timeline.clips)
    lines.append(f"{count} part{'s' * (count != 1)}, {moment(float(timeline.seconds))}")
    return "\n".join(lines)


def moment(seconds: float) -> str:
    """Seconds to the millisecond, as `edit --trim` takes them.

    Example:
        >>> moment(2.5), moment(3607.0004)
        ('0:02.500', '1:00:07.000')
    """
    minutes, thousandths = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}" if hours else f"{minutes}"
    clock = f"{rest}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"
    return f"{hours}:{clock}" if hours else clock
