"""`vidparticles edit`: a clip through a chain of edits."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, ENCODING, OUTPUT, OVERWRITE, Result, Verb, output, written

if TYPE_CHECKING:
    from vidparticles.editing.in_between import Network


def _edit(args: argparse.Namespace) -> Result:
    from vidparticles.editing.edit import edit

    options = {"trim": args.trim, "stabilize": args.stabilize}
    options |= {"crop": args.crop, "fill": args.fill}
    options |= {"speed": args.speed, "recolor": args.recolor, "network": _network(args)}
    return written(edit(args.clip, args.output, **options, **output(args)))


def _network(args: argparse.Namespace) -> Network | None:
    if args.motion is None and args.quality is None:
        if args.weights is not None:
            raise InputError("--weights are of --motion rife or --quality best; give one of them.")
        return None
    from vidparticles.inference.slow_motion import rife

    return rife(args.weights, pictures=args.quality == "best")


WEIGHTS = Option("--weights", metavar="PATH", help="a file of them; default: see `weights`")
VERB = Verb(
    "trim, stabilize, change the speed, recolor; sound stays in step",
    [
        CLIP,
        Option("--trim", metavar="START:END", help="keep this: 1.0:3.5, 24f:84f or 1:05-1:10"),
        Option("--stabilize", action="store_true", help="take out the camera's shake"),
        Option(
            "--crop",
            metavar="SHARE",
            type=float,
            help="of --stabilize: share of height and width to keep at least (default: 0.9)",
        ),
        Option(
            "--fill",
            action="store_true",
            help="of --stabilize: crop nothing, fill the edges from the frames around",
        ),
        Option(
            "--speed",
            metavar="FACTOR",
            help="times as fast: 0.5 is half speed, -1 backwards; or pieces: 0.25@1-2 from "
            "1 s to 2 s, 1:0.25@1-2 slowing down, -1@1-2 this part backwards in its place, "
            "hold:1.5@2 the frame at 2 s for 1.5 s",
        ),
        Option("--motion", choices=["rife"], help="of slow motion, by others' network"),
        Option("--quality", choices=["best"], help="best: its pictures too, which takes longer"),
        WEIGHTS,
        Option("--recolor", metavar="KEY=VALUE,…", help="new colors: hue=90,saturation=1.2"),
        OUTPUT,
        OVERWRITE,
        *ENCODING,
    ],
    _edit,
)
