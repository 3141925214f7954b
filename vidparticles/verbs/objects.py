"""`vidparticles objects`: who is in a clip, where and when."""

from __future__ import annotations

import argparse

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, JSON, Result, Verb


def _run(args: argparse.Namespace) -> Result:
    from vidparticles.inference.objects import objects
    from vidparticles.viz import text

    layouts = {"csv": text.objects_as_csv, "mot": text.objects_as_mot}
    chosen = [name for name in ("csv", "json", "mot") if getattr(args, name)]
    if len(chosen) > 1:
        raise InputError(f"--{chosen[0]} and --{chosen[1]} exclude each other; give one of them.")
    if args.every < 1:
        raise InputError(f"--every is {args.every}; give 1 for every frame, 2 for each second one.")
    kinds = None if args.classes is None else args.classes.split(",")
    found = objects(args.clip, kinds=kinds, every=args.every, weights=args.weights)
    layout = layouts.get(chosen[0], text.list_objects) if chosen else text.list_objects
    return Result(layout(found), found, found.warnings)


VERB = Verb(
    "tell persons, animals and things of a clip apart, and follow each",
    [
        CLIP,
        Option("--classes", metavar="NAME,…", help="of these alone: person,dog,ball"),
        Option("--csv", action="store_true", help="print the box of each in each frame, as CSV"),
        Option("--mot", action="store_true", help="the same as MOTChallenge has it, in pixels"),
        JSON,
        Option(
            "--every", metavar="N", type=int, default=1, help="look at each Nth frame (default: 1)"
        ),
        Option("--weights", metavar="PATH", help="a file of nanodet; default: see `weights`"),
    ],
    _run,
)
