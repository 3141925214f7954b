"""What the library says when it is given something it cannot use."""

from __future__ import annotations

import difflib
import importlib
import types
from collections.abc import Iterable


class InputError(ValueError):
    """A mistake in what a user gave: a file, a folder, a key, an option.

    The message is one sentence that names the thing, says what was expected and what to
    do. The command line prints it alone, without a stack trace, and exits with status 2.
    """


def reason(error: BaseException) -> str:
    """An error's own words, short, without the path that a sentence names already.

    Example:
        >>> reason(FileNotFoundError(2, "No such file or directory", "clip.mp4"))
        'No such file or directory'
    """
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")


class MissingExtraError(InputError):
    """What was asked for needs a package of an extra that is not installed."""


def require(module: str, *, extra: str) -> types.ModuleType:
    """Import a package that the plain install does not bring.

    Args:
        module: its full name, as in an import statement.
        extra: the extra of this package, in pyproject.toml, that installs it.

    Raises:
        MissingExtraError: it is not installed; the sentence holds the line that installs it.
        ImportError: it is installed, and something that it needs itself is not.

    Example:
        >>> require("no_such_package", extra="train")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        vidparticles.errors.MissingExtraError: no_such_package is not installed; it comes with ...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.split(".")[0]
        if error.name != name:
            raise
        raise MissingExtraError(
            f"{name} is not installed; it comes with pip install 'vidparticles[{extra}]'."
        ) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """The part of a sentence that suggests the nearest known name.

    Args:
        word: what was given.
        known: the names that would have been accepted.

    Returns:
        `` Did you mean 'x'?`` with a leading space when one is near, then the list of all
        known names.

    Example:
        >>> nearest("batch_sise", ["batch_size", "seed"])
        " Did you mean 'batch_size'? Known names: batch_size, seed."
    """
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{hint} Known names: {', '.join(names)}."
