"""The project's own small labelled video set: digits that move and meet.

Two handwritten digits (scikit-learn's `load_digits`, 8 × 8 pixels, smoothly enlarged) move
over a slowly drifting random texture; the label is how they move and meet
(`motions.CLASSES`), never what one frame shows: which digits, their colors and sizes, the
texture, start, direction and speed are drawn alike for every class. Train, validation and
test clips show different digit images. Sound: a soft tone that rises with the speed of the
first digit, and a click at the nearest approach; models see frames only.
"""

from __future__ import annotations

import colorsys
import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from vidparticles.data.motions import CLASSES, trajectory
from vidparticles.errors import InputError, nearest, require
from vidparticles.storage import write_text

SPLITS = ("train", "val", "test")
DEFAULT_CLIPS = {"train": 100, "val": 20, "test": 30}
SIDE = 128
RATE = 24
FRAMES = 48
SOUND_RATE = 8_000
# Distance at which two glyphs of side 1 touch: the strokes fill 0.6 of the 8 × 8 square.
TOUCH = 0.6


@dataclasses.dataclass(frozen=True)
class Act:
    """One act of a story: what happens, from when to when, in seconds."""

    label: str
    start: float
    end: float


def make(
    directory: str | os.PathLike[str],
    *,
    seed: int = 0,
    clips_per_class: Mapping[str, int] | None = None,
    workers: int = 2,
) -> pathlib.Path:
    """Write the set as `split/class/clip.mp4` (H.264 and AAC; 128 × 128, 24 frames/s, 2 s).

    A clip depends only on (seed, split, class, its number), so a larger set contains every
    smaller one; clips that are already there are kept, so that a stopped call can go on.

    Args:
        directory: where to write; made when absent.
        seed: of everything random.
        clips_per_class: number of clips for each of "train", "val" and "test".
        workers: threads.

    Returns:
        The directory.

    Raises:
        InputError: the directory holds a set of another seed, or a split has no such name.
    """
    counts = dict(DEFAULT_CLIPS if clips_per_class is None else clips_per_class)
    for name in counts:
        if name not in SPLITS:
            raise InputError(f"clips_per_class has no split '{name}'.{nearest(name, SPLITS)}")
    root = pathlib.Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    note = root / "embedded.json"
    made_by = {"set": "vidparticles embedded digits", "version": 1, "seed": seed}
    if note.exists():
        if json.loads(note.read_text()) != made_by:
            raise InputError(
                f"{root} holds an embedded set made otherwise (see {note}); give an empty "
                f"folder, or the seed it was made with."
            )
    else:
        write_text(note, json.dumps(made_by))

    def write(item: tuple[str, str, int]) -> None:
        split, label, number = item
        path = root / split / label / f"{label}_{number:04d}.mp4"
        if not path.exists():
            frames, sound = clip(clip_rng(seed, split, label, number), label, split=split)
            _write(path, frames, sound)

    todo = [(s, c, n) for s in SPLITS for c in CLASSES for n in range(counts.get(s, 0))]
    for split, label in {(s, c) for s, c, _ in todo}:
        (root / split / label).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(write, todo):
            pass
    return root


def render(rng: np.random.Generator | int, label: str, *, split: str = "train") -> np.ndarray:
    """The frames of one clip, without a file.

    Args:
        rng: a generator, or a seed of one.
        label: one of `motions.CLASSES`.
        split: whose digit images to use.

    Returns:
        uint8 [48, 128, 128, 3] RGB.

    Example:
        >>> render(0, "orbit").shape
        (48, 128, 128, 3)
    """
    return clip(np.random.default_rng(rng), label, split=split)[0]


def clip_rng(seed: int, split: str, label: str, number: int) -> np.random.Generator:
    """The generator of one numbered clip of a set; labels share no random stream."""
    return np.random.default_rng([seed, SPLITS.index(split), CLASSES.index(label), number])


