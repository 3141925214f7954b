"""Splice: clips one after another, their sizes, rates and sounds reconciled."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.editing.base import Edit, apply
from vidparticles.editing.extras import follow
from vidparticles.editing.reel import Frames, Reel, Written, check_paths, opened
from vidparticles.editing.sounds import joined
from vidparticles.errors import InputError
from vidparticles.image.resample import resize, to_bytes
from vidparticles.storage import PathLike
from vidparticles.video import Encoding


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


def join(*paths: PathLike) -> Edit:
    """An edit that lets other clips follow.

    The first clip gives the size; others are fitted into it whole, with black beside them, and
    pictures of its size and pixels are handed on as they are stored.
    Clips of one even rate stay on that clock; otherwise every frame keeps its own time. Sound
    is brought to the highest rate and the most channels among them; a clip without sound is
    silent. Each stretch of sound fills its clip's frames to the sample. One file is open at a
    time.

    Args:
        *paths: video files, in order.

    Returns:
        The edit; it raises InputError where a file cannot be read.
    """

    def edit(first: Reel) -> Reel:
        reels = [first]
        for path in paths:
            with opened(path) as reel:
                # The facts and the sound alone: a file that was read would be held with it.
                reels.append(reel.replace(frames=iter(()), again=None, sources=()))
        durations = [reel.duration for reel in reels]
        starts = list(itertools.accumulate(durations, initial=Fraction(0)))
        times = [
            start + time for start, reel in zip(starts, reels, strict=False) for time in reel.times
        ]
        rates = {reel.rate for reel in reels}
        sources = list(first.sources)
        again = first.again

        def followed(frames: Frames, begin: int, end: int) -> Frames:
            """`frames` from `begin` on, and those of the other clips, to `end`."""
            yield from frames
            at = len(first.times)
            for path, start, reel in zip(paths, starts[1:], reels[1:], strict=False):
                inside = max(begin - at, 0), min(end - at, len(reel.times))
                at += len(reel.times)
                if inside[0] >= inside[1]:
                    continue
                with opened(path) as other:
                    sources.extend(other.sources)
                    assert other.again is not None
                    aspect = Fraction(reel.pixel_aspect) / Fraction(first.pixel_aspect)
                    into = functools.partial(
                        fit, height=first.height, width=first.width, aspect=aspect
                    )
                    same = (reel.height, reel.width, aspect) == (first.height, first.width, 1)
                    for time, picture in other.again(*inside):
                        if not same:
                            picture = reel.redrawn([picture], into)
                        yield start + time, picture

        def anew(begin: int, end: int) -> Frames:
            assert again is not None
            own = min(end, len(first.times))
            return followed(again(begin, own) if begin < own else iter(()), begin, end)

        return first.replace(
            frames=followed(first.frames, 0, len(times)),
            again=again and anew,
            times=times,
            duration=starts[-1],
            rate=rates.pop() if len(rates) == 1 else None,
            audio=joined([reel.audio for reel in reels], durations),
            extras=follow([reel.extras for reel in reels], durations),
            sources=sources,
        )

    return edit


def splice(
    paths: Sequence[PathLike],
    out: PathLike,
    *,
    overwrite: bool = False,
    encoding: Encoding | None = None,
) -> Written:
    """Write clips one after another, see `join`.

    Args:
        paths: two or more video files.
        out: what to write.
        overwrite: replace an existing file.
        encoding: how pictures are encoded; default, as those of the first clip were.

    Raises:
        InputError: fewer than two clips, or a file that cannot be read or written.

    Example:
        >>> import os, tempfile
        >>> from vidparticles.video import write_video
        >>> folder = tempfile.mkdtemp()
        >>> clip, out = (os.path.join(folder, name) for name in ("clip.mp4", "out.mp4"))
        >>> write_video(clip, np.zeros((4, 32, 48, 3), np.uint8), rate=2)
        >>> splice([clip, clip], out).seconds
        4.0
    """
    if len(paths) < 2:
        raise InputError("splice joins two clips or more; give at least two video files.")
    for path in paths:
        check_paths(path, out, overwrite)
    return apply(paths[0], out, join(*paths[1:]), overwrite=overwrite, encoding=encoding)
