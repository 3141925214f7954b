"""What a verb of the command line is."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vidparticles.parsing import Option

if TYPE_CHECKING:
    from vidparticles.editing import Written


@dataclasses.dataclass(frozen=True)
class Result:
    """What a verb has to say.

    Attributes:
        text: for people, on stdout; without the end of its last line.
        data: the same for programs, where the verb has --json.
        warnings: sentences, on stderr.
        status: of exit; 1 where a part of the files could not be used.
    """

    text: str
    data: Any = None
    warnings: Sequence[str] = ()
    status: int = 0


@dataclasses.dataclass(frozen=True)
class Verb:
    """A line of the table.

    Attributes:
        help: what it does, a phrase.
        options: what it is told.
        run: does it, and returns what is to be said of it.
        suffix: what the name of a file that it writes ends in; "" for as the clip's own does.
    """

    help: str
    options: Sequence[Option]
    run: Callable[[argparse.Namespace], Result]
    suffix: str = ""


CLIP = Option("clip", metavar="CLIP", help="a video file")
JSON = Option("--json", action="store_true", help="print JSON, and nothing else on stdout")
OUTPUT = Option("-o", "--output", metavar="OUT", required=True, help="the file to write")
OVERWRITE = Option("--overwrite", action="store_true", help="replace OUT if it exists")
ENCODING = (
    Option("--codec", metavar="C", help="h264, hevc, vp9, av1, prores (default: as the clip's)"),
    Option("--crf", metavar="Q", type=float, help="quality on the codec's scale, less is better"),
    Option("--preset", metavar="P", help="speed of coding: medium for h264, 6 for av1"),
    Option("--pix-fmt", metavar="F", help="pixel format: yuv420p, yuv420p10le (default: as it is)"),
)


def checkpoint(use: str) -> Option:
    """The option of a training run.

    Args:
        use: what its model does for the verb.
    """
    return Option("--checkpoint", metavar="W", help=f"workdir of a training run: {use}")


def output(args: argparse.Namespace) -> dict[str, Any]:
    """How pictures are written, as functions take it."""
    from vidparticles.video import Encoding

    encoding = Encoding(args.codec, crf=args.crf, preset=args.preset, pix_fmt=args.pix_fmt)
    return {"overwrite": args.overwrite, "encoding": encoding}


def written(done: Written) -> Result:
    """What was written, and what the reader of it should know of it and of the clips."""
    sound = "sound" if done.sound else "no sound"
    cropped = f", cropped to {done.crop:.0%}" if done.crop < 1 else ""
    copied = f", {done.copied:.0%} of them copied" if done.copied else ""
    return Result(
        f"{done.path}  {done.seconds:.2f} s, {done.frames} frames{copied}, "
        f"{done.width} × {done.height}, {sound}{cropped}" + "".join(f"\n{t}" for t in done.told),
        warnings=[*done.warnings, *([done.note] if done.note else [])],
    )
