"""Write the tables of experiments/RESULTS.md from experiments/results/*.json.

    python -m experiments.results_tables [--check]

A place in RESULTS.md is a pair of comments, `<!-- results: NAME -->` and `<!-- end -->`; what
stands between them is replaced by the table of results/NAME.json (its `table`, or else its
figures) and a line that says how (its `command`, where that is not of its name), where and at which
commit it was measured. With `figures` for `results`, it is the figures of a file that has a table
too; with `costs`, another table of that name. A number within a sentence is written
`<!-- figure: NAME.KEY -->0.83<!-- end -->`; after the key may stand what to multiply it by and how
to round, `NAME.KEY*100 .0f`. README.md may hold such places too.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = (ROOT / "experiments" / "RESULTS.md", ROOT / "README.md")
TABLE = re.compile(
    r"(<!-- (?P<what>results|figures|costs): (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
FIGURE = re.compile(
    r"(<!-- figure: (?P<name>\w+)\.(?P<key>\w+)(\*(?P<times>[\d.]+))?( (?P<form>\.\d\w))? -->)"
    r".*?(?P<end><!-- end -->)"
)


def report(name: str) -> dict[str, Any]:
    """What one benchmark left."""
    return json.loads((ROOT / "experiments" / "results" / f"{name}.json").read_text())


def table(what: str, name: str) -> str:
    """The Markdown of one file of results: its table, or its figures."""
    found = report(name)
    shape = found.get({"results": "table"}.get(what, what)) if what != "figures" else None
    shape = shape or {
        "header": ["figure", "value"],
        "rows": [[f"`{key}`", f"{value:.4g}"] for key, value in found["figures"].items()],
    }
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (shape["header"], *shape["rows"])]
    lines.insert(1, "|---|" + "---:|" * (len(shape["header"]) - 1))
    machine, versions = found["machine"], found["versions"]
    room = "benchmarks." if (ROOT / "experiments" / "benchmarks" / f"{name}.py").exists() else ""
    command = found.get("command", f"experiments.{room}{name}")
    source = (
        f"`python -m {command}` on {machine['cpu']}, {machine['cores']} cores, "
        f"Python {versions['python']}, jax {versions['jax']}, at commit {found['commit']}."
    )
    return "\n".join(lines) + "\n\n" + source + "\n"


def written(page: str) -> str:
    """A page with every place filled."""

    def figure(place: re.Match[str]) -> str:
        value = report(place["name"])["figures"][place["key"]] * float(place["times"] or 1)
        return place[1] + format(value, place["form"] or ".4g") + place["end"]

    page = TABLE.sub(lambda m: m[1] + table(m["what"], m["name"]) + m["end"], page)
    return FIGURE.sub(figure, page)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--check", action="store_true", help="fail if a page is not up to date")
    check = options.parse_args().check
    for path in PAGES:
        old = path.read_text()
        new = written(old)
        if check and new != old:
            sys.exit(
                f"{path.name} is not what experiments/results say; run "
                "`python -m experiments.results_tables`."
            )
        path.write_text(new)


if __name__ == "__main__":
    main()
