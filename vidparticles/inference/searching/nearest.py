"""Which of many moments are nearest to some, exactly: products of unit vectors, compiled."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.errors import InputError

MILLION = 1_000_000  # moments, beyond which the largest are sought approximately
_LEAST = 256  # moments that are filled up to at least: fewer shapes to compile


class Nearest(NamedTuple):
    """The nearest, the nearest first.

    Attributes:
        score: [k] cosine, −1 … 1.
        moment: int [k], a row of what was searched.
    """

    score: np.ndarray
    moment: np.ndarray


def nearest_moments(
    vectors: ArrayLike, queries: ArrayLike, count: int, *, exact: bool | None = None
) -> Nearest:
    """The moments that are nearest to any of the queries.

    Args:
        vectors: [N, D] of length one.
        queries: [Q, D] of length one.
        count: how many to find; all where there are fewer.
        exact: false finds most of them sooner on accelerators (`lax.approx_max_k`); by default
            beyond a million.

    Raises:
        InputError: the vectors are not of one width, or `count` is less than 1.

    Example:
        >>> nearest_moments(np.eye(3), np.eye(3)[1:2], 1).moment.tolist()
        [1]
    """
    vectors, queries = _checked(vectors, queries, count)
    total = len(vectors)
    exact = total <= MILLION if exact is None else exact
    count = min(count, total)
    if not count:
        return Nearest(np.zeros(0, np.float32), np.zeros(0, int))
    filled, there = _filled(vectors)
    asked, known = _filled(queries, least=1)
    score, moment = _largest(filled, there, asked, known, count, exact)
    return Nearest(np.asarray(score), np.asarray(moment))


def nearest_files(
    vectors: ArrayLike, owners: ArrayLike, queries: ArrayLike, count: int, *, files: int
) -> tuple[np.ndarray, Nearest]:
    """The files that come nearest to all of the queries together.

    A file's score is the mean over the queries of what its nearest moment scores for each
    (Chamfer's similarity, from the query to the file).

    Args:
        vectors: [N, D] of length one.
        owners: int [N], of which file a moment is, 0 … `files` − 1.
        queries: [Q, D] of length one, Q ≥ 1.
        count: how many files to find; all that have moments, where there are fewer.
        files: how many there are.

    Returns:
        The files, int [k], and of each its score and the moment nearest to any query.

    Raises:
        InputError: as `nearest_moments`; or an owner is no file.

    Example:
        >>> files, found = nearest_files(np.eye(3), [0, 0, 1], np.eye(3)[2:], 2, files=2)
        >>> files.tolist(), found.moment.tolist()
        ([1, 0], [2, 0])
    """
    vectors, queries = _checked(vectors, queries, count)
    owners = np.asarray(owners, np.int32)
    if owners.shape != (len(vectors),) or (len(owners) and not 0 <= owners.min() <= max(owners)):
        raise InputError(f"owners have shape {owners.shape}; expected one for each moment.")
    if len(owners) and owners.max() >= files:
        raise InputError(f"a moment is of file {owners.max()}; there are {files}.")
    count = min(count, len(np.unique(owners)))
    if not count:
        return np.zeros(0, int), Nearest(np.zeros(0, np.float32), np.zeros(0, int))
    filled, there = _filled(vectors)
    asked, known = _filled(queries, least=1)
    # What is filled up is of one file more.
    of = np.pad(owners, (0, len(filled) - len(owners)), constant_values=files)
    score, file, moment = _largest_files(filled, there, of, asked, known, count, _power(files + 1))
    return np.asarray(file), Nearest(np.asarray(score), np.asarray(moment))


def diverse(relevance: ArrayLike, vectors: ArrayLike, count: int, *, balance: float) -> np.ndarray:
    """Which to recommend, one after another: relevant, and unlike what was chosen before.

    The next one has the largest balance · relevance − (1 − balance) · (largest cosine with those
    chosen): maximal marginal relevance (Carbonell and Goldstein 1998).

    Args:
        relevance: [N].
        vectors: [N, D] of length one.
        count: how many to choose; all where there are fewer.
        balance: 1 asks for relevance alone, 0 for diversity alone.

    Returns:
        int [k], in the order chosen.

    Raises:
        InputError: `balance` is not in [0, 1], or `count` less than 1.

    Example:
        >>> diverse([0.9, 0.89, 0.5], [[1, 0], [1, 0], [0, 1]], 2, balance=0.5).tolist()
        [0, 2]
    """
    relevance, vectors = np.asarray(relevance, np.float32), np.asarray(vectors, np.float32)
    _count(count)
    if not 0 <= balance <= 1:
        raise InputError(f"balance is {balance}; expected a number from 0 to 1.")
    count = min(count, len(relevance))
    if not count:
        return np.zeros(0, int)
    filled, there = _filled(vectors)
    given = np.pad(relevance, (0, len(filled) - len(relevance)))
    return np.asarray(_choose(given, filled, there, float(balance), count))


# ---------------------------------------------------------------- compiled


@functools.partial(jax.jit, static_argnames=("count", "exact"))
def _largest(
    vectors: Array, there: Array, queries: Array, known: Array, count: int, exact: bool
) -> tuple[Array, Array]:
    score = jnp.max(_products(vectors, there, queries, known), 0)
    found, moment = lax.top_k(score, count) if exact else lax.approx_max_k(score, count)
    return found, moment


@functools.partial(jax.jit, static_argnames=("count", "files"))
def _largest_files(
    vectors: Array,
    there: Array,
    owners: Array,
    queries: Array,
    known: Array,
    count: int,
    files: int,
) -> tuple[Array, Array, Array]:
    score = _products(vectors, there, queries, known)
    each = jax.vmap(lambda row: jax.ops.segment_max(row, owners, files))(score)
    mean = jnp.sum(jnp.where(known[:, None], each, 0), 0) / jnp.sum(known)
    found, file = lax.top_k(jnp.where(jnp.isfinite(mean), mean, -jnp.inf), count)
    best = jnp.max(score, 0)
    mine = jnp.where(owners == file[:, None], best, -jnp.inf)
    return found, file, jnp.argmax(mine, 1)


@functools.partial(jax.jit, static_argnames="count")
def _choose(relevance: Array, vectors: Array, there: Array, balance: Array, count: int) -> Array:
    def step(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        free, alike = state
        worth = balance * relevance - (1 - balance) * jnp.where(jnp.isfinite(alike), alike, 0)
        chosen = jnp.argmax(jnp.where(free, worth, -jnp.inf))
        alike = jnp.maximum(alike, vectors @ vectors[chosen])
        return (free.at[chosen].set(False), alike), chosen

    begin = there, jnp.full(relevance.shape, -jnp.inf)
    return lax.scan(step, begin, length=count)[1]


def _products(vectors: Array, there: Array, queries: Array, known: Array) -> Array:
    """[Q, N] cosines; −∞ for what is filled up."""
    score = jnp.matmul(queries, vectors.T, precision=lax.Precision.HIGHEST)
    return jnp.where(known[:, None] & there, score, -jnp.inf)


# ---------------------------------------------------------------- shapes


def _checked(vectors: ArrayLike, queries: ArrayLike, count: int) -> tuple[np.ndarray, np.ndarray]:
    vectors, queries = np.asarray(vectors, np.float32), np.asarray(queries, np.float32)
    if vectors.ndim != 2 or queries.ndim != 2 or vectors.shape[1] != queries.shape[1]:
        raise InputError(
            f"moments have shape {vectors.shape} and queries {queries.shape}; expected [N, D] and "
            "[Q, D]."
        )
    _count(count)
    if not len(queries):
        raise InputError("there is no query; give at least one.")
    return vectors, queries


def _count(count: int) -> None:
    if count < 1:
        raise InputError(f"count is {count}; ask for 1 or more.")


def _filled(rows: np.ndarray, *, least: int = _LEAST) -> tuple[np.ndarray, np.ndarray]:
    """Rows up to a power of two, and which of them were given."""
    size = _power(max(least, len(rows)))
    return np.pad(rows, ((0, size - len(rows)), (0, 0))), np.arange(size) < len(rows)


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length()
