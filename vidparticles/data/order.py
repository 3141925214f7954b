"""Which clip, and when in it, is the g-th element: pure functions of (seed, g).

There is no shuffle buffer and no state to save. Epoch e is a permutation of all clips,
computed index by index by a Feistel network keyed with (seed, e) (Luby and Rackoff 1988;
"cycle walking" for sizes that are no power of four: Black and Rogaway 2002), so that any
element of any epoch costs a few multiplications, on any host, in any order.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 6
_MASK = (1 << 64) - 1


def permute(index: np.ndarray | int, *, count: int, seed: int, epoch: int) -> np.ndarray:
    """Where a pseudorandom permutation of 0 … count−1 sends an index.

    Args:
        index: integers in 0 … count−1, any shape.
        count: size of the permutation.
        seed: of the run.
        epoch: each has a permutation of its own.

    Returns:
        int64, of the shape of `index`.

    Example:
        >>> sorted(permute(np.arange(5), count=5, seed=0, epoch=3).tolist())
        [0, 1, 2, 3, 4]
    """
    half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
    low = np.uint64((1 << int(half)) - 1)
    keys = [np.uint64(_mix(_mix(_mix(seed) ^ epoch) ^ r)) for r in range(ROUNDS)]

    def network(x: np.ndarray) -> np.ndarray:
        left, right = x >> half, x & low
        for key in keys:
            left, right = right, left ^ (_mixed(right ^ key) & low)
        return (left << half) | right

    shape = np.shape(index)
    x = network(np.atleast_1d(np.asarray(index)).astype(np.uint64))
    # The network permutes a set up to four times as large: go round until back inside.
    while (outside := x >= count).any():
        x[outside] = network(x[outside])
    return x.astype(np.int64).reshape(shape)


def rng_of(seed: int, counter: int) -> np.random.Generator:
    """The generator of one element's draws, a function of its counter alone."""
    return np.random.Generator(np.random.Philox(key=[_mix(seed), counter]))


def uniform_times(
    duration: float, *, frames: int, rng: np.random.Generator | None = None
) -> np.ndarray:
    """One time in each of `frames` equal parts of a clip: its middle, or anywhere with `rng`.

    Example:
        >>> uniform_times(2.0, frames=4).tolist()
        [0.25, 0.75, 1.25, 1.75]
    """
    within = 0.5 if rng is None else rng.random(frames)
    return (np.arange(frames) + within) * (duration / frames)


def dense_times(
    duration: float,
    *,
    frames: int,
    rate: float,
    window: int = 0,
    windows: int = 1,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Times `1/rate` apart: a window anywhere with `rng`, else the given one of several.

    Windows that are given are spread evenly from the clip's start to its end; a clip that
    is shorter than a window shows its last frame until the window ends.

    Example:
        >>> dense_times(2.0, frames=4, rate=4.0, window=1, windows=2).tolist()
        [1.125, 1.375, 1.625, 1.875]
    """
    room = max(0.0, duration - frames / rate)
    share = rng.random() if rng is not None else window / max(1, windows - 1)
    return share * room + (np.arange(frames) + 0.5) / rate


def windows_of(duration: float, *, frames: int, rate: float) -> int:
    """How many dense windows cover a clip.

    Example:
        >>> windows_of(2.0, frames=8, rate=8.0), windows_of(2.1, frames=8, rate=8.0)
        (2, 3)
    """
    # The small slack keeps a clip of exactly k windows from being given k + 1.
    return max(1, int(np.ceil(duration * rate / frames - 1e-6)))


def _mix(x: int) -> int:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014) on one integer."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def _mixed(x: np.ndarray) -> np.ndarray:
    """The same for arrays of uint64, which wrap by themselves."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
