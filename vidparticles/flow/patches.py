"""Where the patch around a point of one picture is in the next: pyramidal matching.

Lucas & Kanade 1981 in a pyramid (Bouguet 2001), inverse compositional (Baker & Matthews
2004): slopes and their matrix are those of the known patch, so that an iteration samples one
window and solves. What a change of brightness or contrast does to the patch is projected
out of its slopes (Hager & Belhumeur 1998). The finest level compares with the patch at the spawn
of a particle (the template), sampled through the affine map by which its surroundings have deformed
since (Shi & Tomasi 1994), so that errors do not add up from frame to frame.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.tiles import (
    by_rows,
    flatten,
    gaussian_weights,
    pixel_sums,
    row_sums,
    shifted,
    tile_slopes,
    window,
)
from vidparticles.image.linear import Symmetric, solve_2x2, solve_cholesky
from vidparticles.image.resample import halve, smooth

Level = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class PatchConfig:
    """How patches are matched.

    Attributes:
        size: pixels across a patch, at each level; odd.
        margin: pixels that a level may go from its first guess.
        template: pixels across the template, at the finest level; odd. Each level is continued by
            as much at its edges.
        template_margin: pixels that the match of the template may go from that of the patches.
        steps: Gauss-Newton steps a level.
        robust: luma, residual that halves the weight of a pixel twice,
        robust_contrast: and what is added to it, × contrast of the patch.
        coarsest: pixels of the shorter side of the coarsest level, at least.
        levels: of the pyramid, at most.
        damping: of the shift, × mean square slope,
        bend_damping: and of the deformation.
        longest_bend: the most that the deformation changes in a match, per pixel a pixel.
        most_blur: share of a mean over 3 × 3 in a patch that is as blurred as what is shown,
        most_sharper: and how much of it is taken off one that is less sharp.
        as_sharp: ratio of mean square slopes, of equal contrast, above which all of it is taken,
        blurred: and below which none.
    """

    size: int = 9
    margin: int = 2
    template: int = 17
    template_margin: int = 1
    steps: int = 2
    robust: float = 0.03
    robust_contrast: float = 0.6
    coarsest: int = 16
    levels: int = 3
    damping: float = 1e-3
    bend_damping: float = 1e-2
    longest_bend: float = 0.1
    most_blur: float = 4.0
    most_sharper: float = 0.5
    as_sharp: float = 0.97
    blurred: float = 0.87


# ---------------------------------------------------------------- the pyramid


def levels_of(height: int, width: int, config: PatchConfig) -> list[Level]:
    """(offset in the flat pyramid, height, width) of each level, finest first."""
    levels: list[Level] = []
    offset, pad = 0, config.template
    while len(levels) < config.levels and (not levels or min(height, width) >= config.coarsest):
        levels.append((offset, height, width))
        offset += (height + 2 * pad) * (width + 2 * pad)
        height, width = height // 2, width // 2
    return levels


def pyramid_of(luma: Array, config: PatchConfig) -> Array:
    """All levels of the luma [H, W], continued at their edges, flattened into one vector."""
    (height, width), level, flat = luma.shape, smooth(luma), []
    for k in range(len(levels_of(height, width, config))):
        # Kept, lest each level be computed anew from the luma.
        level = jax.lax.optimization_barrier(halve(level) if k else level)
        flat.append(flatten(level, pad=config.template))
    return jnp.concatenate(flat)


def coarse_to_fine(height: int, width: int, config: PatchConfig) -> tuple[Array, Array]:
    """Levels [L, 3], coarsest first, and their scales [L]."""
    levels = levels_of(height, width, config)[::-1]
    scales = [2.0**-k for k in range(len(levels))][::-1]
    return jnp.asarray(levels, jnp.int32), jnp.asarray(scales, jnp.float32)


def patches_at(flat: Array, size: tuple[int, int], xy: Array, config: PatchConfig) -> Array:
    """Patches [L, P + 2, P + 2, N] around positions xy [2, N], coarsest level first.

    Args:
        flat: a pyramid.
        size: height and width of its finest level.
        xy: pixels of the finest level, in the picture.
        config: P is its `size`.
    """

    def one(_: None, item: tuple[Array, Array]) -> tuple[None, Array]:
        level, scale = item
        tile, rest = window(flat, level, xy * scale, config.size + 4, pad=config.template)
        return None, shifted(tile, rest, config.size + 2, 1)

    return jax.lax.scan(one, None, coarse_to_fine(*size, config))[1]


def into_picture(xy: Array, height: int, width: int) -> Array:
    """Positions [2, N] in pixels, moved to the nearest place in the picture."""
    return jnp.clip(xy, 0, jnp.asarray([[width], [height]], jnp.float32) - 1e-2)


# ---------------------------------------------------------------- matching


def _damped(a: Array, b: Array, c: Array, config: PatchConfig) -> Symmetric:
    """A matrix of slopes that can be divided by."""
    damping = 1e-7 + config.damping * (a + c)
    return a + damping, b, c + damping


def _solve(matrix: Symmetric, right: list[Array]) -> Array:
    """[2, N]."""
    return jnp.stack(solve_2x2(matrix, (right[0], right[1])))


def _projected(
    patch: Array, weight: Array, config: PatchConfig
) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Weighted slopes that brightness and contrast do not touch, and their matrix.

    Args:
        patch: a tile, one pixel wider on each side than the slopes.
        weight: of the pixels, [P, P, 1].
        config: how it is damped.

    Returns:
        Slopes across and down [P, P, N], and the entries a, b, c of the matrix of their
        products, damped.
    """

    gx, gy = tile_slopes(patch)
    inner = patch[1:-1, 1:-1]

    def moments(w: Array, gx: Array, gy: Array, t: Array) -> tuple[Array, ...]:
        wx, wy, wt = w * gx, w * gy, w * t
        return wx, wy, wt, wx * gx, wx * gy, wy * gy, wt * gx, wt * gy, wt * t

    mx, my, mt, xx, xy, yy, xt, yt, tt = pixel_sums(moments, weight, gx, gy, inner)
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
    return sx, sy, _damped(a, b, c, config)


