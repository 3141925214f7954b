"""How much of one picture is still found in another: the share of its particles that survive.

The picture, shrunk to `SIZE` whatever its shape, is covered by a lattice of particles, each a
window of 8 × 8 pixels at rest. One with texture survives where normalized correlation finds
it again, so that changes of brightness and contrast do not matter; it is looked for
around where it was, or around where the whole picture went (phase correlation, Kuglin & Hines
1975), whichever explains more. One without texture survives if its hue stays.

What of the picture no particle explains is measured beside it: as a share of particles changes
where a picture jumps within one place, most of it stays, but what is left unexplained is more than
motion leaves.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.flow.global_motion import phase_correlation
from vidparticles.image.resample import gray
from vidparticles.programs import persistent_jit

SIZE = (48, 64)  # height and width that pictures are shrunk to
CELL = 4  # pixels between particles, half the width of their windows

_ROWS, _COLS = SIZE[0] // CELL, SIZE[1] // CELL
_COUNT = 4.0 * CELL * CELL  # pixels of a window
# Sums along rows as a product with a matrix: XLA:CPU is slow at short reductions.
_GATHER = np.kron(np.eye(_COLS), np.ones((CELL, 1))).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class SurvivalConfig:
    """When a particle is found.

    Attributes:
        reach: pixels that a particle may stray from where it is looked for.
        found: normalized correlation from which on it has been found.
        texture: variance of luma in a window; below, a particle has no texture.
        noise: variance that keeps flat windows from correlating by their noise.
        hue: difference of color at equal luma that a particle without texture survives.
        enough: particles with texture; where there are fewer, the missing ones count as found.
    """

    reach: int = 2
    found: float = 0.8
    texture: float = 1e-3
    noise: float = 1e-4
    hue: float = 0.06
    enough: int = 8


def _window_means(pictures: Array) -> Array:
    """Means [P, 11, 15] over the windows of pictures [P, *SIZE]."""
    cells = (pictures.reshape(-1, SIZE[1]) @ _GATHER).reshape(-1, _ROWS, CELL, _COLS)
    rows = cells[:, :, 0] + cells[:, :, 1] + cells[:, :, 2] + cells[:, :, 3]
    rows = rows[:, 1:] + rows[:, :-1]
    return (rows[:, :, 1:] + rows[:, :, :-1]) / _COUNT


def _spread(pictures: Array) -> Array:
    """Variances [P, 11, 15] over the windows of pictures [P, *SIZE]."""
    return _window_means(pictures * pictures) - _window_means(pictures) ** 2


def _hue(frames: Array, luma: Array) -> Array:
    """Mean differences to luma of red and blue [2, P, 11, 15]."""
    scale = 255 if frames.dtype == jnp.uint8 else 1
    planes = (frames[..., k].astype(jnp.float32) / scale - luma for k in (0, 2))
    return jnp.stack([_window_means(plane) for plane in planes])


def _global_shift(before: Array, after: Array) -> tuple[Array, Array]:
    """Rows and columns [P] by which whole pictures moved, to the pixel."""
    height, width = SIZE
    peaks = phase_correlation(before, after)
    peak = jnp.argmax(peaks.reshape(-1, height * width), -1)
    y, x = peak // width, peak % width
    return jnp.where(y >= height // 2, y - height, y), jnp.where(x >= width // 2, x - width, x)


def _moved(luma: Array, y: Array, x: Array, reach: int) -> Array:
    """Each picture from (y, x) [P] further on, with `reach` more on each side."""
    height, width = SIZE
    my, mx = height // 2 + reach, width // 2 + reach
    wide = jnp.pad(luma, ((0, 0), (my, my), (mx, mx)), mode="edge")
    size = (height + 2 * reach, width + 2 * reach)

    def one(picture: Array, y: Array, x: Array) -> Array:
        return jax.lax.dynamic_slice(picture, (y + height // 2, x + width // 2), size)

    return jax.vmap(one)(wide, y, x)


def _least(after: Array, config: SurvivalConfig) -> Array:
    """How many particles [P] a picture must have come from, not to have come out of nothing.

    Texture four times the least is at most doubled in contrast, as in the first frames of a
    fade, which is no new picture.
    """
    return jnp.sum(_spread(after) > 4 * config.texture, (1, 2)) // 2


def _share(found: Array, among: Array, least: Array, config: SurvivalConfig) -> Array:
    """Share [P] of the particles `among` that are found, of at least so many."""
    count = jnp.maximum(jnp.sum(among, (1, 2)), least)
    missing = jnp.maximum(config.enough - count, 0)
    return (jnp.sum(found & among, (1, 2)) + missing) / jnp.maximum(count, config.enough)


def _alike(
    luma: Array, mean: Array, variance: Array, other: Array, noise: float
) -> tuple[Array, Array]:
    """Each window beside the same one of another picture.

    Returns:
        Normalized correlation, and the variance that either leaves unexplained of the other
        whatever the contrast.
    """
    other_mean = _window_means(other)
    spread = _window_means(other * other) - other_mean**2
    both = _window_means(luma * other) - mean * other_mean
    alike = both * jax.lax.rsqrt((variance + noise) * (spread + noise))
    left = 0.5 * (variance + spread) * (1 - jnp.clip(alike, 0, 1) ** 2)
    return alike, jnp.maximum(left, 0)


def _settled(before: Array, after: Array, config: SurvivalConfig) -> tuple[Array, ...]:
    """What does not depend on motion.

    Returns:
        Luma of both pictures; mean and variance of the windows of the first; the share of all
        particles but those without texture in both whose hue has changed.
    """
    first, second = gray(before), gray(after)
    variance = _spread(first)
    flat = (variance <= config.texture) & (_spread(second) <= config.texture)
    change = jnp.abs(_hue(before, first) - _hue(after, second)).max(0)
    same = 1 - jnp.mean(flat & (change > config.hue), (1, 2))
    return first, second, _window_means(first), variance, same


@functools.partial(persistent_jit, static_argnames=("config",))
def survival(
    before: Array, after: Array, *, config: SurvivalConfig | None = None
) -> tuple[Array, Array, Array]:
    """The share of the particles of one picture that are found in another.

    Args:
        before, after: [P, *SIZE, 3] uint8, or floats in [0, 1]; P pairs of pictures.
        config: when a particle is found; default `SurvivalConfig()`.

    Returns:
        Share [P] in [0, 1]; global displacement [P, 2] in pixels of SIZE, x first, which is 0
        where standing still explains as much; and what is unexplained of the windows [P], a mean
        standard deviation of luma in [0, 1].

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (1, 12, 16, 3))
        >>> picture = jax.image.resize(noise, (1, *SIZE, 3), "linear")
        >>> share, shift, _ = survival(picture, 0.5 * jnp.roll(picture, 9, axis=2))
        >>> float(share[0]) > 0.9, shift.tolist()
        (True, [[9.0, 0.0]])
    """
    config = config or SurvivalConfig()
    first, second, mean, variance, same = _settled(before, after, config)
    textured, reach = variance > config.texture, config.reach
    y, x = _global_shift(first, second)
    height, width = SIZE
    rows = (jnp.arange(1, _ROWS) * CELL + y[:, None])[:, :, None]
    cols = (jnp.arange(1, _COLS) * CELL + x[:, None])[:, None, :]
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    # Particles that leave the picture are no witnesses, as long as enough stay in it.
    staying = textured & inside
    few = jnp.sum(staying, (1, 2)) < jnp.sum(textured, (1, 2)) / 4

    def explained(correlation: Array, among: Array) -> Array:
        return jnp.sum(correlation * among, (1, 2)) / jnp.maximum(jnp.sum(among, (1, 2)), 1)

    moved = _moved(second, y, x, reach)
    rest, rest_left = _alike(first, mean, variance, second, config.noise)
    overlap = moved[:, reach:-reach, reach:-reach]  # flat beyond the edges of the second
    gone, gone_left = _alike(first, mean, variance, overlap, config.noise)
    moves = ~few & (explained(gone, staying) > explained(rest, textured))
    each = moves[:, None, None]
    edges = ((0, 0), (reach, reach), (reach, reach))
    around = jnp.where(each, moved, jnp.pad(second, edges, mode="edge"))

    def better(best: tuple[Array, Array], step: Array) -> tuple[tuple[Array, Array], None]:
        other = jax.lax.dynamic_slice(
            around, (0, step[0] + reach, step[1] + reach), (len(first), height, width)
        )
        alike, left = _alike(first, mean, variance, other, config.noise)
        return (jnp.maximum(best[0], alike), jnp.minimum(best[1], left)), None

    span = range(-reach, reach + 1)
    steps = [(y, x) for y in span for x in span if 0 < abs(y) + abs(x) <= reach]
    start = jnp.where(each, gone, rest), jnp.where(each, gone_left, rest_left)
    (best, left), _ = jax.lax.scan(better, start, jnp.asarray(steps))
    least = jnp.where(moves, _least(overlap, config), _least(second, config))
    share = _share(best > config.found, jnp.where(each, staying, textured), least, config)
    shift = jnp.stack([x, y], -1) * moves[:, None].astype(jnp.float32)
    there = (~each | inside).astype(jnp.float32)
    unexplained = jnp.sum(jnp.sqrt(left) * there, (1, 2)) / jnp.maximum(jnp.sum(there, (1, 2)), 1)
    return jnp.minimum(share, same), shift, unexplained
