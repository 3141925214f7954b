"""How unlikely a number is, from how others like it were: also where none was as large.

Numbers up to the 90 % quantile have their share of those that were as large; beyond it the excess
is taken to be exponential (peaks over a threshold), with a mean that is known as well as the number
of excesses lets it be: with k of them the chance that an excess is larger than x is
(1 + x / (k · mean))^−k, the predictive chance under Jeffreys' prior, and so few of them promise
little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vidparticles.errors import InputError

SHARE = 0.1  # of the numbers that the tail is fitted to
LEAST = 10  # numbers, of which a tail can be told


class Tail(NamedTuple):
    """How numbers are spread.

    Attributes:
        body: [N] the numbers, in order.
        begin: from where on the tail is.
        mean: of the excesses beyond it.
        excesses: how many there are.
    """

    body: np.ndarray
    begin: float
    mean: float
    excesses: int


def tail_of(numbers: ArrayLike) -> Tail:
    """How numbers are spread.

    Raises:
        InputError: there are fewer than `LEAST`.

    Example:
        >>> tail = tail_of(np.arange(100.0))
        >>> nats(tail, [0.0, 49.5, 1000.0]).round(1).tolist()
        [0.0, 0.7, 30.9]
    """
    body = np.sort(np.asarray(numbers, float))
    if len(body) < LEAST:
        raise InputError(f"{len(body)} numbers are too few for a tail; give {LEAST} or more.")
    count = max(2, round(SHARE * len(body)))
    begin = float(body[-count - 1])
    mean = float((body[-count:] - begin).mean())
    return Tail(body, begin, max(mean, 1e-9), count)


def nats(tail: Tail, numbers: ArrayLike) -> np.ndarray:
    """How unlikely it is to be as large: −log of the chance.

    Args:
        tail: of `tail_of`.
        numbers: [...].

    Returns:
        [...] from 0 on, growing with the numbers.
    """
    numbers = np.asarray(numbers, float)
    size = len(tail.body)
    larger = size - np.searchsorted(tail.body, np.minimum(numbers, tail.begin), side="left")
    inside = np.log((size + 1) / np.maximum(larger, 1))
    excess = np.maximum(numbers - tail.begin, 0)
    return np.maximum(inside, 0) + tail.excesses * np.log1p(excess / (tail.excesses * tail.mean))
