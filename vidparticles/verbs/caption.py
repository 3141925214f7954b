"""`vidparticles caption`: subtitles of a clip, or others moved and written anew."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
from fractions import Fraction
from typing import TYPE_CHECKING

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import OVERWRITE, Result, Verb

if TYPE_CHECKING:
    from vidparticles.video import Subtitles

# option → with what it is of use
_OF = {
    "template": "--events",
    "encoding": "a file of subtitles",
    "readable": "a file of subtitles",
    "language": "speech",
    "weights": "speech",
    "align": "speech",
}


def _caption(args: argparse.Namespace) -> Result:
    from vidparticles.video import subtitles

    out = subtitles.check_subtitles(args.output, args.overwrite)
    given = pathlib.Path(args.source).suffix.lower() in (*subtitles.SUFFIXES, ".ssa")
    kind = "a file of subtitles" if given else "--events" if args.events else "speech"
    for name, use in _OF.items():
        if getattr(args, name) and use != kind:
            raise InputError(f"--{name} is of {use}, and this is {kind}; leave it out.")
    if given and args.events:
        raise InputError(f"--events are of a video, and {args.source} is a file of subtitles.")
    warnings: tuple[str, ...] = ()
    if given:
        track = _read(args)
    elif args.events:
        track, warnings = _events(args)
    else:
        track = _said(args)
    if args.scale is not None:
        track = subtitles.scaled(track, args.scale)
    if args.shift is not None:
        track = subtitles.shifted(track, args.shift)
    subtitles.write(track, out, overwrite=args.overwrite)
    count = len(track.cues)
    last = f", the last until {float(track.cues[-1].end):.2f} s" if count else ""
    return Result(f"{out}  {count} cue{'s' * (count != 1)}{last}", warnings=warnings)


def _read(args: argparse.Namespace) -> Subtitles:
    from vidparticles.video import subtitles

    track = subtitles.read(args.source, **({"encoding": args.encoding} if args.encoding else {}))
    return subtitles.arranged(track) if args.readable else track


def _events(args: argparse.Namespace) -> tuple[Subtitles, tuple[str, ...]]:
    from vidparticles.inference import understand
    from vidparticles.inference.captions import describe
    from vidparticles.inference.captions.events import check_template
    from vidparticles.video import subtitles

    template = args.template or "{what}"
    check_template(template)  # before minutes of work
    report = understand(args.source)
    track = subtitles.arranged(describe(report, template))
    # What is shown longer, so that it can be read, ends with the clip all the same.
    whole = [(Fraction(0), Fraction(report.seconds))]
    return subtitles.clipped(track, whole), report.warnings


def _said(args: argparse.Namespace) -> Subtitles:
    from vidparticles.inference.captions import Hearing, caption

    hearing = dataclasses.replace(Hearing(), language=args.language)
    return caption(args.source, text=args.align, weights=args.weights, hearing=hearing).subtitles


VERB = Verb(
    "write subtitles of what is said or happens in a clip; convert and move files of them",
    [
        Option("source", metavar="CLIP", help="a video, or sound; or a file of subtitles"),
        Option("--align", metavar="TEXT", help="a file of what is said, line by line: its times"),
        Option("--language", metavar="L", help="that is spoken: en, de (default: as it sounds)"),
        Option(
            "--weights", metavar="DIR", help="a Whisper model of CTranslate2 (default: tiny.en)"
        ),
        Option("--events", action="store_true", help="what happens, instead of what is said"),
        Option("--template", metavar="T", help="of --events: '{start}: {what}', in any language"),
        Option("--readable", action="store_true", help="break lines, divide and lengthen cues"),
        Option("--shift", metavar="S", type=float, help="seconds that cues come later"),
        Option("--scale", metavar="F", type=float, help="times all times, before --shift"),
        Option("--encoding", metavar="E", help="of a file of subtitles (default: utf-8)"),
        Option("-o", "--output", metavar="OUT", required=True, help=".srt, .vtt or .ass"),
        OVERWRITE,
    ],
    _caption,
    suffix=".srt",
)
