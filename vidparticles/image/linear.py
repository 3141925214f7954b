"""Small symmetric systems, one for each pixel, window or particle of a picture.

`jnp.linalg` calls a routine for each matrix of a batch; these are written out by elements, so that
a whole picture of them is one fused loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

Symmetric = tuple[Array, Array, Array]  # a, b, c of [[a, b], [b, c]], of one shape


def invert_2x2(matrix: Symmetric) -> Symmetric:
    """The inverse of symmetric 2 × 2 matrices, as its entries a, b, c.

    Example:
        >>> invert_2x2((jnp.array(2.0), jnp.array(0.0), jnp.array(4.0)))[0].tolist()
        0.5
    """
    a, b, c = matrix
    determinant = a * c - b * b
    return c / determinant, -b / determinant, a / determinant


def solve_2x2(
    matrix: Symmetric, right: tuple[Array, Array], *, least: ArrayLike | None = None
) -> tuple[Array, Array]:
    """x and y of [[a, b], [b, c]] (x, y) = right, by Cramer's rule.

    Args:
        matrix: a, b, c, [...] each.
        right: both components, [...] each.
        least: the determinant is taken to be at least this, where a singular system may occur;
            default, it is taken as it is.

    Example:
        >>> one = jnp.ones(())
        >>> [float(v) for v in solve_2x2((2 * one, one, 3 * one), (4 * one, 7 * one))]
        [1.0, 2.0]
    """
    (a, b, c), (x, y) = matrix, right
    determinant = a * c - b * b
    if least is not None:
        determinant = jnp.maximum(determinant, least)
    return (c * x - b * y) / determinant, (a * y - b * x) / determinant


def solve_cholesky(matrix: Sequence[Sequence[Array]], right: Sequence[Array]) -> list[Array]:
    """Symmetric positive systems of a few unknowns, by L Lᵀ = matrix.

    Args:
        matrix: n × n entries, [...] each; those above the diagonal are not read.
        right: n entries, [...] each.

    Returns:
        n unknowns, [...] each.

    Example:
        >>> one = jnp.ones(())
        >>> [float(v) for v in solve_cholesky([[4 * one, 0 * one], [0 * one, one]], [one, one])]
        [0.25, 1.0]
    """
    size = len(right)
    low: list[list[Array]] = [[] for _ in range(size)]
    half: list[Array] = []
    for i in range(size):
        for j in range(i):
            rest = sum((low[i][k] * low[j][k] for k in range(j)), start=jnp.zeros(()))
            low[i].append((matrix[i][j] - rest) / low[j][j])
        rest = sum((x * x for x in low[i]), start=jnp.zeros(()))
        low[i].append(jnp.sqrt(jnp.maximum(matrix[i][i] - rest, 1e-12)))
        rest = sum((low[i][k] * half[k] for k in range(i)), start=jnp.zeros(()))
        half.append((right[i] - rest) / low[i][i])
    found: list[Array] = []
    for i in reversed(range(size)):
        later = zip(range(size - 1, i, -1), found, strict=True)
        rest = sum((low[k][i] * x for k, x in later), start=jnp.zeros(()))
        found.append((half[i] - rest) / low[i][i])
    return found[::-1]
