"""Whether a folder's clips, and the moments in them, are found by words of who moves where.

    python -m experiments.benchmarks.search_movers [--smoke] [--json FILE] [--cache DIR]

The ten queries of search_queries_movers.csv were written by hand and committed before anything was
run on them, over the videos of `search`, with all stretches in which contact sheets show it.
`movers_r1` is the share for which the first clip found is one of those named, `movers_moment` that
for which the first moment found is in a named clip with its middle in a named stretch; `…_r5` and
`…_moment5`: among the first five. `shown_…` is the same without what is told of who moves where: by
what networks see alone. `movers_chance` is the mean share of the clips that are right,
`movers_chance_moment` that of all seconds. The queries of `search`, of what is seen and done, are
asked of both, too: `movers_others_r1` and `shown_others_r1`.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import tempfile
from typing import Any

import numpy as np

from experiments.benchmarks import harness
from experiments.benchmarks.search import DATA, FOLDERS, hidden, queries
from vidparticles.inference.searching import Index, build, find, nearest
from vidparticles.inference.searching.index import default_folder, videos
from vidparticles.inference.searching.words import Words, words

QUERIES = pathlib.Path(__file__).with_name("search_queries_movers.csv")


@dataclasses.dataclass(frozen=True)
class Query:
    """A row of the file.

    Attributes:
        text: what is asked.
        spans: of each right clip, seconds from and to.
    """

    text: str
    spans: tuple[tuple[pathlib.Path, float, float], ...]

    def holds(self, path: pathlib.Path, start: float, end: float) -> bool:
        """Whether the middle of a moment is where it is true."""
        middle = (start + end) / 2
        return any(file == path and a <= middle <= b for file, a, b in self.spans)


def mover_queries() -> list[Query]:
    with QUERIES.open(newline="") as table:
        found = []
        for row in csv.DictReader(table):
            spans = []
            for moment in row["moments"].split(";"):
                name, when = moment.rsplit("@", 1)
                start, end = map(float, when.split("-"))
                spans.append((DATA / name, start, end))
            found.append(Query(row["text"], tuple(spans)))
        return found


class Asked:
    """A library that is asked by words, as `search` asks it."""

    def __init__(self, library: Index, known: Words) -> None:
        self._library, self._known = library, known
        self._rows = find.texts(library, known)

    def clips(self, text: str) -> list[pathlib.Path]:
        """All clips, the best first."""
        rows, owners, _ = self._rows
        count = len(self._library.paths)
        order, _ = nearest.nearest_files(
            rows, owners, self._known.embed([text]), count, files=count
        )
        return [self._library.paths[k] for k in order]

    def moments(self, text: str, count: int) -> list[find.Hit]:
        """The best moments."""
        rows, owners, moments = self._rows
        best = nearest.nearest_moments(rows, self._known.embed([text]), count)
        return [
            find.hit(self._library, int(owners[row]), int(moments[row]), float(score))
            for score, row in zip(*best, strict=True)
        ]


def measured(asked: Asked, links: dict, name: str, figures: dict[str, float]) -> list[list[Any]]:
    """Fill in the figures of one way to search; returns for each query what the table has of it."""
    rows, ranks, places = [], [], []
    for query in mover_queries():
        right = {file for file, _, _ in query.spans}
        order = [links[path] for path in asked.clips(query.text)]
        ranks.append(1 + next(k for k, file in enumerate(order) if file in right))
        hits = asked.moments(query.text, 5)
        true = [query.holds(links[hit.path], hit.start, hit.end) for hit in hits]
        places.append(1 + true.index(True) if any(true) else 6)
        first = hits[0]
        what = first.moves or ", ".join(label for label, _ in first.shows[:1])
        told = f"{links[first.path].relative_to(DATA).as_posix()} {first.start:.1f} s: {what}"
        rows.append([ranks[-1], places[-1] if places[-1] < 6 else "–", told])
    for behind, found, most in (("r1", ranks, 1), ("r5", ranks, 5)):
        figures[f"{name}_{behind}"] = float(np.mean(np.array(found) <= most))
    figures[f"{name}_moment"] = float(np.mean(np.array(places) <= 1))
    figures[f"{name}_moment5"] = float(np.mean(np.array(places) <= 5))
    others = [links[asked.clips(one.text)[0]] in one.right for one in queries()]
    figures[f"{name}_others_r1"] = float(np.mean(others))
    return rows


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--cache", metavar="DIR", help="keeps what was seen of clips")
    args = options.parse_args()
    index = pathlib.Path(args.cache) if args.cache else default_folder()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        links = hidden(
            [file for name in FOLDERS for file in videos(DATA / name)], pathlib.Path(scratch)
        )
        index.mkdir(parents=True, exist_ok=True)
        known = words(index)
        library = build(links, folder=index, words=known)
        still = tuple(dataclasses.replace(one, moved=None) for one in library.entries)
        with_words = measured(Asked(library, known), links, "movers", figures)
        without = Asked(dataclasses.replace(library, entries=still), known)
        rows = [
            [query.text, *found[:2], *before[:2], found[2]]
            for query, found, before in zip(
                mover_queries(), with_words, measured(without, links, "shown", figures), strict=True
            )
        ]
        asked = mover_queries()
        share = [len({file for file, _, _ in one.spans}) / len(links) for one in asked]
        seconds = [sum(b - a for _, a, b in one.spans) for one in asked]
        figures["movers_chance"] = float(np.mean(share))
        whole = sum(entry.seconds for entry in library.entries)
        figures["movers_chance_moment"] = float(np.mean(seconds)) / whole
    header = [
        "query",
        "first right clip",
        "moment",
        "clip, by what is shown",
        "moment",
        "found first",
    ]
    harness.print_table(header, rows)
    harness.finish(args, figures, packages=("av", "flax"), table={"header": header, "rows": rows})


if __name__ == "__main__":
    main()
