"""What `import vidparticles` costs beside `import jax`: fresh processes, in turn.

Figures: `import_ratio`, the median wall time of `python -c "import vidparticles"` per median of
`python -c "import jax"` (to reach: ≤ 1.5), and `import_dynamics_ratio`, the same with the
dynamics, which other projects import. The bare interpreter is timed beside them.
"""

from __future__ import annotations

import sys

from experiments.benchmarks import harness

STATEMENTS = {
    "python": "pass",
    "import jax": "import jax",
    "import vidparticles": "import vidparticles",
    "import vidparticles.dynamics": "import vidparticles.dynamics",
}


def main() -> None:
    args = harness.parser(__doc__.splitlines()[0]).parse_args()
    timings = harness.interleaved_commands(
        {name: [sys.executable, "-c", code] for name, code in STATEMENTS.items()},
        repeats=3 if args.smoke else 15,
    )
    harness.print_timings(timings)
    figures = {
        "import_ratio": harness.ratio(timings, "import vidparticles", "import jax"),
        "import_dynamics_ratio": harness.ratio(
            timings, "import vidparticles.dynamics", "import jax"
        ),
    }
    harness.finish(args, figures)


if __name__ == "__main__":
    main()
