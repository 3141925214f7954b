"""How many frames a second `show` draws where only what moves is found.

    python -m experiments.benchmarks.show [--smoke] [--json FILE] [--repeats N]

The command in fresh processes, with a cache that holds no weights, on real clips at 320 × 240.
`show_fps_{clip}` is of masks left out, `show_fps_masks_{clip}` with them, as by default: frames of
a clip's second half, by the seconds that the whole clip takes beyond those of its first half, so
that start and the reading of programs are not counted (15 were asked for); the command as a whole
is `show_seconds_…`, and CPU seconds are `show_cpu_…`.
"""

from __future__ import annotations

import os
import pathlib
import sys
import tempfile
from typing import Any

import numpy as np

from experiments.benchmarks.harness import ROOT, finish, interleaved_commands, parser, print_table
from vidparticles.video import open_video, write_video

DATA = ROOT.parent / "shared" / "data" / "clips"
CLIPS = {
    "makeup": "apply_eye_makeup_ucf101.avi",
    "basketball": "basketball_two_players.mp4",
    "goat": "goat_256.mp4",
}
SIZE = (240, 320)
CODE = "from vidparticles.command import console; console()"


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=3)
    args = options.parse_args()
    frames = 16 if args.smoke else 150
    names = list(CLIPS)[: 1 if args.smoke else None]
    figures: dict[str, float] = {}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        commands = {}
        for name in names:
            with open_video(DATA / CLIPS[name]) as video:
                made, rate = video.frames(np.arange(frames), size=SIZE), video.info.rate
            for part, count in (("whole", frames), ("half", frames // 2)):
                clip = folder / f"{name}_{part}.mp4"
                write_video(clip, made[:count], rate=rate, crf=18)
                for kind, more in (("", ["--no-masks"]), ("masks_", [])):
                    out = ["-o", str(folder / "out.mp4"), "--overwrite", "--quiet"]
                    commands[f"{kind}{name}_{part}"] = [
                        *(sys.executable, "-c", CODE, "show", str(clip)),
                        *(*more, *out),
                    ]
        timings = interleaved_commands(commands, repeats=1 if args.smoke else args.repeats)
    for name in names:
        for kind, told in (("", "left out"), ("masks_", "drawn")):
            whole, half = (timings[f"{kind}{name}_{part}"] for part in ("whole", "half"))
            count = frames - frames // 2
            figures[f"show_fps_{kind}{name}"] = count / (whole.median - half.median)
            figures[f"show_seconds_{kind}{name}"] = whole.median
            figures[f"show_cpu_{kind}{name}"] = whole.median_cpu
            cells = [figures[f"show_{key}_{kind}{name}"] for key in ("fps", "seconds", "cpu")]
            rows.append([name, told, *(f"{cell:.1f}" for cell in cells)])
    table: dict[str, Any] = {
        "header": ["clip", "masks", "frames a second", "seconds in all", "CPU seconds"],
        "rows": rows,
    }
    print_table(table["header"], table["rows"])
    finish(args, figures, packages=("flax", "av"), table=table, frames=frames)


if __name__ == "__main__":
    main()
