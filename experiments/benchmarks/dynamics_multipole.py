"""The section of dynamics.py on the founding law by multipoles: a million particles, crowds."""

from __future__ import annotations

import math
import statistics
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import dynamics_peers as peers
from experiments.benchmarks.dynamics_pairs import compile_, exact, relative, seconds_of, uniform
from vidparticles import dynamics as vd

OURS = vd.multipole(vd.repulsion, strength=1.0)


def clumps(count: int) -> np.ndarray:
    """Eight Gaussian clumps of width 0.03 in the unit square, float32 [1, N, 2]."""
    middle = np.random.default_rng(2).random((8, 2))
    which = np.random.default_rng(3).integers(0, 8, count)
    x = middle[which] + 0.03 * np.random.default_rng(4).standard_normal((count, 2))
    return x.astype(np.float32)[None]


def cusp(count: int) -> np.ndarray:
    """A crowd that is the denser the nearer to its middle, without end, float32 [1, N, 2]."""
    radius = 0.5 * np.random.default_rng(5).random((count, 1)) ** 3
    angle = 2 * math.pi * np.random.default_rng(6).random((count, 1))
    x = 0.5 + radius * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    return x.astype(np.float32)[None]


def multipole(bench: Any) -> None:
    """The force of 10⁴ to 10⁶ particles, its VJP, and of crowds; the direct loop in C beside it."""
    counts = (2048, 8192) if bench.smoke else (10_240, 102_400, 1_024_000)
    _sizes(bench, counts)
    _backward(bench, counts[-1])
    _crowds(bench, counts[-2])


def _sizes(bench: Any, counts: tuple[int, ...]) -> None:
    """Ours at all sizes, the direct sum where that takes seconds; its time grows as N²."""
    calls, results, memories = {}, {}, {}
    for count in counts:
        position = uniform(count)
        call, memories[count] = compile_(OURS, jnp.asarray(position[0]))
        calls[f"ours {count}"], results[count] = seconds_of(call), np.asarray(call())
    direct = counts[-1] if bench.smoke else 102_400
    try:
        calls["C"] = seconds_of(peers.c_force(uniform(direct)))
    except peers.AbsentError as error:
        bench.skipped("C, AVX", str(error))
    got = bench.interleave(calls)
    median = {name: statistics.median(seconds) for name, seconds in got.items()}
    for count in counts:
        index, wanted = exact(uniform(count))
        error = relative(results[count][index], wanted)
        bench.row(
            f"far, N = {count:,}",
            "ours",
            got[f"ours {count}"],
            pairs=float(count) ** 2,
            error=error,
            memory=memories[count],
        )
    bench.figures["fmm_1m_rel_l2"] = error
    if "C" in got:
        bench.row(f"far, N = {direct:,}", "C, AVX", got["C"], pairs=float(direct) ** 2)
        whole = median["C"] * (counts[-1] / direct) ** 2
        bench.ratio("fmm_1m_vs_compiled", whole, median[f"ours {counts[-1]}"])
    slope = np.polyfit(
        np.log([float(count) for count in counts]),
        np.log([median[f"ours {count}"] for count in counts]),
        1,
    )
    bench.figures["fmm_exponent"] = float(slope[0])
    print(f"  fmm_exponent = {slope[0]:.4g}", flush=True)


def _backward(bench: Any, count: int) -> None:
    """The force alone, and with the cotangent of the positions."""
    position = jnp.asarray(uniform(count)[0])
    u = jax.random.normal(jax.random.key(0), position.shape)

    def both(position: Any) -> Any:
        force, back = jax.vjp(OURS, position)
        return force, back(u)[0]

    alone, _ = compile_(OURS, position)
    together, memory = compile_(both, position)
    got = bench.interleave({"force": seconds_of(alone), "both": seconds_of(together)})
    bench.row(f"far, N = {count:,}", "ours, force and VJP", got["both"], memory=memory)
    bench.ratio("fmm_vjp_over_force", *(statistics.median(got[n]) for n in ("both", "force")))


def _crowds(bench: Any, count: int) -> None:
    """Where particles crowd, beside where they are spread evenly."""
    shapes = {"uniform": uniform(count), "clumps": clumps(count), "cusp": cusp(count)}
    calls, results = {}, {}
    for name, position in shapes.items():
        call, _ = compile_(OURS, jnp.asarray(position[0]))
        calls[name], results[name] = seconds_of(call), np.asarray(call())
    got = bench.interleave(calls)
    for name, position in shapes.items():
        index, wanted = exact(position)
        error = relative(results[name][index], wanted)
        bench.row(f"far, N = {count:,}", f"ours, {name}", got[name], error=error)
        if name != "uniform":
            medians = (statistics.median(got[n]) for n in (name, "uniform"))
            bench.ratio(f"fmm_{name}_vs_uniform", *medians)
