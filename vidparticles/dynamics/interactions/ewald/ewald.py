"""The founding law in a periodic box, with all images: near pairs one by one, the rest on a mesh.

The law is F = k dr / |dr|², the field of a potential −k log |dr|; in two dimensions that is
Coulomb's. Its sum over all images of all particles, with a uniform background that makes the box
neutral, is split at a width 1/α (Ewald, Ann. Phys. 369, 253, 1921), in D dimensions

    near    k dr/|dr|² exp(−α² |dr|²)                     one by one, within a cut-off
    far     ½ k (4π/q²)^(D/2) Γ(D/2, q²/4α²) / volume     in waves q ≠ 0, on a mesh

since −log |dr| is ½ ∫ exp(−t |dr|²) dt/t and a constant: near is t > α², far t < α². The far part
is in `mesh`. The background exerts nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import complete
from vidparticles.dynamics.interactions.cutoff.cutoff import cutoff as within_cutoff
from vidparticles.dynamics.interactions.ewald.mesh import Mesh, far_sum
from vidparticles.dynamics.laws.attraction import attraction, repulsion
from vidparticles.dynamics.laws.central import CentralLaw, central
from vidparticles.numerics import safe_reciprocal

# The cut-off, in spacings of the mesh, unless given.
SPACINGS = 8
# Cells along a side for each particle along it, by D, unless given: near and far take alike long.
CELLS = {1: 3, 2: 3, 3: 4}


@central
def screened(square: Array, *, alpha: ArrayLike) -> Array:
    """The near part of the law, for strength 1: dr/|dr|² exp(−α² |dr|²)."""
    return safe_reciprocal(square) * jnp.exp(-square * (alpha * alpha))


def ewald(
    law: CentralLaw,
    box: float | Sequence[float],
    *,
    cells: int | Sequence[int] | None = None,
    order: int = 8,
    cutoff: float | None = None,
    **defaults: Any,
) -> ForceFn:
    """`repulsion` or `attraction` of all others and of all images of all, in a periodic box.

    Args:
        law: `repulsion` or `attraction`, without softening.
        box: its side, a number or one for each of D, as given to `periodic`.
        cells: of the mesh along a side, a number or one for each of D; at least twice the order.
            By default 3, 9 or 64 for each particle, inactive ones included, so that both parts take
            alike long where particles are spread evenly.
        order: of the splines, even and at least 4; each particle has order^D points of the mesh.
        cutoff: distance up to which pairs are summed one by one, at most half the box; by
            default 8 spacings of the mesh, or that. The larger it is in spacings, the more exact.
        **defaults: `strength`, unless given at the call: a number, or [..., 1] against positions
            [..., N, D].

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, D], D = 1, 2 or 3.
        Time O(N + M log M) for M cells, where particles are spread evenly; memory O(N + M);
        the feature is ignored.
        The relative error of evenly spread particles is about 5e-6; 3e-5 with order 6, or with 6
        spacings. Derivatives are first derivatives, in reverse. NaN for all, where a position of
        those alive is not finite.

    Raises:
        ValueError: another law; a mesh that splines do not fit; the cut-off exceeds half the
            box; when called, shapes do not fit, or parameters other than the strength are given.

    Example:
        >>> force_fn = ewald(repulsion, 1.0, cells=32, strength=1.0)
        >>> pair = jnp.array([[0.2, 0.5], [0.7, 0.5]])  # half a box apart: the images balance
        >>> bool(jnp.abs(force_fn(pair)).max() < 1e-4)
        True
    """
    if law not in (attraction, repulsion):
        raise ValueError(
            f"the sum over all images of {getattr(law, '__name__', law)!r} is not known to ewald; "
            "give attraction or repulsion, or all_pairs and a periodic space for nearest images."
        )
    if order < 4 or order % 2:
        raise ValueError(f"splines of order {order} are not known to ewald; give 4, 6, 8 or so on.")
    sides = tuple(np.atleast_1d(np.asarray(box, float)).tolist())
    given = None if cells is None else tuple(np.atleast_1d(np.asarray(cells, int)).tolist())

    def force_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        params = {**defaults, **params}
        if set(params) != {"strength"}:
            raise ValueError(
                f"ewald was given {sorted(params)}; it takes a strength, and no softening, which "
                "its sum over images does not know."
            )
        position, alive = jax.tree.map(jnp.asarray, (position, alive))
        count, dim = position.shape[-2:] if position.ndim > 1 else (0, 0)
        over, near = _plan(sides, given, order, cutoff, count, dim)
        dtype = jnp.promote_types(position.dtype, jnp.float32)
        x = position.astype(dtype)
        near_force = near(x, alive=alive)
        if position.size == 0:
            return position
        x, _, living = complete(x, None, alive)
        side = jnp.asarray(over.sides, dtype)
        x = x - lax.stop_gradient(side * jnp.floor(x / side))
        each = jax.vmap(functools.partial(far_sum, over))
        far_force = each(x.reshape(-1, count, dim), living.reshape(-1, count)).reshape(x.shape)
        # Of either law, its strength with a sign.
        strength = law.profile(jnp.ones((), dtype), **params)
        return (strength[..., None] * (near_force + far_force)).astype(position.dtype)

    return force_fn


@functools.lru_cache(maxsize=64)
def _plan(
    sides: tuple[float, ...],
    cells: tuple[int, ...] | None,
    order: int,
    cutoff: float | None,
    count: int,
    dim: int,
) -> tuple[Mesh, ForceFn]:
    """The mesh for so many particles, and the near part of the force."""
    for what, given in (("sides of the box", sides), ("numbers of cells", cells or (0,))):
        if dim not in (1, 2, 3) or len(given) not in (1, dim):
            raise ValueError(
                f"positions have {dim} components and there are {len(given)} {what}; expected "
                "positions [..., N, D] with D = 1, 2 or 3, and one number, or one for each "
                "component."
            )
    sides = sides * (dim // len(sides))
    if not all(0 < side < math.inf for side in sides):
        raise ValueError(f"the box has sides {sides}; expected positive, finite lengths.")
    counts = cells or _cells(sides, order, cutoff, count)
    counts = counts * (dim // len(counts))
    if min(counts) < 2 * order:
        raise ValueError(
            f"a mesh of {counts} cells does not fit splines of order {order}; a side has at least "
            "twice as many cells."
        )
    spacing = max(side / n for side, n in zip(sides, counts, strict=True))
    most = min(sides) / 2
    reach = min(SPACINGS * spacing, most) if cutoff is None else float(cutoff)
    if not 0 < reach <= most:
        raise ValueError(
            f"the cut-off is {reach:.3g} and the box {sides}; it is positive and at most half the "
            "box: give a smaller cut-off."
        )
    alpha = _widths(reach / spacing, order) / reach
    near = within_cutoff(screened, reach, box=sides, alpha=alpha)
    return Mesh(sides, counts, order, alpha), near


def _cells(
    sides: tuple[float, ...], order: int, cutoff: float | None, count: int
) -> tuple[int, ...]:
    """As many cells along each side as suit so many particles, and its transform."""
    from scipy.fft import next_fast_len  # not needed to import the package

    spacing = (math.prod(sides) / max(count, 1)) ** (1 / len(sides)) / CELLS[len(sides)]
    least = max(2 * order, 2 * SPACINGS)
    spacing = min(spacing, min(sides) / least)
    if cutoff is not None:
        spacing = min(spacing, cutoff / SPACINGS)
    return tuple(next_fast_len(math.ceil(side / spacing), real=True) for side in sides)


def _widths(spacings: float, order: int) -> float:
    """α times the cut-off, for which what is cut off is as large as what the splines miss.

    Relative to the force, that is about exp(−(α r)²) / 15 and (α h)^order / 200, of a cut-off r
    and a spacing h (both measured).
    """
    widths = 3.0
    for _ in range(20):
        widths = math.sqrt(2.5 + order * math.log(max(spacings / widths, 1)))
    return widths
