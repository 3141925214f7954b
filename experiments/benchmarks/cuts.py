"""Cuts, dissolves and fades, found by ours, by PySceneDetect's five detectors and by TransNet V2.

Two sets. `scene-cuts` and `scene-cuts-composed`, real films and joined clips with frame-exact
truth; and a set made here of `clips` with a fixed seed: 31 cuts, 8 dissolves, 12 flashes of one
to three frames and 8 whip pans, at 320 × 180. A cut is found within 2 frames, a gradual change
by overlap, each once.

Thresholds were chosen on films made alike from other sources (`fight-surv`, `gmdcsa24-falls`,
`decode-exact`) and on the files of `DEVELOPED_ON`; the others are held out and have figures of
their own. Nothing was chosen on the set with decoys.

Ours says what kind a change is, and is scored by kind: a dissolve called a cut is false. The
peers find cuts only, so theirs in or near a gradual change count for that, and what fits
nothing counts against their cuts alone. On the set with decoys kinds do not matter for anyone.

`cpu_vs_scenedetect` is CPU time of whole calls, with decoding, over that of Content, on all
files of both sets, compiled before; `cpu_vs_scenedetect_command` is that of fresh processes on
one file of 24 s at 1280 × 720, with imports and compiling. `cpu_vs_transnetv2` is over that of
TransNet V2 with the weights of `vidparticles weights get transnetv2`.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib.util
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from experiments.benchmarks import harness
from vidparticles import shots, weights
from vidparticles.models.published import transnet
from vidparticles.shots import SIZE
from vidparticles.video import open_video, write_video

DEVELOPED_ON = {
    "counter.mp4",
    "fades.mp4",
    "testvideo.mp4",
    "composed_01.mp4",
    "composed_05.mp4",
}
DETECTORS = ("Content", "Adaptive", "Threshold", "Hash", "Histogram")
NEAR = 2  # frames between a true cut and one found
HEIGHT, WIDTH, RATE = 180, 320, 25
# Of one shot each; only the first frames of the one with a glitch.
SOURCES = {
    "apply_eye_makeup_ucf101.avi": None,
    "arm_wrestling.mp4": 220,
    "basketball_two_players.mp4": None,
    "bigbuckbunny_5s.mp4": None,
    "carphone_pristine.mp4": None,
    "chaplin.mp4": None,
    "cleaning_pool_kinetics.mp4": None,
    "dog_256.mp4": None,
    "flipping_a_pancake.mkv": None,
    "goat_256.mp4": None,
    "maxtext_test_video.mp4": None,
    "ntu_fall_1080p.mp4": None,
    "sam2_01_dog.mp4": None,
    "sam2_03_blocks.mp4": None,
    "sam2_05_default_juggle.mp4": None,
    "water_bottle_drumming.mp4": None,
}


@dataclasses.dataclass(frozen=True)
class Change:
    """A stretch of frames with what it is: cut, dissolve, fade, ..., or a decoy."""

    kind: str
    first: int
    last: int

    @property
    def gradual(self) -> bool:
        """It takes more than one frame."""
        return self.kind != "cut"

    def meets(self, other: Change, near: int) -> bool:
        """They overlap or are at most `near` frames apart."""
        return self.first <= other.last + near and other.first <= self.last + near


@dataclasses.dataclass(frozen=True)
class Film:
    """A file with what is true of it."""

    path: pathlib.Path
    truth: list[Change]
    decoys: list[Change]


Finder = Callable[[pathlib.Path], list[Change]]


# ---------------------------------------------------------------- finders


def ours(path: pathlib.Path) -> list[Change]:
    with open_video(path) as video:
        signals = shots.measure(frame for _, frame in video.every(size=SIZE))
        found = shots.transitions(signals, video.times)
    return [Change(t.kind, t.first, t.last) for t in found]


def scenedetect(name: str, path: pathlib.Path) -> list[Change]:
    import scenedetect as peer

    scenes = peer.detect(str(path), getattr(peer, f"{name}Detector")())
    return [Change("cut", *2 * [start.frame_num]) for start, _ in scenes[1:]]


def network() -> Finder:
    """TransNet V2 with its published weights; a change is what it says of frames in a row."""
    likely = transnet.cuts(transnet.parameters(weights.load("transnetv2")))

    def find(path: pathlib.Path) -> list[Change]:
        with open_video(path) as video:
            frames = np.stack([frame for _, frame in video.every(size=transnet.SIZE)])
        ends = np.concatenate([[False], likely(frames) > 0.5, [False]])
        first, last = (np.flatnonzero(np.diff(ends.astype(int)) == sign) for sign in (1, -1))
        return [Change("cut", int(a) + 1, int(b)) for a, b in zip(first, last, strict=True)]

    return find


# ---------------------------------------------------------------- films


def real_films(data: pathlib.Path) -> list[Film]:
    films = []
    for folder in (data / "scene-cuts", data / "scene-cuts-composed"):
        with open(folder / "GROUNDTRUTH.tsv") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".mp4", ".webm")):
            truth = [
                Change(row["type"], int(row["first_frame"]), int(row["last_frame"]))
                for row in rows
                if row["file"] == path.name
            ]
            films.append(Film(path, truth, []))
    return films


def decoy_films(data: pathlib.Path, folder: pathlib.Path) -> list[Film]:
    """3 films of 14 shots: 31 cuts, 8 dissolves; 12 flashes and 8 whip pans within shots."""
    films = []
    for seed, (cuts, pans) in enumerate(((10, 3), (10, 3), (11, 2))):
        rng = np.random.default_rng([4, seed])
        joins = ["cut"] * cuts + ["dissolve"] * (13 - cuts)
        decoys = ["flash"] * 4 + ["pan"] * pans + [""] * (10 - pans)
        rng.shuffle(joins)
        rng.shuffle(decoys)
        sources = rng.permutation(sorted(SOURCES))[:14]
        shots_of = [
            shot(data / "clips" / name, SOURCES[name], decoy, rng)
            for name, decoy in zip(sources, decoys, strict=True)
        ]
        films.append(join(folder / f"decoys_{seed}.mp4", shots_of, joins, rng))
    return films


Shot = tuple[np.ndarray, Change | None]


def shot(path: pathlib.Path, limit: int | None, decoy: str, rng: np.random.Generator) -> Shot:
    """Some 60 frames of a clip, with a decoy in their middle."""
    with open_video(path) as video:
        total = min(len(video), limit or len(video))
        count = min(total, int(rng.integers(50, 80)))
        start = int(rng.integers(0, total - count + 1))
        scale = 2 if decoy == "pan" else 1  # the window that pans shows half of the picture
        frames = video.frames(range(start, start + count), size=(scale * HEIGHT, scale * WIDTH))
    if not decoy:
        return frames, None
    make = {"pan": whip_pan, "flash": flash}[decoy]
    at = count // 2 - 4
    frames, length = make(frames, at, rng)
    return frames, Change(decoy, at, at + length - 1)


def flash(frames: np.ndarray, at: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A strobe that saturates, a veil that decays, or plain white, for one to three frames."""
    length, kind = int(rng.integers(1, 4)), rng.integers(3)
    lit = frames.astype(np.float32)
    for k in range(length):
        decay, frame = 1 - k / length, lit[at + k]
        lit[at + k] = (
            frame * (1 + 2.5 * decay) + 40 * decay,
            frame + 0.9 * decay * (255 - frame),
            0.03 * frame + 0.97 * 255,
        )[kind]
    return np.clip(lit, 0, 255).astype(np.uint8), length