def clip(
    rng: np.random.Generator, label: str, *, split: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """One clip of one class: frames uint8 [48, 128, 128, 3] and sound float32 [16000, 1]."""
    appearance = _appearance(rng, split)
    times = np.arange(FRAMES) / RATE
    path = _path(rng, label, times, appearance)
    background = _background(rng, FRAMES)
    return _draw(background, path, appearance), _sound(rng, path)


def story(
    path: str | os.PathLike[str], *, seed: int = 0, acts: Sequence[str] | int = 5
) -> list[Act]:
    """Write one longer clip in which several things happen, one after the other.

    Each act is two seconds of a new pair of test digits over the same drifting texture.

    Args:
        path: the mp4 to write; an existing one is replaced.
        seed: of everything random; no clip of any `make` shares its stream.
        acts: the classes in order, or how many different ones to draw.

    Returns:
        What happens and when.

    Raises:
        InputError: an act is no class, or more acts are asked for than there are classes.
    """
    rng = np.random.default_rng([seed, len(SPLITS)])
    if isinstance(acts, int):
        if not 1 <= acts <= len(CLASSES):
            raise InputError(f"acts is {acts}; give 1 to {len(CLASSES)}, or a list of classes.")
        acts = [CLASSES[i] for i in rng.permutation(len(CLASSES))[:acts]]
    for label in acts:
        if label not in CLASSES:
            raise InputError(f"acts names no class '{label}'.{nearest(label, CLASSES)}")
    background = _background(rng, FRAMES * len(acts))
    times = np.arange(FRAMES) / RATE
    frames, sounds = [], []
    for i, label in enumerate(acts):
        appearance = _appearance(rng, "test")
        xy = _path(rng, label, times, appearance)
        part = background[i * FRAMES : (i + 1) * FRAMES]
        frames.append(_draw(part, xy, appearance))
        sounds.append(_sound(rng, xy))
    _write(pathlib.Path(path), np.concatenate(frames), np.concatenate(sounds))
    length = FRAMES / RATE
    return [Act(label, i * length, (i + 1) * length) for i, label in enumerate(acts)]


@dataclasses.dataclass(frozen=True)
class _Appearance:
    """What does not depend on the class: glyphs [2][S, S] in 0..1, colors [2, 3]."""

    glyphs: tuple[np.ndarray, np.ndarray]
    colors: np.ndarray

    @property
    def side(self) -> float:
        """Side of a glyph in frame heights."""
        return self.glyphs[0].shape[0] / SIDE


@functools.cache
def _digits(split: str) -> np.ndarray:
    """[n, 8, 8] images in 0..1; each image belongs to one split."""
    images = require("sklearn.datasets", extra="train").load_digits().images / 16.0
    order = np.random.default_rng(1797).permutation(len(images))
    first, last = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}[split]
    return images[order[int(first * len(order)) : int(last * len(order))]]


def _appearance(rng: np.random.Generator, split: str) -> _Appearance:
    from scipy.ndimage import zoom

    images = _digits(split)
    side = int(rng.integers(26, 35))
    glyphs = []
    for _ in range(2):
        # A frame of zeros, so that the glyph fades out before its square ends.
        image = np.pad(images[rng.integers(len(images))], 1)
        big = zoom(image, side / 10, order=3, mode="nearest", grid_mode=True)
        x = np.clip((big - 0.2) / 0.45, 0, 1)
        glyphs.append((x * x * (3 - 2 * x)).astype(np.float32))
    hue = rng.random()
    hues = (hue, hue + rng.uniform(0.3, 0.7))
    colors = np.array([colorsys.hsv_to_rgb(h % 1, rng.uniform(0.5, 0.95), 1) for h in hues])
    # Blues and reds are dark at full value: whiten until they stand out from any texture.
    luma = colors @ [0.299, 0.587, 0.114]
    white = np.clip((0.55 - luma) / (1 - luma), 0, 1)[:, None]
    return _Appearance((glyphs[0], glyphs[1]), (colors + white * (1 - colors)).astype(np.float32))


def _path(
    rng: np.random.Generator, label: str, times: np.ndarray, appearance: _Appearance
) -> np.ndarray:
    return trajectory(
        rng,
        label,
        times=times,
        contact=TOUCH * appearance.side,
        margin=0.5 * appearance.side + 1 / SIDE,
    )


