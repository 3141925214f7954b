"""What every benchmark shares: interleaved timings, the machine's facts, tables, JSON.

A benchmark is `python experiments/benchmarks/NAME.py [--smoke] [--json FILE]`: it times its
candidates in turn (a, b, c, a, b, c, ...), so that a busy machine slows all of them alike,
prints a table of medians with their spread and writes its figures with `finish`.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Timing:
    """Repeated timings of one candidate.

    Attributes:
        wall: seconds on the clock, one a repeat.
        cpu: CPU seconds of all threads of this process and of its ended children.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median seconds on the clock."""
        return statistics.median(self.wall)

    @property
    def median_cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(self.cpu)

    @property
    def spread(self) -> tuple[float, float]:
        """Lower and upper quartile of the seconds on the clock."""
        if len(self.wall) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.wall, n=4, method="inclusive")
        return low, high


def _cpu_seconds() -> float:
    # Not os.times, which counts in hundredths of a second.
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _wait(result: Any) -> None:
    """Wait for the arrays that jax is still computing, where jax is in use at all."""
    if "jax" in sys.modules:
        sys.modules["jax"].block_until_ready(result)


def interleaved(
    candidates: Mapping[str, Callable[[], Any]], *, repeats: int, warmup: int = 1
) -> dict[str, Timing]:
    """Time functions without arguments in turn.

    Args:
        candidates: name → function; what it returns is waited for when it holds jax arrays.
        repeats: timed calls of each.
        warmup: calls of each before the first timed one (compiling, caches).

    Returns:
        name → its timings, in the order given.
    """
    for _ in range(warmup):
        for function in candidates.values():
            _wait(function())
    wall: dict[str, list[float]] = {name: [] for name in candidates}
    cpu: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, function in candidates.items():
            used, start = _cpu_seconds(), time.perf_counter()
            _wait(function())
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(_cpu_seconds() - used)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name])) for name in candidates}


def interleaved_commands(
    commands: Mapping[str, Sequence[str]], *, repeats: int, warmup: int = 1
) -> dict[str, Timing]:
    """Time commands in turn, each in a fresh process started at the root of the repository.

    Raises:
        subprocess.CalledProcessError: a command failed; its stderr is in the error.
    """

    def run(command: Sequence[str]) -> Callable[[], None]:
        def call() -> None:
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)

        return call

    return interleaved(
        {name: run(command) for name, command in commands.items()}, repeats=repeats, warmup=warmup
    )


def ratio(timings: Mapping[str, Timing], over: str, under: str) -> float:
    """Median seconds of `over` per median second of `under`."""
    return timings[over].median / timings[under].median


def machine() -> dict[str, Any]:
    """The machine: processor, cores this process may use, memory, system."""
    cpu = platform.processor() or platform.machine()
    memory = None
    if pathlib.Path("/proc/cpuinfo").exists():
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    allowed = getattr(os, "sched_getaffinity", None)
    facts: dict[str, Any] = {
        "cpu": cpu,
        "cores": len(allowed(0)) if allowed else os.cpu_count(),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.release()}",
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }
    if "jax" in sys.modules:
        devices = sys.modules["jax"].devices()
        facts["devices"] = f"{len(devices)} x {devices[0].device_kind}"
    return facts


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python, jax, this package and the named ones ("absent" where not there)."""
    found = {"python": platform.python_version()}
    for package in ("vidparticles", "jax", *packages):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def commit() -> str:
    """The commit that is checked out, with "+" behind it when tracked files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    head = git("rev-parse", "--short=12", "HEAD")
    return (head + ("+" if git("status", "--porcelain", "-uno") else "")) or "unknown"


def seconds(value: float) -> str:
    """A duration as people read it.

    Example:
        >>> seconds(0.00123), seconds(2.5)
        ('1.23 ms', '2.5 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table that is valid Markdown: first column to the left, the others to the right."""
    cells = [
        [f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in (header, *rows)
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        rest = [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    print(line(cells[0]))
    print("|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (w + 1) + ":" for w in widths[1:]]) + "|")
    for row in cells[1:]:
        print(line(row))


def print_timings(timings: Mapping[str, Timing]) -> None:
    """Print candidates with their median, quartiles and CPU time."""
    rows = []
    for name, timing in timings.items():
        low, high = timing.spread
        rows.append(
            [
                name,
                seconds(timing.median),
                f"{seconds(low)} – {seconds(high)}",
                seconds(timing.median_cpu),
                len(timing.wall),
            ]
        )
    print_table(["", "median", "quartiles", "cpu", "repeats"], rows)


def parser(description: str) -> argparse.ArgumentParser:
    """The options every benchmark has: --smoke and --json FILE."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--smoke", action="store_true", help="seconds, not minutes: sizes cut")
    options.add_argument("--json", metavar="FILE", help="write the figures here")
    return options


def finish(
    args: argparse.Namespace,
    figures: Mapping[str, float],
    *,
    packages: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Print the figures and the machine; write them where --json says.

    Args:
        args: what `parser` parsed.
        figures: key → number, the keys that the issue names.
        packages: further packages whose versions matter (the peers).
        **more: anything else to keep in the file (a table's rows, the settings).

    Returns:
        What was written: figures, machine, versions, commit, smoke and `more`.
    """
    report = {
        "figures": dict(figures),
        "machine": machine(),
        "versions": versions(*packages),
        "commit": commit(),
        "smoke": args.smoke,
        **more,
    }
    facts = report["machine"]
    print()
    print_table(["figure", "value"], [[key, float(value)] for key, value in figures.items()])
    print(f"\n{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}")
    print(", ".join(f"{k} {v}" for k, v in report["versions"].items()), "at", report["commit"])
    if args.json:
        path = pathlib.Path(args.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Here, so that what is measured of imports has not imported the package before.
        from vidparticles.storage import write_text

        write_text(path, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return report
