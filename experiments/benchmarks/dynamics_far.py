"""Sections of dynamics.py: laws with a cut-off, and of long range."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import dynamics_peers as peers
from experiments.benchmarks.dynamics_pairs import compile_, relative, seconds_of, uniform
from vidparticles import dynamics as vd

NEIGHBORS = 20


# ---------------------------------------------------------------- cut-off: the peers


def numba_cells(position: np.ndarray, cutoff: float) -> Callable[[], np.ndarray]:
    """Counting sort into cells, then the 3 × 3 around each, cells in parallel."""
    try:
        import numba
    except ImportError as error:
        raise peers.AbsentError("numba") from error

    @numba.njit(parallel=True, fastmath=True)
    def run(p, cutoff, side, out):
        count = p.shape[0]
        begin = np.zeros(side * side + 1, np.int32)
        cell = np.empty(count, np.int32)
        for i in range(count):
            column, row = min(side - 1, int(p[i, 0] * side)), min(side - 1, int(p[i, 1] * side))
            cell[i] = row * side + column
            begin[cell[i] + 1] += 1
        for c in range(side * side):
            begin[c + 1] += begin[c]
        place = begin[:-1].copy()
        where = np.empty((count, 2), np.float32)
        who = np.empty(count, np.int32)
        for i in range(count):
            k = place[cell[i]]
            place[cell[i]] += 1
            where[k, 0], where[k, 1], who[k] = p[i, 0], p[i, 1], i
        most = cutoff * cutoff
        for row in numba.prange(side):
            for column in range(side):
                first, last = max(0, column - 1), min(side - 1, column + 1)
                for a in range(begin[row * side + column], begin[row * side + column + 1]):
                    fx, fy = np.float32(0), np.float32(0)
                    x, y = where[a, 0], where[a, 1]
                    for r in range(max(0, row - 1), min(side, row + 2)):
                        for b in range(begin[r * side + first], begin[r * side + last + 1]):
                            dx, dy = x - where[b, 0], y - where[b, 1]
                            square = dx * dx + dy * dy
                            near = square < most and square > 0
                            inverse = np.float32(1) / square if near else np.float32(0)
                            fx += inverse * dx
                            fy += inverse * dy
                    out[who[a], 0], out[who[a], 1] = fx, fy

    out = np.empty_like(position[0])

    def call() -> np.ndarray:
        run(position[0], np.float32(cutoff), int(1 / cutoff), out)
        return out[None]

    return call


def jaxmd_neighbors(position: np.ndarray, cutoff: float, form: str) -> Callable[[], np.ndarray]:
    """jax-md's neighbor list, updated, and the force over it."""
    import jax_md
    from jax_md import partition, quantity, smap, space

    del jax_md
    displacement_fn, _ = space.free()
    p = jnp.asarray(position[0])

    def energy(dr: Any, **unused: Any) -> Any:
        near = (dr < cutoff) & (dr > 0)
        return jnp.where(near, -jnp.log(jnp.where(dr > 0, dr, 1) / cutoff), 0)

    lists = partition.neighbor_list(
        displacement_fn,
        1.0,
        cutoff,
        dr_threshold=0.0,
        capacity_multiplier=1.25,
        format=getattr(partition, form),
    )
    metric = space.canonicalize_displacement_or_metric(displacement_fn)
    force = quantity.force(smap.pair_neighbor_list(energy, metric))
    neighbors = lists.allocate(p)

    def both(p: Any, neighbors: Any) -> Any:
        return force(p, neighbor=lists.update(p, neighbors))

    compiled = jax.jit(both).lower(p, neighbors).compile()
    return lambda: np.asarray(compiled(p, neighbors))[None]


def cutoff(bench: Any) -> None:
    """About twenty neighbors: sorting into cells and the force, in one call."""
    count = 4096 if bench.smoke else 102_400
    position = uniform(count)
    radius = math.sqrt(NEIGHBORS / (math.pi * count))
    force = vd.cutoff(vd.repulsion, radius, strength=1.0)
    call, memory = compile_(force, jnp.asarray(position[0]))
    calls, results = {"ours": seconds_of(call)}, {"ours": np.asarray(call())[None]}
    for form in ("Dense", "OrderedSparse"):
        name = f"jax-md {form} list"
        try:
            calls[name], results[name] = bench.worker.make(
                name, jaxmd_neighbors, position, radius, form
            )
        except peers.AbsentError as error:
            bench.skipped(name, str(error))
    try:
        made = numba_cells(position, radius)
        calls["numba"], results["numba"] = seconds_of(made), made().copy()
    except peers.AbsentError as error:
        bench.skipped("numba cells", str(error))
    got = bench.interleave(calls)
    wanted = _near(position, radius)
    for name, seconds in got.items():
        bench.row(
            f"cut-off, N = {count:,}",
            name,
            seconds,
            pairs=count * NEIGHBORS,
            error=relative(results[name][0][wanted[0]], wanted[1]),
            memory=memory if name == "ours" else None,
        )
    median = {name: statistics.median(seconds) for name, seconds in got.items()}
    jaxmd = min((m for name, m in median.items() if name.startswith("jax-md")), default=None)
    bench.ratio(f"cutoff_{count}_vs_jaxmd", jaxmd, median["ours"])
    bench.ratio(f"cutoff_{count}_vs_numba", median.get("numba"), median["ours"])


def _near(position: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Some particles and the force of those near them, in float64."""
    p = position[0].astype(np.float64)
    index = np.random.default_rng(1).choice(len(p), 256, replace=False)
    difference = p[index][:, None] - p[None]
    square = np.sum(difference**2, axis=-1)
    square[(square == 0) | (square >= np.float64(np.float32(radius)) ** 2)] = np.inf
    return index, np.sum(difference / square[..., None], axis=1)
