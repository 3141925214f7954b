"""Whether a folder's clips are found by words.

    python -m experiments.benchmarks.search [--smoke] [--json FILE] [--cache DIR]

Words: the twenty queries of search_queries.csv were written by hand, before anything was run on
them, over the videos of `clips`, `scene-cuts` and `gmdcsa24-falls`, which lie here under names that
tell nothing. `search_r1` is the share for which the first clip found is one of those named,
`search_r5` that for which one of them is among the first five. Beside it: labels of pictures alone
(`…_tags_r1`), actions alone (`…_actions_r1`), and chance, the mean share of the clips that are
right. `search_moment` is the share of the queries with times, for which the moment found is within
them.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.benchmarks import harness
from vidparticles.inference.searching import build, search
from vidparticles.inference.searching.index import default_folder, videos
from vidparticles.inference.searching.nearest import nearest_files
from vidparticles.inference.searching.words import in_words, words

DATA = pathlib.Path(os.environ.get("VIDPARTICLES_DATA", harness.ROOT.parent / "shared" / "data"))
QUERIES = pathlib.Path(__file__).with_name("search_queries.csv")
FOLDERS = ("clips", "scene-cuts", "gmdcsa24-falls")


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


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was seen of clips")
    args = options.parse_args()
    index = pathlib.Path(args.cache) if args.cache else default_folder()
    figures: dict[str, float] = {}
    rows = by_words(index, figures)
    header = ["query", "place of the first right clip", "by tags", "by actions", "found first"]
    harness.print_table(header, rows)
    harness.finish(
        args,
        figures,
        packages=("av", "flax"),
        table={"header": header, "rows": rows},
    )


if __name__ == "__main__":
    main()
