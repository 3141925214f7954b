"""What is said is true, and nothing hangs: interrupts, the first frame, dense linking.

Ctrl-C at random moments of the verbs, with the compile cache empty and full: the seconds from the
signal to the end, the status (130), one sentence, no partial file. The CPU seconds that a verb
costs until the first frame that it has made is written (the second of all: slow motion begins with
one of the clip's own), for 4 s of 160 × 120, with an empty cache (the keys without a suffix) and
with a full one (`_warm`). The share of links that are right in a crowd: a lattice
out of which each particle is put by up to 0.2 of its spacing each way, and then steps by a
Gaussian of 0.3 spacings each way; looked for within 0.9 spacings, and beside it the optimal
assignment (scipy), and trackpy at the widest reach at which it still solves all of them. Cuts from
one place to the same are those of `jump_cuts`, a benchmark of its own.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

import numpy as np

from experiments.benchmarks import harness, jump_cuts
from vidparticles import startup

CLIP, WIDTH, HEIGHT, RATE, SECONDS = "basketball_two_players.mp4", 160, 120, 25, 4
COMMAND = "from vidparticles.command import console; console()"
SAID = "vidparticles: stopped; "
LAST = 0.5  # s, in which Python ends once all is said
START = 0.3  # s, before which it is Python itself that starts, on a busy machine
BEFORE = {"speed": 17.1, "show": 29.1, "predict": 30.8, "stabilize": 26.2}  # CPU s, of issue 15

# The command as it is, ended once the second frame is handed to the encoder: of slow motion the
# first is the clip's own, written before anything is compiled.
FIRST = """
import itertools, os, resource
from vidparticles import cli
from vidparticles.video import write

add, count = write.Writer.add, itertools.count(1)

def first(self, *frame):
    add(self, *frame)
    if next(count) < 2:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(used.ru_utime + used.ru_stime, flush=True)
    os._exit(0)

