"""Cuts, splices and copies of a timeline: in sync, exact, all or nothing.

Sync: a clip with a white frame and a burst of noise each second is cut to 37 and to 500 short
parts around them; in the file that is written, the middle of the bursts is found by correlation
with that of the source and compared with when the white frame shows; the figure is the largest
distance of all parts. Peers, where they are installed, cut the same 37 parts.

Chains: random edits of timelines of numbered frames, rendered, copied where they can be; right
where frames and duration are those that a list of frames says, with sound of that length. And 20
renderings that are killed at random moments: nothing is under the final name, sources are as they
were.

    python experiments/benchmarks/editing_timeline.py --json FILE
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
from fractions import Fraction

import numpy as np

from experiments.benchmarks.faithful import ffmpeg
from experiments.benchmarks.harness import (
    finish,
    parser,
    print_table,
)
from vidparticles.editing import compose
from vidparticles.video import Encoding, Sound, open_video, write_video
from vidparticles.video.timelines import (
    Timeline,
    concatenate,
    insert,
    overwrite,
    remove,
    split,
    trim,
)

RATES = {
    "24000/1001": Fraction(24000, 1001),
    "30000/1001": Fraction(30000, 1001),
    "60000/1001": Fraction(60000, 1001),
    "variable": None,
}
HZ, SECONDS = 48000, 12


# ------------------------------------------------------------------ sync


def flashes(path: pathlib.Path, rate: Fraction | None) -> list[Fraction]:
    """A clip whose frame after each second is white, with a burst of noise; gives those times."""
    if rate is None:
        gaps = [Fraction(20 + k * k % 31, 1000) for k in range(SECONDS * 40)]
        times = list(itertools.takewhile(lambda t: t < SECONDS, itertools.accumulate(gaps)))
        times = [Fraction(0), *times]
    else:
        times = [k / rate for k in range(int(SECONDS * rate))]
    white = {next(k for k, t in enumerate(times) if t >= s) for s in range(1, SECONDS - 1)}
    sound = np.zeros((SECONDS * HZ, 1), np.float32)
    burst = np.random.default_rng(0).normal(0, 0.2, HZ // 25).astype(np.float32)
    for k in white:
        at = round(times[k] * HZ)
        sound[at : at + len(burst), 0] = burst
    frames = (np.full((48, 64, 3), 235 if k in white else 20, np.uint8) for k in range(len(times)))
    shown = {"rate": rate} if rate else {"times": times}
    write_video(path, frames, audio=Sound.of(sound, HZ), **shown)
    return sorted(times[k] for k in white)


def cuts_around(marks: list[Fraction], count: int) -> list[tuple[Fraction, Fraction]]:
    rng = random.Random(count)
    return [
        (
            marks[k % len(marks)] - Fraction(rng.randint(20, 60), 1000),
            marks[k % len(marks)] + Fraction(rng.randint(60, 120), 1000),
        )
        for k in range(count)
    ]


def apart(path: pathlib.Path, source: pathlib.Path, mark: Fraction) -> tuple[float, int]:
    """The largest distance of a white frame from its burst in milliseconds, and how many."""
    with open_video(source) as video:
        heard = video.audio().samples[:, 0]
        at = round(mark * HZ)
        burst = heard[at : at + HZ // 25]
    with open_video(path) as video:
        white = [time for time, frame in video.every(size=(4, 4)) if frame.mean() > 128]
        heard = video.audio().samples[:, 0]
    worst, reach = 0.0, HZ // 20
    for time_ in white:
        at = round(time_ * HZ)
        window = np.pad(heard, (reach, HZ))[at : at + 2 * reach + len(burst)]
        found = np.correlate(window, burst, "valid").argmax() - reach
        worst = max(worst, abs(found) / HZ * 1000)
    return worst, len(white)


def by_moviepy(source: pathlib.Path, out: pathlib.Path, spans: list) -> None:
    from moviepy import VideoFileClip, concatenate_videoclips

    with VideoFileClip(str(source)) as clip:
        parts = [clip.subclipped(float(a), float(b)) for a, b in spans]
        concatenate_videoclips(parts).write_videofile(str(out), logger=None)


def concat_filter(spans: list) -> str:
    """ffmpeg's filters that cut and join."""
    parts = [
        f"[0:v]trim={float(a):.6f}:{float(b):.6f},setpts=PTS-STARTPTS[v{k}];"
        f"[0:a]atrim={float(a):.6f}:{float(b):.6f},asetpts=PTS-STARTPTS[a{k}];"
        for k, (a, b) in enumerate(spans)
    ]
    pairs = "".join(f"[v{k}][a{k}]" for k in range(len(spans)))
    return "".join(parts) + f"{pairs}concat=n={len(spans)}:v=1:a=1[v][a]"


