"""The pieces that frames in between are measured on, and a made one whose truth is known."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np

from vidparticles.video import open_video

CLIPS = {
    ".mp4": "arm_wrestling basketball_two_players bigbuckbunny_5s carphone_distorted "
    "carphone_pristine chaplin cleaning_pool_kinetics dog_256 goat_256 maxtext_test_video "
    "ntu_fall_1080p realshort sam2_01_dog sam2_03_blocks sam2_05_default_juggle smpte_2997 "
    "timecode_bars_16s water_bottle_drumming",
    ".avi": "apply_eye_makeup_ucf101",
    ".mkv": "flipping_a_pancake",
    ".gif": "newtonscradle pigs_in_a_polka",
    ".webm": "no_duration transparent_vp9_alpha",
}
# Never tuned on: each with the first frame of its stretch, None where that is around the middle.
HELD_OUT: tuple[tuple[str, int | None], ...] = (
    ("scene-cuts/testvideo.mp4", 100),
    ("scene-cuts/testvideo.mp4", 450),
    ("scene-cuts/big_buck_bunny_0_30.webm", 100),
    ("scene-cuts/big_buck_bunny_0_30.webm", 320),
    ("scene-cuts/big_buck_bunny_0_30.webm", 450),
    ("scene-cuts/delayed_start.mp4", None),
    ("gmdcsa24-falls/Subject 1/ADL/10.mp4", None),
    ("gmdcsa24-falls/Subject 1/ADL/16.mp4", None),
    ("gmdcsa24-falls/Subject 1/Fall/13.mp4", None),
    ("gmdcsa24-falls/Subject 1/Fall/15.mp4", None),
    ("gmdcsa24-falls/Subject 3/ADL/07.mp4", None),
    ("gmdcsa24-falls/Subject 3/Fall/01.mp4", None),
    ("gmdcsa24-falls/Subject 3/Fall/16.mp4", None),
    ("fight-surv/fight/fi001.mp4", None),
    ("fight-surv/fight/fi005.mp4", None),
    ("fight-surv/fight/fi051.mp4", None),
    ("fight-surv/fight/fi128.mp4", None),
    ("fight-surv/fight/fi142.mp4", None),
    ("fight-surv/noFight/nofi067.mp4", None),
    ("fight-surv/noFight/nofi077.mp4", None),
    ("fight-surv/noFight/nofi082.mp4", None),
    ("isl-avatar-words/assets/Computer.mp4", None),
    ("isl-avatar-words/assets/Walk.mp4", None),
    ("isl-avatar-words/assets/World.mp4", None),
    ("decode-exact/nasa_13013.mp4", None),
    ("decode-exact/av1_video.mkv", None),
)
HEIGHT = 480  # pixels; higher clips are shrunk
HEIGHT_HELD_OUT = 360
GAPS = 8  # rebuilt frames a clip


def pieces(data: pathlib.Path, gaps: int) -> dict[str, Callable[[], np.ndarray]]:
    """Name → what loads the frames, of all pieces that are there; the held out end in "held out".

    Args:
        data: the folder of the shared data.
        gaps: rebuilt frames a piece.
    """
    found = {"made": lambda: made(9 if gaps < GAPS else 61)}
    tuned = [
        (data / "clips" / (n + end), None) for end, names in CLIPS.items() for n in names.split()
    ]
    rest = [(data / name, first) for name, first in HELD_OUT]
    for (path, first), suffix in [(c, "") for c in sorted(tuned)] + [
        (c, ", held out") for c in rest
    ]:
        if path.exists():
            at = "" if first is None else f" from {first}"
            name = path.stem if not suffix else path.relative_to(data).with_suffix("").as_posix()
            found[name + at + suffix] = lambda path=path, first=first, suffix=suffix: stretch(
                path, gaps, first, HEIGHT_HELD_OUT if suffix else HEIGHT
            )
    return found


def stretch(path: pathlib.Path, gaps: int, first: int | None, highest: int) -> np.ndarray:
    """2 · gaps + 1 frames of a clip, around its middle or from one on, shrunk to a height."""
    import cv2

    with open_video(path) as video:
        count = min(2 * gaps + 1, (len(video) - 1) // 2 * 2 + 1)
        first = (len(video) - count) // 2 if first is None else first
        frames = video.frames(range(first, first + count))
    height, width = frames.shape[1:3]
    if height > highest:
        size = round(width * highest / height / 2) * 2, highest
        frames = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])
    return frames


def made(count: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A texture that slides under six others, each moved exactly, by its Fourier phases."""
    rng = np.random.default_rng(0)

    def texture(high: int, wide: int, softness: float) -> np.ndarray:
        wave = np.fft.fftfreq(high)[:, None] ** 2 + np.fft.fftfreq(wide) ** 2
        low_pass = np.exp(-2 * (np.pi * softness) ** 2 * wave)[..., None]
        return np.fft.fft2(rng.uniform(0, 255, (high, wide, 3)), axes=(0, 1)) * low_pass

    def shifted(spectrum: np.ndarray, x: float, y: float) -> np.ndarray:
        high, wide = spectrum.shape[:2]
        turns = np.fft.fftfreq(high)[:, None] * y + np.fft.fftfreq(wide) * x
        return np.fft.ifft2(spectrum * np.exp(-2j * np.pi * turns)[..., None], axes=(0, 1)).real

    ground = texture(height, width, 2.5)
    low, high = (f(shifted(ground, 0, 0)) for f in (np.min, np.max))
    draw = lambda: (texture(128, 128, 1.5), rng.uniform(0, 1, 2), rng.uniform(-3, 3, 2))  # noqa: E731
    things = [(*draw(), rng.uniform(0.02, 0.06)) for _ in range(6)]
    x, y = np.arange(width), np.arange(height)
    frames = []
    for k in range(count):
        frame = (shifted(ground, -1.3 * k, -0.6 * k) - low) / (high - low) * 255
        for spectrum, start, speed, turn in things:
            left = (start[0] * width + speed[0] * k + 25 * np.sin(turn * k)) % width - 32
            top = (start[1] * height + speed[1] * k + 25 * np.cos(turn * k)) % height - 32
            cover = np.clip(np.minimum(y - top + 1, top + 64 - y), 0, 1)[:, None, None]
            cover = cover * np.clip(np.minimum(x - left + 1, left + 64 - x), 0, 1)[:, None]
            picture = shifted(spectrum, left % 1, top % 1)
            rows, columns = (y - int(top // 1)) % 128, (x - int(left // 1)) % 128
            frame = frame + cover * (picture[np.ix_(rows, columns)] - frame)
        frames.append(np.clip(frame, 0, 255).round().astype(np.uint8))
    return np.stack(frames)
