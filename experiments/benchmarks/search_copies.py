"""Whether altered copies of clips are found among a hundred.

    python -m experiments.benchmarks.search_copies [--smoke] [--json FILE] [--tuning]

Of each clip of search_copies.csv the first seconds are in a folder, small, and each is sought by
five altered copies: a crop, another speed, other colors, small and coarsely encoded, mirrored. The
list was made before anything was run on it: the videos of `clips`, `scene-cuts` and
`gmdcsa24-falls`, one of each source of fight-surv, and a second one of its ten largest.

`like_r1` is the share found first (to reach: 0.98), `like_r1_{kind}` that of a kind, `like_low` and
`like_high` its 95 % interval over clips. Beside it `networks_r1`, without layouts, and `phash_r1`:
imagehash's perceptual hash of pictures half a second apart, the mean over a copy's pictures of the
fewest bits that differ. With `--tuning` it is of other clips, on which the numbers were chosen.
Networks see squares of `size` pixels and windows of `frames` frames, which on one core takes
minutes; `search` itself has 224 and 32, and sees more.
"""

from __future__ import annotations

import collections
import csv
import itertools
import os
import pathlib
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments.benchmarks import harness
from vidparticles.inference.searching import build
from vidparticles.inference.searching.find import as_it_is_and_mirrored
from vidparticles.inference.searching.index import videos
from vidparticles.inference.searching.nearest import nearest_files
from vidparticles.inference.understanding.features import FeatureConfig
from vidparticles.video import open_video, write_video

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
LIST = pathlib.Path(__file__).with_suffix(".csv")
LOOK = FeatureConfig(size=112, frames=16)
SECONDS, RATE, SIDE = 1.6, 25, 128  # of what is copied of a clip; pixels of its shorter side
FINE, COARSE = 20.0, 38.0  # crf of H.264
TUNING = 60  # clips
APART = 0.5  # seconds between the pictures that are hashed
NAMES = {"like": "found first", "networks": "by networks alone", "phash": "by perceptual hash"}
KINDS = ("crop", "speed", "color", "encoded", "mirrored")


def sources() -> list[pathlib.Path]:
    with LIST.open(newline="") as table:
        return [DATA / row["file"] for row in csv.DictReader(table)]


def for_tuning() -> list[pathlib.Path]:
    """Clips of fight-surv that are not in the list: what numbers were chosen on."""
    judged = {path.name for path in sources()}
    rest = sorted(p for p in (DATA / "fight-surv").rglob("*.mp4") if p.name not in judged)
    random.Random(3).shuffle(rest)
    return rest[:TUNING]