def by_ffmpeg(
    source: pathlib.Path, out: pathlib.Path, spans: list, captions: pathlib.Path | None = None
) -> list[str]:
    """ffmpeg's command line; captions are burnt in."""
    words = [ffmpeg() or "ffmpeg", "-v", "error", "-y", "-i", str(source)]
    drawn = f";[v]subtitles={captions}[drawn]" if captions else ""
    words += ["-filter_complex", concat_filter(spans) + drawn]
    words += ["-map", "[drawn]" if captions else "[v]", "-map", "[a]"]
    return [*words, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", str(out)]


def sync(folder: pathlib.Path, *, smoke: bool) -> tuple[dict[str, float], list[list]]:
    rows, worst, others = [], {37: 0.0, 500: 0.0}, {}
    for name, rate in RATES.items():
        source, out = folder / "flash.mp4", folder / "cut.mp4"
        source.unlink(missing_ok=True)
        marks = flashes(source, rate)
        for count in (37, 40 if smoke else 500):
            spans = cuts_around(marks, count)
            for way, encoding in (("copied", None), ("encoded", Encoding(crf=18))):
                made = compose.keep(source, spans)
                compose.render(made, out, overwrite=True, encoding=encoding)
                found, seen = apart(out, source, marks[0])
                rows.append([f"ours, {way}", name, count, seen, found])
                worst[37 if count == 37 else 500] = max(found, worst[37 if count == 37 else 500])
                assert seen == count, (name, count, seen)
        if name == "30000/1001":
            spans = cuts_around(marks, 37)
            peers = {}
            if importlib.util.find_spec("moviepy"):
                peers["moviepy"] = lambda s=source, o=out, p=spans: by_moviepy(s, o, p)
            if ffmpeg():
                words = by_ffmpeg(source, out, spans)
                peers["ffmpeg trim + concat"] = lambda w=words: subprocess.run(w, check=True)
            for peer, run in peers.items():
                run()
                found, seen = apart(out, source, marks[0])
                rows.append([peer, name, 37, seen, found])
                others[f"sync_37_cuts_{peer.split()[0]}_ms"] = found
    return {"sync_37_cuts_ms": worst[37], "sync_500_cuts_ms": worst[500]} | others, rows


# ------------------------------------------------------------------ chains

TICK, FRAMES = Fraction(1001, 24000), 96


def numbered(path: pathlib.Path) -> None:
    """Frames that show their number in seven columns, coded in groups of 12 with B-frames."""

    def frame(k: int) -> np.ndarray:
        bits = [(k >> b) & 1 for b in range(7)]
        return np.repeat(np.repeat(np.uint8([[40 + 170 * b for b in bits]]), 48, 0), 10, 1)

    plain = path.with_name("plain.mp4")
    frames = (np.repeat(frame(k)[:, :, None], 3, 2) for k in range(FRAMES))
    tone = np.sin(np.arange(round(FRAMES * TICK * HZ)) / 9).astype(np.float32)[:, None] / 4
    write_video(plain, frames, rate=1 / TICK, audio=Sound.of(tone, HZ))
    words = [ffmpeg(), "-v", "error", "-y", "-i", str(plain), "-g", "12", "-bf", "3"]
    subprocess.run([*words, "-c:a", "copy", str(path)], check=True)


def number(frame: np.ndarray) -> int:
    levels = frame[:, :70].mean((0, 2)).reshape(7, 10)[:, 2:8].mean(1)
    return sum(1 << b for b, level in enumerate(levels) if level > 125)


def chain(whole: Timeline, rng: random.Random) -> tuple[Timeline, list[int]]:
    """A random chain of edits, and the frames that a list of them leaves."""
    made, frames = whole, list(range(FRAMES))
    for _ in range(rng.randint(1, 5)):
        count = len(frames)
        a = rng.randint(0, count - 1)
        b = rng.randint(a + 1, count)
        begin, end = a * TICK, b * TICK
        other = trim(made, begin, end)
        kind = rng.choice(["trim", "remove", "insert", "overwrite", "split", "concatenate"])
        if kind == "trim":
            made, frames = other, frames[a:b]
        elif kind == "remove" and b - a < count:
            made, frames = remove(made, begin, end), frames[:a] + frames[b:]
        elif kind == "insert":
            at = rng.randint(0, count)
            made = insert(made, at * TICK, other)
            frames = frames[:at] + frames[a:b] + frames[at:]
        elif kind == "overwrite":
            at = rng.randint(0, count)
            made = overwrite(made, at * TICK, other)
            frames = frames[:at] + frames[a:b] + frames[at + b - a :]
        elif kind == "split":
            made = split(made, begin)
        elif kind == "concatenate":
            made, frames = concatenate(made, other), frames + frames[a:b]
        if len(frames) > 2 * FRAMES:
            made, frames = trim(made, 0, FRAMES * TICK), frames[:FRAMES]
    return made, frames


def chains(folder: pathlib.Path, *, count: int, kills: int) -> dict[str, float]:
    source, out = folder / "numbered.mp4", folder / "chain.mp4"
    numbered(source)
    whole = compose.keep(source)
    rng, right, copied = random.Random(0), 0, []
    for k in range(count):
        made, frames = chain(whole, rng)
        encoding = Encoding(crf=18) if k % 4 == 3 else None
        done = compose.render(made, out, overwrite=True, encoding=encoding)
        copied.append(done.copied)
        with open_video(out) as video:
            shown = [number(frame) for _, frame in video]
            length = video.table.duration
            heard = video.audio().duration
        good = shown == frames and abs(length - len(frames) * TICK) < Fraction(1, 500)
        # Coders of sound add up to a block at the end.
        good &= 0 <= heard - len(frames) * TICK + Fraction(1, 1000) < Fraction(1, 10)
        right += good
        if not good:
            print("wrong:", k, len(shown), len(frames), float(length), float(heard))
    before, clean = source.read_bytes(), 0
    long = concatenate(*[whole] * 6)
    for _ in range(kills):
        out.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            compose.render(long, out, encoding=Encoding(crf=18))
            os._exit(0)
        time.sleep(rng.uniform(0.0, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        clean += not out.exists() and source.read_bytes() == before
    out.unlink(missing_ok=True)
    again = compose.render(whole, out)  # and the next run is fine
    return {
        "chains_right": right,
        "chains_copied": float(np.mean(copied)),
        "killed_and_clean": clean * (again.frames == FRAMES),
    }


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--only", choices=["chains", "sync"], help="of the two, one")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        figures: dict[str, float] = {}
        rows: list[list] = []
        if args.only in (None, "sync"):
            more, rows = sync(folder, smoke=args.smoke)
            figures |= more
            print_table(["", "frames a second", "cuts", "seen", "ms apart at most"], rows)
        if args.only in (None, "chains"):
            count, kills = (20, 3) if args.smoke else (200, 20)
            figures |= chains(folder, count=count, kills=kills)
    load = os.getloadavg()[0]
    packages = ["av", "imageio-ffmpeg", "moviepy"]
    finish(args, figures, packages=packages, sync=rows, load=load)


if __name__ == "__main__":
    main()
