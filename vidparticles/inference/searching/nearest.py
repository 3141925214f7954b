"""Which of many moments are nearest to some, exactly: products of unit vectors, compiled."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.errors import InputError

COPY = 0.7  # cosine of layouts, above which one picture may be a copy of the other
MILLION = 1_000_000  # moments, beyond which the largest are sought approximately
_LEAST = 256  # moments that are filled up to at least: fewer shapes to compile


class Seen(NamedTuple):
    """What is seen in moments, or in what is sought.

    What networks know of a clip is another where it was coded coarsely; how bright the parts of its
    pictures are then hardly changes. So of two moments whose layouts have a cosine c above `COPY`,
    (c − `COPY`) / (1 − `COPY`) of what their likeness lacks to 1 is added to it: copies come first,
    and the order of what is alike only in what it shows stays as it is. The number was chosen on
    altered copies of other clips than those of benchmarks/search_copies.py.

    Attributes:
        like: [N, D] of length one, where they lie among what networks know.
        layouts: [N, P] of length one or less, how bright parts of them are.
    """

    like: np.ndarray
    layouts: np.ndarray


class Nearest(NamedTuple):
    """The nearest, the nearest first.

    Attributes:
        score: [k] −1 … 1, a cosine, or more for a copy (`Seen`).
        moment: int [k], a row of what was searched.
    """

    score: np.ndarray
    moment: np.ndarray


def nearest_moments(
    vectors: ArrayLike | Seen,
    queries: ArrayLike | Seen,
    count: int,
    *,
    exact: bool | None = None,
) -> Nearest:
    """The moments that are nearest to any of the queries.

    Args:
        vectors: [N, D] of length one; or what is seen in them, then of the queries, too.
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
    moments, asked = _checked(vectors, queries, count)
    total = len(moments.like)
    exact = total <= MILLION if exact is None else exact
    count = min(count, total)
    if not count:
        return Nearest(np.zeros(0, np.float32), np.zeros(0, int))
    score, moment = _largest(*_filled(moments), *_filled(asked, least=1), count, exact)
    return Nearest(np.asarray(score), np.asarray(moment))


def nearest_files(
    vectors: ArrayLike | Seen,
    owners: ArrayLike,
    queries: ArrayLike | Seen,
    count: int,
    *,
    files: int,
    versions: int = 1,
) -> tuple[np.ndarray, Nearest]:
    """The files that come nearest to all of the queries together.

    A file's score is the mean over the queries of what its nearest moment scores for each
    (Chamfer's similarity, from the query to the file).

    Args:
        vectors: [N, D] of length one; or what is seen in the moments, then of the queries, too.
        owners: int [N], of which file a moment is, 0 … `files` − 1.
        queries: [Q, D] of length one, Q ≥ 1.
        count: how many files to find; all that have moments, where there are fewer.
        files: how many there are.
        versions: of what is sought, as many queries each, one version after the other; a file's
            score is that of the version that it comes nearest to.

    Returns:
        The files, int [k], and of each its score and the moment nearest to any query.

    Raises:
        InputError: as `nearest_moments`; or an owner is no file, or the queries are not of so many
            versions.

    Example:
        >>> files, found = nearest_files(np.eye(3), [0, 0, 1], np.eye(3)[2:], 2, files=2)
        >>> files.tolist(), found.moment.tolist()
        ([1, 0], [2, 0])
    """
    moments, asked = _checked(vectors, queries, count)
    owners, many = np.asarray(owners, np.int32), len(asked.like)
    if owners.shape != (len(moments.like),) or (
        len(owners) and not 0 <= owners.min() <= max(owners)
    ):
        raise InputError(f"owners have shape {owners.shape}; expected one for each moment.")
    if len(owners) and owners.max() >= files:
        raise InputError(f"a moment is of file {owners.max()}; there are {files}.")
    if versions < 1 or many % versions:
        raise InputError(
            f"there are {many} queries; expected as many of each of {versions} versions."
        )
    count = min(count, len(np.unique(owners)))
    if not count:
        return np.zeros(0, int), Nearest(np.zeros(0, np.float32), np.zeros(0, int))
    filled, there = _filled(moments)
    asked, known = _filled(asked, least=1)
    # What is filled up is of one file more.
    of = np.pad(owners, (0, len(there) - len(owners)), constant_values=files)
    version = np.arange(len(known)) // (many // versions)
    score, file, moment = _largest_files(
        filled, there, of, asked, known, version, count, _power(files + 1), versions
    )
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
    filled, there = _filled(_seen(vectors))
    given = np.pad(relevance, (0, len(there) - len(relevance)))
    return np.asarray(_choose(given, filled.like, there, float(balance), count))


