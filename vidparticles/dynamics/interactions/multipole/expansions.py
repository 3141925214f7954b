"""Expansions of the plane's Coulomb field about the boxes of a tree.

Points are complex numbers. Sources q_j about c, in units of the box's radius ρ, give

    Σ_j q_j / (z − z_j) = Σ_k a_k ρ^k / (z − c)^(k+1),    a_k = Σ_j q_j ((z_j − c) / ρ)^k

which about a box at c' = c + t with radius ρ' is Σ_m b_m ((z − c') / ρ')^m with

    b_m = (ρ'/t)^m / t · Σ_k (−1)^m C(k+m, m) (ρ/t)^k a_k

(Greengard and Rokhlin, J. Comput. Phys. 73, 325, 1987). What depends on the pair of boxes is a
factor for each term; what is left is one matrix for all pairs. Cut off after P terms, the error
falls as ((ρ + ρ') / |t|)^P. The potential Σ_j q_j log |z − z_j| goes the same way.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax import Array, lax

from vidparticles.dynamics.interactions.multipole.tree import Grid, Tree, present, take


def moments(grid: Grid, tree: Tree, charge: Array | None, order: int) -> Array:
    """a [boxes, P] of the charges [leaves, size], complex, or None: all 1."""
    here = present(tree.z)
    y = _offset(grid, tree)
    term = here.astype(y.dtype) if charge is None else jnp.where(here, charge, 0)
    a = []
    for _ in range(order):
        a.append(jnp.sum(term, axis=1))
        term = term * y
    levels = [jnp.stack(a, axis=1)]
    for level in range(grid.levels - 1, -1, -1):
        shift, ratio = _to_parent(grid, tree, level)
        child = _shifted(levels[-1] * powers(ratio, order), shift, up=True)
        # Four terms, not a reduction, at which XLA:CPU is slow.
        child = child.reshape(-1, 4, order)
        levels.append(child[:, 0] + child[:, 1] + (child[:, 2] + child[:, 3]))
    return jnp.concatenate(levels[::-1])


def field(tree: Tree, a: Array, target: Array, source: Array) -> Array:
    """b [B, P] about the target boxes [B] of the fields of the source boxes [B]."""
    inverse, near, far = _factors(tree, a.shape[1], target, source)
    return _times(take(a, source) * near, _matrix(a.shape[1])) * (far * inverse[:, None])


def potential(tree: Tree, a: Array, target: Array, source: Array) -> Array:
    """The same of the potentials Σ_j q_j log(z − z_j), up to what is imaginary of term 0."""
    inverse, near, far = _factors(tree, a.shape[1], target, source)
    a = take(a, source)
    b = _times(a * near, _matrix_of_log(a.shape[1])) * far
    size = inverse.real**2 + inverse.imag**2
    return b.at[:, 0].add(-0.5 * a[:, 0] * jnp.log(size))


def to_leaves(grid: Grid, tree: Tree, b: Array) -> Array:
    """Expansions [boxes, P] of what far boxes send to each box, as one of each leaf."""
    order, total = b.shape[1], b[: grid.root]
    for level in range(grid.levels):
        shift, ratio = _to_parent(grid, tree, level)
        total = _shifted(jnp.repeat(total, 4, axis=0), shift, up=False) * powers(ratio, order)
        begin = grid.root * (4 ** (level + 1) - 1) // 3
        total = total + b[begin : begin + len(total)]
    return total


def values(grid: Grid, tree: Tree, b: Array) -> Array:
    """Expansions [leaves, P] at the particles, [leaves, size]."""
    y = _offset(grid, tree)
    total = jnp.zeros_like(y)
    for k in range(b.shape[1] - 1, -1, -1):
        total = total * y + b[:, k : k + 1]
    return total


def slopes(grid: Grid, tree: Tree, b: Array) -> Array:
    """Their derivatives by z at the particles."""
    y = _offset(grid, tree)
    total = jnp.zeros_like(y)
    for k in range(b.shape[1] - 1, 0, -1):
        total = total * y + k * b[:, k : k + 1]
    return total * _inverse(tree.radius[grid.inner :])[:, None]


def powers(x: Array, order: int) -> Array:
    """x^0 … x^(order − 1), [B, order], by the bits of the exponent; 0^0 = 1."""
    k = lax.iota(jnp.int32, order)
    square, total = x[:, None], jnp.ones((len(x), order), x.dtype)
    for bit in range((order - 1).bit_length()):
        total = jnp.where((k >> bit) & 1 == 1, total * square, total)
        square = square * square
    return total


def _factors(tree: Tree, order: int, target: Array, source: Array) -> tuple[Array, Array, Array]:
    """1/t, (ρ/t)^k of the source and (ρ'/t)^m of the target."""
    t = take(tree.center, target) - take(tree.center, source)
    square = t.real**2 + t.imag**2
    # No pair of boxes: what is past the end of a list.
    inverse = jnp.conj(t) / jnp.where(square > 0, square, 1)
    near, far = (take(tree.radius, b) * inverse for b in (source, target))
    return inverse, powers(near, order), powers(far, order)


def _matrix(order: int) -> list[list[float]]:
    """(−1)^m C(k+m, m), row by row."""
    return [[(-1.0) ** m * math.comb(k + m, m) for m in range(order)] for k in range(order)]


def _matrix_of_log(order: int) -> list[list[float]]:
    """The terms of log(t + y) − log t and of −(t + y)^(−k) / k."""
    first = [0.0] + [-((-1.0) ** m) / m for m in range(1, order)]
    others = [
        [-((-1.0) ** m) * math.comb(k + m - 1, m) / k for m in range(order)]
        for k in range(1, order)
    ]
    return [first, *others]


def _times(a: Array, matrix: list[list[float]]) -> Array:
    """A complex array times a real matrix: two products of real ones are several times faster."""
    real = jnp.asarray(matrix, a.real.dtype)
    return lax.complex(*(jnp.dot(v, real, precision="highest") for v in (a.real, a.imag)))


def _shifted(a: Array, shift: Array, *, up: bool) -> Array:
    """Σ_m C(k, m) s^(k−m) a_m for all k, or its transpose, as a product of P − 1 simple steps."""
    order = a.shape[1]
    k = lax.iota(jnp.int32, order)

    def step(i: Array, a: Array) -> Array:
        if up:
            beside = jnp.where(k > i, jnp.pad(a, ((0, 0), (1, 0)))[:, :-1], 0)
        else:
            beside = jnp.where(k >= order - 2 - i, jnp.pad(a, ((0, 0), (0, 1)))[:, 1:], 0)
        return a + shift[:, None] * beside

    return lax.fori_loop(0, order - 1, step, a)


def _to_parent(grid: Grid, tree: Tree, level: int) -> tuple[Array, Array]:
    """Of the boxes below a level, in units of their parents' radii: offsets and radii."""
    begin, many = grid.root * (4**level - 1) // 3, grid.root * 4**level
    parent, child = slice(begin, begin + many), slice(begin + many, begin + 5 * many)
    unit = jnp.repeat(_inverse(tree.radius[parent]), 4)
    shift = tree.center[child] - jnp.repeat(tree.center[parent], 4)
    return shift * unit, jnp.maximum(tree.radius[child], 0) * unit


def _offset(grid: Grid, tree: Tree) -> Array:
    """(z − c) / ρ of the particles in their leaves; 0 where there is none."""
    unit = _inverse(tree.radius[grid.inner :])[:, None]
    return jnp.where(present(tree.z), (tree.z - tree.center[grid.inner :, None]) * unit, 0)


def _inverse(radius: Array) -> Array:
    """1 / ρ, and 0 for a box that is empty."""
    return jnp.where(radius > 0, 1 / radius, 0)
