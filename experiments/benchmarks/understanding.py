"""What `understand` costs without a checkpoint: a 10 s clip of 320 × 240 with sound.

    python -m experiments.benchmarks.understanding [--smoke] [--long SECONDS] [--repeats N]

Figures, of all lanes but objects: `understand_cpu_over_clip`, CPU seconds of a call over the
clip's length, after the first (to reach: 1.0; aim .5), with `cpu_{part}_over_clip` of its parts by
themselves; `first_call_s` and `first_call_cached_s`, the command in a fresh process with the
compile cache empty and full (20 and 6), and `…_cpu_s` their CPU seconds; `memory_growth`, how much
more memory a process takes at most for a clip of --long seconds than for one of 10. Needs
`vidparticles weights get i3d efficientnet-lite0 silero`.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from experiments.benchmarks import harness
from experiments.benchmarks.classify import footage
from vidparticles.inference.understanding.camera import CameraLane
from vidparticles.inference.understanding.features import FeatureLane
from vidparticles.inference.understanding.moments import moments
from vidparticles.inference.understanding.networks import SERVES, Networks, networks
from vidparticles.inference.understanding.sound import heard
from vidparticles.inference.understanding.understand import understand
from vidparticles.video import Sound, Writer, open_video

LANES = tuple(name for name in SERVES if name != "nanodet")
PEAK = """
import resource, sys
from vidparticles.inference import understand
understand(sys.argv[1], objects=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def with_sound(
    silent: pathlib.Path, out: pathlib.Path, seconds: float, *, rate: float | None = None
) -> pathlib.Path:
    """The same clip with noise to be heard, so often that it lasts, at its rate or another."""
    with open_video(silent) as video:
        frames, rate = list(video.run()), rate or video.info.rate
    rng = np.random.default_rng(1)

    def noise(first: int, last: int):
        for at in range(first, last, 1 << 16):
            count = min(1 << 16, last - at)
            yield 0.1 * rng.standard_normal((count, 1)).astype(np.float32)

    sound = Sound(16000, 1, round(16000 * seconds), noise)
    with Writer(out, rate=rate, audio=sound) as writer:
        for k in range(round(seconds * rate)):
            writer.add(frames[k % len(frames)])
    return out


def parts(clip: pathlib.Path, found: Networks) -> dict[str, Callable[[], object]]:
    """The lanes by themselves; each but sound reads the clip, too."""

    def read() -> None:
        with open_video(clip) as video:
            for _ in moments(video):
                pass

    def lane(make: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            one = make()
            with open_video(clip) as video:
                for moment in moments(video):
                    one.take(moment)
                if isinstance(one, FeatureLane):
                    one.end(clip, 0.0, ())
                else:
                    one.end()

        return run

    def hear() -> None:
        with open_video(clip) as video:
            heard(video.audio(), found.hear)

    return {
        "read": read,
        "read_actions": lane(lambda: FeatureLane(Networks(actions=found.actions))),
        "read_tags": lane(lambda: FeatureLane(Networks(tags=found.tags))),
        "read_camera": lane(CameraLane),
        "sound": hear,
    }


def seconds_of(clip: pathlib.Path, cache: pathlib.Path) -> tuple[float, float]:
    """The command in a fresh process: seconds on the clock, CPU seconds."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    code = "from vidparticles.command import console; console()"
    command = [sys.executable, "-c", code, "understand", str(clip), "--no-objects", "--quiet"]
    begin, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, env=environment, cwd=harness.ROOT)
    after = os.times()
    used = after.children_user + after.children_system
    return (
        time.perf_counter() - begin,
        used - before.children_user - before.children_system,
    )


def peak(clip: pathlib.Path) -> float:
    """Bytes that a fresh process takes at most."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(clip)],
        check=True,
        capture_output=True,
        text=True,
        cwd=harness.ROOT,
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--long", type=float, default=120.0, help="seconds of the long clip")
    options.add_argument("--repeats", type=int, default=5, help="of what is timed")
    args = options.parse_args()
    seconds, long = (4.0, 12.0) if args.smoke else (10.0, args.long)
    found = networks(names=LANES)
    if found.missing:
        raise SystemExit(found.missing[0])
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        silent = footage(folder / "silent.mp4", seconds=seconds)
        clip = with_sound(silent, folder / "clip.mp4", seconds)
        first, first_cpu = seconds_of(clip, folder / "cache")
        cached, cached_cpu = seconds_of(clip, folder / "cache")
        growth = peak(with_sound(silent, folder / "long.mp4", long)) / peak(clip)
        candidates = {
            "understand": lambda: understand(clip, objects=False, networks_here=found),
            **parts(clip, found),
        }
        timings = harness.interleaved(candidates, repeats=1 if args.smoke else args.repeats)
    harness.print_timings(timings)
    figures = {
        "understand_cpu_over_clip": timings["understand"].median_cpu / seconds,
        **{f"cpu_{k}_over_clip": t.median_cpu / seconds for k, t in timings.items()},
        "first_call_s": first,
        "first_call_cpu_s": first_cpu,
        "first_call_cached_s": cached,
        "first_call_cached_cpu_s": cached_cpu,
        "memory_growth": growth,
    }
    del figures["cpu_understand_over_clip"]
    harness.finish(args, figures, packages=("av", "flax"), clip_seconds=seconds, long_seconds=long)


if __name__ == "__main__":
    main()
