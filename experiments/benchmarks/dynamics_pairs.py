"""Sections of dynamics.py: all pairs, their gradients, their memory, learned laws."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import dynamics_peers as peers
from vidparticles import dynamics as vd
from vidparticles.particles import particles

STRAIGHT, SHIFT = vd.free()
# Pair by pair, as the peers: "auto" would take multipoles at the larger sizes.
FOUNDING = vd.all_pairs(vd.repulsion, STRAIGHT, method="loop", strength=1.0)


def uniform(count: int, systems: int = 1) -> np.ndarray:
    """Points of the unit square, float32 [B, N, 2]."""
    return np.random.default_rng(0).random((systems, count, 2)).astype(np.float32)


def exact(position: np.ndarray, sample: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Indices of some particles of the first system and the force on them in float64."""
    p = position[0].astype(np.float64)
    index = np.random.default_rng(1).choice(len(p), min(len(p), sample), replace=False)
    difference = p[index][:, None] - p[None]
    square = np.sum(difference**2, axis=-1)
    square[square == 0] = np.inf
    return index, np.sum(difference / square[..., None], axis=1)


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """Relative L2 distance."""
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def compile_(function: Callable, *arguments: Any) -> tuple[Callable[[], Any], float]:
    """A compiled call that waits, and the bytes it needs beside arguments and results."""
    compiled = jax.jit(function).lower(*arguments).compile()
    memory = compiled.memory_analysis().temp_size_in_bytes
    return lambda: jax.block_until_ready(compiled(*arguments)), memory


def rollout_loss(force: Callable, count: int) -> Callable:
    """|p|² + |v|² after the peers' velocity-Verlet steps, through our own rollout."""
    verlet = vd.velocity_verlet(force, SHIFT, peers.dt(count))

    def loss(position: jax.Array) -> jax.Array:
        path = vd.rollout(verlet, particles(position), steps=peers.STEPS, every=peers.STEPS)
        end = path.at(-1)
        return jnp.sum(end.position**2) + jnp.sum(end.velocity**2)

    return loss


def seconds_of(call: Callable[[], Any]) -> Callable[[], float]:
    """The same call, giving its seconds."""

    def timed() -> float:
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    return timed


def ours(kind: str, position: np.ndarray) -> tuple[Callable, np.ndarray, float]:
    """Our timed call, its result and its memory."""
    argument = jnp.asarray(position)
    function = FOUNDING
    if kind == "gradient":
        function = jax.vmap(jax.grad(rollout_loss(FOUNDING, position.shape[1])))
    call, memory = compile_(function, argument)
    return seconds_of(call), np.asarray(call()), memory


def against_peers(bench: Any, kind: str, count: int, systems: int, names: tuple[str, ...]) -> dict:
    """One size, all peers in turn; medians of seconds by name."""
    position = uniform(count, systems)
    here = {
        "KeOps": lambda: peers.keops(position, gradient=kind == "gradient"),
        "torch broadcast": lambda: peers.torch_broadcast(position, gradient=kind == "gradient"),
        "numba": lambda: peers.numba_force(position),
        "C, AVX": lambda: peers.c_force(position),
        "founding style": lambda: peers.founding_modules(position),
    }
    call, result, memory = ours(kind, position)
    calls, results, memories = {"ours": call}, {"ours": result}, {"ours": memory}
    for name in names:
        try:
            if name in here:
                made = here[name]()
                calls[name], results[name] = seconds_of(made), np.array(made())
            else:
                calls[name], results[name] = bench.worker.jax_case(name, kind, position)
        except peers.AbsentError as error:
            bench.skipped(name, str(error))
    medians = bench.interleave(calls)
    index, wanted = exact(position)
    if kind == "gradient":
        index, wanted = slice(None), results["ours"][0]
    passes = 1 if kind == "force" else peers.STEPS + 1
    for name, seconds in medians.items():
        bench.row(
            f"{kind}, N = {count:,}, B = {systems}",
            name,
            seconds,
            pairs=systems * count**2 * passes,
            error=relative(results[name][0][index], wanted),
            memory=memories.get(name),
        )
    if kind == "force":
        bench.figures[f"fwd_{count}_rel_err"] = relative(results["ours"][0][index], wanted)
    return {name: statistics.median(seconds) for name, seconds in medians.items()}


def forward(bench: Any) -> None:
    """All pairs forward."""
    every = ("jax-md smap.pair", "jnp broadcast", "torch broadcast", "KeOps", "numba")
    sizes = ((1024, 32, "1024x32"), (10240, 1, "10240"), (64, 32, "64x32"))
    for count, systems, key in ((64, 2, "64x2"),) if bench.smoke else sizes:
        got = against_peers(bench, "force", count, systems, (*every, "C, AVX"))
        compiled = min((got[n] for n in ("numba", "C, AVX") if n in got), default=None)
        bench.ratio(f"fwd_{key}_vs_jaxmd", got.get("jax-md smap.pair"), got["ours"])
        bench.ratio(f"fwd_{key}_vs_keops", got.get("KeOps"), got["ours"])
        bench.ratio(f"fwd_{key}_vs_compiled", compiled, got["ours"])


