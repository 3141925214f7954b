"""`vidparticles objects`: who is in a clip, where and when."""

from __future__ import annotations

import argparse
import math
from typing import Any

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, JSON, Result, Verb


def _run(args: argparse.Namespace) -> Result:
    from vidparticles.inference.counting import count_all
    from vidparticles.inference.mask_files import mask_folder, write_masks
    from vidparticles.inference.objects import objects
    from vidparticles.viz import text

    layouts = {"csv": text.objects_as_csv, "mot": text.objects_as_mot}
    chosen = [name for name in ("csv", "json", "mot") if getattr(args, name)]
    if len(chosen) > 1:
        raise InputError(f"--{chosen[0]} and --{chosen[1]} exclude each other; give one of them.")
    if args.every < 1:
        raise InputError(f"--every is {args.every}; give 1 for every frame, 2 for each second one.")
    kinds = None if args.classes is None else args.classes.split(",")
    lines = [_numbers("--line", told, "X,Y,X,Y") for told in args.line]
    zones = [_numbers("--zone", told, "LEFT,TOP,RIGHT,BOTTOM") for told in args.zone]
    counting = args.count or lines or zones
    if counting and chosen not in ([], ["json"]):
        raise InputError(f"--{chosen[0]} prints boxes, not counts; leave it, or take --json.")
    how: dict[str, Any] = {"kinds": kinds, "every": args.every, "weights": args.weights}
    if args.masks is None:
        found = objects(args.clip, **how)
    else:
        with mask_folder(args.masks) as folder:
            found = objects(args.clip, masks=True, **how)
            write_masks(found, folder, every=args.every)
    if counting:
        counted = count_all(found, lines, zones)
        return Result(text.list_counts(counted), counted, found.warnings)
    layout = layouts.get(chosen[0], text.list_objects) if chosen else text.list_objects
    return Result(layout(found), found, found.warnings)


def _numbers(option: str, told: str, form: str) -> tuple[float, ...]:
    """Four numbers, or a sentence."""
    try:
        numbers = tuple(float(word) for word in told.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise InputError(f"{option} is '{told}'; expected {form} in frame heights, as 0.9,0,0.9,1.")
    if option == "--line" and numbers[:2] == numbers[2:]:
        raise InputError(f"{option} is '{told}', a point; give it two ends.")
    if option == "--zone" and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise InputError(f"{option} is '{told}', which holds nothing; expected {form}.")
    return numbers


VERB = Verb(
    "tell persons, animals and things of a clip apart, and follow each",
    [
        CLIP,
        Option("--classes", metavar="NAME,…", help="of these alone: person,dog,ball"),
        Option("--csv", action="store_true", help="print the box of each in each frame, as CSV"),
        Option("--mot", action="store_true", help="the same as MOTChallenge has it, in pixels"),
        JSON,
        Option(
            "--masks",
            metavar="DIR",
            help="write a PNG a frame, a pixel of it the number + 1 of whose it is; --json tells "
            "the masks, too",
        ),
        Option("--count", action="store_true", help="print how many of what there are, and when"),
        Option(
            "--line",
            metavar="X,Y,X,Y",
            action="append",
            default=[],
            help="and who crosses this line, in frame heights; may be given again",
        ),
        Option(
            "--zone",
            metavar="L,T,R,B",
            action="append",
            default=[],
            help="and who is in this zone, in frame heights; may be given again",
        ),
        Option(
            "--every", metavar="N", type=int, default=1, help="look at each Nth frame (default: 1)"
        ),
        Option("--weights", metavar="PATH", help="a file of nanodet; default: see `weights`"),
    ],
    _run,
)
