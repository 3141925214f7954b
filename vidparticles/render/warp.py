"""Frames at other moments: both neighbours moved along the field between them.

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

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.numerics import safe_norm
from vidparticles.render import field
from vidparticles.render.sampling import box, enlarge, to_bytes

STEPS = 2  # look-ups after the first towards where a claim comes from
# What halves a claim's weight: a claim that another look-up moves, and a way there and back
# that ends elsewhere, both in pixels of the field's grid; luma that differs by this divides by e.
LOOSE, ASTRAY, UNLIKE = 1.0, 1.5, 0.05
# Weights beside that of a claim that fits: of one frame alone, of a dissolve where the frames
# are alike, and of one anywhere.
ALONE, REST, DISSOLVE = 0.2, 0.3, 0.1
# A place that is equal in both frames stays as it is where the claims are slower than this,
# pixels, or would alter it by no more than this, levels; else something passes.
SLOW, TOUCHED = 0.5, 8
# Two frames share nothing when less than this of their places is found again, so like.
FOUND, FITS = 0.25, 0.4


class Match(NamedTuple):
    """How two neighbouring frames hang together.

    Attributes:
        motion: [2, h, w, 2] pixels of the field's grid, see `field.motions`.
        luma: [2, h, w] of the frames on that grid.
        cut: [] bool; the frames share too little for anything to lie between them.
    """

    motion: Array
    luma: Array
    cut: Array


@jax.jit
def match(before: Array, after: Array) -> Match:
    """Find how two frames hang together; once for all moments between them.

    Args:
        before, after: [H, W, 3] uint8, neighbours in time.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> bool(match(frame, frame).cut)
        False
    """
    motion, luma = field.motions(before, after)
    apart = field.look(luma[::-1], motion) - luma
    # A flash changes all places alike; it is no cut.
    apart = apart - jnp.mean(apart, axis=(1, 2), keepdims=True)
    found = (_astray(motion) < ASTRAY) & (_likeness(apart) > FITS)
    return Match(motion, luma, jnp.mean(found) < FOUND)


def _astray(motion: Array) -> Array:
    """How far from where it began the way to the other frame and back ends, [2, h, w]."""
    return safe_norm(motion + field.look(motion[::-1], motion))


def _likeness(apart: Array) -> Array:
    """How alike pictures are around each place, from their difference [B, h, w]; 1: equal."""
    return jnp.exp(jax.vmap(lambda luma: box(luma, 1))(jnp.abs(apart)) / -UNLIKE)


@jax.jit
def between(before: Array, after: Array, found: Match, fraction: Array | float) -> Array:
    """The frame a fraction of the way from one frame to the next.

    Args:
        before, after: [H, W, 3] uint8.
        found: their `match`.
        fraction: 0 at `before`, 1 at `after`.

    Returns:
        [H, W, 3] uint8; a copy of the frames where they are equal and nothing passes, and of
        the nearer one across a cut.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> between(frame, frame, match(frame, frame), 0.5)[0, 0].tolist()
        [7, 7, 7]
    """
    fraction = jnp.asarray(fraction, jnp.float32)
    nearer = jnp.where(fraction < 0.5, before, after)
    return lax.cond(
        found.cut,
        lambda: nearer,
        lambda: _between(before, after, found, fraction),
    )


def _between(before: Array, after: Array, found: Match, fraction: Array) -> Array:
    height, width = before.shape[:2]
    motion, luma = found.motion, found.luma
    gone = jnp.stack([fraction, 1 - fraction])[:, None, None]  # from each claim's own frame
    left = 1 - gone

    known = jnp.concatenate([motion, _astray(motion)[..., None]], axis=-1)
    claim = motion
    for _ in range(STEPS):
        claim = field.look(motion, -gone[..., None] * claim)
    again = field.look(known, -gone[..., None] * claim)
    claim, astray = again[..., :2], again[..., 2]
    loose = safe_norm(field.look(motion, -gone[..., None] * claim) - claim)
    own = field.look(luma, -gone[..., None] * claim)
    other = field.look(luma[::-1], left[..., None] * claim)
    alone = jax.nn.sigmoid(6 - 6 * loose / LOOSE)
    fit = alone * jax.nn.sigmoid(6 - 6 * astray / ASTRAY) * _likeness(own - other)
    rest = DISSOLVE + REST * _likeness(luma[:1] - luma[1:])
    weights = jnp.concatenate([left * (fit + ALONE * alone), gone * fit, rest])
    weights = weights / jnp.sum(weights, axis=0)

    scale = jnp.asarray([width, height], jnp.float32) / jnp.asarray(luma.shape[:0:-1])
    way = jnp.moveaxis(claim * scale, -1, 0).reshape(4, *luma.shape[1:])
    # By `map`, as in `look`: fused into what follows, each is computed for every colour anew.
    sheets = lax.map(lambda sheet: enlarge(sheet, height, width), jnp.concatenate([way, weights]))
    way, shares = jnp.stack([sheets[:2], sheets[2:4]], axis=-1), sheets[4:, ..., None]
    frames = jnp.stack([before, after]).astype(jnp.float32)
    own = field.look(frames, -gone[..., None] * way)
    other = field.look(frames[::-1], left[..., None] * way)
    shown = shares[0] * own[0] + shares[1] * own[1]
    shown += shares[2] * other[0] + shares[3] * other[1]
    shown += shares[4] * (frames[0] + fraction * (frames[1] - frames[0]))
    still = box(jnp.max(jnp.abs(frames[0] - frames[1]), axis=-1), 2) == 0
    slow = jnp.max(safe_norm(way), axis=0) < SLOW
    still &= slow | (jnp.max(jnp.abs(shown - frames[0]), axis=-1) <= TOUCHED)
    return to_bytes(jnp.where(still[..., None], frames[0], shown))
