"""Particle dynamics beside its peers: speed, error, memory, how they grow.

    python experiments/benchmarks/dynamics.py [--only SECTION …] [--json FILE] [--plot PNG]

Peers are timed in the same run, in turn with ours: jax-md, plain broadcasts in jax and torch,
KeOps, numba, a C loop in AVX as the ceiling, and the founding document's own style, a module
a particle. What is not installed is skipped by name. Ours runs at XLA's default flags; the
peers in jax have a process of their own with the flag that serves them best. "Compiled" is the
better of numba and C. Errors are relative to float64 (of gradients: to ours).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from experiments.benchmarks import (
    dynamics_far,
    dynamics_mesh,
    dynamics_multipole,
    dynamics_pairs,
    dynamics_scaling,
    dynamics_time,
    harness,
)
from experiments.benchmarks import dynamics_peers as peers

SECTIONS: dict[str, Callable[[Any], None]] = {
    "forward": dynamics_pairs.forward,
    "backward": dynamics_pairs.backward,
    "memory": dynamics_pairs.memory,
    "learned": dynamics_pairs.learned,
    "cutoff": dynamics_far.cutoff,
    "mesh": dynamics_mesh.mesh,
    "multipole": dynamics_multipole.multipole,
    "scaling": dynamics_scaling.scaling,
    "reversible": dynamics_time.reversible,
    "ring": dynamics_time.ring,
}

# Seconds after which the threads of others sleep, and of a call to which they do not matter.
SETTLE, LONG = 0.02, 0.2


class Bench:
    """What the sections add to: rows of the table, figures by key."""

    def __init__(self, *, smoke: bool):
        self.smoke = smoke
        self.worker = peers.Worker()
        self.rows: list[list[Any]] = []
        self.figures: dict[str, float] = {}
        self.curves: dict[str, tuple[Sequence[int], Sequence[float]]] = {}  # N, seconds
        self.absent: dict[str, str] = {}

    def interleave(self, calls: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
        """Seconds of calls in turn: as many rounds as fit a few seconds, three at least.

        The threads of OpenMP and of XLA go on spinning for some milliseconds after their work, at
        the cost of whoever comes next: each is called for longer than that before it is timed.
        """

        def settled(call: Callable[[], float]) -> float:
            begin = time.perf_counter()
            seconds = call()
            if seconds < LONG:
                while time.perf_counter() - begin < SETTLE:
                    call()
                seconds = call()
            return seconds

        once = sum(settled(call) for call in calls.values())
        rounds = 2 if self.smoke else max(3, min(100, round(5 / once)))
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                seconds[name].append(settled(call))
        return seconds

    def row(
        self,
        what: str,
        name: str,
        seconds: Sequence[float],
        *,
        pairs: float | None = None,
        error: float | None = None,
        memory: float | None = None,
    ) -> None:
        """One line of the table."""
        median = statistics.median(seconds)
        low, *_, high = statistics.quantiles(seconds, n=4, method="inclusive")
        line = [
            what,
            name,
            f"{1e3 * median:.4g}",
            f"{1e3 * low:.4g} – {1e3 * high:.4g}",
            "" if pairs is None else f"{pairs / median / 1e9:.3g}",
            "" if error is None else f"{error:.1e}",
            "" if memory is None else f"{memory / 1e6:.3g}",
        ]
        self.rows.append(line)
        print("  " + " · ".join(line), flush=True)

    def ratio(self, key: str, over: float | None, under: float | None) -> None:
        """A figure that is a ratio, where both are there."""
        if over is not None and under is not None:
            self.figures[key] = over / under
            print(f"  {key} = {over / under:.4g}", flush=True)

    def skipped(self, name: str, why: str) -> None:
        """A peer that is not there, told once."""
        if name not in self.absent:
            self.absent[name] = why
            print(f"  skipped: {name} ({why})", flush=True)


def plot(bench: Bench, path: str) -> None:
    """A panel a case, its methods' medians from the fastest down; one more of growth with N."""
    import matplotlib.pyplot as plt

    cases = [case for case in dict.fromkeys(row[0] for row in bench.rows) if "growth" not in case]
    rows = {case: [row for row in bench.rows if row[0] == case] for case in cases}
    heights = [0.9 + 0.25 * len(rows[case]) for case in cases] + [3.5] * bool(bench.curves)
    figure, axes = plt.subplots(
        len(heights),
        figsize=(8, sum(heights)),
        squeeze=False,
        height_ratios=heights,
        layout="constrained",
    )
    for axis, case in zip(axes[:, 0], cases, strict=False):
        slowest_first = sorted(rows[case], key=lambda row: -float(row[2]))
        for place, (_, name, median, quartiles, *_) in enumerate(slowest_first):
            color = "tab:orange" if name.startswith("ours") else "tab:gray"
            axis.hlines(place, *map(float, quartiles.split(" – ")), color=color, linewidth=5)
            axis.plot(float(median), place, "o", color=color)
            axis.annotate(f"{float(median):.3g}", (float(median), place), (0, 5), ha="center",
                          textcoords="offset points", fontsize=8)  # fmt: skip
        axis.set_yticks(range(len(slowest_first)), [row[1] for row in slowest_first])
        axis.set(xscale="log", ylim=(-0.6, len(slowest_first) - 0.4), title=case)
        axis.margins(x=0.15)
        axis.grid(axis="x", alpha=0.3)
        axis.set_xlabel("ms: median, quartiles")
    if bench.curves:
        for name, (counts, seconds) in bench.curves.items():
            axes[-1, 0].plot(counts, [1e3 * s for s in seconds], "o-", label=name)
        axes[-1, 0].set(xscale="log", yscale="log", xlabel="N", ylabel="ms", title="growth with N")
        axes[-1, 0].grid(alpha=0.3)
        axes[-1, 0].legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    options = harness.parser(__doc__.splitlines()[0])
    options.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections")
    options.add_argument("--plot", metavar="PNG", help="draw the medians")
    args = options.parse_args()
    bench = Bench(smoke=args.smoke)
    for name, section in SECTIONS.items():
        if args.only is None or name in args.only:
            print(f"── {name}", flush=True)
            section(bench)
    bench.worker.close()
    header = ["case", "method", "median, ms", "quartiles, ms", "Gpairs/s", "error", "memory, MB"]
    print()
    harness.print_table(header, bench.rows)
    if args.plot:
        plot(bench, args.plot)
    harness.finish(
        args,
        bench.figures,
        packages=("jax-md", "torch", "pykeops", "numba"),
        table={"header": header, "rows": bench.rows},
        skipped=bench.absent,
    )


if __name__ == "__main__":
    main()
