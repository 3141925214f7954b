"""The command `vidparticles`: a verb, files in, files or text out.

A user's mistake is one sentence on stderr and exit status 2. What a verb needs is imported when
the verb runs, so that help and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from vidparticles import __version__, startup
from vidparticles.errors import InputError, nearest

if TYPE_CHECKING:
    from vidparticles.editing import Written


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: the words behind `vidparticles`; by default those of this process.

    Returns:
        The exit status: 0, 2 after a user's mistake, 130 when interrupted.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if threading.current_thread() is threading.main_thread():
        # A polite kill ends like Ctrl-C: the partial file is removed on the way out.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        args = _parse(words)
        with startup.own_words_only():
            args.run(args)
        sys.stdout.flush()
    except InputError as error:
        print(f"vidparticles: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vidparticles: stopped; nothing was written.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


class _Parser(argparse.ArgumentParser):
    """argparse with mistakes as `InputError`, a misspelt option with the nearest known one."""

    def __init__(self, **options: Any) -> None:
        def layout(prog: str) -> argparse.HelpFormatter:
            return argparse.HelpFormatter(prog, max_help_position=30)

        super().__init__(allow_abbrev=False, formatter_class=layout, **options)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see `{self.prog} --help`.")

    def parse_verb(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse the words behind a verb; an unknown option is named before a missing one."""
        known = [name for action in self._actions for name in action.option_strings]
        words = _with_negative(words)
        for word in words:
            name = word.split("=", 1)[0]
            if name == "--":
                break
            if name.startswith("--") and name not in known:
                long = [k for k in known if k.startswith("--")]
                raise InputError(f"there is no option {name}.{nearest(name, long)}")
        return self.parse_args(words)


