"""Frames in between: every second frame of a clip left out and rebuilt, ours against peers.

Each one-shot clip of the shared data gives a stretch of its frames around the middle, at most
480 pixels high. Every second one is given away and every candidate rebuilds the others:
`between` here, ffmpeg's minterpolate (motion compensated, both directions, variable blocks;
in PyAV's filter graph, at 4:4:4 so that it loses no color), OpenCV's DIS flow both ways, `RIFE`
and `best` (`--motion rife`, `--quality best`, with the weights of `vidparticles weights get rife`),
the mean of the two neighbors, and the nearer neighbor. minterpolate gives no frame in the
last gap: that one counts for nobody. PSNR is that of the mean squared error over the stretch,
SSIM the mean over its frames, of luma. CPU time is that of the whole process, compiled, from
RGB to RGB. The made clip has textures that are moved exactly: its frames in between are true.
"""

from __future__ import annotations

import importlib.util
import itertools
import pathlib
import statistics
import warnings
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np

from experiments.benchmarks import harness
from vidparticles import weights
from vidparticles.editing.retime import BY_NETWORK, Network
from vidparticles.inference import slow_motion
from vidparticles.render import between as warp
from vidparticles.video import open_video

CLIPS = {
    ".mp4": "arm_wrestling basketball_two_players bigbuckbunny_5s carphone_distorted "
    "carphone_pristine chaplin cleaning_pool_kinetics dog_256 goat_256 maxtext_test_video "
    "ntu_fall_1080p realshort sam2_01_dog sam2_03_blocks sam2_05_default_juggle smpte_2997 "
    "timecode_bars_16s water_bottle_drumming",
    ".avi": "apply_eye_makeup_ucf101",
    ".mkv": "flipping_a_pancake",
    ".gif": "newtonscradle pigs_in_a_polka",
    ".webm": "no_duration transparent_vp9_alpha",
}
# Never tuned on: each with the first frame of its stretch, None where that is around the middle.
HELD_OUT: tuple[tuple[str, int | None], ...] = (
    ("scene-cuts/testvideo.mp4", 100),
    ("scene-cuts/testvideo.mp4", 450),
    ("scene-cuts/big_buck_bunny_0_30.webm", 100),
    ("scene-cuts/big_buck_bunny_0_30.webm", 320),
    ("scene-cuts/big_buck_bunny_0_30.webm", 450),
    ("scene-cuts/delayed_start.mp4", None),
    ("gmdcsa24-falls/Subject 1/ADL/10.mp4", None),
    ("gmdcsa24-falls/Subject 1/ADL/16.mp4", None),
    ("gmdcsa24-falls/Subject 1/Fall/13.mp4", None),
    ("gmdcsa24-falls/Subject 1/Fall/15.mp4", None),
    ("gmdcsa24-falls/Subject 3/ADL/07.mp4", None),
    ("gmdcsa24-falls/Subject 3/Fall/01.mp4", None),
    ("gmdcsa24-falls/Subject 3/Fall/16.mp4", None),
    ("fight-surv/fight/fi001.mp4", None),
    ("fight-surv/fight/fi005.mp4", None),
    ("fight-surv/fight/fi051.mp4", None),
    ("fight-surv/fight/fi128.mp4", None),
    ("fight-surv/fight/fi142.mp4", None),
    ("fight-surv/noFight/nofi067.mp4", None),
    ("fight-surv/noFight/nofi077.mp4", None),
    ("fight-surv/noFight/nofi082.mp4", None),
    ("isl-avatar-words/assets/Computer.mp4", None),
    ("isl-avatar-words/assets/Walk.mp4", None),
    ("isl-avatar-words/assets/World.mp4", None),
    ("decode-exact/nasa_13013.mp4", None),
    ("decode-exact/av1_video.mkv", None),
)
HEIGHT = 480  # pixels; higher clips are shrunk
GAPS = 8  # rebuilt frames a clip
FFMPEG = "mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"
Candidate = Callable[[np.ndarray], list[np.ndarray]]


def ours(given: np.ndarray) -> list[np.ndarray]:
    pairs = itertools.pairwise(given)
    return [np.asarray(warp.between(a, b, warp.match(a, b), 0.5)) for a, b in pairs]


