"""Where the patch around a point of one picture is in the next: pyramidal matching.

Lucas & Kanade 1981 in a pyramid (Bouguet 2001), inverse compositional (Baker & Matthews
2004): slopes and their matrix are those of the known patch, so that an iteration samples one
window and solves. What a change of brightness or contrast does to the patch is projected
out of its slopes (Hager & Belhumeur 1998). The finest level compares with the patch at birth,
seen through the affine map by which its surroundings have deformed since (Shi & Tomasi 1994),
so that errors do not add up from frame to frame.

A tile is [rows, columns, N], in the pixels of a level; particles come last, and everything
is done row after row: XLA:CPU works through such rows at full width, while it is many times
slower at sums over small windows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.resample import halve, smooth

PATCH = 9  # pixels across a patch, at each level
MARGIN = 2  # pixels that a level may go from its first guess
WIDE = 17  # pixels across the patch at birth
NEAR = 1  # pixels that its match may go from that of the last patch
STEPS = 2  # Gauss-Newton steps a level
ROBUST = 0.03, 0.6  # residual that halves a pixel's weight twice: luma, and × contrast
COARSEST = 16  # shorter side of the smallest level, at least
LEVELS = 4
SURE = 1.0  # scale of the coarsest level that is asked about a good guess
STIFF = 1e-3, 1e-2  # damping of shift and of deformation, × mean square slope

Solution = tuple[Array, Array, Array]
_PAD = WIDE  # pixels by which each level is continued at its edges


def levels_of(height: int, width: int) -> list[tuple[int, int, int]]:
    """(offset in the flat pyramid, height, width) of each level, finest first."""
    levels: list[tuple[int, int, int]] = []
    offset = 0
    while len(levels) < LEVELS and (not levels or min(height, width) >= COARSEST):
        levels.append((offset, height, width))
        offset += (height + 2 * _PAD) * (width + 2 * _PAD)
        height, width = height // 2, width // 2
    return levels


def pyramid_of(luma: Array) -> Array:
    """All levels of the luma [H, W], continued at their edges, flattened into one vector."""
    level, flat = smooth(luma), []
    for k in range(len(levels_of(*luma.shape))):
        # Kept, lest each level be computed anew from the luma.
        level = jax.lax.optimization_barrier(halve(level) if k else level)
        flat.append(flattened(level))
    return jnp.concatenate(flat)


def flattened(level: Array) -> Array:
    """One level [H, W], continued at its edges, as a vector."""
    return jnp.pad(level, _PAD, mode="edge").ravel()


def gaussian(size: int) -> Array:
    """Weights of the pixels of a patch, [size, size, 1], which sum to 1."""
    reach = (np.arange(size) - size // 2) / (size // 2 + 1)
    weight = np.exp(-(reach[:, None] ** 2 + reach[None, :] ** 2))
    return jnp.asarray(weight[..., None] / weight.sum(), jnp.float32)


def by_rows(function: Callable[..., Any], *tiles: Array) -> Any:
    """`function` of each row of the tiles, stacked."""
    return jax.lax.scan(lambda _, rows: (None, function(*rows)), None, tiles)[1]


def sums(function: Callable[..., tuple[Array, ...]], *tiles: Array) -> list[Array]:
    """Sums over the pixels of what `function` makes of each row of the tiles, [N] each."""
    first = function(*(tile[0] for tile in tiles))

    def add(total: tuple[Array, ...], rows: tuple[Array, ...]):
        return tuple(t + x for t, x in zip(total, function(*rows), strict=True)), None

    total, _ = jax.lax.scan(add, first, tuple(tile[1:] for tile in tiles))
    return [jnp.sum(t, 0) for t in total]


def window(flat: Array, level: Array, center: Array, size: int) -> tuple[Array, Array]:
    """A tile around the pixels that hold the centers, and the centers from their middles.

    Args:
        flat: a pyramid.
        level: (offset, height, width) of one of its levels.
        center: [2, N] pixels of that level, inside the picture.
        size: rows and columns, odd.
    """
    offset, _, width = level
    pixel = jnp.floor(center)
    corner = pixel.astype(jnp.int32) + _PAD - size // 2
    wide = width + 2 * _PAD
    start = offset + (corner[1][:, None] + jnp.arange(size)) * wide + corner[0][:, None]
    # Whole rows at once: a gather of single pixels is six times as slow.
    rows = jax.lax.gather(
        flat,
        start[..., None],
        jax.lax.GatherDimensionNumbers((2,), (), (0,)),
        (size,),
        mode="promise_in_bounds",
    )
    return rows.transpose(1, 2, 0), center - 0.5 - pixel


def deformed_window(flat: Array, level: Array, center: Array, map_: Array, size: int) -> Array:
    """A tile around the centers [2, N], seen through affine maps [2, 2, N]."""
    offset, height, width = level
    reach = jnp.arange(size, dtype=jnp.float32) - size // 2
    across = reach[:, None]
    limit = width + 2 * _PAD - 2, height + 2 * _PAD - 2

    wide = width + 2 * _PAD

    def places(down: Array) -> tuple[Array, Array, Array]:
        x, y = (
            jnp.clip(center[k] - 0.5 + _PAD + map_[k, 0] * across + map_[k, 1] * down, 0, limit[k])
            for k in (0, 1)
        )
        left, top = x.astype(jnp.int32), y.astype(jnp.int32)
        return offset + top * wide + left, x - left, y - top

    # Row by row what is computed once is kept: fused, each gather would do it again.
    index, fx, fy = by_rows(places, reach)
    pixels = [
        flat.at[index + step].get(mode="promise_in_bounds") for step in (0, 1, wide, wide + 1)
    ]
    a, b, c, d = jax.lax.optimization_barrier(pixels)
    top, low = a + fx * (b - a), c + fx * (d - c)
    return top + fy * (low - top)


def moved(tile: Array, shift: Array, size: int, margin: int) -> Array:
    """The middle of a tile, `size` across, read at `shift` [2, N], |shift| ≤ margin."""
    cut = (tile.shape[0] - size) // 2 - margin
    if cut:
        tile = tile[cut:-cut, cut:-cut]
    reach = jnp.arange(-margin, margin + 1, dtype=jnp.float32)
    across, down = (jnp.maximum(0, 1 - jnp.abs(shift[k] - reach[:, None])) for k in (0, 1))

    def blend(lines: Any, weights: Array) -> Array:
        return functools.reduce(jnp.add, (x * w for x, w in zip(lines, weights, strict=True)))

    steps = range(2 * margin + 1)
    rows = by_rows(lambda row: blend([row[k : k + size] for k in steps], across), tile)
    return by_rows(lambda *near: blend(near, down), *(rows[k : k + size] for k in steps))


def _slopes(patch: Array) -> tuple[Array, Array]:
    """Slopes across and down of a tile, without its border."""

    def slopes(above: Array, row: Array, below: Array) -> tuple[Array, Array]:
        return (row[2:] - row[:-2]) / 2, (below[1:-1] - above[1:-1]) / 2

    return by_rows(slopes, patch[:-2], patch[1:-1], patch[2:])


def projected(patch: Array, weight: Array) -> tuple[Array, Array, Solution]:
    """Weighted slopes that brightness and contrast do not touch, and their matrix.

    Args:
        patch: a tile, one pixel wider on each side than the slopes.
        weight: of the pixels, [P, P, 1].

    Returns:
        Slopes across and down [P, P, N], and the entries a, b, c of the matrix of their
        products, damped.
    """

    gx, gy = _slopes(patch)
    inner = patch[1:-1, 1:-1]

    def moments(w: Array, gx: Array, gy: Array, t: Array) -> tuple[Array, ...]:
        wx, wy, wt = w * gx, w * gy, w * t
        return wx, wy, wt, wx * gx, wx * gy, wy * gy, wt * gx, wt * gy, wt * t

    mx, my, mt, xx, xy, yy, xt, yt, tt = sums(moments, weight, gx, gy, inner)
    tt = tt - mt * mt + 1e-6
    ax, ay = (xt - mx * mt) / tt, (yt - my * mt) / tt

    def project(w: Array, gx: Array, gy: Array, t: Array) -> tuple[Array, Array]:
        t = t - mt
        return w * (gx - mx - ax * t), w * (gy - my - ay * t)

    sx, sy = by_rows(project, weight, gx, gy, inner)
    a, b, c = (
        xx - mx * mx - ax * ax * tt,
        xy - mx * my - ax * ay * tt,
        yy - my * my - ay * ay * tt,
    )
    return sx, sy, damped(a, b, c)


def damped(a: Array, b: Array, c: Array) -> Solution:
    """A matrix of slopes that can be divided by."""
    damping = 1e-7 + STIFF[0] * (a + c)
    return a + damping, b, c + damping


def solve(matrix: Solution, right: list[Array]) -> Array:
    """[2, N] of a symmetric 2 × 2 system."""
    a, b, c = matrix
    return jnp.stack([c * right[0] - b * right[1], a * right[1] - b * right[0]]) / (a * c - b * b)


def align(patch: Array, tile: Array, shift: Array, *, margin: int) -> Array:
    """The shift [2, N] at which a tile looks like the patch, from a first guess.

    Args:
        patch: a tile of P + 2 rows.
        tile: P + 2 margin rows or more, in which the patch is looked for.
        shift: [2, N] pixels from the middle of the tile.
        margin: how far it may go.
    """
    size = patch.shape[0] - 2
    sx, sy, matrix = projected(patch, gaussian(size))

    def newton(_: int, shift: Array) -> Array:
        seen = moved(tile, shift, size, margin)
        step = solve(matrix, sums(lambda x, y, i: (x * i, y * i), sx, sy, seen))
        return jnp.clip(shift - step, -margin, margin)

    return jax.lax.fori_loop(0, STEPS, newton, jnp.clip(shift, -margin, margin))


def likeness(patch: Array, seen: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
    """How what is seen is the patch in another light: seen ≈ gain · patch + offset.

    Returns:
        gain, offset, the variance that is left and the variance of what is seen, [N] each.
    """

    def moments(w: Array, t: Array, i: Array) -> tuple[Array, ...]:
        wt, wi = w * t, w * i
        return wt, wi, wt * t, wt * i, wi * i

    mt, mi, tt, ti, ii = sums(moments, weight, patch, seen)
    tt, ti, ii = tt - mt * mt, ti - mt * mi, ii - mi * mi
    gain = jnp.clip(ti / (tt + 1e-7), 0.3, 3)
    return gain, mi - gain * mt, jnp.maximum(ii - 2 * gain * ti + gain**2 * tt, 0), ii


def _cholesky_solve(matrix: list[list[Array]], right: list[Array]) -> list[Array]:
    """A symmetric system of a few unknowns for all particles at once."""
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


def refine(patch: Array, tile: Array, *, margin: int) -> tuple[Array, Array]:
    """Where a tile looks like the patch, and how it has deformed; pixels that differ outvoted.

    Args:
        patch: a tile of P + 2 rows.
        tile: P + 2 margin rows.
        margin: how far it may go.

    Returns:
        The shift [2, N] from the middle of the tile, by Gauss-Newton steps for it alone,
        which the noise of the deformation does not reach; and M [2, 2, N]: the patch looks
        like the tile under u ↦ (1 + M) u, as far as one step for all six unknowns tells.
    """
    size = patch.shape[0] - 2
    weight, inner = gaussian(size), patch[1:-1, 1:-1]
    gx, gy = _slopes(patch)
    seen = tile[margin:-margin, margin:-margin]
    gain, offset, _, spread = likeness(inner, seen, weight)
    scale = ROBUST[0] + ROBUST[1] * jnp.sqrt(spread) / gain

    def votes(w: Array, t: Array, i: Array) -> tuple[Array, Array]:
        left = (i - offset) / gain - t
        vote = w / (1 + (left / scale) ** 2) ** 2
        return vote, vote * left

    def moments(vote: Array, error: Array, gx: Array, gy: Array) -> tuple[Array, ...]:
        return error * gx, error * gy, vote * gx * gx, vote * gx * gy, vote * gy * gy

    vote, error = by_rows(votes, weight, inner, seen)
    ex, ey, *matrix = sums(moments, vote, error, gx, gy)
    shift = jnp.clip(-solve(damped(*matrix), [ex, ey]), -margin, margin)

    reach = (jnp.arange(size) - size // 2) / (size // 2)
    vote, error = by_rows(votes, weight, inner, moved(tile, shift, size, margin))

    def all_moments(y: Array, vote: Array, error: Array, gx: Array, gy: Array) -> tuple[Array, ...]:
        right = error * gx, error * gy
        products = vote * gx * gx, vote * gx * gy, vote * gy * gy
        return (
            *right,
            *(y * e for e in right),
            *products,
            *(y * p for p in products),
            *(y * y * p for p in products),
        )

    # Sums along the rows first, so that moments across need no further pass.
    tiles = (reach, vote, error, gx, gy)
    first = all_moments(*(tile[0] for tile in tiles))

    def add(total: tuple[Array, ...], rows: tuple[Array, ...]):
        return tuple(t + x for t, x in zip(total, all_moments(*rows), strict=True)), None

    total, _ = jax.lax.scan(add, first, tuple(tile[1:] for tile in tiles))
    powers = jnp.stack([jnp.ones(size), reach, reach**2])
    columns = [powers @ t for t in total]  # [3, N] each: × 1, x, x²
    (ex, ey, fx, fy), products = columns[:4], columns[4:]
    right = [ex[0], ey[0], ex[1], fx[0], ey[1], fy[0]]

    def moment(pair: int, x: int, y: int) -> Array:
        return products[3 * y + pair][x]

    # Unknowns: shift across and down, then slope × (x, y) across and down.
    axes = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1)]
    matrix6 = [[moment(p + q, x + v, y + w) for q, v, w in axes] for p, x, y in axes]
    trace = moment(0, 0, 0) + moment(2, 0, 0)
    for k in range(6):
        matrix6[k][k] = matrix6[k][k] + 1e-7 + STIFF[0 if k < 2 else 1] * trace
    bend = jnp.stack(_cholesky_solve(matrix6, right)[2:]).reshape(2, 2, -1) / (size // 2)
    matrix = [moment(0, 0, 0), moment(1, 0, 0), moment(2, 0, 0)]
    shift = jnp.clip(shift - solve(damped(*matrix), right[:2]), -margin, margin)
    return shift, jnp.clip(bend, -0.1, 0.1)


def cut_out(flat: Array, levels: Array, scales: Array, xy: Array) -> Array:
    """Patches [L, P + 2, P + 2, N] of some levels around places xy [2, N]."""

    def one(_: None, item: tuple[Array, Array]) -> tuple[None, Array]:
        level, scale = item
        tile, rest = window(flat, level, xy * scale, PATCH + 4)
        return None, moved(tile, rest, PATCH + 2, 1)

    return jax.lax.scan(one, None, (levels, scales))[1]


def upwards(height: int, width: int) -> tuple[Array, Array]:
    """Levels, coarsest first, and their scales."""
    levels = levels_of(height, width)[::-1]
    scales = [2.0**-k for k in range(len(levels))][::-1]
    return jnp.asarray(levels, jnp.int32), jnp.asarray(scales, jnp.float32)


def descend(patches: Array, flat: Array, size: tuple[int, int], guess: Array, sure: Array) -> Array:
    """Places [2, N] in pixels of the finest level, found level by level.

    Args:
        patches: what was seen at each level, coarsest first.
        flat: the pyramid in which they are looked for.
        size: height and width of its finest level.
        guess: [2, N] first guess, pixels of the finest level.
        sure: [N] bool, whose guess is better than what coarse levels say: their patches are
            wide, and see what passed in front of a particle long after it is free.
    """

    def one(xy: Array, item: tuple[Array, Array, Array]) -> tuple[Array, None]:
        patch, level, scale = item
        tile, rest = window(flat, level, xy * scale, PATCH + 2 * MARGIN)
        shift = align(patch, tile, rest, margin=MARGIN)
        shift = jnp.where(sure & (scale < SURE), rest, shift)
        return inside(xy + (shift - rest) / scale, *size), None

    return jax.lax.scan(one, inside(guess, *size), (patches, *upwards(*size)))[0]


def inside(xy: Array, height: int, width: int) -> Array:
    """Places [2, N] moved into the picture."""
    return jnp.clip(xy, 0, jnp.asarray([[width], [height]], jnp.float32) - 1e-2)