def _with_negative(words: Sequence[str]) -> list[str]:
    """Words in which `--speed -1@1-2` is one: argparse takes the latter for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and re.match(r"-\.?\d", word):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    return joined


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="vidparticles",
        description="Video as particles: understand, predict and edit video files.",
    )
    parser.add_argument("--version", action="version", version=f"vidparticles {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", prog="vidparticles")
    parsers = {}
    for name, (text, add_options, run) in _VERBS.items():
        parsers[name] = verbs.add_parser(name, help=text, description=f"{text.capitalize()}.")
        add_options(parsers[name])
        parsers[name].set_defaults(run=run)
    verb = next(iter(words), "")
    if verb in parsers:
        return parsers[verb].parse_verb(words[1:])
    if verb.startswith("-"):
        parser.parse_verb(words)
    elif verb:
        raise InputError(f"there is no verb '{verb}'.{nearest(verb, parsers)}")
    parser.error(f"say what to do, one of {', '.join(parsers)}")


def _one_line(error: InputError) -> str:
    return " ".join(line.strip() for line in str(error).splitlines())


# ---------------------------------------------------------------- the verbs


def _understand(args: argparse.Namespace) -> None:
    from vidparticles.inference.understand import understand
    from vidparticles.viz.text import describe

    seen = understand(args.clip, args.checkpoint)
    _warn(seen.warnings)
    if args.json:
        print(json.dumps(dataclasses.asdict(seen), default=str, indent=1, ensure_ascii=False))
    else:
        print(describe(seen))


def _predict(args: argparse.Namespace) -> None:
    from vidparticles.inference.predict import predict

    options = {"checkpoint": args.checkpoint, "seconds": args.seconds}
    written = predict(args.clip, args.output, **options, overwrite=args.overwrite)
    _report(written, args.clip)


def _edit(args: argparse.Namespace) -> None:
    from vidparticles.editing.edit import edit

    options = {"trim": args.trim, "stabilize": args.stabilize}
    options |= {"speed": args.speed, "recolor": args.recolor}
    written = edit(args.clip, args.output, **options, overwrite=args.overwrite)
    _report(written, args.clip)


def _splice(args: argparse.Namespace) -> None:
    from vidparticles.editing import splice

    written = splice(args.clips, args.output, overwrite=args.overwrite)
    _report(written, *args.clips)


def _cuts(args: argparse.Namespace) -> None:
    from vidparticles.inference.cuts import cuts
    from vidparticles.viz.text import list_shots

    found = cuts(args.clip)
    _warn(found.warnings)
    if args.json:
        print(json.dumps(dataclasses.asdict(found), default=str, indent=1, ensure_ascii=False))
    else:
        print(list_shots(found))


def _show(args: argparse.Namespace) -> None:
    from vidparticles.viz.show import show

    options = {"color": args.color, "forces": args.forces, "checkpoint": args.checkpoint}
    options |= {"overwrite": args.overwrite}
    _report(show(args.clip, args.output, **options), args.clip)


def _prepare(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    from vidparticles.data.prepare import prepare

    if args.size < 16:
        raise InputError(f"--size {args.size} is too small; give at least 16 pixels.")
    with tqdm(unit="clip", desc="prepare", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        done = prepare(args.folder, args.output, size=args.size, progress=progress)
    _warn(f"{reason} It was left out." for reason in done.skipped.values())
    print(f"{done.out}  {done.made} clips made, {done.kept} kept, {len(done.skipped)} left out")


def _report(written: Written, *clips: str) -> None:
    """What was written, and what the reader of it should know of the clips."""
    from vidparticles.video import open_video

    found: list[str] = []
    for clip in clips:
        with open_video(clip) as video:
            found += video.warnings
    _warn(dict.fromkeys([*found, *written.warnings]))
    _warn([written.note] if written.note else [])
    sound = "sound" if written.sound else "no sound"
    cropped = f", cropped to {written.seen:.0%}" if written.seen < 1 else ""
    print(
        f"{written.path}  {written.seconds:.2f} s, {written.frames} frames, "
        f"{written.width} × {written.height}, {sound}{cropped}"
    )


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(f"vidparticles: warning: {sentence}", file=sys.stderr)


# ---------------------------------------------------------------- their options


def _add_understand(parser: _Parser) -> None:
    _clip(parser)
    _checkpoint(parser, required=True)
    _json(parser)


def _add_predict(parser: _Parser) -> None:
    _clip(parser)
    _checkpoint(parser, use="its laws of motion (default: untrained ones)")
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=1.0, help="how far (default: 1)"
    )
    _output(parser)


def _add_edit(parser: _Parser) -> None:
    _clip(parser)
    parser.add_argument("--trim", metavar="START:END", help="keep these seconds: 1.0:3.5")
    parser.add_argument("--stabilize", action="store_true", help="take out the camera's shake")
    parser.add_argument(
        "--speed",
        metavar="FACTOR",
        help="times as fast: 0.5 is half speed, -1 backwards; or pieces: 0.25@1-2 from 1 s to 2 s, "
        "1:0.25@1-2 slowing down, -1@1-2 this part backwards in its place, hold:1.5@2 the frame at "
        "2 s for 1.5 s",
    )
    parser.add_argument(
        "--recolor", metavar="KEY=VALUE,…", help="new colors: hue=90,saturation=1.2"
    )
    _output(parser)


def _add_splice(parser: _Parser) -> None:
    parser.add_argument("clips", metavar="CLIP", nargs="+", help="video files, in order")
    _output(parser)


def _add_cuts(parser: _Parser) -> None:
    _clip(parser)
    _json(parser)


def _add_show(parser: _Parser) -> None:
    _clip(parser)
    parser.add_argument(
        "--color",
        metavar="BY",
        default="speed",
        help="what colors tell: speed (default), or group: what moves together",
    )
    parser.add_argument(
        "--forces",
        action="store_true",
        help="arrows: the pull of neighbors, or of the laws of a checkpoint",
    )
    _checkpoint(parser, use="draw the things it follows, or the paths that its laws expect")
    _output(parser, use="the file to write: a video, .gif, .png, or .html with a slider")


def _add_prepare(parser: _Parser) -> None:
    parser.add_argument("folder", metavar="DIR", help="DIR/class/clip.mp4")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the new folder")
    parser.add_argument(
        "--size",
        metavar="PIXELS",
        type=int,
        default=128,
        help="shorter side, pixels (default: 128)",
    )


def _clip(parser: _Parser) -> None:
    parser.add_argument("clip", metavar="CLIP", help="a video file")


def _checkpoint(parser: _Parser, *, use: str = "", required: bool = False) -> None:
    text = "workdir of a training run" + (f": {use}" if use else "")
    parser.add_argument("--checkpoint", metavar="W", required=required, help=text)


def _json(parser: _Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def _output(parser: _Parser, *, use: str = "the file to write") -> None:
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help=use)
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")


_VERBS = {
    "understand": ("say what happens in a clip, and when", _add_understand, _understand),
    "predict": ("write the frames that come next", _add_predict, _predict),
    "edit": ("trim, stabilize, change the speed, recolor; sound stays in step", _add_edit, _edit),
    "splice": ("join clips one after another", _add_splice, _splice),
    "cuts": ("list the shots of a clip: cuts, dissolves, fades", _add_cuts, _cuts),
    "show": ("draw a clip's particles and their paths over it", _add_show, _show),
    "prepare": ("make small copies of a folder of clips, for training", _add_prepare, _prepare),
}


if __name__ == "__main__":
    sys.exit(main())
