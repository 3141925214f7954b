"""A folder of many short clips, some broken, trimmed by one command: what is done, and how soon.

    python -m experiments.benchmarks.editing_batch [--smoke] [--json FILE]

2,000 clips of a second, each with a sound of its own; one in twenty is broken: cut short, empty,
text, or a video whose pictures cannot be decoded. `vidparticles edit DIR --trim :0.5 -o OUT` copies
what it keeps. `batch_done` is the share of the clips that are right: of a whole one the new file is
there, as long as was asked for; of a broken one there is no file, and one line of the terminal
names it. `batch_cpu_s` is the CPU time of the whole command in this process, `batch_again_cpu_s`
that of the same command when all is done, and `batch_stopped_cpu_s` that when a tenth of what was
written is gone: as after a command that was stopped.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import tempfile
import time
from collections.abc import Callable

import numpy as np

from experiments.benchmarks.harness import finish, parser, print_table
from vidparticles import cli
from vidparticles.video import Sound, probe, write_video

CLIPS, EVERY, RATE = 2000, 20, 8


def broken_as(k: int, whole: bytes) -> bytes:
    """One of four ways to be broken."""
    ways: list[Callable[[], bytes]] = [
        lambda: whole[:200],
        lambda: b"",
        lambda: b"no video\n" * 40,
        lambda: whole[: whole.index(b"mdat") + 4] + bytes(600),
    ]
    return ways[k % len(ways)]()


def make(folder: pathlib.Path, count: int) -> set[str]:
    """Clips that differ in their sound; the names of those that are broken."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    kinds = []
    for k in range(10):
        frames = rng.integers(0, 255, (RATE, 32, 48, 3), np.uint8)
        tone = 0.1 * np.sin(np.arange(8000) * (0.1 + 0.02 * k)).astype(np.float32)
        path = folder / "made.mp4"
        write_video(path, frames, rate=RATE, audio=Sound.of(tone[:, None], 8000))
        kinds.append(path.read_bytes())
        path.unlink()
    broken = set()
    for k in range(count):
        name, content = f"{k:05}.mp4", kinds[k % len(kinds)]
        if k % EVERY == 0:
            broken.add(name)
            content = broken_as(k // EVERY, content)
        (folder / name).write_bytes(content)
    return broken


def run(words: list[str]) -> tuple[float, int, list[str]]:
    """CPU seconds, exit status, and lines of the terminal."""
    said, told, begun = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        status = cli.main(words)
    return time.process_time() - begun, status, told.getvalue().splitlines()


def main() -> None:
    args = parser(__doc__).parse_args()
    count = 60 if args.smoke else CLIPS
    with tempfile.TemporaryDirectory() as name:
        folder, out = pathlib.Path(name, "clips"), pathlib.Path(name, "out")
        broken = make(folder, count)
        words = ["edit", str(folder), "--trim", ":0.5", "-o", str(out), "--progress", "none"]
        first, status, lines = run(words)
        right = 0
        for clip in folder.iterdir():
            made = out / clip.name
            if clip.name in broken:
                named = sum(clip.name in line for line in lines)
                right += not made.exists() and named == 1
            else:
                right += made.exists() and probe(made).frames == RATE // 2
        left = [path for path in out.rglob("*") if "partial" in path.name]
        again, *_ = run(words)
        for made in sorted(out.glob("*.mp4"))[::10]:
            made.unlink()
        stopped, *_ = run(words)
        whole = len([*out.glob("*.mp4")])
    figures = {
        "batch_done": right / count,
        "batch_clips": count,
        "batch_broken": len(broken),
        "batch_status": status,
        "batch_lines": len(lines),
        "batch_left_behind": len(left),
        "batch_whole_after_stop": whole,
        "batch_cpu_s": first,
        "batch_again_cpu_s": again,
        "batch_stopped_cpu_s": stopped,
    }
    load = os.getloadavg()[0]
    print_table(["figure", "value"], [[key, f"{value:g}"] for key, value in figures.items()])
    finish(args, figures, load=load)
    print(f"load {load:.1f}")


if __name__ == "__main__":
    main()
