"""`vidparticles splice`: clips one after another."""

from __future__ import annotations

import argparse
from typing import Literal

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import ENCODING, OUTPUT, OVERWRITE, Result, Verb, output, written


def _splice(args: argparse.Namespace) -> Result:
    from vidparticles.editing import splice

    how = {"transition": args.transition, "seconds": args.seconds, "match": args.match}
    how["loudness"] = _loudness(args.loudness)
    return written(splice(args.clips, args.output, **how, **output(args)))


def _loudness(told: str | None) -> float | Literal["first"] | None:
    if told in (None, "off"):
        return "first" if told is None else None
    try:
        return float(told)
    except ValueError:
        raise InputError(
            f"--loudness {told} is not understood; give LUFS, as -23 or -16, or off."
        ) from None


VERB = Verb(
    "join clips one after another",
    [
        Option("clips", metavar="CLIP", nargs="+", help="video files, in order"),
        Option(
            "--transition",
            metavar="KIND",
            default="cut",
            help="cut (default), fade, dip (to black), wipe or morph (points flow)",
        ),
        Option(
            "--seconds",
            metavar="S",
            type=float,
            default=0.5,
            help="that a transition takes (default: 0.5)",
        ),
        Option(
            "--match",
            metavar="S",
            type=float,
            nargs="?",
            const=2.0,
            help="cut where what moves goes on, within S seconds (2) of each end and start",
        ),
        Option(
            "--loudness",
            metavar="LUFS|off",
            help="of each clip, by EBU R128: -23 (TV), -16 (web); off, as it is (default: as the "
            "first clip's, where they differ)",
        ),
        OUTPUT,
        OVERWRITE,
        *ENCODING,
    ],
    _splice,
)