def _background(rng: np.random.Generator, count: int) -> np.ndarray:
    """Filtered noise in two colors, drifting: uint8 [count, 128, 128, 3]."""
    drift = rng.uniform(0, 8) * np.exp(2j * np.pi * rng.random()) / RATE
    way = np.array([drift.imag, drift.real]) * np.arange(count)[:, None]
    way = way - way.min(0)
    n = SIDE + int(np.ceil(way.max())) + 2
    frequency = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None])
    # From cloud to cloth: amplitude falls as a random power of frequency.
    gain = (frequency + 1 / 64) ** -rng.uniform(0.8, 1.8) * (frequency < 0.35)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((n, n))) * gain, (n, n))
    texture = np.clip(127.5 + 56 * noise / noise.std(), 0, 255).astype(np.float32)
    dark, light = (
        255 * np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.6), v))
        for v in (rng.uniform(0.1, 0.25), rng.uniform(0.35, 0.55))
    )
    # One gray plane is moved and then colored by a table: a third of the arithmetic.
    table = np.linspace(dark, light, 256).astype(np.uint8)
    gray = np.empty((count, SIDE, SIDE), np.uint8)
    for i, (y, x) in enumerate(way):
        gray[i] = _shifted(texture[int(y) :, int(x) :][: SIDE + 1, : SIDE + 1], y % 1, x % 1)
    return table.take(gray, axis=0)


def _shifted(image: np.ndarray, y: float, x: float) -> np.ndarray:
    """Bilinear sample at a sub-pixel offset (y, x) in 0..1; one row and column fewer."""
    rows = image[:-1] + np.float32(y) * (image[1:] - image[:-1])
    return rows[:, :-1] + np.float32(x) * (rows[:, 1:] - rows[:, :-1])


def _draw(background: np.ndarray, path: np.ndarray, appearance: _Appearance) -> np.ndarray:
    """Glyphs drawn into the background at sub-pixel positions; the first digit lies on top."""
    frames = background
    # A pixel's center is at (i + ½)/128, so a glyph at x begins at 128 x − S/2.
    corner = path * SIDE - appearance.side * SIDE / 2
    for digit in (1, 0):
        glyph = np.pad(appearance.glyphs[digit], 1)
        color = 255 * appearance.colors[digit]
        for frame, (x, y) in zip(frames, corner[:, digit], strict=True):
            x0, y0 = int(np.floor(x)), int(np.floor(y))
            alpha = _shifted(glyph, 1 - (y - y0), 1 - (x - x0))[..., None]
            patch = frame[y0 : y0 + len(alpha), x0 : x0 + len(alpha)]
            patch[:] = patch + alpha * (color - patch)
    return frames


def _sound(rng: np.random.Generator, path: np.ndarray) -> np.ndarray:
    """A tone that rises with the first digit's speed and a click when they are nearest."""
    n = int(len(path) / RATE * SOUND_RATE)
    speed = np.linalg.norm(np.gradient(path[:, 0], 1 / RATE, axis=0), axis=-1)
    clock = np.arange(n) / SOUND_RATE
    pitch = rng.uniform(180, 320) * (1 + np.interp(clock, np.arange(len(path)) / RATE, speed))
    tone = 0.12 * np.sin(2 * np.pi * np.cumsum(pitch) / SOUND_RATE)
    nearest_at = np.argmin(np.linalg.norm(path[:, 0] - path[:, 1], axis=-1)) / RATE
    since = clock - nearest_at
    click = 0.5 * np.where(since >= 0, np.exp(-60 * np.maximum(since, 0)), 0)
    tone += click * np.sin(2 * np.pi * 1200 * since)
    ramp = np.clip(np.minimum(clock, clock[::-1]) / 0.01, 0, 1)
    return (tone * ramp).astype(np.float32)[:, None]


def _write(path: pathlib.Path, frames: np.ndarray, sound: np.ndarray) -> None:
    from vidparticles.video.sound.blocks import Sound
    from vidparticles.video.write import write_video

    write_video(path, frames, rate=RATE, audio=Sound.of(sound, SOUND_RATE), overwrite=True)
