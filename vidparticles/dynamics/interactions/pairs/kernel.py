"""A sum over sources as a kernel for GPUs, in Pallas (Triton).

A program holds a block of targets in registers and walks over the sources block by block; a tile
of pairs lives only there. Memory and its traffic are O(N) a program, the arithmetic is what
bounds it. Single precision throughout: half precision loses digits in the differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

# Targets of a program and sources of a turn.
TARGETS, SOURCES = 64, 64


def over_sources(
    pair: Callable[[Any, Any, Any], list[Array]],
    particles: Any,
    params: Any,
    *,
    terms: int,
    interpret: bool = False,
) -> list[Array]:
    """Σ_j pair(i, j) for all i; see `loop.over_sources`, which this equals.

    Args:
        pair: called with leaves [TARGETS, 1] for targets and [1, SOURCES] for sources.
        particles: a pytree of arrays [..., N].
        params: a pytree of arrays [..., 1].
        terms: how many `pair` returns.
        interpret: run on any platform, slowly, for tests.
    """
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    leaves, form = jax.tree.flatten(particles)
    values, values_form = jax.tree.flatten(params)
    lead, count = leaves[0].shape[:-1], leaves[0].shape[-1]
    systems = math.prod(lead)
    padded = -(-count // max(TARGETS, SOURCES)) * max(TARGETS, SOURCES)

    def flat(x: Array) -> Array:
        return jnp.pad(x.reshape(systems, count), ((0, 0), (0, padded - count)))

    def kernel(*refs: Any) -> None:
        targets, rest = refs[: len(leaves)], refs[len(leaves) :]
        sources, rest = rest[: len(leaves)], rest[len(leaves) :]
        numbers, outs = rest[: len(values)], rest[len(values) :]
        target = jax.tree.unflatten(form, [ref[0, :][:, None] for ref in targets])
        given = jax.tree.unflatten(values_form, [ref[0, :][:, None] for ref in numbers])

        def turn(block: Any, totals: tuple[Array, ...]) -> tuple[Array, ...]:
            begin = block * SOURCES
            source = jax.tree.unflatten(
                form, [ref[0, pl.ds(begin, SOURCES)][None, :] for ref in sources]
            )
            there = (begin + jnp.arange(SOURCES) < count)[None, :]
            each = pair(target, source, given)
            return tuple(
                total + jnp.sum(jnp.where(there, term, 0), axis=1)
                for total, term in zip(totals, each, strict=True)
            )

        zero = tuple(jnp.zeros(TARGETS, out.dtype) for out in outs)
        totals = lax.fori_loop(0, padded // SOURCES, turn, zero)
        for out, total in zip(outs, totals, strict=True):
            out[0, :] = total

    some = pl.BlockSpec((1, TARGETS), lambda system, block: (system, block))
    every = pl.BlockSpec((1, padded), lambda system, block: (system, 0))
    number = pl.BlockSpec((1, 1), lambda system, block: (system, 0))
    out = jax.ShapeDtypeStruct((systems, padded), leaves[0].dtype)
    arrays = [flat(leaf) for leaf in leaves]
    call = pl.pallas_call(
        kernel,
        grid=(systems, padded // TARGETS),
        in_specs=[some] * len(leaves) + [every] * len(leaves) + [number] * len(values),
        out_specs=[some] * terms,
        out_shape=[out] * terms,
        compiler_params=triton.CompilerParams(num_warps=4),
        interpret=interpret,
    )
    sums = call(*arrays, *arrays, *[value.reshape(systems, 1) for value in values])
    return [s[:, :count].reshape(*lead, count) for s in sums]