def backward(bench: Any) -> None:
    """The derivative alone, and gradients through ten steps."""
    large, middle = (1024, 256) if bench.smoke else (10240, 1024)
    position = jnp.asarray(uniform(large))
    u = jnp.asarray(np.random.default_rng(2).normal(size=position.shape).astype(np.float32))
    force, _ = compile_(FOUNDING, position)
    vjp, memory = compile_(lambda p, u: jax.vjp(FOUNDING, p)[1](u)[0], position, u)
    got = bench.interleave({"force": seconds_of(force), "vjp": seconds_of(vjp)})
    for name, seconds in got.items():
        what = f"derivative, N = {large:,}"
        bench.row(what, f"ours, {name}", seconds, pairs=large**2, memory=memory)
    force_s, vjp_s = (statistics.median(got[name]) for name in ("force", "vjp"))
    bench.ratio(f"vjp_over_force_{large}", vjp_s, force_s)

    got = against_peers(bench, "gradient", middle, 1, ("jax-md smap.pair", "KeOps"))
    bench.ratio(f"grad_{middle}_vs_jaxmd", got.get("jax-md smap.pair"), got["ours"])
    got = against_peers(bench, "gradient", large, 1, ("KeOps",))
    bench.ratio(f"grad_{large}_vs_keops", got.get("KeOps"), got["ours"])
    got = against_peers(bench, "gradient", 64, 32, ("jax-md smap.pair", "torch broadcast"))
    bench.ratio("grad_64x32_vs_jaxmd", got.get("jax-md smap.pair"), got["ours"])
    few = 16 if bench.smoke else 64
    got = against_peers(bench, "gradient", few, 1, ("founding style",))
    bench.ratio(f"founding_grad_{few}", got.get("founding style"), got["ours"])


def memory(bench: Any) -> None:
    """How memory grows, forward and through ten steps."""
    counts = (1024, 10240, 102400) if not bench.smoke else (256, 1024)
    peaks: dict[str, list[float]] = {"fwd": [], "grad": []}
    for count in counts:
        position = jnp.asarray(uniform(count)[0])
        for key, function in (
            ("fwd", FOUNDING),
            ("grad", jax.grad(rollout_loss(FOUNDING, count))),
        ):
            analysis = jax.jit(function).lower(position).compile().memory_analysis()
            peaks[key].append(float(analysis.temp_size_in_bytes))
    for key, values in peaks.items():
        bench.figures[f"mem_{key}_slope"] = slope(counts, values)
    bench.figures[f"mem_{counts[-1]}_grad_mb"] = peaks["grad"][-1] / 1e6


def slope(sizes: Any, values: Any) -> float:
    """The exponent of a power law through the points."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def learned(bench: Any) -> None:
    """A learned pair law of two layers, 32 wide: ours against the broadcast of all pairs."""
    count, width = (64, 32) if bench.smoke else (1024, 32)
    position = jnp.asarray(uniform(count)[0])
    keys = jax.random.split(jax.random.key(0), 3)
    params = {
        "first": jax.random.normal(keys[0], (2, width)),
        "second": jax.random.normal(keys[1], (width, width)) / width**0.5,
        "out": jax.random.normal(keys[2], (width, 2)) / width**0.5,
    }

    def law(dr: Any, fa: Any, fb: Any, *, params: Any) -> Any:
        hidden = jnp.tanh(dr @ params["first"])
        return jnp.tanh(hidden @ params["second"]) @ params["out"]

    blocked = vd.all_pairs(law, STRAIGHT)

    def broadcast(p: Any, params: Any) -> Any:
        value = law(p[:, None] - p[None], None, None, params=params)
        return jnp.sum(jnp.where(jnp.eye(len(p), dtype=bool)[..., None], 0, value), axis=1)

    calls, results, memories = {}, {}, {}
    for name, force in (
        ("ours", lambda p, params: blocked(p, params=params)),
        ("broadcast", broadcast),
    ):
        gradient = jax.grad(lambda p, params, f=force: jnp.sum(f(p, params) ** 2), argnums=(0, 1))
        call, memories[name] = compile_(gradient, position, params)
        calls[name], results[name] = seconds_of(call), call()
    got = bench.interleave(calls)
    wanted = np.asarray(results["broadcast"][0])
    for name, seconds in got.items():
        bench.row(
            f"gradient of a learned law, N = {count:,}",
            name,
            seconds,
            pairs=count**2,
            error=relative(np.asarray(results[name][0]), wanted),
            memory=memories[name],
        )
    bench.ratio("learned_grad_mem_ratio", memories["ours"], memories["broadcast"])
    ours_s, broadcast_s = (statistics.median(got[name]) for name in ("ours", "broadcast"))
    bench.ratio("learned_grad_time_ratio", ours_s, broadcast_s)
