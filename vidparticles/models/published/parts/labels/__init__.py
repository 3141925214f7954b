"""What the classes of published networks are called, in the order of their scores."""

from __future__ import annotations

import functools
import json
import pathlib

_HERE = pathlib.Path(__file__).parent


@functools.cache
def read(name: str) -> tuple[str, ...]:
    """The labels of a data set.

    Args:
        name: "kinetics400" or "imagenet".

    Example:
        >>> read("kinetics400")[:2]
        ('abseiling', 'air drumming')
    """
    return tuple(json.loads((_HERE / f"{name}.json").read_text(encoding="utf-8")))
