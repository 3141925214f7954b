"""Options of verbs that keep the parts of a clip in which something happens."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import Result

if TYPE_CHECKING:
    from vidparticles.inference.highlights import Highlights

CHOOSING = (
    Option(
        "--auto",
        action="store_true",
        help="keep what moves, is new, is said or heard; cut the rest",
    ),
    Option(
        "--remove",
        metavar="KINDS",
        help="leave out idle, silence, black, duplicate or frozen moments: 'silence|black'",
    ),
    Option(
        "--keep",
        metavar="WORDS",
        help="keep where this is: person, 'playing tennis', what is said; several as 'dog|cat'",
    ),
    Option("--checkpoint", metavar="W", help="of --keep: and the classes of a training run"),
    Option(
        "--margin",
        metavar="S",
        type=float,
        help="of the three: seconds kept before and after what happens (default: 0.25)",
    ),
    Option(
        "--min",
        metavar="S",
        type=float,
        help="of the three: seconds below which what happens counts as nothing (default: 0.5)",
    ),
    Option(
        "--max-seconds",
        metavar="S",
        type=float,
        help="the best parts that fit into so many seconds, and not all alike",
    ),
)


def chosen(args: argparse.Namespace) -> Highlights | None:
    """The parts of a clip that are chosen by what happens in them; None where none are asked for.

    Raises:
        InputError: an option that cannot be, a clip that cannot be read, or nothing is left of it.
    """
    if args.checkpoint is not None and args.keep is None:
        raise InputError("--checkpoint is of --keep; say which of its classes.")
    asked = args.auto, args.remove, args.keep, args.max_seconds
    if not any(given not in (None, False) for given in asked):
        for name, given in (("--margin", args.margin), ("--min", args.min)):
            if given is not None:
                raise InputError(f"{name} is of --auto, --remove and --keep; give one of them too.")
        return None
    from vidparticles.editing.reel import check_paths
    from vidparticles.editing.selection import SelectionConfig, parse_kinds
    from vidparticles.inference.highlights import highlights
    from vidparticles.video.timelines import is_timeline

    kinds = frozenset({"idle"}) if args.auto else frozenset()
    if args.remove is not None:
        kinds |= parse_kinds(args.remove)
    told = {"margin": args.margin, "shortest": args.min, "most": args.max_seconds}
    config = SelectionConfig(remove=kinds, **{k: v for k, v in told.items() if v is not None})
    if args.trim is not None:
        raise InputError(
            "--trim and parts chosen by what happens exclude each other; trim in a first run."
        )
    if args.output is not None and not is_timeline(args.output):  # before a long look at the clip
        check_paths(args.clip, args.output, args.overwrite)
    return highlights(args.clip, keep=args.keep, checkpoint=args.checkpoint, config=config)


def with_parts(result: Result, found: Highlights) -> Result:
    """What was written, behind the list of the parts that are in it."""
    from vidparticles.viz.text import list_parts

    text = f"{list_parts(found)}\n\n{result.text}"
    warnings = tuple(dict.fromkeys((*found.warnings, *result.warnings)))
    return dataclasses.replace(result, text=text, warnings=warnings)
