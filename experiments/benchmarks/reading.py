"""Random access: 16 uniform frames of a clip, ours against torchcodec, bare PyAV and OpenCV.

Every candidate opens the file anew and returns the same 16 RGB frames; the figure is CPU
time, ratios of medians over clips in turn. Wrong frames are counted against a decode from
the start on one thread, on the real clips and on made ones whose timing is hard: variable
rate, edit lists, open groups, gradual refresh. torchcodec looks for FFmpeg's shared libraries;
where the system has none, those in PyAV's wheel serve, under their plain names in a folder on
LD_LIBRARY_PATH.
"""

from __future__ import annotations

import importlib.util
import pathlib
import statistics
import tempfile
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from experiments.benchmarks import harness
from vidparticles.video import Picture, copy_trim, open_video

FRAMES = 16
CLIPS = [
    "clips/arm_wrestling.mp4",
    "clips/basketball_two_players.mp4",
    "clips/chaplin.mp4",
    "clips/flipping_a_pancake.mkv",
    "clips/maxtext_test_video.mp4",
    "clips/timecode_bars_16s.mp4",
    "clips/water_bottle_drumming.mp4",
    "clips/no_duration.webm",
    "clips/sam2_01_dog.mp4",
    "clips/smpte_2997.mp4",
    "decode-exact/nasa_13013.mp4",
    "decode-exact/av1_video.mkv",
    "scene-cuts/testvideo.mp4",
]
Reader = Callable[[str, np.ndarray], np.ndarray]


def ours(path: str, places: np.ndarray) -> np.ndarray:
    with open_video(path) as video:
        return video.frames(places)


def bare_pyav(path: str, places: np.ndarray) -> np.ndarray:
    """From the start to the last frame asked for, one thread, converting only those."""
    return linear(path, places, stop=True)


def torchcodec(path: str, places: np.ndarray) -> np.ndarray:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path, num_ffmpeg_threads=1, seek_mode="exact", dimension_order="NHWC")
    return decoder.get_frames_at(places.tolist()).data.numpy()


def opencv(path: str, places: np.ndarray) -> np.ndarray:
    """Run through, converting only what is asked for (seeking is slower there, and inexact)."""
    import cv2

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    kept, wanted = {}, set(places.tolist())
    for count in range(max(wanted) + 1):
        if not capture.grab():
            break
        if count in wanted:
            kept[count] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    capture.release()
    return np.stack([kept[int(place)] for place in places])


def linear(path: str, places: np.ndarray, *, stop: bool = False, exact: bool = False) -> np.ndarray:
    """The n-th frames that come out of a decode from the start, quickly or exactly as RGB."""
    wanted, kept, count, convert = set(places.tolist()), {}, 0, VideoReformatter()

    def quick(frame: av.VideoFrame) -> np.ndarray:
        return convert.reformat(frame, format="rgb24", threads=1).to_ndarray().copy()

    with av.open(path) as container:
        stream = container.streams.best("video")
        stream.thread_type, stream.codec_context.thread_count = "AUTO", 1
        for frame in container.decode(stream):
            if count in wanted:
                kept[count] = Picture(frame).rgb() if exact else quick(frame)
            count += 1
            if stop and len(kept) == len(wanted):
                break
    return np.stack([kept[int(place)] for place in places])


def hard_cases(folder: pathlib.Path) -> list[str]:
    """Made files whose frames are easily missed."""
    made = {
        "open_group": {"g": "12", "x264-params": "open-gop=1:bframes=4:ref=4:scenecut=0"},
        "refresh": {"g": "15", "x264-params": "intra-refresh=1:bframes=0"},
        "variable": {"g": "12", "x264-params": "bframes=3"},
    }
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:180, 0:320]
    paths = []
    for name, options in made.items():
        path = folder / f"{name}.mp4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=30, options=options)
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 600)
            at = 0
            for i in range(150):
                scene = np.stack([(x + 3 * i) % 256, (y * 2 + i) % 256, (x + y) % 256], -1)
                frame = av.VideoFrame.from_ndarray(scene.astype(np.uint8), format="rgb24")
                frame.pts, frame.time_base = at, Fraction(1, 600)
                out.mux(stream.encode(frame))
                at += int(rng.integers(3, 50)) if name == "variable" else 20
            out.mux(stream.encode(None))
        paths.append(str(path))
        edited = folder / f"{name}_edited.mp4"  # an edit list that begins inside a group
        assert copy_trim(path, edited, 1.03, 3.71)
        paths.append(str(edited))
    return paths


