"""Splice: clips one after another, their sizes, rates and sounds reconciled."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from vidparticles.editing.reel import (
    Frames,
    PathLike,
    Reel,
    Written,
    check_paths,
    clock,
    opened,
    write,
)
from vidparticles.errors import InputError
from vidparticles.image.resample import resize
from vidparticles.video import Audio, Video, join, open_video, silence


def fit(frame: np.ndarray, height: int, width: int, aspect: Fraction = Fraction(1)) -> np.ndarray:
    """The whole frame inside another size, with black beside it.

    Args:
        frame: uint8 [H, W, 3].
        height, width: pixels of the result.
        aspect: width of the frame's pixels over that of the result's.

    Example:
        >>> fit(np.full((2, 2, 3), 9, np.uint8), 2, 4)[0, :, 0].tolist()
        [0, 9, 9, 0]
    """
    own_height, own_width = frame.shape[0], frame.shape[1] * aspect
    scale = min(height / own_height, width / own_width)
    inner = min(height, round(own_height * scale)), min(width, round(own_width * scale))
    inner = max(1, inner[0]), max(1, inner[1])
    if inner != frame.shape[:2]:
        frame = np.asarray(_resized(frame, *inner))
    if inner == (height, width):
        return frame
    out = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    out[top : top + inner[0], left : left + inner[1]] = frame
    return out


def _resized(frame: np.ndarray, height: int, width: int) -> jax.Array:
    return _resize_jit(frame, height, width)


def _resize_bytes(frame: jax.Array, height: int, width: int) -> jax.Array:
    small = resize(frame.astype(jnp.float32), height, width)
    return jnp.clip(jnp.round(small), 0, 255).astype(jnp.uint8)


_resize_jit = jax.jit(_resize_bytes, static_argnums=(1, 2))


def _joined(
    paths: Sequence[PathLike], first: Reel, starts: Sequence[Fraction], sources: list[Video]
) -> Frames:
    for path, start in zip(paths, starts, strict=True):
        with opened(path) as reel:
            sources += reel.sources
            aspect = Fraction(reel.pixel_aspect) / Fraction(first.pixel_aspect)
            for time, frame in reel.frames:
                yield start + time, fit(frame, first.height, first.width, aspect)


def splice(paths: Sequence[PathLike], out: PathLike, *, overwrite: bool = False) -> Written:
    """Write clips one after another.

    The first clip gives the size; others are fitted into it whole, with black beside them.
    Clips of one even rate stay on that clock; otherwise every frame keeps its own time. Sound
    is brought to the highest rate and the most channels among them; a clip without sound is
    silent. Each stretch of sound fills its clip's frames to the sample.

    Args:
        paths: two or more video files.
        out: what to write.
        overwrite: replace an existing file.

    Raises:
        InputError: fewer than two clips, or a file that cannot be read or written.
    """
    if len(paths) < 2:
        raise InputError("splice joins two clips or more; give at least two video files.")
    for path in paths:
        check_paths(path, out, overwrite)
    times: list[Fraction] = []
    durations: list[Fraction] = []
    starts: list[Fraction] = []
    rates: set[Fraction | None] = set()
    sounds: list[Audio | None] = []
    for path in paths:
        with open_video(path) as video:
            own, duration, rate = clock(video)
            sounds.append(video.audio())
        starts.append(sum(durations, Fraction(0)))
        times += [starts[-1] + t for t in own]
        durations.append(duration)
        rates.add(rate)
    sources: list[Video] = []
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(opened(paths[0]))
        reel = first.replace(
            frames=_joined(paths, first, starts, sources),
            times=tuple(times),
            duration=sum(durations, Fraction(0)),
            rate=rates.pop() if len(rates) == 1 else None,
            audio=_join_sounds(sounds, durations),
            sources=sources,
        )
        return write(reel, out, overwrite=overwrite)


def _join_sounds(sounds: Sequence[Audio | None], durations: Sequence[Fraction]) -> Audio | None:
    known = next((sound for sound in sounds if sound is not None), None)
    if known is None:
        return None
    pieces = [
        sound or silence(duration, rate=known.rate, channels=known.channels)
        for sound, duration in zip(sounds, durations, strict=True)
    ]
    return join(pieces, durations=durations)
