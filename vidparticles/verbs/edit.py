"""`vidparticles edit`: a clip through a chain of edits."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import (
    ENCODING,
    JSON,
    OVERWRITE,
    Result,
    Verb,
    output,
    written,
)
from vidparticles.verbs.choosing import CHOOSING, chosen, with_parts

if TYPE_CHECKING:
    from vidparticles.editing.effects.regions import Finders
    from vidparticles.editing.timing.in_between import Network
    from vidparticles.inference.highlights import Highlights


def _edit(args: argparse.Namespace) -> Result:
    from vidparticles.editing.edit import EditOptions, edit
    from vidparticles.video.timelines import is_timeline

    names = [name for name in EditOptions.__annotations__ if hasattr(args, name)]
    given = {name: getattr(args, name) for name in names}
    given |= {"network": _network(args), "find": _finders(args)}
    options = {k: value for k, value in given.items() if value is not None and value is not False}
    parts = chosen(args)
    if parts is not None:
        options["parts"] = parts.spans
    if args.dry_run or (args.output and is_timeline(args.output)):
        return _listed(args, options, parts)
    if args.output is None:
        raise InputError("edit needs -o/--output OUT or --dry-run; see `vidparticles edit --help`.")
    done = edit(args.clip, args.output, **output(args), **options)
    told = written(done) if parts is None else with_parts(written(done), parts)
    lines = [f"{doubt.start:8.2f} – {doubt.end:.2f} s  {doubt.why}" for doubt in done.doubts]
    if args.check:
        lines = lines or ["no frame in which a face may have been missed"]
    data = dataclasses.asdict(done) | {"path": str(done.path)}
    return dataclasses.replace(told, text="\n".join([told.text, *lines]), data=data)


# Options for which something is looked for.
_LOOKING = ("reframe", "blur", "mosaic", "object", "trails", "sound")


def _listed(args: argparse.Namespace, options: dict[str, Any], parts: Highlights | None) -> Result:
    """What is kept, and written as a timeline where that is asked for."""
    from vidparticles.editing.compose import cut_list, part_of
    from vidparticles.video.timelines import as_data, write_timeline
    from vidparticles.viz.timelines import list_timeline

    warnings: tuple[str, ...] = ()
    if args.dry_run:
        timeline = part_of(args.clip, trim=args.trim, parts=options.get("parts"))
    else:
        timeline = cut_list(args.clip, **options)
        warnings = write_timeline(timeline, args.output, overwrite=args.overwrite)
    text = list_timeline(timeline)
    if not args.dry_run:
        text = f"{args.output}\n{text}"
    result = Result(text, as_data(timeline), warnings)
    return result if parts is None else with_parts(result, parts)


def _finders(args: argparse.Namespace) -> Finders | None:
    """What finds objects; its networks are imported where they are asked for alone."""
    if all(getattr(args, name) is None for name in _LOOKING):
        return None
    from vidparticles.inference.finders import finders

    return finders()


def _network(args: argparse.Namespace) -> Network | None:
    if args.motion is None and args.quality is None:
        if args.weights is not None:
            raise InputError("--weights are of --motion rife or --quality best; give one of them.")
        return None
    from vidparticles.inference.slow_motion import rife

    return rife(args.weights, pictures=args.quality == "best")


WEIGHTS = Option("--weights", metavar="PATH", help="a file of them; default: see `weights`")
VERB = Verb(
    "trim, stabilize, change speed, size, shape, colors, subtitles; sound stays in step",
    [
        Option("clip", metavar="CLIP", help="a video file, or a timeline: .otio, .edl, .xml"),
        Option("--trim", metavar="START:END", help="keep this: 1.0:3.5, 24f:84f or 1:05-1:10"),
        *CHOOSING,
        Option("--stabilize", action="store_true", help="take out the camera's shake"),
        Option(
            "--stabilize-crop",
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
        Option(
            "--recolor",
            metavar="KEY=VALUE,…",
            help="new colors: hue=90,exposure=0.5, or a .cube file; with --object of it alone",
        ),
        Option("--crop", metavar="X,Y,W,H", help="keep this part: in pixels, or in shares to 1"),
        Option("--resize", metavar="H|WxH", help="to this height, or into this size, black beside"),
        Option(
            "--reframe", metavar="W:H", help="9:16: a window that follows --object or what moves"
        ),
        Option("--object", metavar="N|KIND", help="its number in `objects`, or a kind, as person"),
        Option(
            "--blur",
            metavar="WHAT,…",
            help="faces, a kind as person, an object's number in `objects`, a .csv of boxes",
        ),
        Option("--mosaic", metavar="WHAT,…", help="the same, in squares of one color"),
        Option("--check", action="store_true", help="tell when a face may have been missed"),
        Option("--trails", metavar="WHAT", help="what leaves a trail: a kind, a number, or all"),
        Option("--over", metavar="FILE", help="show this video in a part of the picture, silent"),
        Option("--at", metavar="X,Y,W", help="where, and how wide, in pixels or shares to 1"),
        Option("--mute", action="store_true", help="no sound"),
        Option(
            "--sound", metavar="FILE", help="lay this under it, repeated, lower where one speaks"
        ),
        Option("--fps", metavar="N", help="frames a second: 25, 29.97, 30000/1001"),
        Option("--subtitles", metavar="FILE", help="add a track of them: .srt, .vtt, .ass"),
        Option("--burn", metavar="FILE", help="draw subtitles into the picture"),
        Option("--shift", metavar="S", type=float, help="of subtitles: seconds that they are late"),
        Option("--font", metavar="FILE", help="of --burn (default: one that has the letters)"),
        Option("-o", "--output", metavar="OUT", help="a video, or a timeline of what is kept"),
        Option("--dry-run", action="store_true", help="write nothing, list what would be kept"),
        OVERWRITE,
        JSON,
        *ENCODING,
    ],
    _edit,
)
