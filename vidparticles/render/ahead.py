"""Frames beyond the last one: the picture carried on, with what is not known shown as such.

Three things are not known ahead, and each is seen to be: how far things really went (blur
that grows with the way they were carried), what comes into view at the frame's edge, and
what appears where a thing has left (both filled in softly from what lies around).

From displacements at scattered particles to one at each pixel:

    u(x) = Σᵢ wᵢ(x) uᵢ / Σᵢ wᵢ(x),   wᵢ(x) = (1 + |x − pᵢ|² / r²)⁻³

Near particles decide; where none is near, those around do, without a seam, since far from
all only the ratio of distances matters (Shepard 1968, without his poles). Where the
particles rest u = 0: such positions are not touched.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image.resample import (
    bilinear,
    enlarge,
    pixel_centers,
    resize,
    shrink_size,
    to_bytes,
)
from vidparticles.numerics import masked_median, safe_divide, safe_norm


@dataclasses.dataclass(frozen=True)
class AheadConfig:
    """How unsure what has moved is.

    Attributes:
        field: pixels of the longer side of the grid on which fields are summed over particles.
        doubt: deviation of the blur, as a share of the distance moved against the picture,
        doubt_together: and moved with it;
        widest: frame heights, at most.
        uncovered: frame heights between where a position comes from and where what was there came
            to lie, from which it starts to count as uncovered,
        bare: and at which it does fully.
    """

    field: int = 96
    doubt: float = 0.1
    doubt_together: float = 0.02
    widest: float = 0.025
    uncovered: float = 0.015
    bare: float = 0.05


def spacing(count: int, height: int, width: int) -> float:
    """Typical distance between `count` particles spread over a frame, frame heights."""
    return (width / height / max(count, 1)) ** 0.5


def motion_field(
    points: Array, displacement: Array, alive: Array, *, height: int, width: int, reach: float
) -> Array:
    """What scattered particles hold, their displacements say, for each pixel.

    Args:
        points: [N, 2] frame heights.
        displacement: [N, C] at the points, any unit.
        alive: [N] bool; the inactive have no vote.
        height, width: of the grid, which spans the frame.
        reach: r, frame heights; about half the particles' distance from each other.

    Returns:
        [H, W, C] in the unit of `displacement`; zero where no particle is active.

    Example:
        >>> points = jnp.array([[0.25, 0.5], [0.75, 0.5]])
        >>> moved = jnp.array([[0.0, 0.0], [0.2, 0.0]])
        >>> u = motion_field(points, moved, jnp.ones(2, bool), height=4, width=4, reach=0.3)
        >>> [round(float(v), 2) for v in u[2, :, 0]]
        [0.0, 0.02, 0.18, 0.2]
    """
    x = (jnp.arange(width) + 0.5) / height
    y = (jnp.arange(height) + 0.5) / height
    points = jnp.where(alive[:, None], points, 0)
    displacement = jnp.where(alive[:, None], displacement, 0)
    across = ((x[:, None] - points[:, 0]) / reach) ** 2
    down = ((y[:, None] - points[:, 1]) / reach) ** 2
    square = 1 + down[:, None, :] + across[None, :, :]
    weight = alive / (square * square * square)
    # One product gives the sums of votes and of weights.
    sums = weight @ jnp.concatenate([displacement, jnp.ones_like(points[:, :1])], axis=-1)
    return safe_divide(sums[..., :-1], sums[..., -1:])


def soften(frame: Array, radius: Array, *, levels: int) -> Array:
    """A picture blurred by its own radius at each pixel: how sure it is, made visible.

    Args:
        frame: [H, W, C] floats.
        radius: [H, W] standard deviation of the blur in pixels.
        levels: blurs at hand, each twice as wide as the one before, the first of 1.2 pixels.

    Returns:
        [H, W, C]; the picture itself where the radius is 0.
    """
    height, width = frame.shape[:2]
    out, small, deviation = frame, frame, 0.0
    for level in range(levels):
        size = max(1, -(-height >> (level + 1))), max(1, -(-width >> (level + 1)))
        small = resize(small, *size)
        wider = 1.2 * 2.0**level
        share = jnp.clip((radius - deviation) / (wider - deviation), 0, 1)[..., None]
        out = out + share * (resize(small, height, width) - out)
        deviation = wider
    return out


def fill(picture: Array, known: Array) -> Array:
    """What is not known, filled from what is known around it, softer the farther away.

    Pull and push (Gortler et al. 1996): averages of the known at every coarser scale, from
    which each finer scale takes what it lacks.

    Args:
        picture: [H, W, C] floats.
        known: [H, W] in [0, 1].

    Returns:
        [H, W, C]; the picture where known is 1.

    Example:
        >>> picture = jnp.array([[[4.0], [9.0]], [[4.0], [4.0]]])
        >>> known = jnp.array([[1.0, 0.0], [1.0, 1.0]])
        >>> round(float(fill(picture, known)[0, 1, 0]), 2)
        4.0
    """
    height, width = picture.shape[:2]
    if height == width == 1:
        return picture
    weighted = jnp.concatenate([picture * known[..., None], known[..., None]], axis=-1)
    below = resize(weighted, -(-height // 2), -(-width // 2))
    share = below[..., -1]
    coarse = fill(below[..., :-1] / jnp.maximum(share, 1e-6)[..., None], jnp.minimum(2 * share, 1))
    return picture + (1 - known[..., None]) * (resize(coarse, height, width) - picture)


@functools.partial(jax.jit, static_argnames="config")
def carry(
    frame: Array,
    points: Array,
    displacement: Array,
    alive: Array,
    config: AheadConfig | None = None,
) -> Array:
    """A frame carried along by its particles to a moment that nobody has seen.

    Args:
        frame: [H, W, 3] uint8.
        points: [N, 2] where the particles are in `frame`, frame heights.
        displacement: [N, 2] how far each has gone, frame heights.
        alive: [N] bool.
        config: how unsure it is; default `AheadConfig()`.

    Returns:
        [H, W, 3] uint8; `frame` itself where nothing moves.

    Example:
        >>> frame = jnp.arange(8 * 8 * 3, dtype=jnp.uint8).reshape(8, 8, 3)
        >>> still = jnp.zeros((1, 2))
        >>> bool((carry(frame, still + 0.5, still, jnp.ones(1, bool)) == frame).all())
        True
    """
    config = config or AheadConfig()
    height, width = frame.shape[:2]
    size = shrink_size(height, width, longest=config.field)
    reach = 0.5 * spacing(points.shape[0], height, width)
    # The motion that most of the particles share.
    common = masked_median(displacement, alive[:, None], axis=0)
    against = safe_norm(displacement - common)
    doubt = config.doubt * against + config.doubt_together * safe_norm(displacement)

    def spread(where: Array, what: Array) -> Array:
        return motion_field(where, what, alive, height=size[0], width=size[1], reach=reach)

    here = spread(points + displacement, jnp.concatenate([displacement, doubt[:, None]], axis=-1))
    gone = spread(points, displacement)
    field, blur = here[..., :2], jnp.minimum(here[..., 2], config.widest)
    source = pixel_centers(*size) / size[0] - field
    # A position that takes from where something has left is uncovered: nobody saw what is there.
    missed = safe_norm(bilinear(gone, source * size[0]) - field)
    outside = jnp.maximum(-source, source - jnp.asarray([width / height, 1.0])).max(-1)
    missed = jnp.maximum(missed, jnp.where(outside > 0.5 / size[0], 1.0, 0.0))
    bare = (missed - config.uncovered) / (config.bare - config.uncovered)
    known = 1 - jnp.clip(bare, 0, 1)

    xy = pixel_centers(height, width) - enlarge(field, height, width) * height
    picture = bilinear(frame.astype(jnp.float32), xy)
    # What is filled in is soft: it is made at the size of the field.
    shown = resize(picture, *size)
    filled = resize(fill(shown, known), height, width)
    picture = picture + (1 - enlarge(known, height, width))[..., None] * (filled - picture)
    levels = max(1, math.ceil(math.log2(max(2.0, config.widest * height))))
    return to_bytes(soften(picture, enlarge(blur, height, width) * height, levels=levels))
