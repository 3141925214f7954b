"""A report of `understand`, laid out for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vidparticles.inference.understanding.report import Curve, Report
from vidparticles.inference.understanding.told import UNSURE, Told
from vidparticles.viz.text import bar, clock, describe

BAR, NAME = 15, 37  # columns
MOST = 10  # lines of a section
BLOCKS = "▁▂▃▄▅▆▇█"


class Line(NamedTuple):
    """A line of a section: what, when, and what stands behind."""

    name: str
    start: float
    end: float
    note: str = ""


def write_out(report: Report) -> str:
    """The report in sections, each line with a bar of when it holds.

    Args:
        report: of `understand`.

    Returns:
        Lines of up to 80 columns, without the last line's end.
    """
    count = len(report.shots)
    lines = [
        f"{report.path}",
        f"{clock(report.seconds)}, {report.width} × {report.height}, "
        f"{count} shot{'s' * (count > 1)}",
    ]
    shots = [
        Line(f"{k}" + (f" after a {s.begins}" if s.begins not in ("", "cut") else ""), *_span(s))
        for k, s in enumerate(report.shots, start=1)
    ]
    sections = {
        "shots": shots if count > 1 else [],
        "what is done": [_action(told) for told in report.actions],
        "in the picture": [Line(t.label, t.start, t.end, _sure(t)) for t in report.tags],
        "who moves": [Line(m.words, m.start, m.end) for m in report.movements],
        "the camera": [Line(t.label, t.start, t.end) for t in report.camera],
        "the picture is": [Line(t.label, t.start, t.end) for t in report.picture],
        "to be heard": [Line(t.label, t.start, t.end) for t in report.sound],
        "kinds of sound, with their scores": [_action(t, _score) for t in report.sounds],
    }
    for title, found in sections.items():
        if found:
            lines += ["", title, *_laid_out(found, report.seconds)]
    lines += _drawn(report.novelty, report.seconds)
    if report.trained is not None:
        lines += ["", "the trained model", *describe(report.trained).splitlines()[2:]]
    return "\n".join(lines)


def _span(stretch: object) -> tuple[float, float]:
    return stretch.start, stretch.end  # type: ignore[attr-defined]


def _sure(told: Told) -> str:
    return f"{100 * told.confidence:.0f} %"


def _score(told: Told) -> str:
    return f"{told.confidence:.2f}"


def _action(told: Told, note: Callable[[Told], str] = _sure) -> Line:
    if told.label != UNSURE:
        return Line(told.label, told.start, told.end, note(told))
    if not told.likeliest:
        return Line(UNSURE, told.start, told.end)
    return Line(f"unsure: {told.likeliest[0][0]}?", told.start, told.end)


def _laid_out(found: Sequence[Line], seconds: float) -> list[str]:
    """Lines of a section; of very many, the longest, in order."""
    kept = sorted(range(len(found)), key=lambda k: found[k].start - found[k].end)[:MOST]
    lines = []
    for k in sorted(kept):
        name, start, end, note = found[k]
        name = name if len(name) <= NAME else name[: NAME - 1] + "…"
        drawn = bar(start / seconds, end / seconds, width=BAR) if seconds > 0 else "█" * BAR
        span = f"{clock(start):>7} – {clock(end):<7}"
        lines.append(f"  {name:{NAME}}  {drawn} {span} {note}".rstrip())
    if len(found) > MOST:
        more = len(found) - MOST
        lines.append(f"  and {more} shorter one{'s' * (more > 1)}, with --json")
    return lines


def _drawn(curve: Curve, seconds: float) -> list[str]:
    """The curve of novelty, as high as its highest, and when that is."""
    if len(curve.values) < 3 or seconds <= 0:
        return []
    times, values = np.asarray(curve.times), np.asarray(curve.values)
    width = NAME + BAR + 2
    cell = np.clip((times / seconds * width).astype(int), 0, width - 1)
    most = np.zeros(width)
    np.maximum.at(most, cell, values)
    # Cells between two moments have the value of the one before.
    for k in range(1, width):
        if k not in cell:
            most[k] = most[k - 1]
    highest = max(float(values.max()), 1e-9)
    drawn = "".join(BLOCKS[min(7, int(8 * v / highest))] for v in most)
    best = int(values.argmax())
    return [
        "",
        "how new it is, against all before",
        f"  {drawn} most at {clock(float(times[best]))}",
    ]