def align(patch: Array, tile: Array, shift: Array, *, margin: int, config: PatchConfig) -> Array:
    """The shift [2, N] at which a tile is most like the patch, from a first guess.

    Args:
        patch: a tile of P + 2 rows.
        tile: P + 2 margin rows or more, in which the patch is looked for.
        shift: [2, N] pixels from the middle of the tile.
        margin: how far it may go.
        config: steps and damping.
    """
    size = patch.shape[0] - 2
    sx, sy, matrix = _projected(patch, gaussian_weights(size), config)

    def newton(_: int, shift: Array) -> Array:
        shown = shifted(tile, shift, size, margin)
        step = _solve(matrix, pixel_sums(lambda x, y, i: (x * i, y * i), sx, sy, shown))
        return jnp.clip(shift - step, -margin, margin)

    return jax.lax.fori_loop(0, config.steps, newton, jnp.clip(shift, -margin, margin))


def fit_light(patch: Array, shown: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
    """How what is shown is the patch in another light: shown ≈ gain · patch + offset.

    Returns:
        gain, offset, the variance that is left and the variance of what is shown, [N] each.
    """

    def moments(w: Array, t: Array, i: Array) -> tuple[Array, ...]:
        wt, wi = w * t, w * i
        return wt, wi, wt * t, wt * i, wi * i

    mt, mi, tt, ti, ii = pixel_sums(moments, weight, patch, shown)
    tt, ti, ii = tt - mt * mt, ti - mt * mi, ii - mi * mi
    gain = jnp.clip(ti / (tt + 1e-7), 0.3, 3)
    return gain, mi - gain * mt, jnp.maximum(ii - 2 * gain * ti + gain**2 * tt, 0), ii


def blurred_like(patch: Array, shown: Array, weight: Array, config: PatchConfig) -> Array:
    """A patch without its border [P, P, N], blurred as far as what is shown is.

    shown ≈ gain · (patch + β (its means over 3 × 3, binomial − patch)) + offset, by least squares.

    Args:
        patch: a tile of P + 2 rows.
        shown: of P rows.
        weight: of the pixels, [P, P, 1].
        config: how much, at most.
    """

    def across(row: Array) -> Array:
        return (row[:-2] + 2 * row[1:-1] + row[2:]) / 4

    lines = by_rows(across, patch)
    inner = patch[1:-1, 1:-1]

    def change(above: Array, row: Array, below: Array, t: Array) -> Array:
        return (above + 2 * row + below) / 4 - t

    soft = by_rows(change, lines[:-2], lines[1:-1], lines[2:], inner)

    def moments(w: Array, t: Array, d: Array, i: Array) -> tuple[Array, ...]:
        wt, wd, wi = w * t, w * d, w * i
        return wt, wd, wi, wt * t, wt * d, wd * d, wt * i, wd * i

    mt, md, mi, tt, td, dd, ti, di = pixel_sums(moments, weight, inner, soft, shown)
    tt, td, dd = tt - mt * mt, td - mt * md, dd - md * md
    ti, di = ti - mt * mi, di - md * mi
    gain = ti * dd - di * td
    blur = (di * tt - ti * td) / jnp.maximum(gain, 1e-3 * tt * dd + 1e-12)
    blur = jnp.clip(blur, -config.most_sharper, config.most_blur)
    return by_rows(lambda t, d: t + blur * d, inner, soft)


def match_template(patch: Array, tile: Array, *, config: PatchConfig) -> tuple[Array, Array, Array]:
    """Where a tile is most like a template, and how it has deformed; what differs is outvoted.

    Args:
        patch: a tile of P + 2 rows.
        tile: P + 2 · template_margin rows.
        config: `template_margin` is how far it may go.

    Returns:
        The shift [2, N] from the middle of the tile, by Gauss-Newton steps for it alone,
        which the noise of the deformation does not reach; and M [2, 2, N]: the patch is
        like the tile under u ↦ (1 + M) u, as far as one step for all six unknowns tells. And the
        patch [P, P, N] without its border, as sharp as the tile.
    """
    size, margin = patch.shape[0] - 2, config.template_margin
    weight, inner = gaussian_weights(size), patch[1:-1, 1:-1]
    gx, gy = tile_slopes(patch)
    shown = tile[margin:-margin, margin:-margin]
    like = blurred_like(patch, shown, weight, config)
    gain, offset, _, spread = fit_light(like, shown, weight)
    scale = config.robust + config.robust_contrast * jnp.sqrt(spread) / gain

    def votes(w: Array, t: Array, i: Array) -> tuple[Array, Array]:
        left = (i - offset) / gain - t
        vote = w / (1 + (left / scale) ** 2) ** 2
        return vote, vote * left

    def moments(vote: Array, error: Array, gx: Array, gy: Array) -> tuple[Array, ...]:
        return error * gx, error * gy, vote * gx * gx, vote * gx * gy, vote * gy * gy

    vote, error = by_rows(votes, weight, like, shown)
    ex, ey, a, b, c = pixel_sums(moments, vote, error, gx, gy)
    shift = jnp.clip(-_solve(_damped(a, b, c, config), [ex, ey]), -margin, margin)

    vote, error = by_rows(votes, weight, like, shifted(tile, shift, size, margin))
    bend, right, tensor = _affine_step(vote, error, gx, gy, config)
    shift = jnp.clip(shift - _solve(_damped(*tensor, config), right), -margin, margin)
    # Blur looks as if all grew a little: what it does is no deformation.
    sharp = _sharpness_ratio(inner, gx, gy, tile, weight, spread)
    sharp = jnp.minimum(sharp, 1 / jnp.maximum(sharp, 1e-6))
    rigid = (sharp - config.blurred) / (config.as_sharp - config.blurred)
    limit = config.longest_bend * jnp.clip(rigid, 0, 1)
    return shift, jnp.clip(jnp.clip(rigid, 0, 1) * bend, -limit, limit), like


def _sharpness_ratio(
    inner: Array, gx: Array, gy: Array, tile: Array, weight: Array, spread: Array
) -> Array:
    """Mean square slope over variance of what is shown, over that of the template, [N]."""

    def moments(w: Array, t: Array, gx: Array, gy: Array, hx: Array, hy: Array):
        wt = w * t
        return w * (gx * gx + gy * gy), w * (hx * hx + hy * hy), wt, wt * t

    known, now, mean, square = pixel_sums(moments, weight, inner, gx, gy, *tile_slopes(tile))
    return now * (square - mean**2) / (known * spread + 1e-9)


def _affine_step(
    vote: Array, error: Array, gx: Array, gy: Array, config: PatchConfig
) -> tuple[Array, list[Array], Symmetric]:
    """One Gauss-Newton step for a shift and a deformation together.

    Args:
        vote, error: [P, P, N] weights of the pixels, and weighted residuals.
        gx, gy: slopes of the template.
        config: how it is damped.

    Returns:
        The deformation [2, 2, N]; the right side and the matrix of the step for the shift alone.
    """
    size = len(vote)
    reach = (jnp.arange(size) - size // 2) / (size // 2)

    def moments(y: Array, vote: Array, error: Array, gx: Array, gy: Array) -> tuple[Array, ...]:
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
    total = row_sums(moments, reach, vote, error, gx, gy)
    powers = jnp.stack([jnp.ones(size), reach, reach**2])
    columns = [powers @ t for t in total]  # [3, N] each: × 1, x, x²
    (ex, ey, fx, fy), products = columns[:4], columns[4:]
    right = [ex[0], ey[0], ex[1], fx[0], ey[1], fy[0]]

    def moment(pair: int, x: int, y: int) -> Array:
        return products[3 * y + pair][x]

    # Unknowns: shift across and down, then slope × (x, y) across and down.
    axes = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1)]
    matrix = [[moment(p + q, x + v, y + w) for q, v, w in axes] for p, x, y in axes]
    trace = moment(0, 0, 0) + moment(2, 0, 0)
    for k in range(6):
        damping = config.damping if k < 2 else config.bend_damping
        matrix[k][k] = matrix[k][k] + 1e-7 + damping * trace
    bend = jnp.stack(solve_cholesky(matrix, right)[2:]).reshape(2, 2, -1) / (size // 2)
    return bend, right[:2], (moment(0, 0, 0), moment(1, 0, 0), moment(2, 0, 0))


def match_patches(
    patches: Array,
    flat: Array,
    size: tuple[int, int],
    guess: Array,
    sure: Array,
    config: PatchConfig,
    *,
    levels: int,
) -> Array:
    """Positions [2, N] in pixels of the finest level, found level by level.

    Args:
        patches: [L, P + 2, P + 2, N] as of `patches_at` in the picture before.
        flat: the pyramid in which they are looked for.
        size: height and width of its finest level.
        guess: [2, N] first guess, pixels of the finest level.
        sure: [N] bool, whose guess is better than what any level but the finest says: patches of
            the others are wide, and still show what passed in front of a particle long after it
            is free.
        config: how.
        levels: so many are asked, from the finest on.
    """
    pad, wide = config.template, config.size + 2 * config.margin

    def one(xy: Array, item: tuple[Array, Array, Array]) -> tuple[Array, None]:
        patch, level, scale = item
        tile, rest = window(flat, level, xy * scale, wide, pad=pad)
        shift = align(patch, tile, rest, margin=config.margin, config=config)
        shift = jnp.where(sure & (scale < 1), rest, shift)
        return into_picture(xy + (shift - rest) / scale, *size), None

    items = jax.tree.map(lambda x: x[-levels:], (patches, *coarse_to_fine(*size, config)))
    return jax.lax.scan(one, into_picture(guess, *size), items)[0]
