"""Frames in between: every second frame of a clip left out and rebuilt, ours against peers.

Each piece is a stretch of frames of one shot: of the clips of the shared data that slow motion was
tuned on, at most 480 pixels high, and of others that were set apart before they were looked at, at
most 360 (`interpolate_pieces`). Every second frame is given away and every candidate rebuilds the
others: what `edit --speed 0.5` shows, by its own motion, with `--motion rife` (`RIFE`) and with
`--quality best` (`best`; the weights of `vidparticles weights get rife`); ffmpeg's minterpolate
(motion compensated, both directions, variable blocks; in PyAV's filter graph, at 4:4:4 so that it
loses no color), OpenCV's DIS flow both ways, the mean of the two neighbors, and the nearer one.
minterpolate gives no frame in the last gap: that one counts for nobody.

PSNR is that of the mean squared error over the stretch, SSIM the mean over its frames, of luma;
edges are the mean gradient of luma over that of the truth. CPU time is that of the whole process,
compiled, from RGB to RGB. The made piece has textures that are moved exactly: its frames in between
are true. `delivered_db` is what is lost, PSNR of luma, from there to the file that `edit` writes at
its default quality, the worst of a few clips.

    python -m experiments.benchmarks.interpolate --kept FILE [--only ours,RIFE] [--json FILE]

keeps scores piece by piece in a file and takes from there what it holds.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import pathlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction

import av
import numpy as np

from experiments.benchmarks import harness
from experiments.benchmarks.interpolate_pieces import GAPS, pieces
from vidparticles import storage, weights
from vidparticles.editing import edit, opened, retime
from vidparticles.editing.timing import in_between
from vidparticles.editing.timing.schedule import DEFAULT
from vidparticles.inference import slow_motion
from vidparticles.video import open_video, write_video

FFMPEG = "mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1"
DELIVERED = "carphone_pristine", "realshort", "dog_256", "fight-surv/noFight/nofi077, held out"
Candidate = Callable[[np.ndarray], list[np.ndarray]]
Score = dict[str, float]


def by_motion(network: in_between.Network | None = None) -> Candidate:
    """What slow motion shows, by its own motion or by a network's."""

    def shown(given: np.ndarray) -> Iterator[np.ndarray]:
        trusted = 1.0
        for k, (a, b) in enumerate(itertools.pairwise(given)):
            if k % DEFAULT.checked == 0:
                three = given[k : k + 3]
                trusted = in_between.trust(*three, network=network) if len(three) == 3 else 1.0
            found = in_between.match(a, b, network)
            yield in_between.between(a, b, found, 0.5, network, trusted)

    return lambda given: list(shown(given))


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


# ------------------------------------------------------------------ the scores


def luma(frame: np.ndarray) -> np.ndarray:
    return frame.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])


def decibels(shown: Sequence[np.ndarray], truth: np.ndarray) -> float:
    errors = [np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(shown, truth, strict=True)]
    return float(10 * np.log10(255**2 / max(np.mean(errors), 1e-3)))


def ssim(shown: Sequence[np.ndarray], truth: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), Gaussian window of 1.5 pixels, luma."""
    from scipy.ndimage import gaussian_filter

    def local(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=3.5)

    values = []
    for pair in zip(shown, truth, strict=True):
        a, b = map(luma, pair)
        ma, mb = local(a), local(b)
        va, vb = local(a * a) - ma * ma, local(b * b) - mb * mb
        both = local(a * b) - ma * mb
        high = (2 * ma * mb + 6.5025) * (2 * both + 58.5225)
        values.append(np.mean(high / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))))
    return float(np.mean(values))


def edges(shown: Sequence[np.ndarray], truth: np.ndarray) -> dict[str, float]:
    """Mean gradient of luma over that of the truth: below 1, it is smeared. None in a blank one."""

    def gradient(frame: np.ndarray) -> float:
        return float(np.hypot(*np.gradient(luma(frame))).mean())

    there = sum(map(gradient, truth)) / len(truth)
    return {"edges": sum(map(gradient, shown)) / len(truth) / there} if there > 0.01 else {}


def scored(run: Candidate, frames: np.ndarray) -> Score:
    given, truth = frames[::2], frames[1::2][:-1]
    run(
        given[: 3 if run is minterpolate else 2]
    )  # What compiles is compiled before anything is timed.
    shown: list[np.ndarray] = []
    timed = harness.interleaved({"": lambda: shown.extend(run(given))}, repeats=1, warmup=0)
    shown = shown[: len(truth)]
    cpu = timed[""].median_cpu / (len(given) - 1)
    score = {"psnr": decibels(shown, truth), "ssim": ssim(shown, truth)}
    return score | edges(shown, truth) | {"cpu": cpu}


def delivered(frames: np.ndarray) -> float:
    """dB of luma that a file of slow motion loses by its encoder."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder, "given.mp4"), pathlib.Path(folder, "out.mp4")
        write_video(source, frames[::2], rate=15, crf=0)
        with opened(source) as reel:
            before = [picture.rgb() for _, picture in retime(0.5)(reel).frames]
        edit.edit(source, out, speed=0.5)
        with open_video(out) as video:
            after = video.frames(range(len(video)))
    last = len(frames) - 2  # after the last gap nothing is known to come
    truth = np.stack([luma(frame) for frame in frames[1:last:2]])
    db = [decibels([luma(f) for f in shown[1:last:2]], truth) for shown in (before, after)]
    return db[0] - db[1]


# ------------------------------------------------------------------ all of them


