"""What happens in a clip as subtitles, by a template in any language."""

from __future__ import annotations

import string
from fractions import Fraction

from vidparticles.errors import InputError, nearest
from vidparticles.inference.understanding.report import Report
from vidparticles.inference.understanding.told import UNSURE
from vidparticles.video import Span, Subtitles
from vidparticles.video.subtitles import escaped

FIELDS = ("what", "kind", "start", "end", "confidence")


def describe(report: Report, template: str = "{what}") -> Subtitles:
    """What a report tells of, as cues while it happens.

    Args:
        report: what `understand` gave: who moves where, what is done, what is in the picture.
        template: text with {what}, {kind} ("movements", "actions", "tags"), {start} and {end}
            (on the clock), {confidence} (per cent).

    Raises:
        InputError: the template has another field.

    Example:
        >>> import pathlib
        >>> from vidparticles.inference.understanding.told import Told
        >>> report = Report(pathlib.Path("a.mp4"), 9, 90, 8, 8, (), (Told("fencing", 1, 4),))
        >>> describe(report, "{start}: {what}").cues[0].text
        '0:01.0: fencing'
    """
    check_template(template)
    rows = [(m.start, m.end, m.words, "movements", 1.0) for m in report.movements]
    for kind in ("actions", "tags"):
        told = getattr(report, kind)
        rows += [(t.start, t.end, t.label, kind, t.confidence) for t in told if t.label != UNSURE]
    cues = []
    for start, end, what, kind, confidence in sorted(rows):
        text = template.format(
            what=what,
            kind=kind,
            start=_clock(start),
            end=_clock(end),
            confidence=f"{100 * confidence:.0f}",
        )
        first, last = (Fraction(at).limit_denominator(1000) for at in (start, end))
        cues.append(Span(first, last, escaped(text)))
    return Subtitles(tuple(cues))


def check_template(template: str) -> None:
    """Refuse a template that is not understood; raises InputError."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InputError(
            f"the template {template!r} is not understood ({error}); give text such as "
            "'{start}: {what}'."
        ) from None
    for name in names:
        if name not in FIELDS:
            raise InputError(f"the template has no {{{name}}}.{nearest(name, FIELDS)}")


def _clock(seconds: float) -> str:
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"
