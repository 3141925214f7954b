"""Round spots of a known size, located below a pixel: spheres under a microscope, stars, cells.

Crocker & Grier 1996: a band-pass leaves what is as large as a spot,

    K = A_λ − A_w,

A_λ blurred by one pixel against their noise, A_w the mean over a window a little wider than a spot;
candidates are its local maxima. Each is moved to the centroid of what surrounds it. Where they
move a mask by whole pixels, a window that fades out is moved by parts of them here, until the
centroid in it is its own middle:

    Σ_p w(|p − c|) (p − c) K(p) = 0,

which a symmetric spot fulfils wherever it lies between the pixels, so that no place is preferred.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.tiles import flatten, pixel_sums, window
from vidparticles.image.discs import pixel_cover
from vidparticles.image.resample import box, gray, highest, smooth
from vidparticles.numerics import safe_divide
from vidparticles.particles import Particles

WIDEST = 29  # pixels across a spot, at most: what a picture is continued by reaches half as far
_PAD = WIDEST // 2 + 2


@dataclasses.dataclass(frozen=True)
class LocateConfig:
    """What a spot is.

    Attributes:
        diameter: pixels across a spot, odd, 3 to 29; rather too large than too small.
        count: slots for spots; where there are more, the brightest are taken.
        least: what a spot must be brighter than its surroundings, summed over its pixels.
        brightest: the share of the pixels brighter than around among which candidates are;
            the default is that of Crocker & Grier, 1 suits spots of very different brightness.
        dark: the spots are darker than what surrounds them.
        rounds: steps towards the centroid.
        gain: of each: a window that fades out holds less than the whole way.
        halvings: of the range of brightness, to find the brightest pixels.
        stray: diameters that a spot may lie from its brightest pixel.

    Raises:
        ValueError: the diameter is even or out of range, or there is no slot.
    """

    diameter: int
    count: int = 256
    least: float = 0.05
    brightest: float = 0.3
    dark: bool = False
    rounds: int = 8
    gain: float = 1.5
    halvings: int = 16
    stray: float = 0.5

    def __post_init__(self) -> None:
        if not (3 <= self.diameter <= WIDEST and self.diameter % 2):
            raise ValueError(
                f"diameter is {self.diameter}; expected an odd number of pixels from 3 to "
                f"{WIDEST}: shrink a picture with larger spots."
            )
        if self.count < 1:
            raise ValueError(f"count is {self.count}; expected at least 1 particle.")


def band_pass(picture: Array, *, diameter: int) -> Array:
    """What of a picture [H, W] is as large as a spot; 0 where it is darker than around.

    Args:
        picture: floats.
        diameter: pixels across a spot, odd.
    """
    return jnp.maximum(smooth(smooth(picture)) - box(picture, diameter // 2), 0)


@functools.partial(jax.jit, static_argnames="config")
def locate(frame: Array, config: LocateConfig) -> Particles:
    """The spots of a picture.

    Args:
        frame: [H, W] or [H, W, 3], uint8 or floats in [0, 1].
        config: what a spot is.

    Returns:
        Particles at rest, position in frame heights; feature [N, 3]: brightness over the
        surroundings, summed over the pixels; radius of gyration in pixels; how far from round
        in [0, 1], the length of the mean of exp(2 i angle). The brightest come first. Of two
        whose windows overlap the brighter counts; of those at the border nothing is said.

    Raises:
        ValueError: the frame is of another shape.

    Example:
        >>> y, x = jnp.mgrid[:32, :32] + 0.5
        >>> spot = jnp.exp(-((x - 12.3) ** 2 + (y - 20.6) ** 2) / 8)
        >>> found = locate(spot, LocateConfig(diameter=9, count=4))
        >>> found.alive.tolist(), [round(32 * float(v), 2) for v in found.position[0]]
        ([True, False, False, False], [12.3, 20.6])
    """
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[-1] != 3):
        raise ValueError(f"the frame has shape {frame.shape}; expected [H, W] or [H, W, 3].")
    diameter, count = config.diameter, config.count
    picture = gray(frame) if frame.ndim == 3 else frame.astype(jnp.float32)
    if frame.ndim == 2 and frame.dtype == jnp.uint8:
        picture = picture / 255
    height, width = picture.shape
    band = band_pass(1 - picture if config.dark else picture, diameter=diameter)
    band = jax.lax.optimization_barrier(band)  # else computed anew for each use
    first, candidate = _candidates(band, config)
    xy, feature = _centered(band, first, config)

    margin = diameter / 2
    inside = (xy >= margin) & (xy <= jnp.asarray([[width], [height]]) - margin)
    near = jnp.sum((xy - first) ** 2, 0) < (config.stray * diameter) ** 2
    alive = candidate & (feature[0] > config.least) & inside.all(0) & near
    order = jnp.argsort(jnp.where(alive, -feature[0], jnp.inf), stable=True)
    xy, feature, alive = xy[:, order], feature[:, order], alive[order]
    alive = alive & ~_outshone(xy, alive, diameter + 1)
    return Particles(
        position=jnp.where(alive, xy, 0).T / height,
        velocity=jnp.zeros((count, 2)),
        feature=jnp.where(alive, feature, 0).T,
        mass=jnp.ones(count),
        alive=alive,
    )


def _candidates(band: Array, config: LocateConfig) -> tuple[Array, Array]:
    """Positions [2, count] of the highest peaks among the brightest pixels, and which are some."""
    (height, width), diameter, count = band.shape, config.diameter, config.count
    bright = band > _quantile(band, 1 - config.brightest, halvings=config.halvings)
    bright = bright & (band >= highest(band, diameter // 2))
    # Cells that can hold one peak each: few enough to be sorted.
    side = diameter // 2 + 1
    rows, columns = -(-height // side), -(-width // side)
    short = rows * side - height, columns * side - width
    peaks = jnp.pad(jnp.where(bright, band, 0), ((0, short[0]), (0, short[1])))
    cells = peaks.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(-1, side**2)
    best, value = jnp.argmax(cells, 1), jnp.max(cells, 1)
    extra = max(0, count - len(value))
    value, cell = jax.lax.top_k(jnp.pad(value, (0, extra)), count)
    pixel = best[jnp.minimum(cell, len(best) - 1)]
    x = cell % columns * side + pixel % side
    y = cell // columns * side + pixel // side
    # What is no candidate may lie anywhere that can be read.
    return jnp.where(value > 0, jnp.stack([x, y]), 0) + 0.5, value > 0


def _quantile(band: Array, share: float, *, halvings: int) -> Array:
    """What this share of the positive pixels is at most, by halving: a sort costs much more."""
    wanted = share * jnp.sum(band > 0)

    def halve(_: int, ends: Array) -> Array:
        middle = jnp.mean(ends)
        below = jnp.sum((band > 0) & (band <= middle)) < wanted
        return jnp.where(below, ends.at[0].set(middle), ends.at[1].set(middle))

    return jax.lax.fori_loop(0, halvings, halve, jnp.stack([jnp.zeros(()), jnp.max(band)]))[1]


def _centered(band: Array, xy: Array, config: LocateConfig) -> tuple[Array, Array]:
    """Positions [2, N] moved to the middle of their spots, and the features of these [3, N]."""
    (height, width), diameter = band.shape, config.diameter
    size = diameter + 2
    tile, _ = window(flatten(band, pad=_PAD), jnp.asarray((0, height, width)), xy, size, pad=_PAD)
    reach = jnp.arange(size, dtype=jnp.float32) - size // 2
    rows = jnp.broadcast_to(reach[:, None, None], (size, 1, 1))

    def around(shift: Array, row: Array) -> tuple[Array, Array, Array]:
        """Steps across and down from a center to the pixels of a row, and their square."""
        x, y = reach[:, None] - shift[0], row - shift[1]
        return x, y, x * x + y * y

    def step(_: int, shift: Array) -> Array:
        def moments(row: Array, a: Array) -> tuple[Array, ...]:
            x, y, square = around(shift, row)
            weight = a * jnp.maximum(1 - square / (diameter / 2 + 0.5) ** 2, 0) ** 2
            return weight, weight * x, weight * y

        total, x, y = pixel_sums(moments, rows, tile)
        way = config.gain * jnp.stack([safe_divide(x, total), safe_divide(y, total)])
        return jnp.clip(shift + way, -size / 2, size / 2)

    shift = jax.lax.fori_loop(0, config.rounds, step, jnp.zeros_like(xy))

    def features(row: Array, a: Array) -> tuple[Array, ...]:
        x, y, square = around(shift, row)
        a = a * pixel_cover(jnp.sqrt(square), diameter / 2)
        turn = safe_divide(a, square)
        return a, a * square, turn * (x * x - y * y), turn * 2 * x * y

    total, square, even, skew = pixel_sums(features, rows, tile)
    size_ = jnp.sqrt(safe_divide(square, total))
    return xy + shift, jnp.stack([total, size_, safe_divide(jnp.hypot(even, skew), total)])


def _outshone(xy: Array, alive: Array, apart: int) -> Array:
    """[N] bool, whether a brighter one, which comes earlier, is nearer than this."""
    square = sum((x[:, None] - x) ** 2 for x in xy)
    earlier = jnp.arange(len(alive))[:, None] > jnp.arange(len(alive))
    return jnp.any((square < apart**2) & earlier & alive, axis=1)
