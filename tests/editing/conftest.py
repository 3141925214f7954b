"""Clips of which everything is known: what each frame shows, and when what sounds."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from vidparticles import editing
from vidparticles.video import Sound, open_video, write_video

BITS = 8


def numbered(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A frame that shows its number as bright and dark columns."""
    bits = [(number >> k) & 1 for k in range(BITS)]
    row = np.repeat(np.array([40 + 170 * b for b in bits], np.uint8), width // BITS)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).copy()


def number_of(frame: np.ndarray) -> int:
    """What `numbered` wrote."""
    columns = frame[:, : frame.shape[1] // BITS * BITS].mean((0, 2)).reshape(BITS, -1).mean(1)
    return sum(1 << k for k, level in enumerate(columns) if level > 125)


def applied(*edits: editing.Edit) -> Callable[..., editing.Written]:
    """(path, out, *, overwrite) → what `apply` wrote with these edits."""
    return lambda path, out, **kw: editing.apply(path, out, *edits, **kw)


EDITS: dict[str, Callable[..., editing.Written]] = {
    "trim": applied(editing.trim(0.2, 0.7)),
    "chain": applied(editing.retime(2), editing.recolor(editing.Colors(contrast=0.9))),
    "splice": lambda path, out, **kw: editing.splice([path, path], out, **kw),
}


@pytest.fixture(params=EDITS)
def edited(request) -> Callable[..., editing.Written]:
    """Each way to write a file: (path, out, *, overwrite) → Written."""
    return EDITS[request.param]


@pytest.fixture(scope="session")
def counted(tmp_path_factory) -> Callable[..., pathlib.Path]:
    """Writes numbered frames, by count and rate or by their times; each clip once."""
    folder = tmp_path_factory.mktemp("counted")
    made: dict[tuple, pathlib.Path] = {}

    def make(
        *,
        frames: int = 24,
        rate: Fraction | int | None = 24,
        times: Sequence[float] | None = None,
        rotation: int = 0,
        audio: Sound | None = None,
    ) -> pathlib.Path:
        shown = None if times is None else tuple(times)
        sound = None if audio is None else (audio.rate, audio.samples.tobytes())
        key = (frames, rate, shown, rotation, sound)
        if key in made:
            return made[key]
        path = made[key] = folder / f"clip{len(made)}.mp4"
        pictures = (numbered(k) for k in range(frames))
        rate = None if times is not None else rate
        write_video(path, pictures, rate=rate, times=times, rotation=rotation, audio=audio)
        return path

    return make


@pytest.fixture(scope="session")
def numbers() -> Callable[[pathlib.Path], list[int]]:
    """The numbers that the frames of a file show."""

    def read(path: pathlib.Path) -> list[int]:
        with open_video(path) as video:
            return [number_of(frame) for _, frame in video]

    return read
