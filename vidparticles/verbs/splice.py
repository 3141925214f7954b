"""`vidparticles splice`: clips one after another."""

from __future__ import annotations

import argparse

from vidparticles.parsing import Option
from vidparticles.verbs.base import ENCODING, OUTPUT, OVERWRITE, Result, Verb, output, written


def _splice(args: argparse.Namespace) -> Result:
    from vidparticles.editing import splice

    how = {"transition": args.transition, "seconds": args.seconds, "loudness": args.loudness}
    return written(splice(args.clips, args.output, **how, **output(args)))


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
            "--loudness",
            metavar="LUFS",
            type=float,
            help="bring the sound of each clip to it, by EBU R128: -23 (TV), -16 (web)",
        ),
        OUTPUT,
        OVERWRITE,
        *ENCODING,
    ],
    _splice,
)
