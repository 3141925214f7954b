"""Particles drawn over a frame: dots, tails that show where they came from, rings, arrows.

Tails live on a canvas [H, W, 4] of color times opacity, and opacity, both in [0, 1]: each
frame it fades by the time that passed and takes the newest piece of every path. A tail is
therefore as long as the time it tells of, at any frame rate, for the price of one piece.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from vidparticles.image.discs import pixel_cover
from vidparticles.numerics import safe_norm
from vidparticles.viz.moments import Ink


@dataclasses.dataclass(frozen=True)
class DrawStyle:
    """How particles are drawn; pixels are those of a frame of 480 lines.

    Attributes:
        fade: seconds in which a tail fades to 1/e.
        fast: frame heights per second at which the color of a speed is half way to its end.
        stamps: parts in which a piece of a path is drawn.
        longest_stamp: pixels of a part, at most, that are drawn without a gap.
        ring_time: seconds in which a ring opens or closes.
        ring_radius: pixels, of a ring when it is widest.
        rings: drawn at once, the newest.
        arrow: frame heights, of the longest arrow.
        half_force: frame heights per second² at which an arrow is half as long.
    """

    fade: float = 0.6
    fast: float = 0.5
    stamps: int = 8
    longest_stamp: float = 8.0
    ring_time: float = 0.35
    ring_radius: float = 6.5
    rings: int = 48
    arrow: float = 0.07
    half_force: float = 0.6


STYLE = DrawStyle()
# Slow to fast, evenly spaced: indigo, blue, teal, green, yellow, orange, red.
RAMP = np.array(
    [
        [0.33, 0.32, 0.80],
        [0.20, 0.55, 0.95],
        [0.12, 0.77, 0.80],
        [0.40, 0.87, 0.45],
        [0.98, 0.88, 0.25],
        [1.00, 0.58, 0.15],
        [0.97, 0.22, 0.20],
    ],
    np.float32,
)

# Of labels, in turn. Okabe and Ito's colors, brightened for dimmed footage and moved by up to .12
# of a channel to be as far apart as possible in CIELAB, for eyes that lack a kind of cones too.
LABELS = np.array(
    [
        [0.86, 0.64, 0.12],
        [0.44, 0.77, 1.00],
        [0.20, 0.43, 0.99],
        [0.68, 0.38, 0.65],
        [0.02, 0.61, 0.38],
        [0.77, 0.34, 0.12],
        [1.00, 0.89, 0.14],
        [1.00, 1.00, 1.00],
    ],
    np.float32,
)
BACKGROUND = np.array([0.72, 0.75, 0.80], np.float32)


def speed_color(velocity: Array) -> Array:
    """Color [..., 3] in [0, 1] of velocities [..., 2]: indigo at rest, red when fast.

    Example:
        >>> [round(float(part), 2) for part in speed_color(jnp.zeros(2))]
        [0.33, 0.32, 0.8]
    """
    speed = safe_norm(velocity)
    place = speed / (speed + STYLE.fast) * (len(RAMP) - 1)
    stops = jnp.arange(len(RAMP), dtype=jnp.float32)
    return jnp.stack([jnp.interp(place, stops, RAMP[:, c]) for c in range(3)], axis=-1)


def label_color(label: Array) -> Array:
    """Color [..., 3] in [0, 1] of labels [...]; 0, the background, is gray.

    Example:
        >>> first, ninth = label_color(jnp.array([1, 9]))
        >>> bool((first == ninth).all())
        True
    """
    color = jnp.asarray(LABELS)[(label - 1) % len(LABELS)]
    return jnp.where(label[..., None] > 0, color, BACKGROUND)


def blank(height: int, width: int) -> Array:
    """An empty canvas."""
    return jnp.zeros((height, width, 4), jnp.float32)


def line_width(height: int) -> float:
    """Radius of a tail in pixels, for a frame of this height."""
    return max(0.7, height / 480)


def _stamp(
    canvas: Array,
    start: Array,
    end: Array,
    ink: Array,
    radius: Array,
    *,
    reach: int,
    hollow: Array | None = None,
) -> Array:
    """Strokes with round, soft edges, the strongest ink winning.

    Args:
        canvas: [H, W, 4].
        start, end: [M, 2] pixels; the same for a disc.
        ink: [M, 4] color times opacity, and opacity.
        radius: [M] pixels.
        reach: pixels around its middle that a stroke may touch.
        hollow: [M] pixels around its line that it leaves free.
    """
    height, width = canvas.shape[:2]
    around = jnp.arange(-reach, reach + 1)
    middle = jnp.floor((start + end) / 2).astype(jnp.int32)
    x, y = middle[:, 0, None] + around, middle[:, 1, None] + around
    dx = x[:, None, :] + 0.5 - start[:, 0, None, None]
    dy = y[:, :, None] + 0.5 - start[:, 1, None, None]
    ux, uy = jnp.moveaxis(end - start, -1, 0)[:, :, None, None]
    along = jnp.clip((dx * ux + dy * uy) / (ux * ux + uy * uy + 1e-6), 0, 1)
    away = jnp.hypot(dx - along * ux, dy - along * uy)
    cover = pixel_cover(away, radius[:, None, None])
    if hollow is not None:
        cover = cover * jnp.clip(away - hollow[:, None, None] + 0.5, 0, 1)
    y, x = jnp.broadcast_arrays(y[:, :, None], x[:, None, :])
    # A negative index would count from the end: send what is outside beyond it instead.
    y, x = jnp.where(y < 0, height, y), jnp.where(x < 0, width, x)
    return canvas.at[y, x].max(cover[..., None] * ink[:, None, None, :], mode="drop")


def _ink(color: Array, opacity: Array) -> Array:
    return jnp.concatenate([color * opacity[..., None], opacity[..., None]], axis=-1)


def _over(picture: Array, canvas: Array) -> Array:
    return picture * (1 - canvas[..., 3:]) + 255 * canvas[..., :3]


@functools.partial(jax.jit, static_argnames=("stamps", "width"))
def add_paths(
    canvas: Array,
    start: Array,
    end: Array,
    color: Array,
    opacity: Array,
    *,
    stamps: int = STYLE.stamps,
    width: float = 1.0,
) -> Array:
    """The canvas with a straight piece of path for each particle.

    Args:
        canvas: [H, W, 4].
        start, end: [N, 2] frame heights.
        color: [N, 3] in [0, 1].
        opacity: [N] in [0, 1]; 0 draws nothing.
        stamps: parts in which it is drawn.
        width: in usual ones.
    """
    height = canvas.shape[0]
    radius = width * line_width(height)
    along = jnp.linspace(0, 1, stamps + 1)[:, None, None]
    ends = (start + along * (end - start)) * height
    inks = jnp.broadcast_to(_ink(color, opacity), (stamps, *opacity.shape, 4))
    return _stamp(
        canvas,
        ends[:-1].reshape(-1, 2),
        ends[1:].reshape(-1, 2),
        inks.reshape(-1, 4),
        jnp.full(stamps * opacity.shape[0], radius),
        reach=int(np.ceil(STYLE.longest_stamp / 2 * max(1.0, height / 480) + radius)),
    )


@jax.jit
def add_rings(
    canvas: Array, position: Array, color: Array, opacity: Array, since: Array, opening: Array
) -> Array:
    """The canvas with rings that open where particles appeared and close where they vanished.

    Args:
        canvas: [H, W, 4].
        position: [M, 2] frame heights.
        color: [M, 3] in [0, 1].
        opacity: [M] in [0, 1].
        since: [M] seconds ago; after `STYLE.ring_time` nothing is drawn.
        opening: [M] bool; else it closes.
    """
    # Few are new at any moment: the others cost nothing.
    newest = jax.lax.top_k(-since, min(STYLE.rings, len(since)))[1]
    given = position, color, opacity, since, opening
    position, color, opacity, since, opening = (x[newest] for x in given)
    scale = line_width(canvas.shape[0])
    done = jnp.clip(since / STYLE.ring_time, 0, 1)
    radius = STYLE.ring_radius * scale * jnp.where(opening, jnp.sqrt(done), 1 - done)
    opacity = jnp.where(since < STYLE.ring_time, opacity * (1 - done**2), 0)
    at = position * canvas.shape[0]
    reach = int(np.ceil(STYLE.ring_radius * scale + 2))
    ink = _ink(color, opacity)
    thick = 0.6 * scale
    return _stamp(canvas, at, at, ink, radius + thick, reach=reach, hollow=radius - thick)


@jax.jit
def add_arrows(canvas: Array, position: Array, force: Array, color: Array, opacity: Array) -> Array:
    """The canvas with an arrow for the force on each particle, longer for a stronger one.

    Args:
        canvas: [H, W, 4].
        position: [N, 2] frame heights.
        force: [N, 2] per mass, frame heights per second²; the length is
            `STYLE.arrow` · |f| / (|f| + `STYLE.half_force`).
        color: [N, 3] in [0, 1].
        opacity: [N] in [0, 1].
    """
    strength = safe_norm(force)[:, None]
    length = STYLE.arrow * strength / (strength + STYLE.half_force)
    along = force / jnp.maximum(strength, 1e-9)
    across = along[:, ::-1] * jnp.asarray([-1.0, 1.0])
    tip = position + length * along
    canvas = add_paths(canvas, position, tip, color, opacity)
    for side in (0.45, -0.45):
        barb = tip - jnp.minimum(0.3 * length, 0.016) * (along + side * across)
        canvas = add_paths(canvas, tip, barb, color, opacity, stamps=2)
    return canvas


@jax.jit
def fade(canvas: Array, seconds: Array) -> Array:
    """The canvas after a time."""
    return canvas * jnp.exp(-seconds / STYLE.fade)


@jax.jit
def paint(
    frame: Array, canvas: Array, before: Array, position: Array, ink: Ink, seconds: Array
) -> tuple[Array, Array, Array]:
    """A frame with what is drawn of its particles.

    Args:
        frame: [H, W, 3] uint8.
        canvas: [H, W, 4], the tails up to the frame before.
        before: [N, 2] frame heights, where the particles were then.
        position: [N, 2] frame heights.
        ink: what is drawn of them.
        seconds: since then.

    Returns:
        The tails, the picture [H, W, 3] uint8, and how much there is to see in it: tails as well
        as what the ink says, so that the best frame is one whose paths have been drawn for a while.
    """
    canvas = add_paths(fade(canvas, seconds), before, position, ink.color, ink.tail)
    picture = compose(frame, canvas, position, ink.color, ink.dot, ink.over)
    return canvas, picture, ink.interest * (1 + jnp.sum(canvas[..., 3]))


@jax.jit
def compose(
    frame: Array, canvas: Array, position: Array, color: Array, opacity: Array, ahead: Array
) -> Array:
    """The frame, dimmed a little, with the tails and a dot for each particle.

    Args:
        frame: [H, W, 3] uint8.
        canvas: [H, W, 4], the tails.
        position: [N, 2] frame heights.
        color: [N, 3] in [0, 1].
        opacity: [N] in [0, 1] of the dots; 0 for none.
        ahead: [H, W, 4], another canvas on top: paths that are expected. Give `blank` for none.

    Returns:
        [H, W, 3] uint8.
    """
    height, width = frame.shape[:2]
    picture = frame.astype(jnp.float32)
    luma = jnp.mean(picture, axis=-1, keepdims=True)
    picture = 0.7 * (0.75 * picture + 0.25 * luma)
    picture = _over(_over(picture, canvas), ahead)
    radius = 1.7 * line_width(height) * (0.55 + 0.45 * opacity)
    reach = int(np.ceil(2.6 * line_width(height) + 2))
    empty = jnp.zeros((height, width, 4), jnp.float32)
    # A dark rim keeps the dots apart from whatever is behind them.
    rim = _ink(jnp.zeros_like(color), 0.6 * opacity)
    at = position * height
    picture = _over(picture, _stamp(empty, at, at, rim, radius + 0.9, reach=reach))
    dots = _stamp(empty, at, at, _ink(color, opacity), radius, reach=reach)
    return jnp.clip(jnp.round(_over(picture, dots)), 0, 255).astype(jnp.uint8)
