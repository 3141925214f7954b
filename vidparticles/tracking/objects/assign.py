"""Which object each box is of: exactly, or in shares that training can differentiate.

Both go through the same stages over the same costs (`costs.pairs`): confirmed objects take boxes
with a high score, then those with a low one; who is lost takes what is left by its appearance;
last those without a number. What a stage has given away is not there for the next.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from vidparticles.tracking.blobs.pairs import cheapest_pairs
from vidparticles.tracking.objects.config import ObjectConfig
from vidparticles.tracking.objects.costs import Pairs
from vidparticles.tracking.objects.observations import Observations, intersection
from vidparticles.tracking.objects.reidentify import return_costs
from vidparticles.tracking.objects.state import Slots


class Stage(NamedTuple):
    """Pairs that are asked for together.

    Attributes:
        cost: [N, K], infinity where a pair is out of the question.
        alone: what an object without a box costs.
    """

    cost: Array
    alone: float


def assign(
    slots: Slots,
    seen: Observations,
    told: Pairs,
    alike: Array,
    dt: Array,
    width: Array,
    config: ObjectConfig,
) -> tuple[Array, Array]:
    """The box of each object, so that the costs of a stage are the least.

    Args:
        slots: where objects are expected, from `predict`.
        seen: boxes of the frame.
        told: of all pairs.
        alike: [C, C] bool, which kinds are confused.
        dt: seconds [] since the frame before.
        width: [] of the frame, frame heights.
        config: how things are followed.

    Returns:
        [N] int32, the box of each, −1 for none; and [K] bool, the boxes that are no one's.
    """
    nested = _nested(seen, alike, config)
    free = jnp.ones_like(seen.valid)
    mate = jnp.full(config.count, -1, jnp.int32)
    for cost, alone in _stages(slots, seen, told, dt, width, config):
        allowed = (mate < 0)[:, None] & free & ~jnp.any(nested & ~free, -1)
        pair = cheapest_pairs(jnp.where(allowed, cost, jnp.inf), alone=alone)
        mate = jnp.where((mate < 0) & (pair >= 0), pair, mate)
        free = free.at[jnp.where(pair >= 0, pair, len(free))].set(False, mode="drop")
    return mate, free


def shares(
    slots: Slots,
    seen: Observations,
    told: Pairs,
    alike: Array,
    dt: Array,
    width: Array,
    config: ObjectConfig,
    *,
    temperature: ArrayLike = 1 / 12,
    rounds: int = 50,
) -> Array:
    """How far each box is each object's: `assign`, made soft, with gradients to all costs.

    Args:
        slots, seen, told, alike, dt, width, config: as of `assign`, to which it tends as the
            temperature falls.
        temperature: of `soft_pairs`; the default is one nat of the default `config.alone`.
        rounds: of `soft_pairs`.

    Returns:
        [N, K + 1] ≥ 0 that add to 1 over boxes and, the last, none.
    """
    nested = _nested(seen, alike, config)
    left, free = jnp.ones(config.count), jnp.ones(len(seen.score))
    total = jnp.zeros((config.count, len(seen.score)))
    for cost, alone in _stages(slots, seen, told, dt, width, config):
        allowed = ~jnp.any(nested & (free < 0.5), -1)
        part = soft_pairs(
            jnp.where(allowed, cost, jnp.inf),
            alone=alone,
            rows=left,
            columns=free,
            temperature=temperature,
            rounds=rounds,
        )
        total = total + part
        left = jnp.maximum(left - jnp.sum(part, 1), 0)
        free = jnp.maximum(free - jnp.sum(part, 0), 0)
    return jnp.concatenate([total, left[:, None]], 1)


def soft_pairs(
    cost: Array,
    *,
    alone: ArrayLike,
    rows: Array,
    columns: Array,
    temperature: ArrayLike,
    rounds: int,
) -> Array:
    """Shares of rows in columns of the least sum of costs, less temperature times entropy.

    Entropic transport by Sinkhorn's iterations (Cuturi, NeurIPS 2013), with a place to stay alone
    for each row, and one for each column at no cost; the temperature falls from round to round
    (Kosowsky & Yuille, Neural Networks 7, 1994), as the last one alone would need many more.

    Args:
        cost: [N, M], of each pair; infinity for those that are not allowed.
        alone: what a row without a column costs, more than 0.
        rows: [N] ≥ 0, what of each row is to be shared out.
        columns: [M] ≥ 0, what of each column there is.
        temperature: as a share of `alone`, more than 0; from 1 on it does not fall.
        rounds: of iterations.

    Returns:
        [N, M], of which no row adds to more than `rows`, and no column, but for what more rounds
        would mend, to more than `columns`. As the temperature falls they become those of
        `cheapest_pairs`.

    Example:
        >>> cost, one = jnp.array([[1.0, 2.0], [2.0, 9.0], [jnp.inf, jnp.inf]]), jnp.ones(3)
        >>> soft = soft_pairs(
        ...     cost, alone=10.0, rows=one, columns=one[:2], temperature=0.01, rounds=50
        ... )
        >>> soft.round(2).tolist()
        [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    able = jnp.isfinite(cost) & (rows > 0)[:, None] & (columns > 0)
    gain = jnp.where(able, 1 - jnp.where(able, cost, 0) / alone, 0)
    # The logarithm of nothing has no gradient; such rows and columns are in no allowed pair.
    log_rows = jnp.log(jnp.where(rows > 0, rows, 1))
    log_columns = jnp.log(jnp.where(columns > 0, columns, 1))

    def weight(at: Array) -> Array:
        return jnp.where(able, gain / at, -jnp.inf)

    def left(log_weights: Array, axis: int) -> Array:
        """−log (1 + Σ e^…): what staying alone leaves to potentials."""
        none = jnp.zeros_like(jnp.take(log_weights, jnp.array([0]), axis))
        return -jax.nn.logsumexp(jnp.concatenate([log_weights, none], axis), axis)

    def once(potential: Array, at: Array) -> tuple[Array, None]:
        # Carried in units of cost, so that it holds at the next temperature.
        of_columns = log_columns + left((potential / at)[:, None] + weight(at), 0)
        return at * (log_rows + left(of_columns + weight(at), 1)), None

    last = jnp.asarray(temperature, cost.dtype)
    falling = jnp.linspace(0, 1, max(rounds // 2, 1), dtype=cost.dtype)
    falling = jnp.maximum(last, 1) ** (1 - falling) * last**falling
    steps = jnp.concatenate([falling, jnp.full(rounds - len(falling), last)])
    potential, _ = jax.lax.scan(once, last * log_rows, steps)
    potential = potential / last
    of_columns = log_columns + left(potential[:, None] + weight(last), 0)
    potential = log_rows + left(of_columns + weight(last), 1)
    return jnp.where(able, jnp.exp(potential[:, None] + of_columns + weight(last)), 0)


def _stages(
    slots: Slots, seen: Observations, told: Pairs, dt: Array, width: Array, config: ObjectConfig
) -> tuple[Stage, ...]:
    """What is asked for, in this order."""
    high = seen.score >= config.high
    near = slots.confirmed & (slots.unseen <= config.active + dt)
    young = slots.used & ~slots.confirmed
    cost = jnp.where(_agreeing(slots, told, high, config), told.cost, jnp.inf)

    def only(rows: Array, columns: Array) -> Array:
        return jnp.where(rows[:, None] & columns, cost, jnp.inf)

    lost = return_costs(slots, seen, told, width, config)
    return (
        Stage(only(near, high), config.alone),
        Stage(only(near, ~high), config.alone_low),
        Stage(jnp.where(high, lost, jnp.inf), config.again),
        Stage(only(young, seen.valid), config.alone),
    )


def _agreeing(slots: Slots, told: Pairs, high: Array, config: ObjectConfig) -> Array:
    """Which pairs [N, K] are not out of the question; a box below `high` must agree better."""
    size = jnp.abs(told.areas)
    small = (slots.size < config.small)[:, None]
    unlike = jnp.where(high, config.unlike, config.low_unlike)
    areas = jnp.where(high | small, config.areas, config.low_areas)
    return ((told.unlike <= unlike) | small) & (size <= areas)


def _nested(seen: Observations, alike: Array, config: ObjectConfig) -> Array:
    """[K, K] in which others of its kind a faint box lies: it may be of whoever has one of them."""
    _, inside = intersection(seen.box, seen.box)
    same = alike[seen.kind[:, None], seen.kind]
    return (inside > config.low_crowd) & same & (seen.score < config.high)[:, None]
