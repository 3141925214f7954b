"""The far part of a periodic sum: from particles by splines to a mesh, by waves to a potential.

Smooth particle-mesh (Essmann et al., J. Chem. Phys. 103, 8577, 1995): splines spread the
particles over the mesh, and the slopes of the same splines read the force from its potential, so
that it is minus the gradient of an energy. Particles are taken in blocks, since each has order^D
points; the derivative, in closed form, is one more spreading, transform and reading:

    E = ½ ρᵀ G ρ,   F_i = −∇_i ρᵀ φ,   φ = G ρ
    Σ u · dF = −Σ_i dx_i · (∇_i (u_i · ∇_i ρᵀ φ) + ∇_i ρᵀ ψ),   ψ = G (u · ∇) ρ
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

# Particles a block: its windows stay in the cache.
BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Mesh:
    """A mesh over a periodic box of D sides.

    Attributes:
        sides: of the box.
        counts: of the cells along each side.
        order: of the splines, an even number; so many points a particle has along each side.
        alpha: α, the inverse of the width at which near and far are split.
    """

    sides: tuple[float, ...]
    counts: tuple[int, ...]
    order: int
    alpha: float


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def far_sum(mesh: Mesh, x: Array, living: Array) -> Array:
    """Σ_j of the far part of dr / |dr|², over the images of all those alive, for those alive.

    Args:
        mesh: of the box.
        x: [N, D] positions, in the box.
        living: [N] bool.

    Returns:
        [N, D]; 0 for the inactive.
    """
    chex.assert_shape(x, (None, len(mesh.counts)))
    chex.assert_shape(living, x.shape[:1])
    return _far_forward(mesh, x, living)[0]


def _far_forward(mesh: Mesh, x: Array, living: Array) -> tuple[Array, Any]:
    weight = living.astype(x.dtype)[:, None]

    def spread(part: Array, weight: Array) -> Array:
        return jnp.expand_dims(weight, range(2, x.shape[1] + 1)) * _product(part, mesh.order)

    potential = _potential(mesh, _spread(mesh, spread, x, weight))

    def read(part: Array, weight: Array, window: Array) -> Array:
        return weight * _slope(part, window)

    slope = _read(mesh, read, x, weight, potential)
    return -slope * _per_side(mesh, x.dtype), (x, weight, potential)


def _far_backward(mesh: Mesh, kept: Any, u: Array) -> tuple[Array, None]:
    x, weight, potential = kept
    u = u * weight * _per_side(mesh, x.dtype)

    def spread(part: Array, u: Array) -> Array:
        return jax.jvp(lambda part: _product(part, mesh.order), (part,), (u,))[1]

    of_others = _potential(mesh, _spread(mesh, spread, x, u))

    def read(part: Array, brought: Any, own: Array, others: Array) -> Array:
        u, weight = brought
        turned = jax.jvp(lambda part: _slope(part, own), (part,), (u,))[1]
        return turned + weight * _slope(part, others)

    slope = _read(mesh, read, x, (u, weight), potential, of_others)
    return -slope * _per_side(mesh, x.dtype), None


far_sum.defvjp(_far_forward, _far_backward)


def _per_side(mesh: Mesh, dtype: Any) -> Array:
    """Cells per length, [D]."""
    return jnp.asarray(np.divide(mesh.counts, mesh.sides), dtype)


def _place(mesh: Mesh, x: Array) -> tuple[Array, Array]:
    """Cells of positions [..., D], and the place within."""
    turns = x * _per_side(mesh, x.dtype)
    cell = jnp.floor(turns)
    return jnp.mod(cell.astype(jnp.int32), jnp.asarray(mesh.counts)), turns - cell


def _blocks(mesh: Mesh, x: Array, brought: Any) -> Any:
    """Cells, places and what is brought, [N, ·], in blocks; zeros fill the last."""
    size = min(BLOCK, len(x))
    count = -(-len(x) // size)

    def cut(t: Array) -> Array:
        t = jnp.pad(t, [(0, count * size - len(x))] + [(0, 0)] * (t.ndim - 1))
        return t.reshape(count, size, *t.shape[1:])

    return jax.tree.map(cut, (*_place(mesh, x), brought))


def _spread(mesh: Mesh, window: Callable[[Array, Any], Array], x: Array, brought: Any) -> Array:
    """The sum of windows [n, order, …] that stand at the particles; [counts + order − 1]."""
    dims = tuple(range(x.shape[1]))
    where = lax.ScatterDimensionNumbers(
        update_window_dims=tuple(d + 1 for d in dims),
        inserted_window_dims=(),
        scatter_dims_to_operand_dims=dims,
    )

    def turn(points: Array, block: Any) -> tuple[Array, None]:
        cell, part, brought = block
        added = lax.scatter_add(
            points, cell, window(part, brought), where, mode="promise_in_bounds"
        )
        return added, None

    # Varying over devices as the positions do.
    zero = jnp.zeros([n + mesh.order - 1 for n in mesh.counts], x.dtype) + 0 * x[0, 0]
    return lax.scan(turn, zero, _blocks(mesh, x, brought))[0]


def _read(mesh: Mesh, value: Callable[..., Array], x: Array, brought: Any, *fields: Array) -> Array:
    """`value(part, brought, *windows of the fields)` of each particle, [N, D]."""
    dims = tuple(range(x.shape[1]))
    where = lax.GatherDimensionNumbers(
        offset_dims=tuple(d + 1 for d in dims), collapsed_slice_dims=(), start_index_map=dims
    )

    def turn(block: Any) -> Array:
        cell, part, brought = block
        size = (mesh.order,) * len(dims)
        windows = [
            lax.gather(field, cell, where, size, mode="promise_in_bounds") for field in fields
        ]
        return value(part, brought, *windows)

    return lax.map(turn, _blocks(mesh, x, brought)).reshape(-1, len(dims))[: len(x)]


def _potential(mesh: Mesh, points: Array) -> Array:
    """G ρ; what stands beyond the last cell is that much of the first, before and after."""
    for d, count in enumerate(mesh.counts):
        here, beyond = jnp.split(points, [count], axis=d)
        head = (slice(None),) * d + (slice(mesh.order - 1),)
        points = here.at[head].add(beyond)
    influence = jnp.asarray(_influence(mesh), points.dtype)
    field = jnp.fft.irfftn(jnp.fft.rfftn(points) * influence, mesh.counts)
    return jnp.pad(field, [(0, mesh.order - 1)] * field.ndim, mode="wrap")


@functools.lru_cache(maxsize=8)
def _influence(mesh: Mesh) -> np.ndarray:
    """G: from the transform of what was spread to that of its potential, q = 0 left out.

    The transform of the far part of −log |r|, ½ (4π/q²)^(D/2) Γ(D/2, q²/4α²) / volume, over what
    two splines make of a wave.
    """
    from scipy.special import gamma, gammaincc  # not needed to import the package

    *others, last = mesh.counts
    index = [*(np.fft.fftfreq(n, 1 / n) for n in others), np.fft.rfftfreq(last, 1 / last)]
    waves = np.meshgrid(
        *[2 * math.pi * i / side for i, side in zip(index, mesh.sides, strict=True)], indexing="ij"
    )
    square = sum(q**2 for q in waves)
    square.flat[0] = np.inf
    half = len(mesh.sides) / 2
    green = 0.5 * (4 * math.pi / square) ** half
    green = green * gamma(half) * gammaincc(half, square / (4 * mesh.alpha**2))
    at_points = np.array(_splines(np.zeros(()), mesh.order, np)[0])
    for d, (i, count) in enumerate(zip(index, mesh.counts, strict=True)):
        seen = np.abs(np.exp(2j * math.pi * np.outer(i, np.arange(mesh.order)) / count) @ at_points)
        green = green / np.expand_dims(seen**2, [k for k in range(len(index)) if k != d])
    # Per volume; and the transforms are not normalized: a product of two, and one back.
    return green * math.prod(mesh.counts) / math.prod(mesh.sides)


def _splines(part: Any, order: int, xp: Any = jnp) -> tuple[list[Any], list[Any]]:
    """Weights, and their slopes, of the points that a particle has along a side.

    The cardinal B-spline M_n(u) = (u M_{n−1}(u) + (n − u) M_{n−1}(u − 1)) / (n − 1) at
    u = part + n − 1 … part; its slope is M_{n−1}(u) − M_{n−1}(u − 1).

    Args:
        part: [...] in [0, 1), from the cell to the particle.
        order: n.
        xp: numpy or jax.numpy.

    Returns:
        n arrays [...], twice.
    """
    values, none = [xp.ones_like(part)], xp.zeros_like(part)
    for n in range(2, order + 1):
        before = [none, *values, none]
        u = [part + k for k in reversed(range(n))]
        values = [(u[k] * before[k] + (n - u[k]) * before[k + 1]) / (n - 1) for k in range(n)]
    return values, [before[k] - before[k + 1] for k in range(order)]


def _product(part: Array, order: int) -> Array:
    """The weights of places [n, D] over the points of their windows, [n, order, …]."""
    values = jnp.stack(_splines(part, order)[0], axis=-1)
    along = [values[:, d] for d in range(part.shape[1])]
    return functools.reduce(lambda a, b: a[..., None] * jnp.expand_dims(b, range(1, a.ndim)), along)


def _slope(part: Array, window: Array) -> Array:
    """The slope, by the place [n, D], of the field read from windows [n, order, …]."""
    values, slopes = (jnp.stack(s, axis=-1) for s in _splines(part, window.shape[-1]))
    axes = "abc"[: part.shape[1]]
    form = ",".join([f"n{axes}", *(f"n{a}" for a in axes)]) + "->n"
    each = []
    for d in range(part.shape[1]):
        along = [slopes[:, k] if k == d else values[:, k] for k in range(part.shape[1])]
        each.append(jnp.einsum(form, window, *along))
    return jnp.stack(each, axis=-1)
