"""Frames at other moments: a picture moved along with its particles.

From displacements at scattered particles to one at each pixel:

    u(x) = Σᵢ wᵢ(x) uᵢ / Σᵢ wᵢ(x),   wᵢ(x) = (1 + |x − pᵢ|² / r²)⁻³

Near particles decide; where none is near, those around do, without a seam, since far from
all only the ratio of distances matters (Shepard 1968, without his poles). Where the
particles rest u = 0: such places are not touched. A pixel then looks up where it came from
(backward warping), which leaves no holes.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import safe_divide
from vidparticles.render.sampling import (
    bilinear,
    box,
    enlarge,
    grey,
    pixel_centres,
    resize,
    shrink_size,
    smooth,
)

WORK_SIZE = 320  # longer side at which explanations of the motion are compared, pixels
FIELD_SIZE = 96  # longer side of the grid on which fields are summed over particles
SURE = 1.5 / 255  # difference of luma within which two explanations are equally good
TORN = 15 / 255, 40 / 255  # difference of luma from which, and at which fully, none is good


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
        alive: [N] bool; the dead have no vote.
        height, width: of the grid, which spans the frame.
        reach: r, frame heights; about half the particles' distance from each other.

    Returns:
        [H, W, C] in the unit of `displacement`; zero where no particle lives.

    Example:
        >>> points = jnp.array([[0.25, 0.5], [0.75, 0.5]])
        >>> moved = jnp.array([[0.0, 0.0], [0.2, 0.0]])
        >>> u = motion_field(points, moved, jnp.ones(2, bool), height=4, width=4, reach=0.05)
        >>> [round(float(v), 2) for v in u[2, :, 0]]
        [0.0, 0.03, 0.17, 0.2]
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


def _field(points: Array, moved: Array, alive: Array, size: tuple[int, int], reach: float) -> Array:
    """The field [h, w, 2] in frame heights at a size, summed on a coarser grid."""
    coarse = shrink_size(*size, longest=FIELD_SIZE)
    field = motion_field(points, moved, alive, height=coarse[0], width=coarse[1], reach=reach)
    return enlarge(field, *size)


def to_bytes(picture: Array) -> Array:
    """Floats rounded and clipped to uint8."""
    return jnp.clip(jnp.round(picture), 0, 255).astype(jnp.uint8)


def dominant(displacement: Array, alive: Array) -> Array:
    """The median displacement of the living, [2]; 0 where none lives."""
    ordered = jnp.sort(jnp.where(alive[:, None], displacement, jnp.inf), axis=0)
    middle = ordered[jnp.maximum(jnp.sum(alive) - 1, 0) // 2]
    return jnp.where(jnp.isfinite(middle), middle, 0)


@jax.jit
def between(
    before: Array, after: Array, points: Array, displacement: Array, alive: Array, fraction: Array
) -> Array:
    """The frame a fraction of the way from one frame to the next.

    Several explanations of the motion compete for each pixel: what the nearest particles
    do, what those around do, what most of the picture does, and rest. The one under which
    the two frames agree best around the pixel is taken, so that edges of moving things do
    not drag what is behind them. Both frames are warped to the moment and blended; where
    they disagree even so, the frames are dissolved as they are.

    Args:
        before, after: [H, W, 3] uint8, neighbours in time in one shot.
        points: [N, 2] where the particles are in `before`, frame heights.
        displacement: [N, 2] from `before` to `after`, frame heights.
        alive: [N] bool, in both frames.
        fraction: 0 at `before`, 1 at `after`.

    Returns:
        [H, W, 3] uint8.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> none = jnp.zeros((4, 2)), jnp.zeros((4, 2)), jnp.zeros(4, bool)
        >>> between(frame, frame, *none, 0.5)[0, 0].tolist()
        [7, 7, 7]
    """
    height, width = before.shape[:2]
    fraction = jnp.asarray(fraction, jnp.float32)
    small = shrink_size(height, width, longest=WORK_SIZE)
    reach = 0.5 * spacing(points.shape[0], height, width)
    here = points + fraction * displacement
    candidates = jnp.stack(
        [
            _field(here, displacement, alive, small, reach),
            _field(here, displacement, alive, small, 4 * reach),
            jnp.broadcast_to(dominant(displacement, alive), (*small, 2)),
            jnp.zeros((*small, 2)),
        ]
    )
    lumas = jnp.stack([smooth(resize(grey(image), *small)) for image in (before, after)])
    ways = jnp.stack([-fraction, 1 - fraction])  # along the field, from the moment to each frame

    # Each pass of `map` leaves its result in memory: fused into the sums over windows
    # below, every look-up would be done again for each place of the window.
    def seen(image_way: tuple[Array, Array], field: Array) -> Array:
        image, way = image_way
        xy = pixel_centres(*image.shape[:2]) + way * field * image.shape[0]
        return bilinear(image.astype(jnp.float32), xy)

    def difference(field: Array) -> Array:
        one, two = (seen((lumas[k], ways[k]), field) for k in (0, 1))
        return jnp.abs(one - two)

    costs = jax.vmap(lambda cost: box(box(cost, 1), 2))(jax.lax.map(difference, candidates))
    # Ties go to the nearest particles, then to those around.
    bias = jnp.asarray([0.0, 0.5, 1.0, 1.0])[:, None, None]
    share = jax.nn.softmax(-costs / SURE - bias, axis=0)
    field = enlarge(smooth(jnp.sum(share[..., None] * candidates, axis=0)), height, width)

    frames = jnp.stack([before, after])
    warped = jax.lax.map(lambda item: seen(item, field), (frames, ways))
    # Where no explanation fits, a plain dissolve of the two frames tears nothing.
    torn = enlarge(smooth(jnp.min(costs, axis=0)), height, width)[..., None]
    torn = jnp.clip((torn - TORN[0]) / (TORN[1] - TORN[0]), 0, 1)
    one, two = warped + torn * (frames - warped)
    return to_bytes(one + fraction * (two - one))