def by_network(network: Network) -> Candidate:
    """What slow motion shows by a network's motion, and by its picture where it has one."""

    def shown(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        found = warp.match_by(a, b, network.motion(a, b, 0.5))
        picture = network.picture and network.picture(a, b, 0.5).picture
        return np.asarray(warp.between(a, b, found, 0.5, BY_NETWORK, picture))

    return lambda given: [shown(a, b) for a, b in itertools.pairwise(given)]


def blend(given: np.ndarray) -> list[np.ndarray]:
    pairs = itertools.pairwise(given.astype(np.uint16))
    return [((a + b + 1) // 2).astype(np.uint8) for a, b in pairs]


def nearest(given: np.ndarray) -> list[np.ndarray]:
    return list(given[:-1])


def minterpolate(given: np.ndarray) -> list[np.ndarray]:
    """One frame less than there are gaps."""
    height, width = given.shape[1:3]
    graph = av.filter.Graph()
    last = graph.add_buffer(width=width, height=height, format="rgb24", time_base=Fraction(1, 15))
    filters = [("format", "yuv444p"), ("minterpolate", f"fps=30:{FFMPEG}"), ("format", "rgb24")]
    for name, options in [*filters, ("buffersink", "")]:
        node = graph.add(name, options)
        last.link_to(node)
        last = node
    graph.configure()
    made = {}

    def pull() -> None:
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            made[frame.pts * frame.time_base * 30] = frame.to_ndarray()

    for k, picture in enumerate(given):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = k, Fraction(1, 15)
        graph.push(frame)
        pull()
    graph.push(None)
    pull()
    return [made[2 * k + 1] for k in range(len(given) - 2)]


def dis(given: np.ndarray) -> list[np.ndarray]:
    import cv2

    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.mgrid[0 : given.shape[1], 0 : given.shape[2]].astype(np.float32)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in given]

    def moved(k: int, to: int) -> np.ndarray:
        way = flow.calc(grays[k], grays[to], None) / 2
        where = x - way[..., 0], y - way[..., 1]
        edge = cv2.BORDER_REPLICATE
        return cv2.remap(given[k], *where, cv2.INTER_LINEAR, borderMode=edge)

    gaps = range(len(given) - 1)
    return [blend(np.stack([moved(k, k + 1), moved(k + 1, k)]))[0] for k in gaps]


# ------------------------------------------------------------------ the pictures


def stretch(path: pathlib.Path, gaps: int) -> np.ndarray:
    """2 · gaps + 1 frames around a clip's middle, at most HEIGHT high."""
    import cv2

    with open_video(path) as video:
        count = min(2 * gaps + 1, (len(video) - 1) // 2 * 2 + 1)
        first = (len(video) - count) // 2
        frames = video.frames(range(first, first + count))
    height, width = frames.shape[1:3]
    if height > HEIGHT:
        size = round(width * HEIGHT / height / 2) * 2, HEIGHT
        frames = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])
    return frames


def made(count: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A texture that slides under six others, each moved exactly, by its Fourier phases."""
    rng = np.random.default_rng(0)

    def texture(high: int, wide: int, softness: float) -> np.ndarray:
        wave = np.fft.fftfreq(high)[:, None] ** 2 + np.fft.fftfreq(wide) ** 2
        low_pass = np.exp(-2 * (np.pi * softness) ** 2 * wave)[..., None]
        return np.fft.fft2(rng.uniform(0, 255, (high, wide, 3)), axes=(0, 1)) * low_pass

    def shifted(spectrum: np.ndarray, x: float, y: float) -> np.ndarray:
        high, wide = spectrum.shape[:2]
        turns = np.fft.fftfreq(high)[:, None] * y + np.fft.fftfreq(wide) * x
        return np.fft.ifft2(spectrum * np.exp(-2j * np.pi * turns)[..., None], axes=(0, 1)).real

    ground = texture(height, width, 2.5)
    low, high = (f(shifted(ground, 0, 0)) for f in (np.min, np.max))
    draw = lambda: (texture(128, 128, 1.5), rng.uniform(0, 1, 2), rng.uniform(-3, 3, 2))  # noqa: E731
    things = [(*draw(), rng.uniform(0.02, 0.06)) for _ in range(6)]
    x, y = np.arange(width), np.arange(height)
    frames = []
    for k in range(count):
        frame = (shifted(ground, -1.3 * k, -0.6 * k) - low) / (high - low) * 255
        for spectrum, start, speed, turn in things:
            left = (start[0] * width + speed[0] * k + 25 * np.sin(turn * k)) % width - 32
            top = (start[1] * height + speed[1] * k + 25 * np.cos(turn * k)) % height - 32
            cover = np.clip(np.minimum(y - top + 1, top + 64 - y), 0, 1)[:, None, None]
            cover = cover * np.clip(np.minimum(x - left + 1, left + 64 - x), 0, 1)[:, None]
            picture = shifted(spectrum, left % 1, top % 1)
            rows, columns = (y - int(top // 1)) % 128, (x - int(left // 1)) % 128
            frame = frame + cover * (picture[np.ix_(rows, columns)] - frame)
        frames.append(np.clip(frame, 0, 255).round().astype(np.uint8))
    return np.stack(frames)


# ------------------------------------------------------------------ the scores


def decibels(shown: list[np.ndarray], truth: np.ndarray) -> float:
    errors = [np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(shown, truth, strict=True)]
    return float(10 * np.log10(255**2 / max(np.mean(errors), 1e-3)))


def ssim(shown: list[np.ndarray], truth: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), Gaussian window of 1.5 pixels, luma."""
    from scipy.ndimage import gaussian_filter

    def local(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=3.5)

    values = []
    for pair in zip(shown, truth, strict=True):
        a, b = (picture.astype(np.float32) @ np.float32([0.299, 0.587, 0.114]) for picture in pair)
        ma, mb = local(a), local(b)
        va, vb = local(a * a) - ma * ma, local(b * b) - mb * mb
        both = local(a * b) - ma * mb
        high = (2 * ma * mb + 6.5025) * (2 * both + 58.5225)
        values.append(np.mean(high / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))))
    return float(np.mean(values))


