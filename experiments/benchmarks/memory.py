"""Memory against the length of a clip: an hour beside a minute, each in a process of its own.

A minute of real footage at 160 × 120, and the same minute copied sixty times, packet by packet;
at few frames a second, so that an hour takes minutes. Each is read and followed frame by frame
(`editing.follow`), drawn over and written (`vidparticles show`), and, as the peer, read and
followed by OpenCV. The figure is the peak of the resident memory for the hour over that for the
minute. Beside it, what the table of the frames of an hour at 30 frames/s takes (108,000 frames).
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction

import av

from experiments.benchmarks.harness import ROOT, finish, parser, print_table

CLIP = "basketball_two_players.mp4"
HEIGHT, WIDTH, COUNT = 120, 160, 128
RATES = {"tracks": 10, "show": 1, "OpenCV": 10, "table": 30}  # frames a second


def minute(path: pathlib.Path, source: pathlib.Path, rate: int) -> None:
    """A clip run to and fro for a minute, in groups of 2 s."""
    with av.open(str(source)) as container:
        frames = [f.reformat(WIDTH, HEIGHT, "yuv420p") for f in container.decode(video=0)]
    frames += frames[-2:0:-1]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"bf": "0", "g": str(2 * rate)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(60 * rate):
            frame = frames[k % len(frames)]
            frame.pts, frame.time_base = k, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def looped(path: pathlib.Path, source: pathlib.Path, times: int) -> None:
    """The packets of a minute again and again, not encoded anew."""
    with av.open(str(source)) as container, av.open(str(path), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for k in range(times):
            container.seek(0)
            shift = round(60 * k / stream.time_base)
            for packet in container.demux(stream):
                if packet.size:
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copy
                    out.mux(packet)


# ------------------------------------------------------------------ in a process of its own


def tracks(path: str) -> int:
    from vidparticles.editing.follow import following
    from vidparticles.editing.reel import opened

    with opened(path) as reel:
        return sum(1 for _ in following(reel.frames, count=COUNT))


def show(path: str) -> int:
    from vidparticles.viz import show

    with tempfile.TemporaryDirectory() as folder:
        return show(path, f"{folder}/out.mp4", points=True).frames


def opencv(path: str) -> int:
    import cv2

    reader, before, count = cv2.VideoCapture(path), None, 0
    while True:
        more, frame = reader.read()
        if not more:
            return count
        count += 1
        after = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        if before is not None:
            points = cv2.goodFeaturesToTrack(before, COUNT, 0.001, 5)
            cv2.calcOpticalFlowPyrLK(before, after, points, None)
        before = after


def table(path: str) -> int:
    from vidparticles.video import open_video

    with open_video(path) as video:
        return len(video)


JOBS = {"tracks": tracks, "show": show, "OpenCV": opencv, "table": table}


def child(job: str, path: str) -> None:
    count = JOBS[job](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    print(count, peak)


def measured(job: str, path: pathlib.Path, cache: str) -> tuple[int, float, float]:
    """Frames, peak memory in MB and seconds of a job."""
    began = time.perf_counter()
    words = [sys.executable, __file__, "--child", job, str(path)]
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": cache}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    count, peak = done.stdout.split()[-2:]
    return int(count), float(peak) / 1e6, time.perf_counter() - began


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:4])
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(ROOT.parent / "shared" / "data"))
    args = options.parse_args()
    source, times = pathlib.Path(args.data) / "clips" / CLIP, 3 if args.smoke else 60
    jobs = ["tracks", "show", "OpenCV"]
    if not importlib.util.find_spec("cv2"):
        print("skipped: OpenCV (not installed)")
        jobs.remove("OpenCV")
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for rate in set(RATES.values()):
            names[rate] = [pathlib.Path(folder) / f"{what}{rate}.mp4" for what in ("short", "long")]
            minute(names[rate][0], source, rate)
            looped(names[rate][1], names[rate][0], times)
        for job in [*jobs, "table"]:
            paths = names[RATES[job]]
            # Once unmeasured: compiling takes more memory than running, and would hide growth.
            _, *found = (measured(job, path, folder) for path in (paths[0], *paths))
            assert found[1][0] == times * found[0][0]
            ratio = found[1][1] / found[0][1]
            frames, peak, seconds = found[1]
            rows.append(
                [
                    job,
                    frames,
                    *(f"{mb:.0f}" for mb in (found[0][1], peak)),
                    f"{ratio:.3f}",
                    f"{seconds:.0f}",
                ]
            )
            print(*rows[-1], sep="  ", flush=True)
            if job == "table":
                figures["memory_table_of_an_hour_mb"] = peak - found[0][1]
                figures["table_of_an_hour_seconds"] = seconds - found[0][2]
            else:
                end = "" if job == "tracks" else "_" + job.lower()
                figures["memory_hour_vs_minute" + end] = ratio
    header = ["", "frames of the hour", "minute, MB", "hour, MB", "hour / minute", "s"]
    print_table(header, rows)
    finish(
        args,
        figures,
        packages=("av", "opencv-python-headless"),
        table={"header": header, "rows": rows},
    )


if __name__ == "__main__":
    main()