write.Writer.add = first
cli.console()
"""


@dataclasses.dataclass(frozen=True)
class Bench:
    """Where the sections work: data, a folder, one for what verbs write, and their words."""

    data: pathlib.Path
    work: pathlib.Path
    out: pathlib.Path
    words: dict[str, list[str]]
    smoke: bool


def verbs(clip: pathlib.Path, workdir: pathlib.Path, out: pathlib.Path) -> dict[str, list[str]]:
    """The words of each verb."""
    written = [str(clip), "-o", str(out / "o.mp4")]
    return {
        "show": ["show", *written],
        "speed": ["edit", *written, "--speed", "0.5"],
        "stabilize": ["edit", *written, "--stabilize"],
        "predict": ["predict", *written],
        "understand": ["understand", str(clip), "--checkpoint", str(workdir)],
    }


def make_clip(path: pathlib.Path, source: pathlib.Path) -> None:
    """4 s of real footage, 160 × 120."""
    import av

    with av.open(str(source)) as container:
        frames = [f.reformat(WIDTH, HEIGHT, "yuv420p") for f in container.decode(video=0)]
    frames += frames[-2:0:-1]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(SECONDS * RATE):
            frame = frames[k % len(frames)]
            frame.pts, frame.time_base = k, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def train(clip: pathlib.Path, workdir: pathlib.Path) -> None:
    """A checkpoint of one step, for `understand`."""
    folder = workdir.with_name("classes")
    for split, label in itertools.product(("train", "val", "test"), "ab"):
        place = folder / split / label
        place.mkdir(parents=True)
        shutil.copy(clip, place)
    settings = {"steps": 1, "batch_size": 2, "data.frames": 4, "data.size": 16, "data.dir": folder}
    words = [sys.executable, "experiments/train.py", f"--workdir={workdir}"]
    words += ["--config=experiments/configs/folder.py:single_frame"]
    words += [f"--config.{key}={value}" for key, value in settings.items()]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}
    subprocess.run(words, check=True, capture_output=True, cwd=harness.ROOT, env=environment)


def started(code: str, words: list[str], cache: pathlib.Path) -> subprocess.Popen[str]:
    # What is started in the background is deaf to Ctrl-C, and so are its children.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            cwd=harness.ROOT,
            # Not what jax has put there in this process: who types a verb has no such level.
            env={k: v for k, v in os.environ.items() if k != startup.LOG_LEVEL}
            | {"JAX_COMPILATION_CACHE_DIR": str(cache)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, heard)


def whole(words: list[str], cache: pathlib.Path, out: pathlib.Path) -> float:
    """Seconds that a verb takes when nobody stops it; what it compiles is in the cache then."""
    begun = time.perf_counter()
    child = started(COMMAND, words, cache)
    _, warned = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{' '.join(words)}: {warned}")
    emptied(out)
    return time.perf_counter() - begun


def emptied(out: pathlib.Path) -> list[str]:
    """What was in the folder, which is empty then."""
    names = sorted(path.name for path in out.iterdir())
    for name in names:
        (out / name).unlink()
    return names


def stopped(words: list[str], cache: pathlib.Path, out: pathlib.Path, moment: float) -> dict:
    """One interrupt: seconds to the end, and what is wrong with that end."""
    child = started(COMMAND, words, cache)
    try:
        child.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        pass
    else:
        emptied(out)
        return {"late": True}
    begun = time.perf_counter()
    child.send_signal(signal.SIGINT)
    _, warned = child.communicate()
    seconds = time.perf_counter() - begun
    left = emptied(out)
    # It had said its last word; a run that goes on has swallowed the signal, and is wrong.
    if child.returncode == 0 and seconds < LAST:
        return {"late": True}
    true = "had been written" in warned or left == []
    right = child.returncode == 130 and warned.startswith(SAID) and warned.count("\n") == 1 and true
    partial = sum(".partial" in name for name in left)
    return {
        "late": False,
        "seconds": seconds,
        "partial": partial,
        "wrong": "" if right else f"{child.returncode}: {warned[-300:]} {left}",
    }


def interrupts(
    words: list[str], out: pathlib.Path, full: pathlib.Path, moments: int, rng: np.random.Generator
) -> list[dict]:
    """Half of the moments with an empty cache, half with a full one."""
    found = []
    empty = out.parent / "empty"
    lasts = {empty: whole(words, full, out), full: whole(words, full, out)}
    for cache, seconds in lasts.items():
        # A moment of each equal part of the run, so that none of it is left out.
        shares = (np.arange(moments // 2) + rng.uniform(size=moments // 2)) / (moments // 2)
        for share in shares:
            shutil.rmtree(empty, ignore_errors=True)
            found.append(stopped(words, cache, out, max(share * seconds, START)))
    return found


def first_frame(words: list[str], cache: pathlib.Path, out: pathlib.Path) -> float:
    """CPU seconds until the first frame that the verb has made is written."""
    child = started(FIRST, words, cache)
    said, warned = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{' '.join(words)}: {warned}")
    emptied(out)
    return float(said)


# ------------------------------------------------------------------ linking


def crowd(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Places [N, 2] of a crowd before and after a step, in spacings."""
    old = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    old = old + rng.uniform(-0.2, 0.2, old.shape)
    return old, old + rng.normal(0, 0.3, old.shape)


def ours(old: np.ndarray, new: np.ndarray, reach: float) -> np.ndarray:
    import jax.numpy as jnp

    from vidparticles.particles import particles
    from vidparticles.tracking.blobs.link import LinkConfig, link, no_links

    config, state, numbers = LinkConfig(reach=reach), None, []
    for k, places in enumerate((old, new)):
        who = jnp.arange(len(places), dtype=jnp.float32)[:, None]
        spots = particles(jnp.asarray(places, jnp.float32), feature=who)
        state = link(no_links(spots, 0.0) if state is None else state, spots, float(k), config)
        number = np.full(len(places), -1)
        alive = np.asarray(state.particles.alive)
        spot = np.asarray(state.particles.feature)[alive, 0].astype(int)
        number[spot] = np.asarray(state.identity)[alive]
        numbers.append(number)
    return numbers[0][None] == numbers[1][:, None]


def assigned(old: np.ndarray, new: np.ndarray, reach: float) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    square = np.sum((new[:, None] - old) ** 2, axis=-1)
    row, column = linear_sum_assignment(np.minimum(square, reach**2))
    linked = np.zeros(square.shape, bool)
    linked[row, column] = square[row, column] < reach**2
    return linked


def trackpy(old: np.ndarray, new: np.ndarray, reach: float) -> np.ndarray:
    import trackpy

    trackpy.quiet()
    (_, first), (_, second) = trackpy.link_iter([old, new], reach)
    return np.asarray(first)[None] == np.asarray(second)[:, None]


