"""Section of dynamics.py: the founding law over all images of a periodic box."""

from __future__ import annotations

import statistics
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.dynamics_pairs import compile_, relative, seconds_of, slope
from vidparticles import dynamics as vd

FORCE = vd.ewald(vd.repulsion, 1.0, strength=1.0)


def ewald(position: np.ndarray, sample: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Some particles of the unit box and the force on them in float64, to about 1e-8."""
    from scipy.special import gamma, gammaincc

    x, alpha, most = position.astype(np.float64), 9.0, 13
    count, dim = x.shape
    index = np.random.default_rng(1).choice(count, min(count, sample), replace=False)
    force = np.zeros((len(index), dim))
    for row, i in enumerate(index):
        dr = x[i] - x
        dr -= np.round(dr)
        square = np.sum(dr**2, axis=-1)
        square[i] = np.inf
        force[row] = (np.exp(-(alpha**2) * square) / square) @ dr
    turns = np.arange(-most, most + 1)
    waves = 2 * np.pi * np.stack(np.meshgrid(*[turns] * dim, indexing="ij"))
    square = np.sum(waves**2, axis=0)
    square[(most,) * dim] = np.inf
    green = 0.5 * (4 * np.pi / square) ** (dim / 2)
    green *= gamma(dim / 2) * gammaincc(dim / 2, square / (4 * alpha**2))
    along = np.exp(2j * np.pi * x[..., None] * turns)
    *others, last = np.moveaxis(along, 1, 0)
    if dim == 3:
        seen = np.stack([(others[0][:, a, None] * others[1]).T @ last for a in range(len(turns))])
    else:
        seen = others[0].T @ last
    for row, i in enumerate(index):
        phase = np.multiply.outer(along[i, 0], along[i, 1])
        phase = phase if dim == 2 else np.multiply.outer(phase, along[i, 2])
        force[row] += np.sum(
            waves * (green * np.imag(phase * seen.conj())), axis=tuple(range(1, dim + 1))
        )
    return index, force


def mesh(bench: Any) -> None:
    """Forces and their derivative with the options left out, against a slow Ewald sum."""
    cases = ((2, 10_240), (2, 102_400), (3, 32_768))
    if bench.smoke:
        cases = ((2, 512), (2, 2048), (3, 512))
    seconds: dict[tuple[int, int], float] = {}
    for dim, count in cases:
        position = np.random.default_rng(0).random((count, dim)).astype(np.float32)
        x = jnp.asarray(position)
        u = jnp.asarray(np.random.default_rng(2).normal(size=x.shape).astype(np.float32))
        force, forward_memory = compile_(FORCE, x)
        vjp, backward_memory = compile_(lambda x, u: jax.vjp(FORCE, x)[1](u)[0], x, u)
        index, wanted = ewald(position)
        error = relative(np.asarray(force())[index], wanted)
        got = bench.interleave({"ours": seconds_of(force), "ours, derivative": seconds_of(vjp)})
        for name, memory in zip(got, (forward_memory, backward_memory), strict=True):
            bench.row(
                f"all images, {dim}-D, N = {count:,}",
                name,
                got[name],
                error=error if name == "ours" else None,
                memory=memory,
            )
        ours_s, vjp_s = (statistics.median(times) for times in got.values())
        seconds[dim, count] = ours_s
        bench.figures[f"mesh_{count}_rel_l2"] = error
        if (dim, count) == cases[1]:
            bench.ratio("mesh_vjp_over_force", vjp_s, ours_s)
    plane = [count for dim, count in cases if dim == 2]
    bench.figures["mesh_exponent"] = slope(plane, [seconds[2, count] for count in plane])
