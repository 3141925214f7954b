"""Mixtures of Gaussians over what pixels are like, fitted by products of matrices.

The logarithm of a Gaussian is a quadratic form: with the monomials 1, xᵢ, xᵢ xⱼ of all pixels in
one matrix, densities are a product with the coefficients, and the moments from which the next
coefficients come a product with the responsibilities (expectation and maximization, Dempster et
al. 1977).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


def log_density(
    x: Array, weight: Array, responsibility: Array, at: Array, *, steps: int, given: int
) -> Array:
    """How dense a mixture, fitted to weighted points, is at others.

    Args:
        x: [P, D], in units of a deviation that is never told apart: 1 is added to each variance.
        weight: [P] ≥ 0, what each point counts for the fit.
        responsibility: [P, K] to begin with: which Gaussian each point belongs to.
        at: [N, D] where its density is asked for.
        steps: of expectation and maximization, at least 1.
        given: the density is that of the first D − `given` entries given the last ones.

    Returns:
        [N] nats.

    Example:
        >>> x = jnp.array([[0.0], [0.1], [9.0], [9.1]])
        >>> seen = jnp.array([1.0, 1.0, 0.0, 0.0])
        >>> told = log_density(x, seen, jnp.ones((4, 1)), x, steps=1, given=0)
        >>> bool(told[0] > -1), bool(told[2] < -30)
        (True, True)
    """
    terms = _monomials(x)

    def fitted(responsibility: Array) -> tuple[Array, Array, Array]:
        total, mean, covariance = _moments(terms, weight[:, None] * responsibility, x.shape[-1])
        return jnp.log(total / jnp.maximum(jnp.sum(total), 1e-6) + 1e-6), mean, covariance

    def again(responsibility: Array, _: None) -> tuple[Array, None]:
        return jax.nn.softmax(terms @ _coefficients(*fitted(responsibility)), -1), None

    responsibility, _ = jax.lax.scan(again, responsibility, None, length=steps - 1)
    share, mean, covariance = fitted(responsibility)
    joint = _monomials(at) @ _coefficients(share, mean, covariance)
    told = jax.nn.logsumexp(joint, -1)
    if given:
        last = slice(x.shape[-1] - given, None)
        part = _coefficients(share, mean[:, last], covariance[:, last, last])
        told = told - jax.nn.logsumexp(_monomials(at[:, last]) @ part, -1)
    return told


def _monomials(x: Array) -> Array:
    """[P, Q]."""
    i, j = np.triu_indices(x.shape[-1])
    return jnp.concatenate([jnp.ones_like(x[:, :1]), x, x[:, i] * x[:, j]], -1)


def _moments(terms: Array, weight: Array, size: int) -> tuple[Array, Array, Array]:
    """Weights [K], means [K, D] and covariances [K, D, D]."""
    i, j = np.triu_indices(size)
    sums = (terms.T @ weight).T
    total = sums[:, 0]
    # What has no points is a Gaussian about the origin, of no weight.
    means = sums / jnp.maximum(total, 1e-3)[:, None]
    mean, squares = means[:, 1 : 1 + size], means[:, 1 + size :]
    square = jnp.zeros((len(total), size, size)).at[:, i, j].set(squares).at[:, j, i].set(squares)
    return total, mean, square - mean[:, :, None] * mean[:, None] + jnp.eye(size)


def _coefficients(share: Array, mean: Array, covariance: Array) -> Array:
    """Of the monomials [Q, K], so that the product is the logarithm of share × density."""
    size = mean.shape[-1]
    i, j = np.triu_indices(size)
    factor = jnp.linalg.cholesky(covariance)
    eye = jnp.broadcast_to(jnp.eye(size), factor.shape)
    inverse = jax.scipy.linalg.cho_solve((factor, True), eye)
    linear = jnp.einsum("kij,kj->ki", inverse, mean)
    spread = jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), -1)
    constant = share - spread - jnp.sum(linear * mean, -1) / 2 - size * np.log(2 * np.pi) / 2
    quadratic = -inverse[:, i, j] * np.where(i == j, 0.5, 1.0)
    return jnp.concatenate([constant[:, None], linear, quadratic], -1).T
