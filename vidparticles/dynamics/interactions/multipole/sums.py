"""The founding field by multipoles, Σ_j d_ij / |d_ij|², and its potential, forward and backward.

With points as complex numbers the field is the conjugate of f_i = Σ_j 1 / (z_i − z_j). The
cotangent of z_i for a cotangent u is then of the same kind,

    −Σ_j (u_i − u_j) / (z_i − z_j)²

and its far part is u_i f'_i − h'_i: the derivative of the expansions that the way forward left,
and of those of the charges u. What is kept is O(N): the tree, and the expansions of its leaves.
"""

from __future__ import annotations

import functools
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.custom_batching import sequential_vmap

from vidparticles.dynamics.interactions.multipole import expansions
from vidparticles.dynamics.interactions.multipole.tree import Tree, arrange, grid_of, present
from vidparticles.dynamics.interactions.multipole.walk import walk
from vidparticles.numerics import tiny


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def field_sum(order: int, x: Array, living: Array) -> Array:
    """Σ_j d_ij / |d_ij|² over those alive, for those alive, d_ij = x_i − x_j.

    Args:
        order: terms of an expansion.
        x: [N, 2], N ≥ 1, float32 or float64.
        living: [N] bool.

    Returns:
        [N, 2]; 0 for the inactive, NaN for all where a position of those alive is not finite.
        Under `vmap` one system is summed after the other.
    """
    chex.assert_shape(x, (None, 2))
    chex.assert_shape(living, x.shape[:1])
    return _field(order, x, living)[0]


def _field_forward(order: int, x: Array, living: Array) -> tuple[Array, Any]:
    force, tree, b = _field(order, x, living)
    return force, (x, living, tree, b)


def _field_backward(order: int, kept: Any, u: Array) -> tuple[Array, None]:
    x, living, tree, b = kept

    @sequential_vmap
    def run(x: Array, living: Array, tree: Tree, b: Array, u: Array) -> Array:
        grid = grid_of(len(x))
        charge = _placed(tree, u)
        a = expansions.moments(grid, tree, charge, order)
        h, near = walk(
            grid,
            tree,
            functools.partial(expansions.field, tree, a),
            _pair_cotangent,
            (tree.z, charge),
            a,
        )
        h = expansions.to_leaves(grid, tree, h)
        far = charge * expansions.slopes(grid, tree, b) - expansions.slopes(grid, tree, h)
        return _returned(tree, far - near, x, living)

    return run(x, living, tree, b, u), None


field_sum.defvjp(_field_forward, _field_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def potential_sum(order: int, x: Array, living: Array) -> Array:
    """Σ_{i < j} log |d_ij| over those alive, []; arguments as of `field_sum`."""

    @sequential_vmap
    def run(x: Array, living: Array) -> Array:
        grid = grid_of(len(x))
        fine = _fine(x, living)
        tree = arrange(grid, x, living & fine)
        a = expansions.moments(grid, tree, None, order)
        b, near = walk(
            grid, tree, functools.partial(expansions.potential, tree, a), _pair_potential, tree.z, a
        )
        far = expansions.values(grid, tree, expansions.to_leaves(grid, tree, b)).real
        total = jnp.sum(jnp.where(present(tree.z), far + near, 0))
        return jnp.where(fine, 0.5 * total, jnp.nan)

    return run(x, living)


def _potential_forward(order: int, x: Array, living: Array) -> tuple[Array, Any]:
    return potential_sum(order, x, living), (x, living)


def _potential_backward(order: int, kept: Any, u: Array) -> tuple[Array, None]:
    return u * field_sum(order, *kept), None


potential_sum.defvjp(_potential_forward, _potential_backward)


def _field(order: int, x: Array, living: Array) -> tuple[Array, Tree, Array]:
    """The field, the tree and the far expansions of its leaves."""

    @sequential_vmap
    def run(x: Array, living: Array) -> tuple[Array, Tree, Array]:
        grid = grid_of(len(x))
        # Those who are not anywhere are near all: as no one lives, no one waits for them.
        tree = arrange(grid, x, living & _fine(x, living))
        a = expansions.moments(grid, tree, None, order)
        b, near = walk(
            grid, tree, functools.partial(expansions.field, tree, a), _pair_field, tree.z, a
        )
        b = expansions.to_leaves(grid, tree, b)
        return _returned(tree, expansions.values(grid, tree, b) + near, x, living), tree, b

    return run(x, living)


def _fine(x: Array, living: Array) -> Array:
    return jnp.all(jnp.isfinite(x) | ~living[:, None])


def _placed(tree: Tree, u: Array) -> Array:
    """Vectors [N, 2] as complex numbers in the leaves."""
    u = jnp.pad(u, ((0, tree.order.size - len(u)), (0, 0)))
    u = lax.complex(u[:, 0], u[:, 1]).at[tree.order].get(mode="promise_in_bounds")
    return jnp.where(present(tree.z), u, 0)


def _returned(tree: Tree, f: Array, x: Array, living: Array) -> Array:
    """Conjugates of [leaves, size] as vectors [N, 2] in the order of the particles."""
    f = jnp.where(present(tree.z), jnp.conj(f), 0)
    f = (
        jnp.zeros(f.size, f.dtype)
        .at[tree.order]
        .set(f, mode="promise_in_bounds", unique_indices=True)
    )
    f = jnp.where(_fine(x, living), jnp.stack([f.real, f.imag], axis=-1)[: len(x)], jnp.nan)
    return jnp.where(living[:, None], f, 0)


def _reciprocal(d: Array) -> Array:
    """1 / d, and 0 for those in one place and for who is not there."""
    square = d.real * d.real + d.imag * d.imag
    size = 1 / jnp.where(square < tiny(square.dtype), jnp.inf, square)
    return lax.complex(size * d.real, -size * d.imag)


def _pair_field(here: Array, there: Array) -> Array:
    return _reciprocal(here - there)


def _pair_cotangent(here: tuple[Array, Array], there: tuple[Array, Array]) -> Array:
    inverse = _reciprocal(here[0] - there[0])
    return (here[1] - there[1]) * (inverse * inverse)


def _pair_potential(here: Array, there: Array) -> Array:
    d = here - there
    square = d.real * d.real + d.imag * d.imag
    exerts = (square >= tiny(square.dtype)) & (square < jnp.inf)
    return 0.5 * jnp.log(jnp.where(exerts, square, 1))
