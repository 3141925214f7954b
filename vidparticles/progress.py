"""How far work on a file has come, told to whoever listens; to nobody by default.

Who starts the work listens, functions and edits between do not hand anything on: what is told is
like a line of a log, and changes nothing.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Whom progress is told."""

    def __call__(self, work: str, done: int, total: int, /) -> None:
        """Args: what is done, in a word; how many of how many frames or clips are ready."""


_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("progress")


@contextlib.contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Within the block, what `counted` is asked for in this thread is told to the listener.

    Example:
        >>> told = []
        >>> with listening(lambda *words: told.append(words)):
        ...     total = sum(counted([3, 4], 2, work="adding"))
        >>> told
        [('adding', 0, 2), ('adding', 1, 2), ('adding', 2, 2)]
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def counted(items: Iterable[T], total: int, *, work: str) -> Iterator[T]:
    """The same items; each is told when the next one is asked for.

    Args:
        items: what is worked on.
        total: how many they are.
        work: what is done with them, in a word.
    """
    listener = _listener.get(None)
    if listener is None:
        yield from items
        return
    listener(work, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        listener(work, done, total)
