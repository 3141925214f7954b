"""Section of dynamics.py: how the ways of summing grow with N, and where multipoles pay off.

`all_pairs(..., method="auto")` takes them from `MULTIPOLE_FROM` particles on; the figure
`multipole_pays_from` is where the two curves of this run cross.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.dynamics_pairs import STRAIGHT, compile_, seconds_of, slope, uniform
from vidparticles import dynamics as vd

NEIGHBORS = 20


def scaling(bench: Any) -> None:
    """The founding law by each way of summing, of evenly spread particles."""
    counts = (256, 1024) if bench.smoke else (1024, 4096, 16384, 65536)
    curves: dict[str, list[float]] = {}
    for count in counts:
        position = jnp.asarray(uniform(count)[0])
        cutoff = math.sqrt(NEIGHBORS / (math.pi * count))
        ways = {
            "all pairs": vd.all_pairs(vd.repulsion, STRAIGHT, method="loop", strength=1.0),
            "multipoles": vd.multipole(vd.repulsion, strength=1.0),
            "mesh, all images": vd.ewald(vd.repulsion, 1.0, strength=1.0),
            f"within, {NEIGHBORS} neighbors": vd.cutoff(vd.repulsion, cutoff, strength=1.0),
        }
        calls = {name: seconds_of(compile_(force, position)[0]) for name, force in ways.items()}
        for name, seconds in bench.interleave(calls).items():
            bench.row(f"growth, N = {count:,}", f"ours, {name}", seconds)
            curves.setdefault(name, []).append(statistics.median(seconds))
    for name, seconds in curves.items():
        bench.curves[name] = (counts, seconds)
    for name, key in (("all pairs", "all_pairs"), (f"within, {NEIGHBORS} neighbors", "within")):
        bench.figures[f"{key}_exponent"] = slope(counts, curves[name])
    gain = np.log(curves["all pairs"]) - np.log(curves["multipoles"])
    if gain[0] < 0 < gain[-1]:
        crossing = np.interp(0, gain, np.log(counts))
        bench.figures["multipole_pays_from"] = float(np.exp(crossing))
