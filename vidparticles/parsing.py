"""The words of a command line, with mistakes told in a sentence."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from vidparticles.errors import InputError, nearest


class Option:
    """A word of the command line, as `argparse.add_argument` takes it."""

    def __init__(self, *names: str, **meaning: Any) -> None:
        self.names, self.meaning = names, meaning


class Parser(argparse.ArgumentParser):
    """argparse with mistakes as `InputError`, a misspelt option with the nearest known one."""

    def __init__(self, **options: Any) -> None:
        def layout(prog: str) -> argparse.HelpFormatter:
            return argparse.HelpFormatter(prog, max_help_position=30)

        super().__init__(allow_abbrev=False, formatter_class=layout, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
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
            if word.startswith("-") and word not in known and os.path.exists(word):
                raise InputError(
                    f"{word} is taken for an option; give the file as ./{word}, or behind --."
                )
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