def uniform(path: str) -> np.ndarray:
    with open_video(path) as video:
        return np.linspace(0, len(video) - 1, FRAMES).round().astype(int)


def wrong_frames(name: str, reader: Reader, path: str, places: np.ndarray) -> int | None:
    """How many of the frames differ from those of the decode from the start; None: it failed.

    Other builds of the scaler may round by a few levels; that is not another frame.
    """
    want = linear(path, places, exact=reader is ours)
    try:
        got = reader(path, places)
    except Exception as error:
        print(f"  {name} fails on {pathlib.Path(path).name}: {str(error).strip()[:70]}")
        return None
    if got.shape != want.shape:
        return len(places)
    exact = reader in (ours, bare_pyav)
    apart = np.abs(got.astype(int) - want).mean((1, 2, 3))
    return int(((apart > 0) if exact else (apart > 2)).sum())


def main() -> None:
    options = harness.parser(__doc__)
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    options.add_argument("--repeats", type=int, default=7, help="timed calls of each")
    args = options.parse_args()
    readers: dict[str, Reader] = {"ours": ours, "bare PyAV": bare_pyav}
    for name, module, reader in [
        ("torchcodec", "torchcodec", torchcodec),
        ("OpenCV", "cv2", opencv),
    ]:
        if importlib.util.find_spec(module):
            readers[name] = reader
        else:
            print(f"skipped: {name} (not installed)")
    clips = [str(pathlib.Path(args.data) / clip) for clip in CLIPS]
    clips = [clip for clip in clips if pathlib.Path(clip).exists()]
    if args.smoke:
        clips = [c for c in clips if "arm_" in c or "nasa" in c]
    with tempfile.TemporaryDirectory() as folder:
        hard = hard_cases(pathlib.Path(folder))
        wrong = dict.fromkeys(readers, 0)
        able = {path: dict(readers) for path in [*clips, *hard]}
        checked = 0
        for path, working in able.items():
            random = np.random.default_rng(checked).permutation(uniform(path))
            for places in (uniform(path), random):
                checked += len(places)
                for name, reader in list(working.items()):
                    count = wrong_frames(name, reader, path, places)
                    if count is None:
                        del working[name]
                    wrong[name] += len(places) if count is None else count
        rows = []
        ratios: dict[str, list[float]] = {name: [] for name in readers}
        for path, working in able.items():
            places = uniform(path)
            calls = {
                name: lambda reader=reader, path=path, places=places: reader(path, places)
                for name, reader in working.items()
            }
            timings = harness.interleaved(calls, repeats=2 if args.smoke else args.repeats)
            cpu = {name: timing.median_cpu for name, timing in timings.items()}
            for name in working:
                ratios[name].append(cpu["ours"] / max(cpu[name], 1e-4))
            cells = [f"{1e3 * cpu[name]:.0f}" if name in cpu else "fails" for name in readers]
            rows.append([pathlib.Path(path).name, *cells])
    print(f"\nCPU milliseconds for {FRAMES} uniform frames, file opened anew")
    harness.print_table(["clip", *readers], rows)
    print(f"\nwrong frames of {checked}: {wrong}")
    figures = {"wrong_frames": float(wrong["ours"])}
    for name in readers:
        if name != "ours" and ratios[name]:
            key = {"torchcodec": "torchcodec", "bare PyAV": "pyav_loop", "OpenCV": "opencv"}[name]
            figures[f"random_access_cpu_vs_{key}"] = statistics.median(ratios[name])
            figures[f"wrong_frames_{key}"] = float(wrong[name])
    harness.finish(args, figures, packages=("av", "torchcodec", "torch", "opencv-python-headless"))


if __name__ == "__main__":
    main()
