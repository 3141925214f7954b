"""`vidparticles search` and `recommend`: clips of a folder that are like what is given."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vidparticles.errors import InputError
from vidparticles.parsing import Option
from vidparticles.verbs.base import JSON, OVERWRITE, Result, Verb

if TYPE_CHECKING:
    from vidparticles.inference.searching import Found


def _search(args: argparse.Namespace) -> Result:
    from vidparticles.inference.searching import search

    _check(args)
    how = {"at": args.at, "count": args.count, "index": args.index}
    return _result(search(args.folder, like=args.like, text=args.text, **how), args)


def _recommend(args: argparse.Namespace) -> Result:
    from vidparticles.inference.searching import recommend

    _check(args)
    how = {"balance": args.balance, "count": args.count, "index": args.index}
    return _result(recommend(args.folder, history=args.history, **how), args)


def _check(args: argparse.Namespace) -> None:
    from vidparticles.viz.found import check_sheet

    if args.html is None and args.overwrite:
        raise InputError("--overwrite is of --html OUT; give both or none.")
    if args.html is not None:
        check_sheet(args.html, overwrite=args.overwrite)


def _result(found: Found, args: argparse.Namespace) -> Result:
    from vidparticles.viz.found import list_found, write_sheet

    text = list_found(found)
    if args.html is not None:
        text += f"\n\n{write_sheet(found, args.html, overwrite=args.overwrite)}"
    return Result(text, found, (*found.warnings, *found.broken), status=1 if found.broken else 0)


_FOLDER = Option("folder", metavar="DIR", help="video files, in folders within, too")
_SHARED = (
    Option("--count", metavar="N", type=int, default=10, help="how many (default: 10)"),
    Option("--html", metavar="OUT", help="also write a page with a picture of each, in one file"),
    OVERWRITE,
    Option("--index", metavar="PATH", help="folder to keep what is known of clips in"),
    JSON,
)
SEARCH = Verb(
    "find clips of a folder by another clip or by words, and when in them",
    [
        _FOLDER,
        Option("--like", metavar="CLIP", help="like this one"),
        Option(
            "--text", metavar="WORDS", help="what is seen, done, said or moves where, in English"
        ),
        Option("--at", action="store_true", help="the best moments, not the best clips"),
        *_SHARED,
    ],
    _search,
)
RECOMMEND = Verb(
    "choose clips of a folder for who liked others, not all of them alike",
    [
        _FOLDER,
        Option("--history", metavar="CLIP", nargs="+", required=True, help="clips that were liked"),
        Option(
            "--balance",
            metavar="SHARE",
            type=float,
            default=0.7,
            help="1 for relevance alone, 0 for diversity alone (default: 0.7)",
        ),
        *_SHARED,
    ],
    _recommend,
)
