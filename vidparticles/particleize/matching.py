"""Where the patch around a point of one picture is in the next: pyramidal matching.

Lucas & Kanade 1981 in a pyramid (Bouguet 2001), inverse compositional (Baker & Matthews
2004): slopes and their matrix are those of the earlier picture, so that a step of the
iteration is one product with the difference of two patches. All lengths are in pixels.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.render.sampling import halve, smooth

RADIUS = 4  # of the patch: 9 × 9
ITERATIONS = 4  # Gauss-Newton steps a level
COARSEST = 16  # shorter side of the smallest level, at least


def levels_of(height: int, width: int) -> list[tuple[int, int, int]]:
    """(offset in the flat pyramid, height, width) of each level, finest first."""
    levels, offset = [], 0
    while True:
        levels.append((offset, height, width))
        offset += height * width
        height, width = height // 2, width // 2
        if min(height, width) < COARSEST or len(levels) == 5:
            return levels


def pyramid_of(luma: Array) -> Array:
    """All levels of the luma [H, W], flattened into one vector."""
    level = smooth(luma)
    flat = [level.ravel()]
    for _ in levels_of(*luma.shape)[1:]:
        level = halve(level)
        flat.append(level.ravel())
    return jnp.concatenate(flat)


def _windows(flat: Array, level: Array, centre: Array, radius: int) -> Array:
    """The pixels [N, 2r+2, 2r+2] from which patches around centres [N, 2] are blended."""
    offset, height, width = level
    corner = jnp.floor(centre - 0.5 - radius).astype(jnp.int32)
    reach = jnp.arange(2 * radius + 2)
    x = jnp.clip(corner[:, 0, None] + reach, 0, width - 1)
    y = jnp.clip(corner[:, 1, None] + reach, 0, height - 1)
    index = offset + y[:, :, None] * width + x[:, None, :]
    return flat.at[index].get(mode="promise_in_bounds")


def _blend(window: Array, centre: Array) -> Array:
    """Patches [N, 2r+1, 2r+1] at sub-pixel centres out of their windows."""
    fx, fy = jnp.moveaxis((centre - 0.5) % 1, -1, 0)[:, :, None, None]
    window = window[:, :, :-1] * (1 - fx) + window[:, :, 1:] * fx
    return window[:, :-1] * (1 - fy) + window[:, 1:] * fy


def match(
    before: Array, after: Array, levels: list[tuple[int, int, int]], xy: Array, guess: Array
) -> tuple[Array, Array]:
    """Displacement [N, 2] in pixels from one pyramid to another, and its misfit [N].

    Windows enter loops as inputs or carries: what XLA:CPU holds in a buffer is gathered
    once, while a gather it may fuse is done again for each use. Sums over a patch are
    products of small matrices for the same reason.
    """
    scales = jnp.asarray([2.0**-k for k in range(len(levels))][::-1], jnp.float32)
    places = jnp.asarray(levels[::-1], jnp.int32)
    reach = jnp.arange(-RADIUS, RADIUS + 1) / (RADIUS + 1)
    weight = jnp.exp(-(reach[:, None] ** 2 + reach[None, :] ** 2)).ravel()
    weight = weight / weight.sum()
    count = xy.shape[0]

    def level_step(carry: tuple[Array, Array], item: tuple[Array, Array, Array]):
        shift, _ = carry
        level, scale, window = item
        wide = _blend(window, xy * scale)
        gx = (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]) / 2
        gy = (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]) / 2
        slopes = jnp.stack([gx, gy, wide[:, 1:-1, 1:-1]], 1).reshape(count, 3, -1)
        # Means are taken out, so that a change of brightness is not taken for motion.
        slopes = slopes - (slopes @ weight)[..., None]
        patch = slopes[:, 2]
        products = jnp.einsum("nik,njk->nij", slopes * weight, slopes)
        a, b, c = products[:, 0, 0], products[:, 0, 1], products[:, 1, 1]
        damping = 1e-6 + 1e-3 * (a + c)
        a, c = a + damping, c + damping
        inverse = jnp.stack([c, -b, -b, a], -1).reshape(count, 2, 2)
        inverse = inverse / (a * c - b * b)[:, None, None]
        # What turns a difference of patches into a step; the slopes have mean 0, so the
        # mean of the moved patch need not be taken out.
        solve = inverse @ (slopes[:, :2] * weight)

        def look(shift: Array) -> tuple[Array, Array]:
            return shift, _windows(after, level, xy * scale + shift, RADIUS)

        def wrong(shift: Array, window: Array) -> Array:
            return _blend(window, xy * scale + shift).reshape(count, -1) - patch

        def newton(_: int, seen: tuple[Array, Array]) -> tuple[Array, Array]:
            step = jnp.einsum("nik,nk->ni", solve, wrong(*seen))
            return look(seen[0] - jnp.clip(step, -2, 2))

        seen = jax.lax.fori_loop(0, ITERATIONS, newton, look(shift * scale))
        left = wrong(*seen)
        misfit = jnp.maximum((left**2) @ weight - (left @ weight) ** 2, 0)
        return (seen[0] / scale, jnp.sqrt(misfit / (products[:, 2, 2] + 1e-4))), None

    windows = jax.vmap(lambda level, scale: _windows(before, level, xy * scale, RADIUS + 1))
    start = guess, jnp.zeros(count, jnp.float32)
    found, _ = jax.lax.scan(level_step, start, (places, scales, windows(places, scales)))
    return found