def widest(crowds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The reach, in spacings, up to which trackpy solves all of them."""
    from trackpy import SubnetOversizeException

    reach = 0.5
    for further in np.arange(0.55, 0.95, 0.05):
        try:
            for old, new in crowds:
                trackpy(old, new, float(further))
        except SubnetOversizeException:
            break
        reach = float(further)
    return reach


def linking(*, smoke: bool) -> dict[str, float]:
    """The share of links that are right."""
    rng = np.random.default_rng(0)
    crowds = []
    for _ in range(2 if smoke else 10):
        old, new = crowd(rng, 20)
        order = rng.permutation(len(new))
        crowds.append((old, new[order], order))

    def right(find: object, reach: float) -> float:
        linked = [find(old, new, reach)[np.arange(len(o)), o] for old, new, o in crowds]
        return float(np.mean(linked))

    found = {"linking_dense": right(ours, 0.9), "linking_dense_optimum": right(assigned, 0.9)}
    if importlib.util.find_spec("trackpy"):
        reach = widest([(old, new) for old, new, _ in crowds])
        found["linking_dense_trackpy"] = right(trackpy, reach)
        found["linking_trackpy_reach"] = reach
    else:
        print("skipped: trackpy (not installed)")
    return found


def first_frames(bench: Bench) -> dict[str, float]:
    """CPU seconds until a verb has made its first frame."""
    figures, rows = {}, []
    for verb in ("speed",) if bench.smoke else BEFORE:
        cache = bench.work / f"first-{verb}"
        cold = figures[f"first_frame_cpu_{verb}"] = first_frame(bench.words[verb], cache, bench.out)
        warm = first_frame(bench.words[verb], cache, bench.out)
        figures[f"first_frame_cpu_{verb}_warm"] = warm
        rows.append([verb, BEFORE[verb], round(cold, 1), round(warm, 1)])
    harness.print_table(["CPU s to the first frame", "before", "cold", "warm"], rows)
    return figures


def ends(bench: Bench) -> dict[str, float]:
    """How interrupts end the verbs."""
    rng = np.random.default_rng(0)
    met, wrong, full = [], [], bench.work / "full"
    for verb in ("speed",) if bench.smoke else bench.words:
        found = interrupts(bench.words[verb], bench.out, full, 4 if bench.smoke else 20, rng)
        here = [end for end in found if not end["late"]]
        met += here
        wrong += [f"{verb}: {end['wrong']}" for end in here if end["wrong"]]
        worst = max((end["seconds"] for end in here), default=0.0)
        print(f"{verb}: {len(here)} of {len(found)} interrupts met it, at most {worst:.2f} s")
    for sentence in wrong:
        print("not as it should be:", sentence)
    return {
        "sigint_max_s": max((end["seconds"] for end in met), default=0.0),
        "partial_files_left": sum(end["partial"] for end in met),
        "sigint_wrong_ends": len(wrong),
        "sigint_moments": len(met),
    }


def jumps(bench: Bench) -> dict[str, float]:
    """Cuts from one place to the same."""
    if bench.smoke:
        return {}
    found = jump_cuts.measure(bench.data)["ours"]
    return {name: found[name] for name in ("jump_cut_f1", "fixed_jump_recall")}


SECTIONS = {
    "linking": lambda bench: linking(smoke=bench.smoke),
    "jumps": jumps,
    "first": first_frames,
    "interrupts": ends,
}


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    options.add_argument(
        "--only", nargs="+", choices=SECTIONS, help="these sections; of the rest what FILE has"
    )
    args = options.parse_args()
    data, figures, commits = pathlib.Path(args.data), {}, {}
    if args.only and args.json and pathlib.Path(args.json).exists():
        before = json.loads(pathlib.Path(args.json).read_text())
        figures, commits = before["figures"], before["commits"]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        out, clip = work / "out", work / "clip.mp4"
        out.mkdir()
        make_clip(clip, data / "clips" / CLIP)
        train(clip, work / "W")
        bench = Bench(data, work, out, verbs(clip, work / "W", out), args.smoke)
        for name in args.only or SECTIONS:
            figures |= SECTIONS[name](bench)
            commits[name] = harness.commit()
    harness.finish(args, figures, packages=("scipy", "trackpy"), commits=commits)


if __name__ == "__main__":
    main()
