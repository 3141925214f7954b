"""Editing real footage, part by part: each writes its own figures beside this one's.

    python experiments/benchmarks/editing.py [--smoke] [--only timeline,autotrim]

runs `editing_PART.py` of this folder for each part, which says what it measures and beside what.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

from experiments.benchmarks.harness import ROOT, parser

HERE = pathlib.Path(__file__).parent


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--only", metavar="PARTS", help="of them all, these: joined by commas")
    args = options.parse_args()
    parts = [path.stem.removeprefix("editing_") for path in sorted(HERE.glob("editing_*.py"))]
    wanted = args.only.split(",") if args.only else parts
    for part in wanted:
        if part not in parts:
            raise SystemExit(f"there is no part {part!r}; there are {', '.join(parts)}.")
        name = f"editing_{part}"
        out = pathlib.Path(args.json or ROOT / "experiments" / "results") / f"{name}.json"
        print(f"\n## {part}\n", flush=True)
        words = [sys.executable, str(HERE / f"{name}.py"), "--json", str(out)]
        subprocess.run([*words, *(["--smoke"] if args.smoke else [])], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
