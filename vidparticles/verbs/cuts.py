"""`vidparticles cuts`: where its shots begin and end, listed and written."""

from __future__ import annotations

import argparse
import pathlib
from typing import TYPE_CHECKING

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import CLIP, JSON, OVERWRITE, Result, Verb, written

if TYPE_CHECKING:
    from vidparticles.inference.cuts import Cuts


def _cuts(args: argparse.Namespace) -> Result:
    from vidparticles.inference.cuts import cuts
    from vidparticles.viz.text import list_shots

    for kind in ("edl", "otio"):
        name = getattr(args, kind)
        if name is not None and pathlib.Path(name).suffix.lower() != f".{kind}":
            raise InputError(f"{name}: --{kind} writes a .{kind}; give a name that ends so.")
    found = cuts(args.clip)
    lines, warnings = _written(args, found)
    text = "\n".join([list_shots(found), *([""] if lines else []), *lines])
    return Result(text, found, [*found.warnings, *warnings])


def _written(args: argparse.Namespace, found: Cuts) -> tuple[list[str], list[str]]:
    """Write what is asked for; lines and warnings."""
    from vidparticles.editing import compose
    from vidparticles.inference.cuts import pieces
    from vidparticles.video.files import check_output

    lines: list[str] = []
    warnings: list[str] = []
    shots, keep = pieces(found), {"overwrite": args.overwrite}
    if args.chapters is not None:
        check_output(args.chapters, args.overwrite)
    outs = [name for name in (args.edl, args.otio) if name is not None]
    if outs:
        warnings += compose.lists(args.clip, shots, outs, **keep)
        lines += outs
    if args.qp is not None:
        compose.keyframes(shots, args.qp, **keep)
        lines.append(args.qp)
    if args.images is not None:
        whole = [(shot.first, shot.last + 1) for shot in found.shots]
        lines += map(str, compose.images(args.clip, whole, args.images, **keep))
    files = () if args.split is None else compose.split(args.clip, shots, args.split, **keep)
    if args.chapters is not None:
        files = (*files, compose.chapters(args.clip, shots, args.chapters, **keep))
    for done in files:
        told = written(done)
        lines.append(told.text)
        warnings += told.warnings
    return lines, list(dict.fromkeys(warnings))


VERB = Verb(
    "list the shots of a clip: cuts, dissolves, fades; write each, or lists of them",
    [
        CLIP,
        Option("--split", metavar="DIR", help="a video of each shot, copied as it is stored"),
        Option("--images", metavar="DIR", help="a picture of each, from its middle"),
        Option("--edl", metavar="F", help="the shots as an .edl for editing programs"),
        Option("--otio", metavar="F", help="the same as an .otio"),
        Option("--chapters", metavar="OUT", help="a copy of the clip with a chapter for each shot"),
        Option("--qp", metavar="F", help="their first frames as x264 and x265 take by --qpfile"),
        OVERWRITE,
        JSON,
    ],
    _cuts,
)
