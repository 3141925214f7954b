"""`vidparticles splice`: clips one after another."""

from __future__ import annotations

import argparse

from vidparticles.parsing import Option
from vidparticles.verbs.base import ENCODING, OUTPUT, OVERWRITE, Result, Verb, output, written


def _splice(args: argparse.Namespace) -> Result:
    from vidparticles.editing import splice

    return written(splice(args.clips, args.output, **output(args)))


VERB = Verb(
    "join clips one after another",
    [
        Option("clips", metavar="CLIP", nargs="+", help="video files, in order"),
        OUTPUT,
        OVERWRITE,
        *ENCODING,
    ],
    _splice,
)
