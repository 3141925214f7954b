"""`vidparticles watch`: a line of JSON for each thing that happens, while it happens."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from vidparticles.parsing import Option
from vidparticles.verbs.base import Result, Verb

if TYPE_CHECKING:
    from vidparticles.inference.watching import Happening


def _watch(args: argparse.Namespace) -> Result:
    from vidparticles.inference.watching import watch

    last, status = "", 0
    for happening in watch(args.source):
        if last:
            print(last, flush=True)
        last = _line(happening)
        if happening.what != "end":  # which may be the last, that the command itself prints
            print(last, flush=True)
            last = ""
        if happening.what == "broken":
            status = 1
    return Result(last, status=status)


def _line(happening: Happening) -> str:
    told = dataclasses.asdict(happening) | {"time": round(happening.time, 3)}
    return json.dumps({k: v for k, v in told.items() if v not in ("", None)}, ensure_ascii=False)


VERB = Verb(
    "tell what happens in a camera, a pipe, a growing file or a folder, as lines of JSON",
    [
        Option(
            "source",
            metavar="SRC",
            help="rtsp://… or another address, - for a pipe, a file, or a folder for new files",
        ),
    ],
    _watch,
)
