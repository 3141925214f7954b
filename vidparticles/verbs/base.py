"""What a verb of the command line is."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from vidparticles.parsing import Option


@dataclasses.dataclass(frozen=True)
class Result:
    """What a verb has to say.

    Attributes:
        text: for people, on stdout; without the end of its last line.
        data: the same for programs, where the verb has --json.
        warnings: sentences, on stderr.
    """

    text: str
    data: Any = None
    warnings: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Verb:
    """A line of the table.

    Attributes:
        help: what it does, a phrase.
        options: what it is told.
        run: does it, and returns what is to be said of it.
    """

    help: str
    options: Sequence[Option]
    run: Callable[[argparse.Namespace], Result]


CLIP = Option("clip", metavar="CLIP", help="a video file")
JSON = Option("--json", action="store_true", help="print JSON, and nothing else on stdout")
