"""All pairs: every particle acts on every other.

Sums in O(N) memory, forward and backward. Central laws share one sum with a closed-form
derivative (`central`), taken by a kernel on a GPU and by a loop elsewhere; all others share a
loop whose turns are recomputed (`general`). The founding law of many particles in the plane is
summed by multipoles, in time O(N), to a float's digits.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, check_shapes, complete
from vidparticles.dynamics.interactions.multipole.multipole import SIGN, far_field
from vidparticles.dynamics.interactions.pairs import kernel, loop
from vidparticles.dynamics.interactions.pairs.central import OverSources, central_sum
from vidparticles.dynamics.interactions.pairs.general import Term, sum_over_sources
from vidparticles.dynamics.laws.attraction import attraction, repulsion
from vidparticles.dynamics.laws.central import CentralLaw
from vidparticles.dynamics.space import DisplacementFn, straight
from vidparticles.errors import nearest

Method = Literal["auto", "loop", "kernel", "multipole"]

# So many particles of a system are summed sooner by multipoles than pair by pair, by platform; of
# a CPU's, `multipole_pays_from` of experiments/benchmarks/dynamics.py is the lower end (the
# derivative and crowds pay off somewhat later), the GPU's are not measured.
MULTIPOLE_FROM = {"cpu": 10_000}


def sum_pairs(
    terms: Sequence[Term],
    displacement_fn: DisplacementFn,
    position: Array,
    feature: Array | None,
    alive: Array | None,
    *,
    method: Method = "auto",
) -> Array:
    """Σ over terms and others j of law(dr_ij, f_i, f_j), [..., N, D]."""
    check_shapes(position, feature, alive)
    closed = [_is_closed(law, params, displacement_fn, position) for law, params in terms]
    central: Any = [term for term, yes in zip(terms, closed, strict=True) if yes]
    others = [term for term, yes in zip(terms, closed, strict=True) if not yes]
    founding: Any = []
    if method == "multipole" or (method == "auto" and _are_many(position)):
        founding = [t for t in central if _is_founding(t[0], t[1], displacement_fn, position)]
    if method == "multipole" and len(founding) < len(terms):
        raise ValueError(
            "method='multipole' sums attraction and repulsion, without softening, in the plane and "
            "free space; give 'auto' or 'loop' for others."
        )
    force = jnp.zeros_like(position)
    if founding:
        strengths = [SIGN[law] * jnp.asarray(params["strength"]) for law, params in founding]
        strength = functools.reduce(jnp.add, strengths)
        force = force + (strength[..., None] * far_field(position, alive)).astype(position.dtype)
        central = [t for t in central if all(t is not f for f in founding)]
    if central:
        how = _over_sources(method, displacement_fn)
        force = force + _sum_central(central, displacement_fn, position, alive, how)
    elif method == "kernel":
        raise ValueError("method='kernel' sums central laws only; give 'auto' or 'loop'.")
    if others:
        force = force + sum_over_sources(
            others, displacement_fn, position, feature, alive, vector=True
        )
    return force


def _are_many(position: Array) -> bool:
    """Whether multipoles pay off, and give all the digits that there are."""
    least = MULTIPOLE_FROM.get(jax.default_backend(), math.inf)
    return position.shape[-2] >= least and position.dtype != jnp.float64


def _is_founding(
    law: Law, params: Mapping[str, Any], displacement_fn: DisplacementFn, position: Array
) -> bool:
    """Whether multipoles know the law as it is given here."""
    softening = params.get("softening", 0)
    bare = not isinstance(softening, jax.core.Tracer) and not np.any(np.asarray(softening))
    plane = displacement_fn is straight and position.shape[-1] == 2
    return law in (attraction, repulsion) and bare and plane


def _over_sources(method: Method, displacement_fn: DisplacementFn) -> OverSources:
    """How central laws are summed: by the platform the program is compiled for, unless forced."""
    if method == "kernel":
        if displacement_fn is not straight:
            raise ValueError("method='kernel' knows straight displacements only; give 'loop'.")
        return kernel.over_sources
    if method == "loop" or displacement_fn is not straight or jax.default_backend() != "gpu":
        return loop.over_sources

    def by_platform(pair: Any, particles: Any, params: Any, *, terms: int) -> list[Array]:
        def taken_by(over_sources: OverSources) -> Callable[..., list[Array]]:
            return lambda particles, params: over_sources(pair, particles, params, terms=terms)

        return lax.platform_dependent(
            particles,
            params,
            cuda=taken_by(kernel.over_sources),
            default=taken_by(loop.over_sources),
        )

    return by_platform


def _is_closed(
    law: Law, params: Mapping[str, Any], displacement_fn: DisplacementFn, position: Array
) -> bool:
    """Whether the closed form holds: a central law, alike for both of a pair, of its arguments."""
    if not isinstance(law, CentralLaw):
        return False
    for name, value in params.items():
        own = 1 if name in law.vectors else 0
        # Another for each target: what i does to j is not the opposite of what j does to i.
        if jnp.ndim(value) > own and jnp.shape(value)[-1 - own] != 1:
            return False

    def pair(a: Array, b: Array, params: Mapping[str, Any]) -> Array:
        return law(displacement_fn(a, b), None, None, **params)

    # A derivative in closed form does not reach what a function closes over.
    point = jnp.zeros(position.shape[-1], position.dtype)
    one = {
        name: jnp.zeros(jnp.shape(value)[-1:] if name in law.vectors else (), position.dtype)
        for name, value in params.items()
    }
    return not jax.closure_convert(pair, point, point, one)[1]


def _sum_central(
    terms: Sequence[tuple[CentralLaw, Mapping[str, Any]]],
    displacement_fn: DisplacementFn,
    position: Array,
    alive: Array | None,
    over_sources: OverSources,
) -> Array:
    """The laws as one profile."""
    laws = [law for law, _ in terms]
    apart = [law.apart(params) for law, params in terms]

    def profile(square: Array, params: Sequence[Mapping[str, Any]]) -> Array:
        each = [law.profile(square, **p) for law, p in zip(laws, params, strict=True)]
        return functools.reduce(jnp.add, each)

    if alive is not None:
        position, _, alive = complete(position, None, alive)
    return central_sum(profile, displacement_fn, position, alive, apart, over_sources=over_sources)


@dataclasses.dataclass(frozen=True, eq=False)
class AllPairs:
    """A law over all pairs; its parts are open, so that `combine` can share one loop."""

    law: Law
    displacement_fn: DisplacementFn
    defaults: Mapping[str, Any]
    method: Method = "auto"

    def __call__(
        self,
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        """The force, as `all_pairs` describes it."""
        return sum_pairs(
            [self.term(params)],
            self.displacement_fn,
            position,
            feature,
            alive,
            method=self.method,
        )

    def term(self, params: Mapping[str, Any]) -> Term:
        """The law and all its parameters."""
        return self.law, {**self.defaults, **params}


def all_pairs(
    law: Law, displacement_fn: DisplacementFn, *, method: Method = "auto", **defaults: Any
) -> ForceFn:
    """A pair law summed over all others: F_i = Σ_{j ≠ i} law(p_i − p_j, f_i, f_j).

    Args:
        law: `law(dr [..., D], fa [..., F], fb [..., F], **params)` → [..., D].
        displacement_fn: of a space, ours or jax-md's.
        method: of summing central laws: "loop", "kernel" (a GPU, straight displacements),
            "multipole" (attraction and repulsion without softening, in the plane and free space; to
            a relative error of about 1e-7), or "auto": the last where it can, from 10 000 particles
            on (`MULTIPOLE_FROM`) that are not in double precision, else by the platform.
        **defaults: parameters of the law, unless given at the call; one that differs from
            batch entry to batch entry has shape [..., 1] against positions [..., N, D].

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, D]. Time O(N²),
        by multipoles O(N), memory O(N), forward and backward. Reverse-mode derivatives only, where
        the law is central; by multipoles only the first.

    Raises:
        ValueError: an unknown method, or, when called, one that cannot sum this law; shapes do not
            fit.

    Example:
        >>> from vidparticles.dynamics import free, repulsion
        >>> force_fn = all_pairs(repulsion, free()[0], strength=1.0)
        >>> force_fn(jnp.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
        [[-0.5, 0.0], [0.5, 0.0]]
    """
    if method not in get_args(Method):
        raise ValueError(f"there is no method {method!r}.{nearest(str(method), get_args(Method))}")
    return AllPairs(law, displacement_fn, defaults, method)


def potential(
    law_energy: Law, displacement_fn: DisplacementFn, **defaults: Any
) -> Callable[..., Array]:
    """A pair potential summed over all pairs: U = Σ_{i < j} law_energy(p_i − p_j, f_i, f_j).

    Args:
        law_energy: `law_energy(dr, fa, fb, **params)` → [...], the same for (a, b) and (b, a).
        displacement_fn: of a space, ours or jax-md's.
        **defaults: parameters, unless given at the call.

    Returns:
        `energy_fn(position, *, feature=None, alive=None, **params)` → [...]; accepted wherever
        a force is, here and in jax-md.

    Example:
        >>> from vidparticles.dynamics import free, spring_energy
        >>> energy_fn = potential(spring_energy, free()[0], stiffness=2.0)
        >>> float(energy_fn(jnp.array([[0.0, 0.0], [3.0, 0.0]])))
        9.0
    """

    def energy_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        check_shapes(position, feature, alive)
        each = sum_over_sources(
            [(law_energy, {**defaults, **params})],
            displacement_fn,
            position,
            feature,
            alive,
            vector=False,
        )
        return 0.5 * jnp.sum(each, axis=-1)

    return energy_fn
