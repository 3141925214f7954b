"""Trimming by what happens: planted events that are kept, and how much else is, beside two rules.

Idle footage is made of real clips: the frame before an event, and behind it the last one of the
event, with noise laid over in tiles that were taken from those places of the same clip that change
least from frame to frame, with light that drifts and a lamp that is dimmed, encoded anew at a
quality at which keyframes pop. Between two stretches of it the real frames of the event are shown:
of a labelled event the first three seconds, since a fall's label goes on while who fell lies still.

Beside ours, with the same margins and shortest parts: auto-editor's motion rule, written anew from
its reference (frames 400 pixels wide, gray, blurred by 9; the share of pixels that differ from the
frame before is 2 % or more), and the mean difference of frames over its median and three times its
spread.

    python -m experiments.benchmarks.editing_autotrim --json FILE

One clip, marked, was looked at while thresholds were chosen; figures are of the others.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import numpy as np
from scipy import ndimage

from experiments.benchmarks.harness import ROOT, finish, parser, print_table
from vidparticles.editing.selection import SelectionConfig, Signals, choose
from vidparticles.inference.highlights import signals
from vidparticles.video import open_video, write_video

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", ROOT.parent / "shared" / "data"))
FALLS = "gmdcsa24-falls"
STEP = 1 / 8  # seconds, of all three
GRAY = np.array([0.299, 0.587, 0.114], np.float32)


@dataclasses.dataclass(frozen=True)
class Event:
    """What is planted: seconds of a clip in which something happens by its labels."""

    clip: str
    start: float
    end: float
    tuned: bool = False


EVENTS = (
    Event(f"{FALLS}/Subject 1/Fall/15.mp4", 1.8, 4.8, tuned=True),
    Event(f"{FALLS}/Subject 1/Fall/13.mp4", 0.4, 3.4),
    Event(f"{FALLS}/Subject 1/Fall/14.mp4", 0.3, 3.3),
    Event(f"{FALLS}/Subject 1/ADL/10.mp4", 0.0, 3.0),
    Event(f"{FALLS}/Subject 3/ADL/07.mp4", 0.0, 3.0),
    Event(f"{FALLS}/Subject 3/ADL/19.mp4", 1.8, 4.8),
    Event(f"{FALLS}/Subject 3/Fall/01.mp4", 0.0, 3.0),
    Event(f"{FALLS}/Subject 3/Fall/15.mp4", 1.9, 4.9),
    Event(f"{FALLS}/Subject 3/Fall/16.mp4", 1.8, 4.8),
    Event(f"{FALLS}/Subject 3/Fall/19.mp4", 2.0, 5.0),
    Event(f"{FALLS}/Subject 3/Fall/20.mp4", 2.3, 5.3),
    Event("fight-surv/fight/fi001.mp4", 0.0, 2.0),
    Event("fight-surv/fight/fi003.mp4", 0.0, 2.4),
    Event("clips/ntu_fall_1080p.mp4", 0.0, 2.5),
)


@dataclasses.dataclass(frozen=True)
class SceneConfig:
    """How idle footage is made.

    Attributes:
        height: pixels of it.
        rate: frames a second.
        idle: seconds before and behind an event.
        drift: share by which light goes up and down,
        period: seconds of that.
        lamp: share by which it goes down at once in the middle of what is behind.
        crf: quality of H.264.
        tile: pixels of a tile of noise.
    """

    height: int = 240
    rate: int = 12
    idle: float = 10.0
    drift: float = 0.06
    period: float = 23.0
    lamp: float = 0.1
    crf: float = 26.0
    tile: int = 16


def scene(event: Event, config: SceneConfig, seed: int) -> tuple[np.ndarray, float, float]:
    """Frames [T, H, W, 3] with a planted event, and when it begins and ends."""
    rng = np.random.default_rng(seed)
    with open_video(DATA / event.clip) as video:
        width = 16 * round(video.info.width * config.height / video.info.height / 16)
        size = (config.height, width)
        count = int((event.end - event.start) * config.rate)
        wanted = event.start + np.arange(count) / config.rate
        at = np.clip(np.searchsorted(video.times, wanted + 1e-6) - 1, 0, len(video) - 1)
        shown = video.frames(at, size=size).astype(np.float32)
        first = min(at[0], len(video) - 8)
        close = video.frames(np.arange(first, first + 8), size=size).astype(np.float32)
    tiles = quiet_tiles(close, config.tile)
    idle = int(config.idle * config.rate)
    found = np.empty((2 * idle + count, *size, 3), np.uint8)
    for k in range(len(found)):
        picture = shown[min(max(k - idle, 0), count - 1)]
        if not idle <= k < idle + count:
            grid = (size[0] // config.tile, size[1] // config.tile)
            laid = tiles[rng.integers(len(tiles), size=grid)]
            picture = picture + laid.transpose(0, 2, 1, 3, 4).reshape(picture.shape)
        light = 1 + config.drift * np.sin(2 * np.pi * k / config.rate / config.period)
        if k > idle + count + idle // 2:
            light *= 1 - config.lamp
        found[k] = np.clip(np.round(picture * light), 0, 255)
    return found, idle / config.rate, (idle + count) / config.rate


def quiet_tiles(frames: np.ndarray, tile: int) -> np.ndarray:
    """Noise [N, tile, tile, 3]: what differs between frames in the quietest half of their tiles."""
    change = np.diff(frames, axis=0) / np.sqrt(2)
    rows, columns = (n // tile for n in change.shape[1:3])
    parts = change.reshape(-1, rows, tile, columns, tile, 3).transpose(0, 1, 3, 2, 4, 5)
    parts = parts.reshape(-1, tile, tile, 3)
    size = (parts**2).mean((1, 2, 3))
    return parts[size <= np.median(size)]


# ---------------------------------------------------------------- three ways


def ours(path: pathlib.Path) -> Signals:
    """What `edit --auto` goes by."""
    return signals(path)


def auto_editor(path: pathlib.Path) -> Signals:
    """Share of pixels that differ at all, of small blurred gray frames: 2 % or more."""

    def share(before: np.ndarray, after: np.ndarray) -> bool:
        return bool((before != after).mean() >= 0.02)

    with open_video(path) as video:
        height = round(400 * video.info.height / video.info.width)
        return by_frames(path, (height, 400), blur=9.0, moves=share)


def energy(path: pathlib.Path) -> Signals:
    """Mean difference from the frame before, over the median and three times the spread of all."""
    found: list[float] = []

    def note(before: np.ndarray, after: np.ndarray) -> bool:
        found.append(float(np.abs(after.astype(np.float32) - before).mean()))
        return False

    size = (90, 120)
    by_frames(path, size, blur=0.0, moves=note)
    middle = np.median(found)
    most = middle + 3 * 1.4826 * np.median(np.abs(found - middle))
    told = iter([value > most for value in found])
    return by_frames(path, size, blur=0.0, moves=lambda before, after: next(told))


def by_frames(
    path: pathlib.Path,
    size: tuple[int, int],
    *,
    blur: float,
    moves: Callable[[np.ndarray, np.ndarray], bool],
) -> Signals:
    """Signals of a rule of two frames: a step moves where one of its frames does."""
    with open_video(path) as video:
        count = int(np.ceil(video.info.duration / STEP - 1e-6))
        moved, before = np.zeros(count), None
        for at, frame in video.every(size=size):
            gray = frame @ GRAY
            gray = (ndimage.gaussian_filter(gray, blur) if blur else gray).astype(np.uint8)
            if before is not None and moves(before, gray):
                moved[min(count - 1, int(at / STEP + 1e-6))] = 1
            before = gray
        zero, no = np.zeros(count), np.zeros(count, bool)
        quiet = zero - 120
        return Signals(
            STEP, video.info.duration, moved, zero, quiet, zero, no, no, no, zero[:, None]
        )


WAYS = {"ours": ours, "auto-editor's motion": auto_editor, "motion energy": energy}


def overlap(spans: list[tuple[float, float]], start: float, end: float) -> float:
    """Seconds of a span that are in others."""
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans)


def main() -> None:
    """Run and print it."""
    args = parser(__doc__).parse_args()
    config = SceneConfig(idle=4.0) if args.smoke else SceneConfig()
    events = [event for event in EVENTS if (DATA / event.clip).exists()]
    events = events[:2] if args.smoke else events
    if not events:
        sys.exit(f"there are no clips at {DATA}; set VIDPARTICLES_DATA to their folder.")
    chosen = SelectionConfig()
    rows: list[list[object]] = []
    sums = {way: np.zeros(4) for way in WAYS}  # seconds of events, kept of them, kept; CPU
    whole = {way: 0 for way in WAYS}
    for number, event in enumerate(events):
        frames, start, end = scene(event, config, number)
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name, "scene.mp4")
            write_video(path, frames, rate=config.rate, crf=config.crf)
            row: list[object] = [event.clip + " (tuned)" * event.tuned, f"{end - start:.1f} s"]
            for way, measure in WAYS.items():
                begun = time.process_time()
                spans = [(p.start, p.end) for p in choose(measure(path), chosen)]
                used = time.process_time() - begun
                inside, kept = overlap(spans, start, end), sum(b - a for a, b in spans)
                row += [f"{inside / (end - start):.0%}", f"{kept / (end - start):.2f}"]
                if not event.tuned or args.smoke:
                    sums[way] += [end - start, inside, kept, used]
                    whole[way] += inside >= 0.95 * (end - start)
            rows.append(row)
    held_out = sum(not event.tuned or args.smoke for event in events)
    print_table(["event", "lasts", *(f"{w}: {x}" for w in WAYS for x in ("kept", "length"))], rows)
    figures: dict[str, float] = {}
    for way, key in zip(WAYS, ("autotrim", "auto_editor", "energy"), strict=True):
        seconds, inside, kept, used = sums[way]
        figures |= {
            f"{key}_recall": inside / seconds,
            f"{key}_events": whole[way] / held_out,
            f"{key}_length": kept / seconds,
            f"{key}_cpu_s": used,
        }
    summary = [
        [way, f"{inside / seconds:.1%}", f"{whole[way]} of {held_out}", f"{kept / seconds:.2f}"]
        for way, (seconds, inside, kept, _) in sums.items()
    ]
    print()
    header = ["", "seconds of events kept", "events kept whole", "kept, times their length"]
    print_table(header, summary)
    load = os.getloadavg()[0]
    settings = {"scene": dataclasses.asdict(config), "events": rows, "load": load}
    finish(args, figures, table={"header": header, "rows": summary}, **settings)
    print(f"load {load:.1f}; {held_out} held-out events, {config.idle:g} s of idle on each side")


if __name__ == "__main__":
    main()
