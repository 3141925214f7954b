"""The founding law of all others in free space in time O(N), by multipoles.

In two dimensions that law is Coulomb's, F = ±k dr / |dr|², so what is far off can be taken
together: boxes of particles act on boxes of particles through expansions of a given order, and
only what is near is summed pair by pair (Greengard and Rokhlin, J. Comput. Phys. 73, 325, 1987).
The tree of boxes follows the particles (`tree`): crowds cost no more than their pairs
of boxes, and nothing has a capacity.

Derivatives are first derivatives of forces and second of energies, in reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics.force import ForceFn
from vidparticles.dynamics.interactions.common import Law, complete
from vidparticles.dynamics.interactions.multipole.sums import field_sum, potential_sum
from vidparticles.dynamics.laws.attraction import (
    attraction,
    attraction_energy,
    repulsion,
    repulsion_energy,
)
from vidparticles.dynamics.laws.central import CentralLaw

# Terms that leave about a float's digits, and fill a vector of the processor.
ORDER = 16
# What a law is of the sums Σ_j dr / |dr|² and Σ_{i < j} log |dr|.
SIGN = {repulsion: 1, attraction: -1, repulsion_energy: -1, attraction_energy: 1}


def multipole(law: CentralLaw, *, order: int = ORDER, **defaults: Any) -> ForceFn:
    """`attraction` or `repulsion` summed over all others in the plane, in time O(N).

    Args:
        law: `repulsion` or `attraction`, without softening.
        order: terms of an expansion; the worst relative error of a pair of boxes is 0.7^order,
            that of forces is smaller by orders: measured 1e-6 at 10, and 1e-7 at 16 in float32
            (in crowds up to 1e-6).
        **defaults: `strength`, unless given at the call: a number, or [..., N] of the targets,
            or [..., 1], against positions [..., N, 2].

    Returns:
        `force_fn(position, *, feature=None, alive=None, **params)` → [..., N, 2]. Time and
        memory O(N), forward and backward; systems along the leading axes, and under `vmap`, are
        taken one after the other. The feature is ignored. NaN for all, where a position of the
        living is not finite.

    Raises:
        ValueError: the law has no expansion here, the order is not positive, or, when called,
            positions are not two-dimensional or parameters are others than strength.

    Example:
        >>> from vidparticles.dynamics import repulsion
        >>> force_fn = multipole(repulsion, strength=1.0)
        >>> force_fn(jnp.array([[0.0, 0.0], [2.0, 0.0]]))[:, 0].tolist()
        [-0.5, 0.5]
    """
    _check_law(law, order, (repulsion, attraction), "all_pairs")

    def force_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        strength = _strength(law, {**defaults, **params})
        force = far_field(position, alive, order=order)
        return (SIGN[law] * jnp.asarray(strength)[..., None] * force).astype(position.dtype)

    return force_fn


def multipole_potential(
    law_energy: Law, *, order: int = ORDER, **defaults: Any
) -> Callable[..., Array]:
    """`attraction_energy` or `repulsion_energy` summed over all pairs in the plane, in time O(N).

    Args:
        law_energy: `repulsion_energy` or `attraction_energy`, without softening.
        order: terms of an expansion, as of `multipole`.
        **defaults: `strength`, unless given at the call, a number or [...].

    Returns:
        `energy_fn(position, *, feature=None, alive=None, **params)` → [...]; accepted wherever a
        force is. Its gradient is what `multipole` sums.

    Raises:
        ValueError: as of `multipole`.

    Example:
        >>> from vidparticles.dynamics import attraction_energy
        >>> energy_fn = multipole_potential(attraction_energy, strength=2.0)
        >>> float(energy_fn(jnp.array([[0.0, 0.0], [1.0, 0.0]])))
        0.0
    """
    _check_law(law_energy, order, (repulsion_energy, attraction_energy), "potential")

    def energy_fn(
        position: Array,
        *,
        feature: Array | None = None,
        alive: Array | None = None,
        **params: Any,
    ) -> Array:
        strength = _strength(law_energy, {**defaults, **params})
        total = _of_systems(lambda x, a: potential_sum(order, x, a), position, alive, scalar=True)
        return (SIGN[law_energy] * jnp.asarray(strength) * total).astype(position.dtype)

    return energy_fn


def far_field(position: Array, alive: Array | None, *, order: int = ORDER) -> Array:
    """Σ_j d_ij / |d_ij|², d_ij = p_i − p_j, of those alive [..., N, 2], at least in float32."""
    return _of_systems(lambda x, a: field_sum(order, x, a), position, alive)


def _of_systems(
    sum_fn: Callable[[Array, Array], Array],
    position: Array,
    alive: Array | None,
    *,
    scalar: bool = False,
) -> Array:
    """A sum of one system, [N, 2] or a scalar, for each of the leading axes."""
    position = jnp.asarray(position)
    shape = position.shape
    if len(shape) < 2 or shape[-1] != 2:
        raise ValueError(
            f"positions have shape {shape}; multipoles are of the plane: give [..., N, 2], or "
            "all_pairs for other dimensions."
        )
    if alive is not None and jnp.shape(alive) != shape[:-1]:
        raise ValueError(
            f"alive has shape {jnp.shape(alive)} and positions {shape}; expected {shape[:-1]}."
        )
    position, _, living = complete(position, None, alive)
    x = position.astype(jnp.promote_types(position.dtype, jnp.float32))
    if x.size == 0:
        return jnp.sum(x, axis=(-2, -1)) if scalar else x
    for _ in shape[:-2]:
        sum_fn = jax.vmap(sum_fn)
    return sum_fn(x, living)


def _check_law(law: Any, order: int, known: tuple[Any, ...], instead: str) -> None:
    if law not in known:
        names = " or ".join(k.__name__ for k in known)
        raise ValueError(
            f"{getattr(law, '__name__', law)!r} has no expansion in multipoles here; give {names}, "
            f"or sum it with {instead}."
        )
    if order < 1:
        raise ValueError(f"the order is {order}; give a positive number of terms, as 16.")


def _strength(law: Any, params: Mapping[str, Any]) -> Any:
    if set(params) != {"strength"}:
        raise ValueError(
            f"{law.__name__} by multipoles takes strength and nothing else (a softened law has no "
            f"expansion), but got {sorted(params) or 'none'}; all_pairs takes the others."
        )
    return params["strength"]
