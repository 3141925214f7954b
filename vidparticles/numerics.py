"""Norms whose gradients stay finite, masked sums, positive parameters: for every room."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def safe_sqrt(x: Array) -> Array:
    """Square root with a derivative of zero, not infinity, at 0.

    Args:
        x: [...] ≥ 0.

    Example:
        >>> import jax
        >>> jax.grad(safe_sqrt)(0.0).tolist()
        0.0
    """
    zero = x == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def safe_norm(x: Array, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Euclidean norm with a gradient of zero, not NaN, at the origin.

    Args:
        x: [...] any real array.
        axis: the axis the components lie along.
        keepdims: keep that axis with size one.

    Returns:
        The norm; the derivative at x = 0 is taken as 0.

    Example:
        >>> import jax
        >>> jax.grad(lambda x: safe_norm(x))(jnp.zeros(2)).tolist()
        [0.0, 0.0]
    """
    return safe_sqrt(jnp.sum(x * x, axis=axis, keepdims=keepdims))


def safe_divide(a: Array, b: Array) -> Array:
    """a / b, and 0 with zero gradient wherever b is 0.

    Example:
        >>> safe_divide(jnp.array([1.0, 1.0]), jnp.array([2.0, 0.0])).tolist()
        [0.5, 0.0]
    """
    zero = b == 0
    return jnp.where(zero, 0, a / jnp.where(zero, 1, b))


def tiny(dtype: Any) -> float:
    """The least number of a floating type whose inverse square is finite."""
    return math.sqrt(jnp.finfo(dtype).tiny)


@jax.custom_jvp
def safe_reciprocal(x: Array) -> Array:
    """1 / x, and 0 with zero gradient where x is 0; its derivative costs no second division.

    Args:
        x: [...] ≥ 0. What is below `tiny` counts as 0: a gradient through it would be
            inf − inf.

    Example:
        >>> jax.vmap(jax.value_and_grad(safe_reciprocal))(jnp.array([2.0, 0.0]))
        (Array([0.5, 0. ], dtype=float32), Array([-0.25, -0.  ], dtype=float32))
    """
    return 1 / jnp.where(x < tiny(x.dtype), jnp.inf, x)


@safe_reciprocal.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    r = safe_reciprocal(*primals)
    return r, -r * r * tangents[0]


def softplus_inverse(y: Array | float) -> Array:
    """x with softplus(x) = y: how a parameter that must stay positive is stored.

    x = y + log(1 − e⁻ʸ), which neither overflows for large y, as log(eʸ − 1) would, nor
    loses digits for small ones.

    Args:
        y: [...] > 0; 0 gives −inf.

    Returns:
        [...] of y's floating type, the default one for a Python number, and never of a weak
        type: that would turn strong in an optimizer's first update, and the step would be
        compiled twice.

    Example:
        >>> stored = softplus_inverse(0.3)
        >>> round(float(jax.nn.softplus(stored)), 6)
        0.3
    """
    y = jnp.asarray(y, jnp.result_type(y, float))
    return y + jnp.log(-jnp.expm1(-y))


def masked_sum(x: Array, mask: Array, *, axis: int) -> Array:
    """Sum of x over `axis` where mask is true; what is masked may be NaN.

    Args:
        x: [...] values.
        mask: boolean, broadcastable to x.
        axis: the axis to sum.
    """
    return jnp.sum(jnp.where(mask, x, 0), axis=axis)


def masked_mean(x: Array, mask: Array, *, axis: int) -> Array:
    """Mean of x over `axis` where mask is true, 0 where nothing is.

    Example:
        >>> x = jnp.array([1.0, 3.0, jnp.nan])
        >>> float(masked_mean(x, jnp.array([True, True, False]), axis=0))
        2.0
    """
    count = jnp.sum(jnp.broadcast_to(mask, x.shape).astype(x.dtype), axis=axis)
    return masked_sum(x, mask, axis=axis) / jnp.maximum(count, 1)


def masked_median(x: Array, mask: Array, *, axis: int) -> Array:
    """Median of x over `axis` where mask is true, 0 where nothing is.

    Of an even number the lower of the two middle values, so that the result is always one
    of x's own. What is masked may be NaN.

    Args:
        x: [...] values; finite where mask is true.
        mask: boolean, broadcastable to x.
        axis: the axis to take the median over.

    Example:
        >>> x = jnp.array([9.0, 1.0, 3.0, jnp.nan])
        >>> float(masked_median(x, jnp.array([True, True, True, False]), axis=0))
        3.0
    """
    count = jnp.sum(jnp.broadcast_to(mask, x.shape), axis=axis, keepdims=True)
    ordered = jnp.sort(jnp.where(mask, x, jnp.inf), axis=axis)
    middle = jnp.take_along_axis(ordered, jnp.maximum(count - 1, 0) // 2, axis=axis)
    return jnp.where(count > 0, middle, 0).squeeze(axis)
