"""Shake taken out of clips and made scenes, by ours, FFmpeg's vidstab and FFmpeg's deshake.

Real clips are moved, turned and scaled by smoothed noise (1.2 % of the height, 0.6° and 0.4 %,
below some 6 Hz), cropped to what all frames show, encoded, and stabilized from the file. Made
scenes, see `stabilize_scenes`, are watched as they are seen, and what was found is laid on their
ground alone, so that what stands in front of it cannot deceive the reading. Jitter is read off
the files by OpenCV, which none of them has a part in: points all over the picture are followed
from frame to frame, a similarity is fitted by RANSAC, and the r.m.s. change of its step at the
corners is the figure, in pixels. Clips that were held by hand keep the motion of their own that
the table gives beside it; chaplin.mp4 stands on a tripod. vidstab runs at its defaults, in both
passes.
"""

from __future__ import annotations

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import av
import numpy as np

from experiments.benchmarks import harness
from vidparticles import editing
from vidparticles.editing.reel import opened, write
from vidparticles.video import open_video, write_video

MARGIN = 0.08  # of the height, cropped from each side of the shaken frames
HEADER = ("scene", "own", "shaken", "ours", "vidstab", "deshake", "seen", "seen vidstab")


def shaken(path: pathlib.Path, out: pathlib.Path, *, frames: int) -> None:
    """A clip's frames, shaken."""
    import cv2

    from experiments.benchmarks import stabilize_scenes as scenes

    with open_video(path) as video:
        count, rate = min(frames, len(video)), video.info.rate
        film = video.frames(range(count))
    height, width = film.shape[1:3]
    turn, moved = scenes.shaken(count, np.random.default_rng(0))
    center = (width + 1j * height) / 2
    shift = center + height * moved - turn * center
    cut = round(MARGIN * height)
    rows = slice(cut, cut + (height - 2 * cut) // 2 * 2)
    columns = slice(cut, cut + (width - 2 * cut) // 2 * 2)

    def pictures() -> Iterator[np.ndarray]:
        for frame, a, b in zip(film, turn, shift, strict=True):
            matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
            whole = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_CUBIC)
            yield np.ascontiguousarray(whole[rows, columns])

    write_video(out, pictures(), rate=rate, crf=12)


def ours(seen: pathlib.Path, ground: pathlib.Path, out: pathlib.Path) -> float:
    """What one film tells, laid on another; the share of height and width that is kept."""
    with opened(seen) as watched, opened(ground) as shown:
        made = editing.stabilize()(shown.replace(again=watched.again))
        return write(made, out, overwrite=True).crop


def vidstab(seen: pathlib.Path, ground: pathlib.Path, out: pathlib.Path) -> float:
    """The same by FFmpeg's two filters at their defaults."""
    found = out.with_suffix(".trf")

    def run(source: pathlib.Path, graph: str, *to: str) -> str:
        words = ["ffmpeg", "-hide_banner", "-nostdin", "-y", "-i", str(source), "-vf", graph, *to]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        return done.stderr

    run(seen, f"vidstabdetect=result={found}", "-f", "null", "-")
    told = run(ground, f"vidstabtransform=input={found}", "-crf", "12", str(out))
    zoom = re.search(r"Final zoom: (\S+)", told)
    return 1 / (1 + float(zoom[1]) / 100) if zoom else float("nan")


def deshake(path: pathlib.Path, out: pathlib.Path) -> None:
    """FFmpeg's older filter at its defaults, which looks at what it is given alone."""
    with open_video(path) as video:
        rate = video.info.rate
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=video.info.width, height=video.info.height, format="yuv420p", time_base=1 / rate
        )
        graph.link_nodes(source, graph.add("deshake"), graph.add("buffersink")).configure()

        def pictures() -> Iterator[np.ndarray]:
            for k, (_, frame) in enumerate(video):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                    format="yuv420p"
                )
                picture.pts, picture.time_base = k, 1 / rate
                graph.push(picture)
                yield graph.pull().to_ndarray(format="rgb24")

        write_video(out, pictures(), rate=rate, crf=12)


def gray(path: pathlib.Path, *, frames: int | None = None) -> np.ndarray:
    """The film [T, H, W] of a file."""
    import cv2

    with open_video(path) as video:
        count = min(frames or len(video), len(video))
        film = video.frames(range(count))
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in film])


