"""What an index of a folder costs: 40 clips of 5 s, each another stretch of real footage.

    python -m experiments.benchmarks.search_index [--smoke] [--json FILE]

They are cut from the videos of `clips`, `scene-cuts` and `gmdcsa24-falls`, as many stretches of
each as there are, the files in turn. `index_cpu_per_second` is the CPU time of looking at them over
how long they play, after one more, with which programs are compiled; `index_200_minutes` is 200
such clips by two cores that do nothing else (to reach: ≤ 10), from that; `index_hit_ms` is what the
same index takes when all is known, and `index_kib` a clip's size in it.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
import time

from experiments.benchmarks import harness
from vidparticles.editing.edit import edit
from vidparticles.inference.searching import build
from vidparticles.inference.searching.index import videos
from vidparticles.video import probe

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
FOLDERS = ("clips", "scene-cuts", "gmdcsa24-falls")
CLIPS, SECONDS = 40, 5


def stretches(count: int) -> list[tuple[pathlib.Path, int]]:
    """Files and seconds at which stretches begin, the files in turn."""
    files = [file for name in FOLDERS for file in videos(DATA / name)]
    whole = [(file, int(probe(file).duration) // SECONDS) for file in files]
    rounds = range(max(parts for _, parts in whole))
    every = [(file, SECONDS * k) for k in rounds for file, parts in whole if k < parts]
    return every[:count]


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    count = 3 if args.smoke else CLIPS
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        clips = []
        for k, (file, start) in enumerate(stretches(count + 1)):
            clips.append(scratch / f"{k:03}.mp4")
            edit(file, clips[-1], trim=f"{start}:{start + SECONDS}")
        index = scratch / "index"
        build(clips[:1], folder=index)
        before = time.process_time()
        library = build(clips[1:], folder=index)
        spent = time.process_time() - before
        began = time.perf_counter()
        again = build(clips[1:], folder=index)
        hit = time.perf_counter() - began
        size = sum(file.stat().st_size for file in index.iterdir())
    assert (library.made, again.made) == (len(clips) - 1, 0), "each is another clip, and kept"
    played = sum(entry.seconds for entry in library.entries)
    figures = {
        "index_cpu_per_second": spent / played,
        "index_200_minutes": spent / played * 200 * 5 / 2 / 60,
        "index_hit_ms": 1000 * hit,
        "index_kib": size / len(clips) / 1024,
        "index_clips": len(clips) - 1,
        "index_seconds": played,
    }
    harness.finish(args, figures, packages=("av", "flax"))


if __name__ == "__main__":
    main()