def alter(frames: np.ndarray, rate: float, kind: str) -> tuple[np.ndarray, float, float]:
    """Frames [T, H, W, 3] uint8 as a copy of a kind has them, its rate, and its crf."""
    height, width = frames.shape[1:3]
    if kind == "crop":  # a fifth of the height and width, to one side
        top, left = height // 20, width // 7
        cut = frames[:, top : top + 4 * height // 5, left : left + 4 * width // 5]
        return _even(cut), rate, FINE
    if kind == "speed":
        return frames, 1.5 * rate, FINE
    if kind == "color":  # warmer, brighter, less contrast
        scaled = frames.astype(np.float32) * np.array([1.0, 0.85, 0.65]) * 0.85 + 30
        return np.clip(scaled, 0, 255).astype(np.uint8), rate, FINE
    if kind == "encoded":
        small = frames[:, : height // 2 * 2, : width // 2 * 2]
        small = small.reshape(len(small), height // 2, 2, width // 2, 2, 3).mean((2, 4))
        return _even(small.astype(np.uint8)), rate, COARSE
    assert kind == "mirrored"
    return frames[:, :, ::-1], rate, FINE


def _even(frames: np.ndarray) -> np.ndarray:
    return frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]


def begins(path: pathlib.Path) -> np.ndarray:
    """The first seconds of a clip, [T, H, W, 3] uint8, small."""
    with open_video(path) as video:
        scale = min(1.0, SIDE / min(video.info.height, video.info.width))
        size = tuple(
            2 * max(8, round(scale * x / 2)) for x in (video.info.height, video.info.width)
        )
        ticks = np.arange(0, min(SECONDS, video.info.duration), 1 / RATE)
        places = [video.index_at(tick) for tick in ticks]
        frames = video.frames(np.unique(places), size=size)
    return frames[np.unique(places, return_inverse=True)[1]]


def hashes(path: pathlib.Path, hash_of: Callable[[Any], Any]) -> np.ndarray:
    """Of the pictures of a clip, bool [P, 64]."""
    from PIL import Image

    with open_video(path) as video:
        ticks = np.arange(APART / 2, video.info.duration, APART)
        places = np.unique([video.index_at(tick) for tick in ticks] or [0])
        found = [hash_of(Image.fromarray(frame)) for frame in video.frames(places)]
    return np.stack([one.hash.ravel() for one in found])


def perceptual_hash() -> Callable[[Any], Any] | None:
    """Of a well-kept library; None where it is not installed."""
    try:
        import imagehash
    except ImportError:
        print("imagehash is not installed: nothing to compare with")
        return None
    return imagehash.phash


def write(clips: Sequence[pathlib.Path], library: pathlib.Path, altered: pathlib.Path) -> None:
    """The clips' first seconds, and their copies."""
    for k, path in enumerate(tqdm(clips, desc="copying", unit="clip")):
        frames = begins(path)
        write_video(library / f"{k:03}.mp4", frames, rate=RATE, crf=FINE)
        for kind in KINDS:
            copy, rate, crf = alter(frames, RATE, kind)
            write_video(altered / f"{k:03}-{kind}.mp4", copy, rate=rate, crf=crf)


def found_first(scratch: pathlib.Path, clips: int) -> dict[str, Mapping[str, list[bool]]]:
    """For each way of seeking and each kind whether the copies' clips are found first, in order."""
    known, asked = (
        build(videos(scratch / place), folder=scratch / "index", config=LOOK, rate=0)
        for place in ("library", "altered")
    )
    rows, hash_of = known.seen, perceptual_hash()
    here = hash_of and {path.stem: hashes(path, hash_of) for path in known.paths}
    ways = "like", "networks"
    found: dict[str, Mapping[str, list[bool]]] = {w: collections.defaultdict(list) for w in ways}
    if here:
        found["phash"] = collections.defaultdict(list)
    for path, entry in zip(asked.paths, asked.entries, strict=True):
        right, kind = path.stem.split("-")
        # As `search` does, without looking for weights a hundred times.
        queries = as_it_is_and_mirrored(entry)
        (file,), _ = nearest_files(rows, known.owners, queries, 1, files=clips, versions=2)
        found["like"][kind].append(known.paths[file].stem == right)
        (file,), _ = nearest_files(rows.like, known.owners, entry.like, 1, files=clips)
        found["networks"][kind].append(known.paths[file].stem == right)
        if here:
            own = hashes(path, hash_of)[:, None]
            far = {name: (own != there).sum(-1).min(-1).mean() for name, there in here.items()}
            found["phash"][kind].append(min(far, key=far.__getitem__) == right)
    return found


def interval(right: np.ndarray) -> tuple[float, float]:
    """Of the share [clips, kinds] that is right, by drawing clips anew."""
    rng = np.random.default_rng(0)
    means = [right[rng.integers(len(right), size=len(right))].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--tuning", action="store_true", help="of other clips")
    args = options.parse_args()
    clips = for_tuning() if args.tuning else sources()
    clips = clips[::25] if args.smoke else clips
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for name in ("library", "altered"):
            (scratch / name).mkdir()
        write(clips, scratch / "library", scratch / "altered")
        found = found_first(scratch, len(clips))
    figures: dict[str, float] = {}
    for name, kinds in found.items():
        for kind in KINDS:
            figures[f"{name}_r1_{kind}"] = float(np.mean(kinds[kind]))
        figures[f"{name}_r1"] = float(np.mean([*itertools.chain(*kinds.values())]))
        each = np.array([kinds[kind] for kind in KINDS]).T
        figures[f"{name}_low"], figures[f"{name}_high"] = interval(each)
    figures["like_clips"] = len(clips)
    missed = [
        f"{clips[k].relative_to(DATA)} {kind}"
        for kind in KINDS
        for k, right in enumerate(found["like"][kind])
        if not right
    ]
    print("not found first:", *(missed or ["none"]), sep="\n  ")
    header = [
        "altered by",
        *(NAMES[n] for n in found),
    ]
    rows = [[kind, *(f"{figures[f'{n}_r1_{kind}']:.3f}" for n in found)] for kind in KINDS]
    rows.append(["all", *(f"{figures[f'{n}_r1']:.3f}" for n in found)])
    harness.print_table(header, rows)
    harness.finish(
        args,
        figures,
        packages=("av", "flax", "ImageHash"),
        table={"header": header, "rows": rows},
        size=LOOK.size,
        frames=LOOK.frames,
        missed=missed,
    )


if __name__ == "__main__":
    main()