# ---------------------------------------------------------------- compiled


@functools.partial(jax.jit, static_argnames=("count", "exact"))
def _largest(
    moments: Seen, there: Array, asked: Seen, known: Array, count: int, exact: bool
) -> tuple[Array, Array]:
    score = jnp.max(_scores(moments, there, asked, known), 0)
    found, moment = lax.top_k(score, count) if exact else lax.approx_max_k(score, count)
    return found, moment


@functools.partial(jax.jit, static_argnames=("count", "files", "versions"))
def _largest_files(
    moments: Seen,
    there: Array,
    owners: Array,
    asked: Seen,
    known: Array,
    version: Array,
    count: int,
    files: int,
    versions: int,
) -> tuple[Array, Array, Array]:
    score = _scores(moments, there, asked, known)
    each = jax.vmap(lambda row: jax.ops.segment_max(row, owners, files))(score)
    sums = jax.ops.segment_sum(jnp.where(known[:, None], each, 0), version, versions)
    mean = jnp.max(sums, 0) * versions / jnp.sum(known)
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


def _scores(moments: Seen, there: Array, asked: Seen, known: Array) -> Array:
    """[Q, N], see `Seen`; −∞ for what is filled up."""

    def cosine(a: Any, b: Any) -> Array:
        return jnp.matmul(a, b.T, precision=lax.Precision.HIGHEST)

    score = cosine(asked.like, moments.like)
    copied = (cosine(asked.layouts, moments.layouts) - COPY) / (1 - COPY)
    score = score + (1 - score) * jnp.clip(copied, 0, 1)
    return jnp.where(known[:, None] & there, score, -jnp.inf)


# ---------------------------------------------------------------- shapes


def _checked(vectors: ArrayLike | Seen, queries: ArrayLike | Seen, count: int) -> tuple[Seen, Seen]:
    moments, asked = _seen(vectors), _seen(queries)
    for there, sought in zip(moments, asked, strict=True):
        if there.ndim != 2 or sought.ndim != 2 or there.shape[1] != sought.shape[1]:
            raise InputError(
                f"moments have shape {there.shape} and queries {sought.shape}; expected [N, D] and "
                "[Q, D]."
            )
    _count(count)
    if not len(asked.like):
        raise InputError("there is no query; give at least one.")
    return moments, asked


def _seen(given: ArrayLike | Seen) -> Seen:
    """Floats; of vectors alone no layouts are known, and there are no copies."""
    if isinstance(given, Seen):
        return Seen(*(np.asarray(x, np.float32) for x in given))
    vectors = np.asarray(given, np.float32)
    return Seen(vectors, np.zeros((len(vectors), 0), np.float32))


def _count(count: int) -> None:
    if count < 1:
        raise InputError(f"count is {count}; ask for 1 or more.")


def _filled(rows: Seen, *, least: int = _LEAST) -> tuple[Seen, np.ndarray]:
    """Rows up to a power of two, and which of them were given."""
    count = len(rows.like)
    size = _power(max(least, count))
    filled = Seen(*(np.pad(x, ((0, size - count), (0, 0))) for x in rows))
    return filled, np.arange(size) < count


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length()
