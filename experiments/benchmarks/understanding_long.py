"""Whether the memory of `understand` grows over long footage.

    python -m experiments.benchmarks.understanding_long [--smoke] [--json FILE] [--minutes M]

A clip of 320 × 240 with sound that lasts M minutes (default 60), two frames a second, so that one
core reads an hour of it in ten minutes; all lanes but objects; networks see squares of 64 pixels,
since what is kept of a window does not depend on its size. `memory_at_{k}_tenths_mib` is what the
process holds after so much of the clip, `memory_end_mib` when the report is there,
`memory_growth_long` what it holds at the end of the clip over what it holds after a tenth, by which
all programs are loaded, and `long_cpu_s` the CPU seconds of all of it.
"""

from __future__ import annotations

import os
import pathlib
import tempfile
import time

from experiments.benchmarks import harness
from experiments.benchmarks.classify import footage
from experiments.benchmarks.understanding import LANES, with_sound
from vidparticles import progress
from vidparticles.inference.understanding.features import FeatureConfig
from vidparticles.inference.understanding.networks import networks
from vidparticles.inference.understanding.understand import understand

LOOK = FeatureConfig(size=64)
RATE = 2.0  # frames a second


def held() -> float:
    """MiB of memory that this process holds."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def long_clip(out: pathlib.Path, *, seconds: float) -> pathlib.Path:
    """A drifting picture, again and again, and noise to be heard."""
    return with_sound(footage(out.with_stem("short"), seconds=10.0), out, seconds, rate=RATE)


def listener() -> tuple[dict[int, float], progress.Listener]:
    """What is held after each tenth of a clip, filled in by what is told of progress."""
    found: dict[int, float] = {}

    def told(work: str, done: int, total: int) -> None:
        if work == "understanding":
            for tenth in range(1, 11):
                if tenth not in found and 10 * done >= total * tenth:
                    found[tenth] = held()

    return found, told


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60.0)
    args = options.parse_args()
    seconds = 60.0 if args.smoke else 60 * args.minutes
    here = networks(LOOK.size, names=LANES)
    if here.missing:
        raise SystemExit(here.missing[0])
    with tempfile.TemporaryDirectory() as folder:
        clip = long_clip(pathlib.Path(folder) / "long.mp4", seconds=seconds)
        found, told = listener()
        began = time.process_time()
        with progress.listening(told):
            report = understand(clip, objects=False, networks_here=here, config=LOOK)
        spent = time.process_time() - began
    figures = {f"memory_at_{k}_tenths_mib": value for k, value in found.items()}
    figures["memory_end_mib"] = held()
    figures["memory_growth_long"] = found[10] / found[1]
    figures["long_minutes"] = report.seconds / 60
    figures["long_cpu_s"] = spent
    harness.finish(args, figures, packages=("av", "flax"))


if __name__ == "__main__":
    main()