def main() -> None:
    options = harness.parser(__doc__)
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    args = options.parse_args()
    candidates: dict[str, Candidate] = {
        "ours": ours,
        "minterpolate": minterpolate,
        "DIS": dis,
        "blend": blend,
        "nearest": nearest,
    }
    if weights.status("rife").state == "there":
        candidates["RIFE"] = by_network(slow_motion.rife())
        candidates["best"] = by_network(slow_motion.rife(pictures=True))
    else:
        print("skipped: RIFE, best (`vidparticles weights get rife`)")
    if not importlib.util.find_spec("cv2"):
        print("skipped: DIS (OpenCV is not installed)")
        del candidates["DIS"]
    if "minterpolate" not in av.filter.filters_available:
        print("skipped: minterpolate (not in PyAV's ffmpeg)")
        del candidates["minterpolate"]
    folder = pathlib.Path(args.data) / "clips"
    paths = [folder / (name + end) for end, names in CLIPS.items() for name in names.split()]
    paths = sorted(path for path in paths if path.exists())
    if args.smoke:
        paths = [path for path in paths if path.stem in ("carphone_pristine", "realshort")]
    scenes = {"made": lambda: made(9 if args.smoke else 61)}
    scenes |= {
        path.stem: lambda path=path: stretch(path, 3 if args.smoke else GAPS) for path in paths
    }
    rows, scores = [], {}
    for scene, load in scenes.items():
        frames = load()
        given, truth = frames[::2], frames[1::2][:-1]
        calls = {name: lambda run=run, given=given: run(given) for name, run in candidates.items()}
        # What compiles is compiled before anything is timed.
        timings = harness.interleaved(calls, repeats=1 if args.smoke else 2)
        shown = {name: call()[: len(truth)] for name, call in calls.items()}
        score = {name: (decibels(s, truth), ssim(s, truth)) for name, s in shown.items()}
        cpu = {name: min(timings[name].cpu) / (len(given) - 1) for name in candidates}
        scores[scene] = {name: (*score[name], cpu[name]) for name in candidates}
        size = f"{frames.shape[2]}×{frames.shape[1]}"
        cells = [f"{score[n][0]:.2f} {score[n][1]:.4f} {1e3 * cpu[n]:.0f}" for n in candidates]
        rows.append([scene, size, *cells])
        print(*rows[-1], sep="  ", flush=True)
    print("\nPSNR in dB, SSIM, CPU milliseconds a frame")
    harness.print_table(["clip", "pixels", *candidates], rows)
    real = [score for scene, score in scores.items() if scene != "made"]

    def gain(peer: str, k: int) -> list[float]:
        return [score["ours"][k] - score[peer][k] for score in real]

    def wins(*peers: str, measures: tuple[int, ...]) -> float:
        won = [all(gain(p, k)[i] > 0 for p in peers for k in measures) for i in range(len(real))]
        return 100 * sum(won) / len(won)

    figures = {"synthetic_db": scores["made"]["ours"][0]}
    figures["win_vs_blend"] = wins("blend", "nearest", measures=(0, 1))
    figures["gain_vs_blend_db"] = statistics.mean(gain("blend", 0))
    for peer, suffix in (("minterpolate", ""), ("DIS", "_vs_dis")):
        if peer in candidates:
            figures[f"win_vs_{peer.lower()}"] = wins(peer, measures=(0,))
            figures["gain_db" + suffix] = statistics.mean(gain(peer, 0))
            figures[f"cpu_vs_{peer.lower()}"] = statistics.median(
                score["ours"][2] / score[peer][2] for score in real
            )
            figures[f"synthetic_db_{peer.lower()}"] = scores["made"][peer][0]
    if "minterpolate" in candidates:
        for name in ("RIFE", "best"):
            if name in candidates:
                own = [score[name] for score in real]
                peer = [score["minterpolate"] for score in real]
                won = [a[0] > b[0] for a, b in zip(own, peer, strict=True)]
                suffix = f"_{name.lower()}"
                figures["win_vs_minterpolate" + suffix] = 100 * statistics.mean(won)
                gained = statistics.mean(-g for g in gain(name, 0))
                figures[f"gain_db{suffix}_on_ours"] = gained
                figures["synthetic_db" + suffix] = scores["made"][name][0]
    figures["win_vs_minterpolate_ssim"] = (
        wins("minterpolate", measures=(1,)) if "minterpolate" in candidates else float("nan")
    )
    harness.finish(args, figures, packages=("av", "opencv-python-headless"), scores=scores)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    main()
