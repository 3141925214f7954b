"""`vidparticles show`: a clip with what is followed in it."""

from __future__ import annotations

import argparse

from vidparticles.parsing import Option
from vidparticles.verbs.base import (
    CLIP,
    ENCODING,
    OVERWRITE,
    Result,
    Verb,
    checkpoint,
    output,
    written,
)


def _run(args: argparse.Namespace) -> Result:
    from vidparticles.viz.show import show

    names = ("points", "color", "forces", "masks", "every", "checkpoint")
    options = {name: getattr(args, name) for name in names}
    return written(show(args.clip, args.output, **options, **output(args)))


VERB = Verb(
    "draw a clip's objects, or its points, and their paths over it",
    [
        CLIP,
        Option(
            "--points",
            action="store_true",
            help="draw points of the picture, not persons, animals and things",
        ),
        Option(
            "--color",
            metavar="BY",
            help="points whose colors tell: speed (default), or group: what moves together",
        ),
        Option(
            "--forces",
            action="store_true",
            help="arrows: what pushes an object; of points the pull of neighbors, or of the "
            "laws of a checkpoint",
        ),
        Option(
            "--no-masks",
            action="store_false",
            dest="masks",
            help="leave out the masks of objects, which take longest",
        ),
        Option(
            "--every",
            metavar="N",
            type=int,
            default=1,
            help="look for objects in each Nth frame, and move them in between (default: 1)",
        ),
        checkpoint("draw the objects it follows, or the paths that its laws expect"),
        Option(
            "-o",
            "--output",
            metavar="OUT",
            required=True,
            help="the file to write: a video, .gif, .png, or .html with a slider",
        ),
        OVERWRITE,
        *ENCODING,
    ],
    _run,
)