def candidates() -> dict[str, Candidate]:
    found: dict[str, Candidate] = {
        "ours": by_motion(),
        "minterpolate": minterpolate,
        "DIS": dis,
        "blend": blend,
        "nearest": nearest,
    }
    if weights.status("rife").state == "there":
        found["RIFE"] = by_motion(slow_motion.rife())
        found["best"] = by_motion(slow_motion.rife(pictures=True))
    else:
        print("skipped: RIFE, best (`vidparticles weights get rife`)")
    if not importlib.util.find_spec("cv2"):
        print("skipped: DIS (OpenCV is not installed)")
        del found["DIS"]
    if "minterpolate" not in av.filter.filters_available:
        print("skipped: minterpolate (not in PyAV's ffmpeg)")
        del found["minterpolate"]
    return found


def summary(scores: Mapping[str, Mapping[str, Score]], suffix: str) -> dict[str, float]:
    """Figures over pieces: per cent that a candidate wins, mean gains, edges, median CPU time.

    Of a candidate that was not run on all pieces (`pieces_…` says on how many), over those.
    """
    figures: dict[str, float] = {}

    def column(name: str, peer: str, measure: str) -> np.ndarray:
        both = (score[name] for score in scores.values() if name in score and peer in score)
        return np.asarray([score[measure] for score in both if measure in score])

    def gain(name: str, peer: str, measure: str = "psnr") -> np.ndarray:
        return column(name, peer, measure) - column(peer, name, measure)

    there = {name for score in scores.values() for name in score}
    won = [gain("ours", peer, m) > 0 for peer in ("blend", "nearest") for m in ("psnr", "ssim")]
    figures["win_vs_blend"] = 100 * np.mean(np.all(won, axis=0))
    figures["gain_vs_blend_db"] = np.mean(gain("ours", "blend"))
    figures["edges"] = np.mean(column("ours", "ours", "edges"))
    for peer, named in (("minterpolate", ""), ("DIS", "_vs_dis")):
        if peer in there:
            figures[f"win_vs_{peer.lower()}"] = 100 * np.mean(gain("ours", peer) > 0)
            figures[f"win_vs_{peer.lower()}_ssim"] = 100 * np.mean(gain("ours", peer, "ssim") > 0)
            figures["gain_db" + named] = np.mean(gain("ours", peer))
            ratio = column("ours", peer, "cpu") / column(peer, "ours", "cpu")
            figures[f"cpu_vs_{peer.lower()}"] = np.median(ratio)
    for name in sorted({"RIFE", "best"} & there):
        by, peer = f"_{name.lower()}", "minterpolate"
        figures["pieces" + by] = len(gain(name, "ours"))
        if peer in there:
            figures["win_vs_minterpolate" + by] = 100 * np.mean(gain(name, peer) > 0)
            more = gain(name, peer, "ssim") > 0
            figures[f"win_vs_minterpolate{by}_ssim"] = 100 * np.mean(more)
        figures[f"gain_db{by}_on_ours"] = np.mean(gain(name, "ours"))
        figures["edges" + by] = np.mean(column(name, name, "edges"))
    return {name + suffix: float(value) for name, value in figures.items()}


def main() -> None:
    options = harness.parser(__doc__)
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    options.add_argument("--kept", help="a file of scores, which is read and added to")
    options.add_argument("--only", help="names of candidates, commas between; none: what is kept")
    args = options.parse_args()
    runs = candidates()
    if args.only is not None:
        runs = {name: runs[name] for name in args.only.split(",") if name}
    scenes = pieces(pathlib.Path(args.data), 3 if args.smoke else GAPS)
    if args.smoke:
        scenes = {n: scenes[n] for n in ("made", "carphone_pristine", DELIVERED[-1]) if n in scenes}
    kept = pathlib.Path(args.kept) if args.kept else None
    scores: dict[str, dict[str, Score]] = {}
    if kept and kept.exists():
        scores = json.loads(kept.read_text())
    for scene, load in scenes.items():
        score = scores.setdefault(scene, {})
        missing = [name for name in runs if name not in score]
        lost = scene in DELIVERED and "ours" in runs and "delivered" not in score
        if not missing and not lost:
            continue
        frames = load()
        score |= {name: scored(runs[name], frames) for name in missing}
        if lost:
            score["delivered"] = {"lost": delivered(frames)}
        cells = [f"{n} {score[n]['psnr']:.2f} {score[n]['ssim']:.4f}" for n in score if n in runs]
        print(scene, f"{frames.shape[2]}×{frames.shape[1]}", *cells, sep="  ", flush=True)
        if kept:
            storage.write_text(kept, json.dumps(scores, indent=1))
    header = list(dict.fromkeys(n for score in scores.values() for n in score if n != "delivered"))
    rows = [
        [scene, *(" ".join(format(v, ".4g") for v in score.get(n, {}).values()) for n in header)]
        for scene, score in scores.items()
    ]
    print("\nPSNR in dB, SSIM, edges (none of a blank piece), CPU seconds a frame")
    harness.print_table(["piece", *header], rows)
    if args.only:
        return
    held_out = {n: s for n, s in scores.items() if n.endswith("held out")}
    tuned = {n: s for n, s in scores.items() if n not in held_out and n != "made"}
    figures = {"synthetic_db": scores["made"]["ours"]["psnr"]}
    for name in sorted(scores["made"].keys() & {"minterpolate", "DIS", "RIFE", "best"}):
        figures[f"synthetic_db_{name.lower()}"] = scores["made"][name]["psnr"]
    figures |= summary(tuned, "") | summary(held_out, "_held_out")
    lost = [score["delivered"]["lost"] for score in scores.values() if "delivered" in score]
    figures["delivered_db"] = max(lost)
    harness.finish(args, figures, packages=("av", "opencv-python-headless"), scores=scores)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    main()
