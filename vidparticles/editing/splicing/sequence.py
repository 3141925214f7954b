"""Reels one after another, their sizes, rates and sounds reconciled."""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Sequence
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.editing.extras import follow
from vidparticles.editing.reel import Frames, Reel
from vidparticles.editing.sounds import joined
from vidparticles.editing.timing.clock import Ticks
from vidparticles.image.resample import resize, to_bytes


def inside(own_height: int, own_width: int | Fraction, height: int, width: int) -> tuple[int, int]:
    """Height and width of the whole of one picture as large as it fits into another.

    Example:
        >>> inside(90, 160, 100, 100)
        (56, 100)
    """
    scale = min(height / own_height, width / own_width)
    inner = min(height, round(own_height * scale)), min(width, round(own_width * scale))
    return max(1, inner[0]), max(1, inner[1])


def fit(frame: np.ndarray, height: int, width: int, aspect: Fraction = Fraction(1)) -> np.ndarray:
    """The whole frame inside another size, with black beside it.

    Args:
        frame: [H, W, 3], uint8 or float32 of the same levels.
        height, width: pixels of the result.
        aspect: width of the frame's pixels over that of the result's.

    Example:
        >>> fit(np.full((2, 2, 3), 9, np.uint8), 2, 4)[0, :, 0].tolist()
        [0, 9, 9, 0]
    """
    inner = inside(frame.shape[0], frame.shape[1] * aspect, height, width)
    if inner != frame.shape[:2]:
        frame = np.asarray(_resized(frame, *inner))
    if inner == (height, width):
        return frame
    out = np.zeros((height, width, 3), frame.dtype)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    out[top : top + inner[0], left : left + inner[1]] = frame
    return out


@functools.partial(jax.jit, static_argnums=(1, 2))
def _resized(frame: jax.Array, height: int, width: int) -> jax.Array:
    small = resize(frame.astype(jnp.float32), height, width)
    return to_bytes(small) if frame.dtype == jnp.uint8 else small


def sequence(reels: Sequence[Reel]) -> Reel:
    """Reels one after another as one.

    The first gives the size; others are fitted into it whole, with black beside them, and
    pictures of its size and pixels are handed on as they are stored. Reels of one even rate stay
    on that clock; otherwise every frame keeps its own time. Sound is brought to the highest rate
    and the most channels among them; a reel without sound is silent. Each stretch of sound fills
    its reel's frames to the sample.

    Args:
        reels: one or more.

    Example:
        >>> times = [Fraction(k, 4) for k in range(8)]
        >>> one = Reel(iter(()), times, Fraction(2), Fraction(4), height=2, width=2)
        >>> two = sequence([one, one])
        >>> len(two.times), str(two.times[8]), str(two.duration)
        (16, '2', '4')
    """
    first = reels[0]
    if len(reels) == 1:
        return first
    durations = [reel.duration for reel in reels]
    starts = list(itertools.accumulate(durations, initial=Fraction(0)))
    counts = list(itertools.accumulate((len(reel.times) for reel in reels), initial=0))
    rates = {reel.rate for reel in reels}
    rate = rates.pop() if len(rates) == 1 else None

    def placed(frames: Frames, k: int) -> Frames:
        """Frames of a reel at their times, in the size of the first."""
        reel = reels[k]
        aspect = Fraction(reel.pixel_aspect) / Fraction(first.pixel_aspect)
        into = functools.partial(fit, height=first.height, width=first.width, aspect=aspect)
        same = (reel.height, reel.width, aspect) == (first.height, first.width, 1)
        for time, picture in frames:
            yield starts[k] + time, picture if same else reel.redrawn([picture], into)

    def anew(begin: int, end: int) -> Frames:
        for k in range(bisect.bisect_right(counts, begin) - 1, len(reels)):
            own = max(begin - counts[k], 0), min(end, counts[k + 1]) - counts[k]
            if own[0] >= own[1]:
                return
            again = reels[k].again
            assert again is not None
            yield from placed(again(*own), k)

    every = all(reel.again for reel in reels)
    return first.replace(
        frames=itertools.chain.from_iterable(
            placed(reel.frames, k) for k, reel in enumerate(reels)
        ),
        again=anew if every else None,
        times=(
            Ticks(range(counts[-1]), rate)
            if rate is not None
            else [
                start + time
                for start, reel in zip(starts, reels, strict=False)
                for time in reel.times
            ]
        ),
        duration=starts[-1],
        rate=rate,
        slow=any(reel.slow for reel in reels),
        audio=joined([reel.audio for reel in reels], durations),
        extras=follow([reel.extras for reel in reels], durations),
        sources=[source for reel in reels for source in reel.sources],
    )
