"""Shake taken out of real clips that were shaken on purpose, by ours and by FFmpeg's deshake.

A clip of known rest is moved, turned and scaled by smoothed noise (1.2 % of the height, 0.6°
and 0.4 %, below some 6 Hz), cropped to what all frames show, encoded, and stabilized from the
file. Jitter is read off the files by OpenCV, which neither has a part in: points are followed
from frame to frame, a similarity is fitted by RANSAC, and the r.m.s. change of its step at the
corners is the figure, in pixels. `jitter_ratio` is that of the shaken clip over that of the
stabilized one, on chaplin.mp4, whose camera stands on a tripod. The other clips, held by hand,
keep the motion of their own that the table gives beside it.
"""

from __future__ import annotations

import importlib.util
import itertools
import pathlib
import sys
import tempfile

import av
import numpy as np

from experiments.benchmarks import harness
from vidparticles import editing
from vidparticles.video import open_video, write_video

CLIPS = ("chaplin.mp4", "goat_256.mp4", "flipping_a_pancake.mkv", "basketball_two_players.mp4")
MARGIN = 0.08  # of the height, cropped from each side of the shaken frames
SHIFT, TURN, SCALE = 0.012, np.deg2rad(0.6), 0.004  # r.m.s. of the shake


def shake(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise [T] of unit r.m.s., smoothed over some frames."""
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    noise = np.convolve(rng.normal(size=count + 12), kernel, "valid")
    return noise / noise.std()


def shaken(path: pathlib.Path, out: pathlib.Path, *, frames: int) -> None:
    import cv2

    rng = np.random.default_rng(0)
    with open_video(path) as video:
        count, rate = min(frames, len(video)), video.info.rate
        film = video.frames(range(count))
    height, width = film.shape[1:3]
    turn = (1 + SCALE * shake(count, rng)) * np.exp(1j * TURN * shake(count, rng))
    moved = SHIFT * height * (shake(count, rng) + 1j * shake(count, rng))
    center = (width + 1j * height) / 2
    shift = center + moved - turn * center
    cut = round(MARGIN * height)
    rows = slice(cut, cut + (height - 2 * cut) // 2 * 2)
    columns = slice(cut, cut + (width - 2 * cut) // 2 * 2)

    def pictures():
        for frame, a, b in zip(film, turn, shift, strict=True):
            matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
            whole = cv2.warpAffine(frame, matrix, (width, height), flags=cv2.INTER_CUBIC)
            yield np.ascontiguousarray(whole[rows, columns])

    write_video(out, pictures(), rate=rate, crf=12)


def deshake(path: pathlib.Path, out: pathlib.Path) -> None:
    """FFmpeg's filter at its defaults."""
    with open_video(path) as video:
        rate = video.info.rate
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=video.info.width, height=video.info.height, format="yuv420p", time_base=1 / rate
        )
        graph.link_nodes(source, graph.add("deshake"), graph.add("buffersink")).configure()

        def pictures():
            for k, (_, frame) in enumerate(video):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
                    format="yuv420p"
                )
                picture.pts, picture.time_base = k, 1 / rate
                graph.push(picture)
                yield graph.pull().to_ndarray(format="rgb24")

        write_video(out, pictures(), rate=rate, crf=12)


def jitter(path: pathlib.Path, *, frames: int) -> float:
    """R.m.s. change of the camera's step from frame to frame at the corners, pixels."""
    import cv2

    with open_video(path) as video:
        seen = itertools.islice(video, frames)
        film = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for _, frame in seen]
    height, width = film[0].shape
    corners = np.array([0, width, 1j * height, width + 1j * height])
    steps = []
    for before, after in itertools.pairwise(film):
        points = cv2.goodFeaturesToTrack(before, 400, 0.01, 7)
        there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)
        back, _, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None)
        good = (found.ravel() > 0) & (np.abs(back - points).max((1, 2)) < 0.3)
        matrix, _ = cv2.estimateAffinePartial2D(
            points[good], there[good], ransacReprojThreshold=1.0
        )
        turn, shift = matrix[:, 0] @ [1, 1j], matrix[:, 2] @ [1, 1j]
        steps.append(turn * corners + shift - corners)
    return float(np.sqrt(np.mean(np.abs(np.diff(steps, axis=0)) ** 2)))


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    args = options.parse_args()
    if importlib.util.find_spec("cv2") is None:
        sys.exit("This benchmark shakes and measures with OpenCV; install the extra 'bench'.")
    clips, frames = (CLIPS[:1], 40) if args.smoke else (CLIPS, 120)
    header = ["clip", "own", "shaken", "ours", "deshake", "ratio", "ratio deshake", "seen"]
    rows, ratios, speeds = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        rough, ours, peer = (pathlib.Path(scratch) / f"{n}.mp4" for n in ("rough", "ours", "peer"))
        for name in clips:
            path = pathlib.Path(args.data) / "clips" / name
            for file in (rough, ours, peer):
                file.unlink(missing_ok=True)
            shaken(path, rough, frames=frames)
            made = editing.apply(rough, ours, editing.stabilize())
            deshake(rough, peer)
            values = [jitter(file, frames=frames) for file in (path, rough, ours, peer)]
            ratio, other = values[1] / values[2], values[1] / values[3]
            timings = harness.interleaved(
                {
                    "ours": lambda: editing.apply(rough, ours, editing.stabilize(), overwrite=True),
                    "deshake": lambda: (peer.unlink(), deshake(rough, peer)),
                },
                repeats=1 if args.smoke else 3,
                warmup=0,
            )
            speeds.append(timings["ours"].median_cpu / timings["deshake"].median_cpu)
            ratios.append(ratio)
            rows.append([name, *np.round([*values, ratio, other, made.crop], 3)])
    harness.print_table(header, rows)
    figures = {"jitter_ratio": ratios[0], "cpu_vs_deshake": float(np.median(speeds))}
    if not args.smoke:
        figures["jitter_ratio_median"] = float(np.median(ratios))
    table = {"header": header, "rows": [[str(cell) for cell in row] for row in rows]}
    harness.finish(args, figures, packages=("av", "opencv-python-headless"), table=table)


if __name__ == "__main__":
    main()