def whip_pan(frames: np.ndarray, at: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A window over a wide picture (mirrored on) moves 1 to 2.5 widths in 5 to 10 frames."""
    length, sign = int(rng.integers(5, 11)), rng.choice([-1, 1])
    way = sign * float(rng.uniform(1, 2.5)) * WIDTH
    top, left = int(rng.integers(0, HEIGHT + 1)), float(rng.uniform(0, WIDTH))
    panned = np.empty((len(frames), HEIGHT, WIDTH, 3), np.uint8)
    wide = frames.shape[2]
    for t, frame in enumerate(frames):
        blur = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        times = t + np.linspace(0, 0.5, 9)  # open for half of the time
        done = np.clip((times - at) / length, 0, 1)
        for share in done * done * (3 - 2 * done):
            columns = (round(left + way * share) + np.arange(WIDTH)) % (2 * wide)
            columns = np.where(columns < wide, columns, 2 * wide - 1 - columns)
            blur += frame[top : top + HEIGHT, columns]
        panned[t] = blur / len(times)
    return panned, length


def join(
    path: pathlib.Path, parts: Sequence[Shot], joins: Sequence[str], rng: np.random.Generator
) -> Film:
    truth: list[Change] = []
    decoys: list[Change] = []
    film = np.empty((0, HEIGHT, WIDTH, 3), np.uint8)
    for (frames, decoy), kind in zip(parts, ["", *joins], strict=True):
        start = len(film)
        if kind == "cut":
            truth.append(Change("cut", start, start))
        if kind == "dissolve":
            length = int(rng.integers(8, 16))
            start -= length
            truth.append(Change("dissolve", start, start + length - 1))
            share = (np.arange(1, length + 1) / (length + 1))[:, None, None, None]
            mixed = (1 - share) * film[start:] + share * frames[:length]
            film, frames = film[:start], np.concatenate([mixed.astype(np.uint8), frames[length:]])
        film = np.concatenate([film, frames])
        if decoy:
            decoys.append(Change(decoy.kind, start + decoy.first, start + decoy.last))
    write_video(path, iter(film), rate=RATE)
    return Film(path, truth, decoys)


# ---------------------------------------------------------------- scores


def match(truth: Iterable[Change], found: Iterable[Change]) -> tuple[int, list[Change]]:
    """How many true changes are found, each once, and what was found beside them."""
    left, hits = list(found), 0
    for change in truth:
        near = [f for f in left if f.meets(change, 0 if change.gradual else NEAR)]
        if near:
            hits += 1
            left.remove(near[0])
    return hits, left


def f1(counts: Iterable[tuple[int, int, int]]) -> float:
    """F1 of (hits, found, true) of many films."""
    hits, found, true = np.sum(list(counts), axis=0)
    return 2 * float(hits) / max(1, found + true)


def by_kind(film: Film, found: list[Change], *, kinds: bool) -> dict[str, tuple[int, int, int]]:
    """(hits, found, true) of cuts and of gradual changes."""
    cuts = [t for t in film.truth if not t.gradual]
    gradual = [t for t in film.truth if t.gradual]
    if kinds:
        found_gradual = [f for f in found if f.gradual]
    else:
        found_gradual = [
            f
            for f in found
            if any(f.meets(t, NEAR) for t in gradual) and not any(f.meets(t, NEAR) for t in cuts)
        ]
    found_cuts = [f for f in found if f not in found_gradual]
    return {
        name: (match(true, some)[0], len(some), len(true))
        for name, true, some in (("cut", cuts, found_cuts), ("gradual", gradual, found_gradual))
    }


def scores(real: list[Film], decoys: list[Film], finder: Finder, *, kinds: bool) -> dict:
    """All figures of one finder."""
    counts = {f.path.name: by_kind(f, finder(f.path), kinds=kinds) for f in real}
    figures: dict[str, float] = {}
    for kind in ("cut", "gradual"):
        figures[f"f1_{kind}"] = f1(c[kind] for c in counts.values())
        held = [c[kind] for name, c in counts.items() if name not in DEVELOPED_ON]
        figures[f"f1_{kind}_held_out"] = f1(held)
    total, false = [], 0
    for film in decoys:
        found = finder(film.path)
        hits, left = match(film.truth, found)
        total.append((hits, len(found), len(film.truth)))
        false += sum(any(f.meets(d, NEAR) for d in film.decoys) for f in left)
    return figures | {"f1_decoys": f1(total), "false_on_decoys": float(false)}


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--data", default=str(harness.ROOT.parent / "shared" / "data"))
    options.add_argument("--repeats", type=int, default=5, help="timed calls of each")
    args = options.parse_args()
    data = pathlib.Path(args.data)
    finders: dict[str, Finder] = {"ours": ours}
    if importlib.util.find_spec("scenedetect"):
        finders |= {name: functools.partial(scenedetect, name) for name in DETECTORS}
    else:
        print("skipped: PySceneDetect (not installed)")
    if weights.status("transnetv2").state == "there":
        finders["TransNetV2"] = network()
    else:
        print("skipped: TransNetV2 (`vidparticles weights get transnetv2`)")
    with tempfile.TemporaryDirectory() as folder:
        real, decoys = real_films(data), decoy_films(data, pathlib.Path(folder))
        if args.smoke:
            real, decoys = [f for f in real if "composed" in f.path.name][-1:], decoys[:1]
        found, used = {}, {}
        paths = [film.path for film in real + decoys]
        for name, finder in finders.items():
            finder(paths[-1])  # compiles
            before = time.process_time()
            found[name] = scores(real, decoys, finder, kinds=finder is ours)
            used[name] = time.process_time() - before
        calls = {
            name: lambda finder=finder: [finder(path) for path in paths]
            for name, finder in finders.items()
            if name in ("ours", "Content")
        }
        timings = harness.interleaved(calls, repeats=1 if args.smoke else args.repeats)
        film = str(data / "scene-cuts" / "testvideo.mp4")
        commands = {"ours": [sys.executable, "-m", "vidparticles.cli", "cuts", film]}
        if "Content" in finders:
            code = f"import scenedetect as s; s.detect({film!r}, s.ContentDetector())"
            commands["Content"] = [sys.executable, "-c", code]
        fresh = harness.interleaved_commands(commands, repeats=1 if args.smoke else args.repeats)
    header = ["finder", *next(iter(found.values()))]
    rows = [[name, *(round(value, 3) for value in row.values())] for name, row in found.items()]
    harness.print_table(header, rows)
    print()
    harness.print_timings(timings)
    harness.print_timings({f"{name}, fresh process": timing for name, timing in fresh.items()})
    figures = dict(found["ours"])
    if "Content" in finders:
        for key, each in (("", timings), ("_command", fresh)):
            ratio = each["ours"].median_cpu / each["Content"].median_cpu
            figures[f"cpu_vs_scenedetect{key}"] = ratio
        figures |= {f"f1_decoys_{name.lower()}": found[name]["f1_decoys"] for name in DETECTORS}
    if "TransNetV2" in finders:
        figures["cpu_vs_transnetv2"] = used["ours"] / used["TransNetV2"]
        figures |= {f"{key}_transnetv2": value for key, value in found["TransNetV2"].items()}
    table = {"header": header, "rows": rows}
    harness.finish(args, figures, packages=("av", "scenedetect-headless"), table=table)


if __name__ == "__main__":
    main()
