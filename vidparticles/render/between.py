"""Frames at other moments: both neighbors moved along the field between them.

Two claims are made for each place of a moment between two frames: one by what the frame
before says comes there, one by what the frame after says came from there. A claim is

    u(x) = F(x − s u(x)),   s the share of the way from its own frame,

found by looking up again, and shows what its own frame has at x − s u, and the other frame at
x + (1 − s) u. What both frames show, both claims agree on. A place that one of them covers is
claimed by the other alone: there the claim's way to the other frame does not lead back to
where it began, and only its own frame is shown. A place that neither explains is a
dissolve of the frames as they are, which tears nothing.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow import dense as field
from vidparticles.image.resample import bilinear, box, stretch, to_bytes
from vidparticles.numerics import safe_norm

STEPS = 2  # look-ups after the first towards where a claim comes from
# What halves a claim's weight: a claim that another look-up moves, and a way there and back
# that ends elsewhere, both in pixels of the field's grid; luma that differs by this divides by e.
LOOSE, ASTRAY, UNLIKE = 1.0, 1.5, 0.05
# A claim that leaves this share of what standing still would leave, beside grain of the picture,
# luma, is worth half.
USELESS, GRAIN = 0.8, 0.004
# Weights beside that of a claim that fits: of one frame alone, of a dissolve where the frames
# are alike, and of one anywhere.
ALONE, REST, DISSOLVE = 0.2, 0.3, 0.1
# A place that is equal in both frames stays as it is where the claims are slower than this,
# pixels, or would alter it by no more than this, levels; else something passes.
SLOW, TOUCHED = 0.5, 8
# Between pixels, at f, a linear look-up adds f (1 − f) / 2 of its second difference to a parabola:
# this share of it is taken off.
SHARP = 0.6
LINES = 64  # of the frame that are shown at a time


class Match(NamedTuple):
    """How two neighboring frames hang together.

    Attributes:
        motion: [2, h, w, 2] pixels of the field's grid, see `field.motions`.
        luma: [2, h, w] of the frames on that grid.
    """

    motion: Array
    luma: Array


@jax.jit
def match(before: Array, after: Array) -> Match:
    """Find how two frames hang together; once for all moments between them.

    Args:
        before, after: [H, W, 3] uint8, neighbors in time.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> float(jnp.abs(match(frame, frame).motion).max())
        0.0
    """
    return Match(*field.motions(before, after))


def _astray(motion: Array, back: Array) -> Array:
    """How far from where it began the way to the other frame and back ends, [B, h, w]."""
    return safe_norm(motion + field.look(back, motion))


def _likeness(apart: Array) -> Array:
    """How alike pictures are around each place, from their difference [B, h, w]; 1: equal."""
    return jnp.exp(_apart(apart, 1) / -UNLIKE)


def _apart(difference: Array, radius: int) -> Array:
    """Mean difference of luma around each place, of [B, h, w]."""
    return jax.vmap(lambda luma: box(luma, radius))(jnp.abs(difference))


@jax.jit
def between(before: Array, after: Array, found: Match, fraction: Array | float) -> Array:
    """The frame a fraction of the way from one frame to the next.

    Args:
        before, after: [H, W, 3] uint8.
        found: their `match`.
        fraction: 0 at `before`, 1 at `after`.

    Returns:
        [H, W, 3] uint8; a copy of the frames where they are equal and nothing passes. Across a cut
        nothing lies between two frames: whoever knows of one shows the nearer.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> between(frame, frame, match(frame, frame), 0.5)[0, 0].tolist()
        [7, 7, 7]
    """
    fraction = jnp.asarray(fraction, jnp.float32)
    gone = jnp.stack([fraction, 1 - fraction])[:, None, None]  # from each claim's own frame
    claim, shares = _claims(found, gone)
    height, width = before.shape[:2]
    scale = jnp.asarray([width, height], jnp.float32) / jnp.asarray(shares.shape[:0:-1])
    way = jnp.moveaxis(claim * scale, -1, 1).reshape(4, *shares.shape[1:])
    sheets = stretch(jnp.concatenate([way, shares]), width, axis=2)
    still = _unchanged(before, after)

    def lines(rows: Array) -> Array:
        # One more on each side, for what is sharpened.
        rows = jnp.clip(jnp.arange(-1, LINES + 1) + rows, 0, height - 1)
        here = lax.optimization_barrier(stretch(sheets, height, axis=1, lines=rows))
        way, shares = here[:4].reshape(2, 2, *here.shape[1:]), here[4:, ..., None]
        shown = _seen(before, after, way, shares, gone, rows)
        first = before[rows[1:-1]]
        slow = jnp.max(jnp.hypot(way[:, 0, 1:-1], way[:, 1, 1:-1]), axis=0) < SLOW
        near = jnp.max(jnp.abs(shown - first), axis=-1) <= TOUCHED
        kept = still[rows[1:-1]] & (slow | near)
        return to_bytes(jnp.where(kept[..., None], first, shown))

    # Some lines at a time: memory for whole sheets of a large frame is slow to get.
    shown = lax.map(lines, jnp.arange(0, height, LINES))
    return shown.reshape(-1, width, 3)[:height]


def _claims(found: Match, gone: Array) -> tuple[Array, Array]:
    """Both claims [2, h, w, 2] and the shares [5, h, w] of what is shown.

    Shares: of the first claim's own frame and the second's, of the other frame by the first
    claim and by the second, and of the dissolve.
    """
    motion, luma, left = found.motion, found.luma, 1 - gone
    known = jnp.concatenate([motion, _astray(motion, motion[::-1])[..., None]], axis=-1)
    claim = motion
    for _ in range(STEPS):
        claim = field.look(motion, -gone[..., None] * claim)
    again = field.look(known, -gone[..., None] * claim)
    claim, astray = again[..., :2], again[..., 2]
    loose = safe_norm(field.look(motion, -gone[..., None] * claim) - claim)
    own = field.look(luma, -gone[..., None] * claim)
    other = field.look(luma[::-1], left[..., None] * claim)
    alone = jax.nn.sigmoid(6 - 6 * loose / LOOSE)
    explained = (_apart(own - other, 2) + GRAIN) / (_apart(luma[:1] - luma[1:], 2) + GRAIN)
    fit = alone * jax.nn.sigmoid(6 - 6 * astray / ASTRAY) * _likeness(own - other)
    fit *= jax.nn.sigmoid(6 * (USELESS - explained))
    rest = DISSOLVE + REST * _likeness(luma[:1] - luma[1:])
    weights = jnp.concatenate([left * (fit + ALONE * alone), gone * fit, rest])
    return claim, weights / jnp.sum(weights, axis=0)


def _unchanged(before: Array, after: Array) -> Array:
    """Places [H, W] around which both frames are equal, two pixels each way."""
    changed = jnp.any(before != after, axis=-1)
    for axis in (0, 1):
        wide = jnp.pad(changed, [(2, 2) if a == axis else (0, 0) for a in (0, 1)])
        size = changed.shape[axis]
        near = [lax.slice_in_dim(wide, k, k + size, axis=axis) for k in range(5)]
        changed = lax.optimization_barrier(functools.reduce(jnp.logical_or, near))
    return ~changed


def _seen(
    before: Array, after: Array, way: Array, shares: Array, gone: Array, rows: Array
) -> Array:
    """Lines of the frame in between, [rows - 2, W, 3] floats.

    Args:
        before, after: [H, W, 3] uint8.
        way: [2, 2, rows, W] both claims, x and y, pixels.
        shares: [5, rows, W, 1].
        gone: [2, 1, 1].
        rows: which lines they are, one more above and below.
    """
    frames = jnp.stack([before, after])
    x, y = jnp.arange(before.shape[1]) + 0.5, rows[:, None] + 0.5
    parts = jnp.concatenate([-gone, 1 - gone])
    looks = (jnp.asarray([0, 1, 1, 0]), jnp.asarray([0, 1, 0, 1]), parts, shares[:4])

    # By a scan, which keeps what was looked up: else it would be for each neighbor anew.
    def look(sums: tuple[Array, Array], item: tuple[Array, ...]):
        frame, claim, part, share = item
        place = jnp.stack([x + part * way[claim, 0], y + part * way[claim, 1]], axis=-1)
        off = place - 0.5 - jnp.floor(place - 0.5)
        shown = sums[0] + share * bilinear(frames[frame], place)
        return (shown, sums[1] + off * (1 - off) * share), None

    rest = shares[4] * ((1 - gone[0]) * before[rows] + gone[0] * after[rows])
    (shown, soft), _ = lax.scan(look, (rest, jnp.zeros((*shares.shape[1:3], 2))), looks)
    inner, soft = shown[1:-1], soft[1:-1]
    wide = jnp.pad(inner, [(0, 0), (1, 1), (0, 0)], mode="edge")
    across = wide[:, 2:] - 2 * inner + wide[:, :-2]
    down = shown[2:] - 2 * inner + shown[:-2]
    return inner - SHARP / 2 * (soft[..., :1] * across + soft[..., 1:] * down)
