"""`vidparticles understand`: its words, and what it prints."""

from __future__ import annotations

import argparse
import pathlib

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, OVERWRITE, Result, Verb


def _run(args: argparse.Namespace) -> Result:
    from vidparticles.inference import understand
    from vidparticles.storage import write_text
    from vidparticles.viz.understanding.text import write_out

    files = {"json": args.json, "html": args.html}
    for option, name in files.items():
        if isinstance(name, str):
            _writable(option, name, args.overwrite)
    report = understand(
        args.clip,
        checkpoint=args.checkpoint,
        objects=not args.no_objects,
        sounds=args.sounds,
    )
    if isinstance(args.json, str):
        write_text(args.json, report.to_json() + "\n", overwrite=args.overwrite)
    if args.html is not None:
        from vidparticles.viz.understanding.page import write_page

        write_page(report, pathlib.Path(args.html), overwrite=args.overwrite)
    return Result(write_out(report), report, report.warnings)


def _writable(option: str, name: str, overwrite: bool) -> None:
    """Refuse a file before any work is done."""
    from vidparticles.video import check_output

    suffix = f".{option}"
    if not name.endswith(suffix):
        raise InputError(f"--{option} is {name}; expected a file whose name ends in {suffix}.")
    check_output(name, overwrite, suffixes=(suffix,))


VERB = Verb(
    "say what a clip shows, what is done in it, who moves where and what is heard, and when",
    [
        CLIP,
        Option("--checkpoint", metavar="W", help="and what the model of a training run says"),
        Option(
            "--sounds",
            metavar="FILE",
            help="and which kinds of sound are heard, by yamnet.h5, YAMNet's published file",
        ),
        Option(
            "--json",
            metavar="FILE",
            nargs="?",
            const=True,
            default=False,
            help="write JSON; without FILE, print it, and nothing else on stdout",
        ),
        Option("--html", metavar="FILE", help="write a page: player, shots and timelines"),
        Option("--no-objects", action="store_true", help="follow no objects, in half the time"),
        OVERWRITE,
    ],
    _run,
)
