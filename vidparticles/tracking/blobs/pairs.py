"""The cheapest way to pair rows with columns, exactly, where most pairs are out of the question.

The linear assignment problem with a price for staying alone, by shortest augmenting paths
(Jonker & Volgenant, Computing 38, 1987; Crouse, IEEE TAES 52, 2016). Rows and columns bear prices
such that no allowed pair costs less than the two together, and each pair made so far costs just
that; the solution is then the cheapest. At the start each row's price is its cheapest pair, so
that whoever is the cheapest for the column it prefers has it at once: nearly all of them where
particles are farther apart than they move. Each row left over searches for the cheapest chain of
exchanges that ends at a free column or at a row that stays alone. It never gets out of its subnet,
the rows and columns that allowed pairs hold together.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


def cheapest_pairs(cost: Array, *, alone: Array | float) -> Array:
    """Pairs of rows and columns of the least sum of costs.

    Args:
        cost: [N, M], of each pair; infinity for those that are not allowed.
        alone: what a row without a column costs, more than 0. A column without a row costs nothing.

    Returns:
        [N] int32, the column of each row; −1 for those that stay alone.

    Example:
        >>> cost = jnp.array([[1.0, 2.0], [2.0, 9.0], [jnp.inf, jnp.inf]])
        >>> cheapest_pairs(cost, alone=10.0).tolist()  # not the cheapest pair with what is left
        [1, 0, -1]
    """
    # In shares of `alone` and less it, so that to stay alone costs nothing, and each pair less.
    gain = jnp.where(cost < alone, cost / alone - 1, jnp.inf)
    # Both ways round, and kept: XLA:CPU reduces many times faster along the first axis, finds
    # where the least is many times slower than the least, and would compute rows anew below.
    gain, of_row = jax.lax.optimization_barrier((gain, gain.T))
    rows, columns = gain.shape
    row, column = jnp.arange(rows, dtype=jnp.int32), jnp.arange(columns, dtype=jnp.int32)
    price = jnp.min(of_row, 0)
    wanted = jnp.max(jnp.where(of_row == price, column[:, None], -1), 0)
    able = jnp.isfinite(price)
    bids = jnp.where((wanted[:, None] == column) & able[:, None], gain, jnp.inf)
    lowest = jnp.min(bids, 0)
    first = jnp.max(jnp.where((bids == lowest) & jnp.isfinite(lowest), row[:, None], -1), 0)
    mate = jnp.where(able & (first[wanted] == row), wanted, -1)
    # A row that may pair is numbered before those that may not or have paired.
    left = able & (mate < 0)
    turns = jnp.argsort(~left, stable=True)
    pairs = _Pairs(mate, first, jnp.where(able, price, 0), jnp.zeros(columns, gain.dtype))

    def next_row(k: Array, pairs: _Pairs) -> _Pairs:
        return _placed(pairs, turns[k], gain)

    return jax.lax.fori_loop(0, jnp.sum(left), next_row, pairs).column


class _Pairs(NamedTuple):
    """The pairs made so far; −1 where there is none.

    Attributes:
        column: [N] int32, of each row.
        row: [M] int32, of each column.
        row_price: [N].
        column_price: [M].
    """

    column: Array
    row: Array
    row_price: Array
    column_price: Array


class _Search(NamedTuple):
    """Chains of exchanges that begin with one row, the cheapest first.

    Attributes:
        row: int32, the newest at the end of a chain.
        so_far: what the chain to it costs.
        entered: [N], what the chain to each row costs; infinity for those of no chain.
        column: int32, the cheapest column to go on to.
        reach: [M], what the cheapest chain to each column costs.
        by: [M] int32, the row before it in that chain.
        done: [M] bool, its owner is part of a chain.
        leave: what the cheapest chain that ends with a row alone costs.
        last: int32, that row.
    """

    row: Array
    so_far: Array
    entered: Array
    column: Array
    reach: Array
    by: Array
    done: Array
    leave: Array
    last: Array


def _placed(pairs: _Pairs, root: Array, gain: Array) -> _Pairs:
    """The pairs with one row more, which may have to stay alone or push another out."""

    def extend(s: _Search) -> _Search:
        i, rows = s.row, pairs.row_price
        entered = s.entered.at[i].set(s.so_far)
        leave = s.so_far - rows[i]
        last = jnp.where(leave < s.leave, i, s.last)
        leave = jnp.minimum(leave, s.leave)
        reach = s.so_far + gain[i] - rows[i] - pairs.column_price
        better = ~s.done & (reach < s.reach)
        reach = jnp.where(better, reach, s.reach)
        by = jnp.where(better, i, s.by)
        still = jnp.where(s.done, jnp.inf, reach)
        column = jnp.argmin(still).astype(jnp.int32)
        # Where the search ends this is the column it ends at, and nobody is to go on from.
        ends = (leave <= still[column]) | (pairs.row[column] < 0)
        done = s.done.at[column].set(s.done[column] | ~ends)
        row = jnp.where(ends, -1, pairs.row[column])
        return _Search(row, still[column], entered, column, reach, by, done, leave, last)

    inf = jnp.asarray(jnp.inf, gain.dtype)
    none = jnp.full(pairs.row.shape, inf)
    # Of a batch of problems some are solved sooner; their rows come here once more, and stay.
    waits = pairs.column[root] < 0
    start = _Search(
        row=jnp.where(waits, root, -1),
        so_far=jnp.zeros((), gain.dtype),
        entered=jnp.full(pairs.column.shape, inf),
        column=jnp.zeros((), jnp.int32),
        reach=none,
        by=jnp.full(pairs.row.shape, -1, jnp.int32),
        done=jnp.zeros(pairs.row.shape, bool),
        leave=inf,
        last=root,
    )
    s = jax.lax.while_loop(lambda s: s.row >= 0, extend, start)

    alone = s.leave <= s.so_far
    total = jnp.minimum(s.leave, s.so_far)
    in_chain = jnp.isfinite(s.entered)
    row_price = pairs.row_price + jnp.where(in_chain, total - s.entered, 0)
    column_price = pairs.column_price - jnp.where(s.done, total - s.reach, 0)

    # Back along the chain each row takes the next column and frees its own for the one before.
    free = jnp.where(waits, jnp.where(alone, pairs.column[s.last], s.column), -1)
    columns = pairs.column.at[s.last].set(jnp.where(alone, -1, pairs.column[s.last]))

    def back(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        columns, rows, free = carry
        row = s.by[free]
        return columns.at[row].set(free), rows.at[free].set(row), columns[row]

    columns, rows, _ = jax.lax.while_loop(lambda c: c[2] >= 0, back, (columns, pairs.row, free))
    return _Pairs(columns, rows, row_price, column_price)
