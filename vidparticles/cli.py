"""The command `vidparticles`: a verb, files in, files or text out.

A user's mistake is one sentence on stderr and exit status 2. What a verb needs is imported when
the verb runs, so that help and mistakes are answered at once. A verb is a line of `VERBS`: what
it does, its options, and a function that runs it and returns what is to be said.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from vidparticles import __version__, progress, startup, stopping, storage
from vidparticles.bar import KINDS, ProgressBar
from vidparticles.errors import InputError, nearest
from vidparticles.parsing import Option, Parser
from vidparticles.verbs import (
    anomaly,
    batch,
    caption,
    cuts,
    edit,
    objects,
    search,
    show,
    splice,
    understand,
    watch,
)
from vidparticles.verbs.base import (
    CLIP,
    ENCODING,
    JSON,
    OUTPUT,
    OVERWRITE,
    Result,
    Verb,
    checkpoint,
    output,
    written,
)


def console() -> NoReturn:
    """The command of a shell: `main`, soon compiled, and ended within a moment of Ctrl-C."""
    startup.compile_cheaply()
    startup.keep_programs()
    if threading.current_thread() is threading.main_thread():
        stopping.end_when_asked()
    status = main()
    stopping.ignore()
    sys.exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: the words behind `vidparticles`; by default those of this process.

    Returns:
        The exit status: 0, 1 when some of many files could not be used, 2 after a user's mistake,
        130 when interrupted, 141 when the reader of its output has gone.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    before = len(storage.written())
    try:
        args = _parse(words)
        with startup.own_words_only():
            kind = "none" if args.quiet else args.progress
            with ProgressBar(kind) as bar, progress.listening(bar):
                result = args.run(args)
            _say(result, args)
    except InputError as error:
        print(f"vidparticles: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(stopping.sentence(storage.written()[before:]), file=sys.stderr)
        return stopping.STATUS
    except BrokenPipeError:  # the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return result.status


def _say(result: Result, args: argparse.Namespace) -> None:
    for sentence in () if args.quiet else result.warnings:
        print(f"vidparticles: warning: {sentence}", file=sys.stderr)
    if getattr(args, "json", False) is True:  # not the name of a file
        print(_json(result.data))
    elif not args.quiet:
        print(result.text)
    sys.stdout.flush()


def _json(data: Any) -> str:
    """A dataclass or a dict, or a list of them; what knows its own form has that."""
    if isinstance(data, list):
        return "[" + ",\n".join(map(_json, data)) + "]"
    if hasattr(data, "to_json"):
        return data.to_json()
    plain = data if isinstance(data, dict) else dataclasses.asdict(data)
    return json.dumps(plain, default=str, indent=1, ensure_ascii=False)


def _one_line(error: InputError) -> str:
    return " ".join(line.strip() for line in str(error).splitlines())


# ---------------------------------------------------------------- parsing


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="vidparticles",
        description="Video as particles: understand, predict and edit video files.",
    )
    parser.add_argument("--version", action="version", version=f"vidparticles {__version__}")
    group = parser.add_subparsers(title="verbs", metavar="VERB", prog="vidparticles")
    parsers = {}
    for name, verb in VERBS.items():
        verb = batch.many(verb)
        text = verb.help
        parsers[name] = group.add_parser(name, help=text, description=f"{text.capitalize()}.")
        for option in (*verb.options, PROGRESS, QUIET):
            parsers[name].add_argument(*option.names, **option.meaning)
        parsers[name].set_defaults(run=verb.run)
    first = next(iter(words), "")
    if first in parsers:
        return parsers[first].parse_verb(words[1:])
    if first.startswith("-"):
        parser.parse_verb(words)
    elif first:
        raise InputError(f"there is no verb '{first}'.{nearest(first, parsers)}")
    parser.error(f"say what to do, one of {', '.join(parsers)}")


# ---------------------------------------------------------------- what runs the verbs


def _predict(args: argparse.Namespace) -> Result:
    from vidparticles.inference.predict import predict

    options = {"checkpoint": args.checkpoint, "seconds": args.seconds}
    return written(predict(args.clip, args.output, **options, **output(args)))


def _prepare(args: argparse.Namespace) -> Result:
    from vidparticles.data.prepare import prepare

    if args.size < 16:
        raise InputError(f"--size {args.size} is too small; give at least 16 pixels.")
    done = prepare(args.folder, args.output, size=args.size)
    return Result(
        f"{done.out}  {done.made} clips made, {done.kept} kept, {len(done.skipped)} left out",
        warnings=[f"{reason} It was left out." for reason in done.skipped.values()],
    )


def _weights(args: argparse.Namespace) -> Result:
    from vidparticles import weights
    from vidparticles.viz.text import list_weights

    actions = {"list": weights.named, "get": weights.get, "remove": weights.remove}
    if args.action not in actions:
        raise InputError(f"weights: there is no '{args.action}'.{nearest(args.action, actions)}")
    names = args.names or (list(weights.TABLE) if args.action == "list" else [])
    if not names:
        raise InputError(f"weights {args.action}: say of which; {', '.join(weights.TABLE)}.")
    for action in (weights.named, actions[args.action]):  # all names are known before the first act
        for name in names:
            action(name)
    found = [weights.status(name) for name in names]
    return Result(list_weights(found), found)


# ---------------------------------------------------------------- the verbs


QUIET = Option("-q", "--quiet", action="store_true", help="print errors alone, and with --json")
PROGRESS = Option(
    "--progress",
    choices=KINDS,
    default="bar",
    help="of long work, on stderr: bar, on a terminal (default); json, a line a second; none",
)
VERBS = {
    "understand": understand.VERB,
    "predict": Verb(
        "write the frames that come next",
        [
            CLIP,
            checkpoint("its laws of motion (default: untrained ones)"),
            Option("--seconds", metavar="S", type=float, default=1.0, help="how far (default: 1)"),
            OUTPUT,
            OVERWRITE,
            *ENCODING,
        ],
        _predict,
    ),
    "edit": edit.VERB,
    "splice": splice.VERB,
    "cuts": cuts.VERB,
    "caption": caption.VERB,
    "show": show.VERB,
    "objects": objects.VERB,
    "search": search.SEARCH,
    "recommend": search.RECOMMEND,
    "anomaly": anomaly.VERB,
    "watch": watch.VERB,
    "prepare": Verb(
        "make small copies of a folder of clips, for training",
        [
            Option("folder", metavar="DIR", help="DIR/class/clip.mp4"),
            Option("-o", "--output", metavar="OUT", required=True, help="the new folder"),
            Option(
                "--size",
                metavar="PIXELS",
                type=int,
                default=128,
                help="shorter side, pixels (default: 128)",
            ),
        ],
        _prepare,
    ),
    "weights": Verb(
        "list published weights, get or remove them",
        [
            Option(
                "action",
                metavar="ACTION",
                nargs="?",
                default="list",
                help="list (default): what is here and what is not; get; remove",
            ),
            Option("names", metavar="NAME", nargs="*", help="of the list"),
            JSON,
        ],
        _weights,
    ),
}


if __name__ == "__main__":
    console()
