"""All pairs over many devices: each holds its particles, and the sources go round in a ring.

With P devices, each adds to the force on its own N / P particles what its present block of
sources exerts, while it hands that block to the next; after P turns every block is home again. A
device never holds more than two blocks, forward or backward: the way back is another ring, in
which the cotangent of a block travels with it (central laws need not even that: with Newton's
third law it is a sum of the same kind, see `central`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.sharding import Mesh, PartitionSpec

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, check_shapes, complete, lift, prepare
from vidparticles.dynamics.interactions.pairs import loop
from vidparticles.dynamics.interactions.pairs.central import OverSources, central_sum
from vidparticles.dynamics.laws.central import CentralLaw
from vidparticles.dynamics.laws.split import SplitLaw
from vidparticles.dynamics.reversible.reversible import smooth_apart
from vidparticles.dynamics.space import DisplacementFn


def ring(
    law: Law,
    displacement_fn: DisplacementFn,
    mesh: Mesh,
    axis: str,
    *,
    batch_axis: str | None = None,
    **defaults: Any,
) -> ForceFn:
    """A pair law summed over all others, of particles that are spread over devices.

    Args:
        law: `law(dr [..., D], fa [..., F], fb [..., F], **params)` → [..., D].
        displacement_fn: of a space, ours or jax-md's; antisymmetric.
        mesh: of devices, of one process or several.
        axis: the axis of the mesh that the particles are spread over.
        batch_axis: the axis of the mesh that the first of the leading axes is spread over.
        **defaults: parameters of the law, unless given at the call, the same for all particles
            (what differs from one to another is a feature); a central law's can differ from
            batch entry to batch entry, [..., 1] against positions [..., N, D].

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, D] of globally
        sharded arrays, under `jit` or not. Time O(N² / P), memory a device O(N / P), forward and
        backward, on P devices.

    Raises:
        ValueError: the mesh has no such axis; when called, shapes do not fit, the devices do not
            divide N, or the first leading axis; a central law's parameter differs from particle
            to particle.

    Example:
        >>> from jax.sharding import AxisType
        >>> from vidparticles.dynamics import free, repulsion
        >>> mesh = jax.make_mesh((1,), ("particles",), axis_types=(AxisType.Auto,))
        >>> force_fn = ring(repulsion, free()[0], mesh, "particles", strength=1.0)
        >>> force_fn(jnp.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
        [[-0.5, 0.0], [0.5, 0.0]]
    """
    for name in (axis, batch_axis):
        if name is not None and name not in mesh.shape:
            raise ValueError(f"the mesh has axes {tuple(mesh.shape)}, none called {name!r}.")

    def force_fn(
        position: Array, *, feature: Array | None = None, alive: Array | None = None, **params: Any
    ) -> Array:
        check_shapes(position, feature, alive)
        _divide(position, mesh, axis, batch_axis)
        leading = [batch_axis, *[None] * (position.ndim - 3)] if position.ndim > 2 else []
        each = PartitionSpec(*leading, axis)
        given = {"position": position, "feature": feature, "alive": alive}

        def block(given: Mapping[str, Any], params: Mapping[str, Any]) -> Array:
            return _block_force(law, displacement_fn, axis, mesh.shape[axis], given, params)

        bound = {**defaults, **params}
        specs = {
            name: _spec(law, name, value, position, batch_axis) for name, value in bound.items()
        }
        spread = jax.shard_map(block, mesh=mesh, in_specs=(each, specs), out_specs=each)
        return spread(given, bound)

    return force_fn


def _spec(
    law: Law, name: str, value: Any, position: Array, batch_axis: str | None
) -> PartitionSpec:
    """How a parameter is spread: over the batch where it has an entry for each of it."""
    if not isinstance(law, CentralLaw):
        return PartitionSpec()
    own = 1 if name in law.vectors else 0
    shape = jnp.shape(value)[: jnp.ndim(value) - own]
    if shape and shape[-1] != 1:
        raise ValueError(
            f"{name} has shape {jnp.shape(value)}; a ring expects one for all particles (a number, "
            "or [..., 1] against positions [..., N, D]). Make what differs a feature."
        )
    whole = len(shape) < position.ndim - 1 or shape[0] == 1
    return PartitionSpec() if whole or position.ndim < 3 else PartitionSpec(batch_axis)


def _divide(position: Array, mesh: Mesh, axis: str, batch_axis: str | None) -> None:
    """See to it that each device gets the same number."""
    count, devices = position.shape[-2], mesh.shape[axis]
    if count % devices:
        raise ValueError(
            f"{count} particles cannot be spread evenly over the {devices} devices of mesh axis "
            f"{axis!r}; add inactive ones with vidparticles.particles.pad to make "
            f"{math.ceil(count / devices) * devices}."
        )
    if batch_axis is not None and (position.ndim < 3 or position.shape[0] % mesh.shape[batch_axis]):
        raise ValueError(
            f"positions {position.shape} have no first axis that the {mesh.shape[batch_axis]} "
            f"devices of mesh axis {batch_axis!r} divide; expected [B, ..., N, D]."
        )


def _block_force(
    law: Law,
    displacement_fn: DisplacementFn,
    axis: str,
    devices: int,
    given: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Array:
    """The force on the particles of one device."""
    position, alive = given["position"], given["alive"]
    if position.shape[-2] == 0:
        return jnp.zeros_like(position)
    if isinstance(law, CentralLaw):
        if alive is not None:
            position, _, alive = complete(position, None, alive)

        def profile(square: Array, params: Mapping[str, Any]) -> Array:
            return law.profile(square, **params)

        return central_sum(
            profile,
            displacement_fn,
            position,
            alive,
            law.apart(params),
            over_sources=_round(axis, devices),
        )
    position, feature, alive = complete(position, given["feature"], alive)
    _, brought = prepare(law, feature, params)
    # Zeros like the positions: so all vary over devices as those do.
    none = jnp.zeros_like(position[..., 0], jnp.int32)
    index = none + lax.axis_index(axis) * position.shape[-2] + jnp.arange(position.shape[-2])
    moving = {"position": position, "brought": brought}
    still = {"alive": (alive & (none == 0))[..., None], "index": index[..., None]}
    zero = jnp.sum(position[..., :0, :])
    smooth, others, join = smooth_apart(params)
    smooth = [leaf + zero.astype(leaf.dtype) for leaf in smooth]
    function = law.pair if isinstance(law, SplitLaw) else law

    def exert(target: Any, source: Any, smooth: Any, others: Any) -> Array:
        pair = functools.partial(function, **join(smooth, others))
        return _exert(pair, displacement_fn, target, source)

    return _around(exert, axis, devices, moving, smooth, (still, others))


def _exert(
    pair: Callable[..., Array], displacement_fn: DisplacementFn, target: Any, block: Any
) -> Array:
    """What a block of sources exerts, one after the other, each turn computed again for the VJP."""

    def add(total: Array, source: Any) -> tuple[Array, None]:
        source = jax.tree.map(lambda x: x[..., None, :], source)
        valid = target["alive"] & source["alive"] & (target["index"] != source["index"])
        dr = lift(displacement_fn, target["position"], source["position"])
        # An excluded pair is given some distance, since a law may divide by it.
        value = pair(jnp.where(valid, dr, 1), target["brought"], source["brought"])
        return total + jnp.where(valid, value, 0).astype(total.dtype), None

    sources = jax.tree.map(lambda x: jnp.moveaxis(x, -2, 0), block)
    zero = jnp.zeros_like(target["position"])
    return lax.scan(jax.checkpoint(add, prevent_cse=False), zero, sources)[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _around(
    exert: Callable[..., Array], axis: str, devices: int, moving: Any, smooth: Any, fixed: Any
) -> Array:
    """Σ over blocks of `exert(target, source, smooth, others)`, fixed = (of particles, others)."""
    still, others = fixed
    target = moving | still

    def turn(carry: tuple[Any, Array], nothing: None) -> tuple[Any, None]:
        block, total = carry
        total = total + exert(target, block, smooth, others)
        return (_passed(block, axis, devices), total), None

    zero = jnp.zeros_like(moving["position"])
    return lax.scan(turn, (target, zero), length=devices)[0][1]


def _around_forward(
    exert: Callable[..., Array], axis: str, devices: int, moving: Any, smooth: Any, fixed: Any
) -> tuple[Array, Any]:
    force = _around(exert, axis, devices, moving, smooth, fixed)
    return force, (moving, smooth, fixed)


def _around_backward(
    exert: Callable[..., Array], axis: str, devices: int, kept: Any, cotangent: Array
) -> tuple[Any, Any, None]:
    moving, smooth, (still, others) = kept

    def turn(carry: Any, nothing: None) -> tuple[Any, None]:
        (block, beside), of_block, of_target, of_smooth = carry

        def force(target: Any, source: Any, smooth: Any) -> Array:
            return exert(target | still, source | beside, smooth, others)

        _, back = jax.vjp(force, moving, block, smooth)
        target, source, parameters = back(cotangent)
        of_block = jax.tree.map(jnp.add, of_block, source)
        of_target = jax.tree.map(jnp.add, of_target, target)
        of_smooth = jax.tree.map(jnp.add, of_smooth, parameters)
        gone = _passed(((block, beside), of_block), axis, devices)
        return (*gone, of_target, of_smooth), None

    zero, none = jax.tree.map(jnp.zeros_like, (moving, smooth))
    carry = ((moving, still), zero, zero, none)
    # After all turns what was gathered for a block is on the device of that block.
    _, of_block, of_target, of_smooth = lax.scan(turn, carry, length=devices)[0]
    return jax.tree.map(jnp.add, of_block, of_target), of_smooth, None


_around.defvjp(_around_forward, _around_backward)


def _passed(block: Any, axis: str, devices: int) -> Any:
    """The block of the device before, this one's being handed to the one behind."""
    order = [(i, (i + 1) % devices) for i in range(devices)]
    return jax.tree.map(lambda x: lax.ppermute(x, axis, order), block)


def _round(axis: str, devices: int) -> OverSources:
    """A sum over all sources, block by block, as `loop.over_sources` takes it over one."""

    def over_sources(pair: Any, particles: Any, params: Any, *, terms: int) -> list[Array]:
        def of_block(target: Any, source: Any, params: Any) -> list[Array]:
            return pair(target["here"], source["there"], params)

        def turn(carry: tuple[Any, list[Array]], nothing: None) -> tuple[Any, None]:
            block, total = carry
            both = {"here": particles, "there": block}
            part = loop.over_sources(of_block, both, params, terms=terms)
            total = [t + p for t, p in zip(total, part, strict=True)]
            return (_passed(block, axis, devices), total), None

        zero = [jnp.zeros_like(jax.tree.leaves(particles)[0])] * terms
        return lax.scan(turn, (particles, zero), length=devices)[0][1]

    return over_sources
