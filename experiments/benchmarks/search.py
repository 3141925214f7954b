"""Whether a folder's clips are found by words and by altered copies, and what an index costs.

    python -m experiments.benchmarks.search [--smoke] [--json FILE] [--cache DIR] [--clips N]

Words: the twenty queries of search_queries.csv were written by hand, before anything was run on
them, over the videos of `clips`, `scene-cuts` and `gmdcsa24-falls`, which lie here under names that
tell nothing. `search_r1` is the share for which the first clip found is one of those named,
`search_r5` that for which one of them is among the first five. Beside it: labels of pictures alone
(`…_tags_r1`), actions alone (`…_actions_r1`), and chance, the mean share of the clips that are
right. `search_moment` is the share of the queries with times, for which the moment found is within
them.

Copies: of N clips (spread over the above and fight-surv) the first seconds are in the
folder, and each is sought by five altered copies: a crop, another speed, other colors, small and
coarsely encoded, mirrored. `like_r1` is the share found first, `like_r1_{kind}` that of a kind.
Beside it `phash_r1`: imagehash's perceptual hash of pictures half a second apart, the mean over a
copy's pictures of the fewest bits that differ. To reach: like_r1 ≥ 0.98 for 100 clips.

`index_cpu_per_second` is the CPU time of indexing clips of 5 s over how long they play, after a
first one; `index_200_minutes` that of 200 such clips by two cores that do nothing else (to reach:
≤ 10); `index_hit_ms` is what the index of the folder `clips` takes when all is known.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import hashlib
import itertools
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.benchmarks import harness
from vidparticles.editing.edit import edit
from vidparticles.inference.searching import build, search
from vidparticles.inference.searching.index import default_folder, videos
from vidparticles.inference.searching.nearest import nearest_files
from vidparticles.inference.searching.words import in_words, words
from vidparticles.video import open_video, probe, write_video

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
QUERIES = pathlib.Path(__file__).with_name("search_queries.csv")
FOLDERS = ("clips", "scene-cuts", "gmdcsa24-falls")
SECONDS, RATE, SIDE = 2.8, 25, 256  # of what is copied of a clip; pixels of its shorter side
FINE, COARSE = 20.0, 38.0  # crf of H.264
APART = 0.5  # seconds between the pictures that are hashed
TIMED = 4  # clips whose indexing is timed


def hidden(files: Sequence[pathlib.Path], folder: pathlib.Path) -> dict[pathlib.Path, pathlib.Path]:
    """Links to files under names that tell nothing: link → file."""
    links = {}
    for file in files:
        name = hashlib.sha256(str(file.relative_to(DATA)).encode()).hexdigest()[:12] + file.suffix
        (folder / name).symlink_to(file)
        links[folder / name] = file
    return links


@dataclasses.dataclass(frozen=True)
class Query:
    """A row of the file.

    Attributes:
        text: what is asked.
        right: clips that show it.
        span: seconds when, where it is a part of the clip.
    """

    text: str
    right: frozenset[pathlib.Path]
    span: tuple[float, float] | None


def queries() -> list[Query]:
    with QUERIES.open(newline="") as table:
        return [
            Query(
                row["text"],
                frozenset(DATA / name for name in row["files"].split(";")),
                (float(row["start"]), float(row["end"])) if row["start"] else None,
            )
            for row in csv.DictReader(table)
        ]


# ---------------------------------------------------------------- by words


def by_words(index: pathlib.Path, figures: dict[str, float]) -> list[list[Any]]:
    """Fill in the figures of the queries; returns a row for each."""
    with tempfile.TemporaryDirectory() as scratch:
        files = [file for name in FOLDERS for file in videos(DATA / name)]
        links = hidden(files, pathlib.Path(scratch))
        library = build(links, folder=index)
        known = words(index)
        numbers, shares = (
            np.concatenate([getattr(entry, name) for entry in library.entries])
            for name in ("labels", "shares")
        )
        only = {"tags": np.array([0, 1]), "actions": np.array([1, 0])}
        rows, ranks, moments = [], collections.defaultdict(list), []
        for query in queries():
            row: list[Any] = [query.text]
            hits = search(scratch, text=query.text, count=len(links), index=index).hits
            orders = {"": [links[hit.path] for hit in hits]}
            for name, kept in only.items():
                vectors = in_words(numbers, shares * kept[None, :, None], known.labels)
                order, _ = nearest_files(
                    vectors,
                    library.owners,
                    known.embed([query.text]),
                    len(links),
                    files=len(links),
                )
                orders[name] = [links[library.paths[k]] for k in order]
            for name, order in orders.items():
                rank = 1 + next(k for k, file in enumerate(order) if file in query.right)
                ranks[name].append(rank)
                row.append(rank)
            if query.span is not None:
                best = search(scratch, text=query.text, count=1, at=True, index=index).hits[0]
                middle = (best.start + best.end) / 2
                within = query.span[0] <= middle <= query.span[1]
                moments.append(links[best.path] in query.right and within)
            rows.append([*row, orders[""][0].relative_to(DATA).as_posix()])
        for name, found in ranks.items():
            behind = f"_{name}" if name else ""
            figures[f"search{behind}_r1"] = float(np.mean(np.array(found) <= 1))
            figures[f"search{behind}_r5"] = float(np.mean(np.array(found) <= 5))
        figures["search_chance"] = float(np.mean([len(q.right) for q in queries()]) / len(links))
        figures["search_moment"] = float(np.mean(moments))
    return rows


# ---------------------------------------------------------------- by altered copies


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


KINDS = ("crop", "speed", "color", "encoded", "mirrored")


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


def sources(count: int) -> list[pathlib.Path]:
    """Clips to copy, spread over all that are there."""
    every = [file for name in (*FOLDERS, "fight-surv") for file in videos(DATA / name)]
    return [every[k * len(every) // count] for k in range(count)]


def hashes(path: pathlib.Path, hash_of: Callable[[Any], Any]) -> list[Any]:
    from PIL import Image

    with open_video(path) as video:
        ticks = np.arange(APART / 2, video.info.duration, APART)
        places = np.unique([video.index_at(tick) for tick in ticks] or [0])
        return [hash_of(Image.fromarray(frame)) for frame in video.frames(places)]


def by_copies(
    count: int, index: pathlib.Path, scratch: pathlib.Path, figures: dict[str, float]
) -> list[list[Any]]:
    """Fill in the figures of altered copies; returns a row for each kind."""
    library, altered = scratch / "library", scratch / "altered"
    library.mkdir()
    altered.mkdir()
    for k, path in enumerate(sources(count)):
        frames = begins(path)
        write_video(library / f"{k:03}.mp4", frames, rate=RATE, crf=FINE)
        for kind in KINDS:
            copy, rate, crf = alter(frames, RATE, kind)
            write_video(altered / f"{k:03}-{kind}.mp4", copy, rate=rate, crf=crf)
    found: Mapping[str, list[bool]] = collections.defaultdict(list)
    peer: Mapping[str, list[bool]] = collections.defaultdict(list)
    known, asked = (build(videos(place), folder=index) for place in (library, altered))
    hash_of = perceptual_hash()
    here = hash_of and {path.stem: hashes(path, hash_of) for path in known.paths}
    for path, entry in zip(asked.paths, asked.entries, strict=True):
        right, kind = path.stem.split("-")
        # As `search` does, without looking for weights a hundred times.
        (file,), _ = nearest_files(known.like, known.owners, entry.like, 1, files=count)
        found[kind].append(known.paths[file].stem == right)
        if here:
            own = hashes(path, hash_of)
            far = {
                name: np.mean([min(one - other for other in there) for one in own])
                for name, there in here.items()
            }
            peer[kind].append(min(far, key=far.__getitem__) == right)
    rows = []
    for kind in KINDS:
        figures[f"like_r1_{kind}"] = float(np.mean(found[kind]))
        cells = [kind, f"{np.mean(found[kind]):.3f}"]
        if peer:
            figures[f"phash_r1_{kind}"] = float(np.mean(peer[kind]))
            cells.append(f"{np.mean(peer[kind]):.3f}")
        rows.append(cells)
    figures["like_r1"] = float(np.mean([*itertools.chain(*found.values())]))
    if peer:
        figures["phash_r1"] = float(np.mean([*itertools.chain(*peer.values())]))
    figures["like_clips"] = len(known.paths)
    return rows


def cost(scratch: pathlib.Path, index: pathlib.Path, figures: dict[str, float]) -> None:
    """Fill in what indexing costs."""
    files = videos(DATA / "clips")
    (scratch / "five").mkdir()
    five = []
    for file in (file for file in files if probe(file).duration >= 5):
        five.append(scratch / "five" / f"{file.stem}.mp4")
        edit(file, five[-1], trim=":5")
        if len(five) == TIMED + 1:
            break
    build(five[:1], folder=scratch / "index")  # compiles
    before = time.process_time()
    library = build(five[1:], folder=scratch / "index")
    spent = time.process_time() - before
    played = sum(entry.seconds for entry in library.entries)
    figures["index_cpu_per_second"] = spent / played
    figures["index_200_minutes"] = spent / played * 200 * 5 / 2 / 60
    build(files, folder=index)
    began = time.perf_counter()
    build(files, folder=index)
    figures["index_hit_ms"] = 1000 * (time.perf_counter() - began)


def perceptual_hash() -> Callable[[Any], Any] | None:
    """Of a well-kept library; None where it is not installed."""
    try:
        import imagehash
    except ImportError:
        print("imagehash is not installed: nothing to compare with")
        return None
    return imagehash.phash


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was seen of clips")
    options.add_argument("--clips", metavar="N", type=int, default=100, help="to copy")
    args = options.parse_args()
    index = pathlib.Path(args.cache) if args.cache else default_folder()
    figures: dict[str, float] = {}
    rows = by_words(index, figures)
    header = ["query", "place of the first right clip", "by tags", "by actions", "found first"]
    harness.print_table(header, rows)
    with tempfile.TemporaryDirectory() as scratch:
        count = 4 if args.smoke else args.clips
        kinds = by_copies(count, index, pathlib.Path(scratch), figures)
        cost(pathlib.Path(scratch), index, figures)
    copies = ["altered by", "found first"] + (["by perceptual hash"] if len(kinds[0]) > 2 else [])
    print()
    harness.print_table(copies, kinds)
    harness.finish(
        args,
        figures,
        packages=("av", "flax", "ImageHash"),
        table={"header": header, "rows": rows},
        copies={"header": copies, "rows": kinds},
    )


if __name__ == "__main__":
    main()