def clip_row(path: pathlib.Path, folder: pathlib.Path, *, frames: int, timed: int) -> dict:
    """Jitter of a clip, shaken and stabilized, and how much longer ours takes."""
    from experiments.benchmarks import stabilize_scenes as scenes

    rough, mine, peer, older = (folder / f"{n}.mp4" for n in ("rough", "ours", "peer", "older"))
    for file in (rough, mine, peer, older):
        file.unlink(missing_ok=True)
    shaken(path, rough, frames=frames)
    row = {"scene": path.name, "own": scenes.jitter(gray(path, frames=frames))}
    row["seen"], row["seen vidstab"] = ours(rough, rough, mine), vidstab(rough, rough, peer)
    deshake(rough, older)
    files = {"shaken": rough, "ours": mine, "vidstab": peer, "deshake": older}
    row |= {name: scenes.jitter(gray(file)) for name, file in files.items()}
    if timed:
        timings = harness.interleaved(
            {
                "ours": lambda: ours(rough, rough, mine),
                "deshake": lambda: (older.unlink(), deshake(rough, older)),
            },
            repeats=timed,
            warmup=0,
        )
        row["cpu"] = timings["ours"].median_cpu / timings["deshake"].median_cpu
    return row


def scene_row(kind: str, names: tuple[str, ...], folder: pathlib.Path, *, seed: int) -> dict:
    """Jitter of the grounds of scenes of one kind, r.m.s. over the pictures."""
    from experiments.benchmarks import stabilize_scenes as scenes

    bands = scenes.BANDS if kind == "rolling" else 1
    squares, crops = [], []
    for k, name in enumerate(names):
        films = scenes.scene(kind, name, names[(k + 1) % len(names)], seed=seed)
        seen, ground, mine, peer = (folder / f"{n}.mp4" for n in ("seen", "ground", "m", "p"))
        for file, film in ((seen, films[0]), (ground, films[1])):
            write_video(file, iter(film), rate=scenes.RATE, crf=12, overwrite=True)
        crops.append((ours(seen, ground, mine), vidstab(seen, ground, peer)))
        left = [scenes.jitter(gray(file), bands=bands) for file in (ground, mine, peer)]
        squares.append(np.square(left))
        print(kind, name, *np.round(left, 3), *np.round(crops[-1], 3), file=sys.stderr)
    left, crop = np.sqrt(np.mean(squares, 0)), np.mean(crops, 0)
    row = {"scene": kind, "shaken": left[0], "ours": left[1], "vidstab": left[2]}
    return row | {"seen": crop[0], "seen vidstab": crop[1]}


def figures_of(rows: list[dict]) -> dict[str, float]:
    """What the rows come to."""
    clips = [row for row in rows if "deshake" in row]
    found = {
        "jitter_ratio": clips[0]["shaken"] / clips[0]["ours"],
        "jitter_ratio_median": float(np.median([r["shaken"] / r["ours"] for r in clips])),
        "rows": len(rows),
        "rows_no_worse_than_vidstab": int(sum(r["ours"] <= r["vidstab"] for r in rows)),
        "rows_seen_within_3_of_vidstab": int(
            sum(r["seen"] >= r["seen vidstab"] - 0.03 for r in rows)
        ),
    }
    timed = [row["cpu"] for row in clips if "cpu" in row]
    return found | ({"cpu_vs_deshake": float(np.median(timed))} if timed else {})


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    options.add_argument(
        "--tuned", action="store_true", help="the made scenes and clips that were tuned on alone"
    )
    args = options.parse_args()
    if importlib.util.find_spec("cv2") is None:
        sys.exit("This benchmark shakes and measures with OpenCV; install the extra 'bench'.")
    if shutil.which("ffmpeg") is None:
        sys.exit("This benchmark's peer is vidstab of the system's FFmpeg; install ffmpeg.")
    from experiments.benchmarks import stabilize_scenes as scenes

    clips, frames, kinds = scenes.TUNED_CLIPS, 120, scenes.KINDS
    pictures, seed, timed = scenes.HELD, scenes.HELD_SEED, 1
    if args.tuned:
        pictures, seed, timed = scenes.TUNED, scenes.TUNED_SEED, 0
    else:
        clips += scenes.HELD_CLIPS
    if args.smoke:
        clips, frames, kinds, pictures, timed = clips[:1], 40, kinds[:1], pictures[:1], 1
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for kind in kinds:
            rows.append(scene_row(kind, pictures, folder, seed=seed))
        for name in clips:
            path = pathlib.Path(args.data) / "clips" / name
            rows.append(clip_row(path, folder, frames=frames, timed=timed))
            print(*rows[-1].items(), file=sys.stderr)
    cells = [
        [row["scene"], *("" if k not in row else round(row[k], 3) for k in HEADER[1:])]
        for row in rows
    ]
    harness.print_table(list(HEADER), cells)
    table = {"header": list(HEADER), "rows": [[str(c) for c in row] for row in cells]}
    packages = ("av", "opencv-python-headless")
    harness.finish(args, figures_of(rows), packages=packages, table=table)


if __name__ == "__main__":
    main()
