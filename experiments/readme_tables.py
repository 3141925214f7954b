"""Write the tables of README.md from experiments/results/*.json.

    python experiments/readme_tables.py [--check]

A place in README is a pair of comments, `<!-- results: NAME -->` and `<!-- end -->`; what stands
between them is replaced by the table of results/NAME.json (its `table`, or else its figures) and
a line that says how, where and at which commit it was measured. With `figures` for `results`, it is
the figures of a file that has a table too; with `costs`, another table of that name.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLACE = re.compile(
    r"(<!-- (?P<what>results|figures|costs): (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)


def table(what: str, name: str) -> str:
    """The Markdown of one file of results: its table, or its figures."""
    report = json.loads((ROOT / "experiments" / "results" / f"{name}.json").read_text())
    shape = report.get({"results": "table"}.get(what, what)) if what != "figures" else None
    shape = shape or {
        "header": ["figure", "value"],
        "rows": [[f"`{key}`", f"{value:.4g}"] for key, value in report["figures"].items()],
    }
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (shape["header"], *shape["rows"])]
    lines.insert(1, "|---|" + "---:|" * (len(shape["header"]) - 1))
    machine, versions = report["machine"], report["versions"]
    script = f"experiments/benchmarks/{name}.py"
    if not (ROOT / script).exists():
        script = f"experiments/{name}.py"
    source = (
        f"`python {script}` on {machine['cpu']}, {machine['cores']} cores, "
        f"Python {versions['python']}, jax {versions['jax']}, at commit {report['commit']}."
    )
    return "\n".join(lines) + "\n\n" + source + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--check", action="store_true", help="fail if README is not up to date")
    check = options.parse_args().check
    readme = ROOT / "README.md"
    old = readme.read_text()
    new = PLACE.sub(lambda m: m[1] + table(m["what"], m["name"]) + m["end"], old)
    if check and new != old:
        sys.exit("README.md is not what experiments/results say; run experiments/readme_tables.py.")
    readme.write_text(new)


if __name__ == "__main__":
    main()
