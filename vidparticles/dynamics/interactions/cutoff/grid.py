"""Who can be within the cut-off: particles sorted along a ring of cells.

Space is cut into rows of cells; a cell is half as long as a row is wide, and a row is at least
as wide as the cut-off. Rows are laid one behind the other on a ring of M cells,

    k = (c_1 + A_2 c_2 + A_3 c_3) mod M,

and particles are sorted by k. All that a cell can reach then lies on 3^(D-1) stretches of the
ring, and so in 3^(D-1) stretches of the sorted particles. This holds whatever else shares a
cell: where the ring is too short for the space that the particles take, distant places fall on
one cell, which costs time and never a pair. Hence nothing has a capacity. (The classical cells
are those of Hockney and Eastwood, Computer Simulation Using Particles, 1981, section 8.4; that
they may share memory is Teschner et al., Optimized Spatial Hashing, VMV 2003.)

`LANES` particles that follow one another share their stretches; such a column is what one
turn of a loop works on. Columns are taken in the order of how much they have to do, so that a
crowd somewhere does not keep the others waiting.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

# Particles a column, and columns that are worked on at once.
LANES = 16
COLUMNS = 2048
# A cell is half a row's width, so that the cut-off reaches two of them.
REACH = 2
# Strides that spread rows evenly over the ring, as fractions of it, by their number: powers of
# the golden ratio and of the plastic number (M. Roberts, The Unreasonable Effectiveness of
# Quasirandom Sequences, 2018), so chosen that each is more than twice the one before.
SPREAD = ((), (0.2360680,), (0.1053985, 0.2451223))


class Columns(NamedTuple):
    """Those alive, sorted and cut into columns [G groups, ..., C]; `arrange` makes it.

    Attributes:
        order: [N] the particles along the ring, those alive first.
        living: [] how many live.
        slot: [G, LANES, C] places in `order`; no one's where not below `living`.
        base: [G, W, C] what a source's number is added to for its place, stretch by stretch.
        upto: [G, W, C] the sources in this stretch and those before it.
    """

    order: Array
    living: Array
    slot: Array
    base: Array
    upto: Array


def arrange(
    x: list[Array], alive: Array | None, cutoff: float, box: tuple[float, ...] | None
) -> Columns:
    """Sort particles and find the stretches of each column.

    Args:
        x: D components [N], N > 0.
        alive: [N] or None, all of them.
        cutoff: within which particles act.
        box: sides of a periodic box, at least twice the cut-off, or None.

    Returns:
        Columns: of every living particle, each stretch lists each particle at most once, and
        together they list all within the cut-off (and others).
    """
    count, dim = x[0].size, len(x)
    bits = max(count - 1, 1).bit_length()
    passes = max(1, -(-(bits - 2) // (32 - bits)))
    most = 2 ** min(max(bits + 1, 8), passes * (32 - bits))
    cell: Array
    if box is None:
        ring = most
        cell, strides = _free(x, alive, cutoff, ring)
        choice = list(itertools.product((-1, 0, 1), repeat=dim - 1))
        # Ascending: a stride is more than twice the one before it.
        offset = jnp.stack([_dot(d[::-1], strides, jnp.zeros_like(cell[0])) for d in choice])
    else:
        cell, grid = _periodic(x, cutoff, box, most)
        ring = math.prod(grid)
        # One more row to either side, for who is at the end of a row: a row's end meets its own
        # beginning in the box, and on the ring that of the next.
        steps = [math.prod(grid[: d + 1]) for d in range(dim - 1)]
        wraps: dict[int, list[tuple[int, ...]]] = {}
        for d in itertools.product((-2, -1, 0, 1, 2), repeat=dim - 1):
            wraps.setdefault(sum(i * s for i, s in zip(d, steps, strict=True)), []).append(d)
        offset = jnp.asarray(sorted(wraps), jnp.int32)
    inactive = None if alive is None else ~alive
    order = _sorted(cell, inactive, bits, passes)
    tally = jnp.zeros(ring + 1, jnp.int32)
    tally = tally.at[cell if inactive is None else jnp.where(inactive, ring, cell)].add(1)
    before = jnp.cumsum(tally, dtype=jnp.int32) - tally
    living = before[ring]

    def placed(k: Array) -> Array:
        """How many lie before cell k of the ring unrolled."""
        turns = jnp.floor_divide(k, ring)
        return _take(before, k - turns * ring) + turns * living

    columns = -(-count // LANES)
    groups = -(-columns // COLUMNS)
    size = -(-columns // groups)
    start = LANES * jnp.arange(groups * size, dtype=jnp.int32)
    last = jnp.clip(start + LANES - 1, 0, jnp.maximum(living - 1, 0))
    low, high = (_take(cell, _take(order, jnp.minimum(i, last))) for i in (start, last))
    low, high = low - REACH, high + REACH
    active = jnp.ones((offset.size, start.size), bool)
    if box is not None:
        at_end, reach = [], 0
        for step in steps:
            at_end.append((low - reach) // step != (high + reach) // step)
            reach += step
        for w, o in enumerate(sorted(wraps)):
            # One stretch may be there for several reasons.
            reasons = [
                functools.reduce(
                    jnp.logical_and,
                    [end for end, i in zip(at_end, d, strict=True) if abs(i) == 2],
                    active[w],
                )
                for d in wraps[o]
            ]
            active = active.at[w].set(functools.reduce(jnp.logical_or, reasons))
    first, end = placed(low + offset[:, None]), placed(high + 1 + offset[:, None])
    # Stretches that overlap are cut where the one before ends.
    stretches, done = [], first[0]
    for a, b, on in zip(first, end, active, strict=True):
        a = jnp.maximum(a, done)
        b = jnp.where(on, jnp.maximum(a, b), a)
        stretches.append((a, b))
        done = jnp.where(on, b, done)
    first, end = (jnp.stack(s) for s in zip(*stretches, strict=True))
    # Where they would go round the ring and meet: one stretch, of all.
    wide = jnp.max(jnp.where(active, jnp.abs(offset)[:, None], 0), axis=0)
    whole = high - low + 1 + 2 * wide > ring
    length = jnp.where(whole, 0, end - first).at[0].set(jnp.where(whole, living, (end - first)[0]))
    first = jnp.where(whole, 0, first)
    length = jnp.where(start < living, length, 0)
    upto = jnp.cumsum(length, axis=0, dtype=jnp.int32)
    by_need = _sorted(_scaled(upto[-1], bits, start.size), None, (start.size - 1).bit_length(), 1)

    def grouped(a: Array) -> Array:
        a = jnp.take(a, by_need, axis=-1).reshape(*a.shape[:-1], groups, size)
        return jnp.moveaxis(a, -2, 0)

    slot = start + jnp.arange(LANES, dtype=jnp.int32)[:, None]
    return Columns(order, living, grouped(slot), grouped(first - upto + length), grouped(upto))


def _free(
    x: list[Array], alive: Array | None, cutoff: float, ring: int
) -> tuple[Array, list[Array]]:
    """Cells of free space, from the first particle on, and the strides of the rows."""
    here = [v if alive is None else jnp.where(alive, v, v[jnp.argmax(alive)]) for v in x]
    low = [jnp.min(v) for v in here]
    extent = [jnp.max(v) - a for v, a in zip(here, low, strict=True)]
    # A row is wider than the cut-off by more than its rounding.
    widest = jnp.max(jnp.stack(extent))
    side = cutoff * (1 + 1e-5) + 4 * jnp.finfo(widest.dtype).eps * widest
    sides = [side / REACH] + [side] * (len(x) - 1)
    cells = [
        jnp.floor((v - a) * (1 / s)).astype(jnp.int32)
        for v, a, s in zip(here, low, sides, strict=True)
    ]
    many = [jnp.floor(e / s) + 2 for e, s in zip(extent, sides, strict=True)]
    strides: list[Array] = []
    width = jnp.ones_like(side)
    for n in many[:-1]:
        width = width * jnp.maximum(n, 2) + 1
        strides.append(width)
    # Row by row where the ring is long enough, else rows all over it.
    fits = width * jnp.maximum(many[-1], 8) <= ring
    chosen = []
    for stride, spread in zip(strides, SPREAD[len(strides)], strict=True):
        chosen.append(jnp.where(fits, stride, int(ring * spread) | 1).astype(jnp.int32))
    # Overflow is harmless: the ring's length is a power of two.
    return _dot(chosen, cells[1:], cells[0]) & (ring - 1), chosen


def _periodic(
    x: list[Array], cutoff: float, box: tuple[float, ...], most: int
) -> tuple[Array, list[int]]:
    """Cells of a periodic box, and how many there are along each axis."""
    eps = float(jnp.finfo(x[0].dtype).eps)
    side = cutoff * (1 + 1e-5) + 4 * eps * max(box)
    while True:
        grid = [max(1, int(box[0] / side * REACH))] + [max(1, int(b / side)) for b in box[1:]]
        if math.prod(grid) <= most:
            break
        side *= 1.02
    cell, stride = jnp.zeros_like(x[0], jnp.int32), 1
    for v, n, b in zip(x, grid, box, strict=True):
        turns = v / b
        c = jnp.floor((turns - jnp.floor(turns)) * n).astype(jnp.int32)
        cell = cell + stride * jnp.clip(c, 0, n - 1)
        stride *= n
    return cell, grid


def _sorted(cell: Array, inactive: Array | None, bits: int, passes: int) -> Array:
    """The order by cell, the inactive last.

    Several times faster than argsort on a CPU: what is sorted is one number, the cell above the
    particle's own `bits`; in as many passes as its 32 bits ask for, the lowest digits first.
    """
    own = lax.iota(jnp.uint32, cell.size)
    mask, digit = 2**bits - 1, 32 - bits
    order = own
    for turn in range(passes):
        part = cell.astype(jnp.uint32) >> (turn * digit)
        part = part << bits if turn == passes - 1 else (part & (2**digit - 1)) << bits
        if inactive is not None and turn == passes - 1:
            # Equal to the very last of those alive, if at all: then it is the same number.
            part = jnp.where(inactive, jnp.uint32(0xFFFFFFFF), part)
        part = part if turn == 0 else _take(part, order)
        place = jnp.minimum(jnp.sort(part | own) & mask, cell.size - 1)
        order = place if turn == 0 else _take(order, place)
    return order.astype(jnp.int32)


def _scaled(need: Array, bits: int, columns: int) -> Array:
    """Sources of a column, so rounded that they can be sorted in one pass; the most come first."""
    room = 32 - (columns - 1).bit_length()
    return jnp.uint32(2**room - 1) - (need >> max(0, bits + 1 - room)).astype(jnp.uint32)


def _take(table: Array, index: Array) -> Array:
    """table[index], for an index that is known to be good."""
    return table.at[index].get(mode="promise_in_bounds")


def _dot(a: object, b: object, start: Array) -> Array:
    for i, j in zip(a, b, strict=True):  # type: ignore[call-overload]
        start = start + i * j
    return start
