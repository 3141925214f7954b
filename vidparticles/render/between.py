"""Frames at other moments: both neighbors moved along the field between them.

There are two hypotheses for each position of a moment between two frames: one of what the frame
before says comes there, one of what the frame after says came from there. A hypothesis is

    u(x) = F(x − s u(x)),   s the share of the way from its own frame,

found by looking up again, and shows what its own frame has at x − s u, and the other frame at
x + (1 − s) u. What both frames show, both hypotheses agree on. A position that one of them covers
is held by the other alone: there the way to the other frame does not lead back to where it began,
and only its own frame is shown. A position that neither explains is a dissolve of the frames as
they are, which tears nothing. Cuts are not looked for here: `shots` tells them.

Where pictures differ by noise alone, or by what no motion explains, all of this is no better than
a dissolve, or worse. `trust` tells how much of it is borne out by a frame that is known: made from
the frames before and after it, and compared.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from vidparticles.flow import dense as field
from vidparticles.image.resample import bicubic, bilinear, box, stretch, to_bytes
from vidparticles.numerics import safe_norm


@dataclasses.dataclass(frozen=True)
class BetweenConfig:
    """How what both frames say of a moment is weighed.

    Attributes:
        steps: look-ups after the first towards where a hypothesis comes from.
        loose: pixels of the field's grid that another look-up moves a hypothesis,
        astray: and that the way there and back ends from its start, which halve its weight.
        unlike: luma, difference that divides a weight by e.
        useless: share of what standing still would leave, beside grain, from which on a hypothesis
            that leaves as much is worth half.
        grain: of the picture, luma.
        alone: weight beside that of a hypothesis that fits: of its own frame alone,
        alike: of a dissolve where the frames are alike,
        dissolve: and of one anywhere.
        slow: pixels; a position that is equal in both frames stays as it is where the hypotheses
            are slower,
        touched: or would alter it by no more than this, levels; else something passes.
        sharp: between pixels, at f, a linear look-up adds f (1 − f) / 2 of its second difference to
            a parabola: this share of it is taken off.
        cubic: luma, difference along a hypothesis that divides by e the share of a look-up by
            cubics in a linear one; where both frames agree, grain and edges keep.
        borne: share of what moves that a frame at double distance need bear out: motion is known
            better at half of it.
        lines: of the frame that are made at a time.
    """

    steps: int = 2
    loose: float = 1.0
    astray: float = 1.5
    unlike: float = 0.05
    useless: float = 0.8
    grain: float = 0.004
    alone: float = 0.2
    alike: float = 0.3
    dissolve: float = 0.1
    slow: float = 0.5
    touched: float = 8.0
    sharp: float = 0.6
    cubic: float = 0.02
    borne: float = 0.75
    lines: int = 64


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


class Found(Protocol):
    """What another source says of a moment between two frames."""

    @property
    def to_first(self) -> Array:
        """[H, W, 2] pixels from each position of the moment to where it is in the first frame."""

    @property
    def to_second(self) -> Array:
        """[H, W, 2] to where it is in the second."""

    @property
    def picture(self) -> Array:
        """[H, W, 3] levels, 0 … 255: what is seen at that moment."""


class FoundFn(Protocol):
    """Another source of motion and pictures, such as a network that others have trained."""

    def __call__(self, first: ArrayLike, second: ArrayLike, time: Array | float, /) -> Found:
        """Args: [H, W, 3] frames as those of `between`; 0 … 1, how far from the first."""


@jax.jit
def match_by(before: Array, after: Array, found: Found) -> Match:
    """How two frames hang together, from a motion that another source has found.

    Args:
        before, after: [H, W, 3] uint8, neighbors in time.
        found: of the moment half-way between them.
    """
    return Match(*field.settled(before, after, found.to_second - found.to_first))


@functools.partial(jax.jit, static_argnames="config")
def between(
    before: Array,
    after: Array,
    found: Match,
    fraction: Array | float,
    config: BetweenConfig | None = None,
    picture: Array | None = None,
    trusted: Array | float = 1.0,
) -> Array:
    """The frame a fraction of the way from one frame to the next.

    Args:
        before, after: [H, W, 3] uint8, or float32 of the same levels, 0 … 255 with fractions.
        found: their `match`.
        fraction: 0 at `before`, 1 at `after`.
        config: how both frames are weighed; default `BetweenConfig()`.
        picture: [H, W, 3] levels that another source gives for that moment; the mean is shown.
        trusted: 0 … 1, see `trust`; the rest is a dissolve.

    Returns:
        [H, W, 3] of the frames' type; a copy of the frames where they are equal and nothing
        passes. Across a cut nothing lies between two frames: whoever knows of one shows the nearer.

    Example:
        >>> frame = jnp.full((32, 32, 3), 7, jnp.uint8)
        >>> between(frame, frame, match(frame, frame), 0.5)[0, 0].tolist()
        [7, 7, 7]
    """
    config = config or BetweenConfig()
    fraction = jnp.asarray(fraction, jnp.float32)
    gone = jnp.stack([fraction, 1 - fraction])[:, None, None]  # from the own frame of each
    motion, shares, agreement = _hypotheses(found, gone, config)
    height, width = before.shape[:2]
    scale = jnp.asarray([width, height], jnp.float32) / jnp.asarray(shares.shape[:0:-1])
    way = jnp.moveaxis(motion * scale, -1, 1).reshape(4, *shares.shape[1:])
    sheets = stretch(jnp.concatenate([way, shares, agreement[None]]), width, axis=2)
    still = _unchanged(before, after)

    def lines(rows: Array) -> Array:
        # One more on each side, for what is sharpened.
        rows = jnp.clip(jnp.arange(-1, config.lines + 1) + rows, 0, height - 1)
        here = lax.optimization_barrier(stretch(sheets, height, axis=1, lines=rows))
        way, shares = here[:4].reshape(2, 2, *here.shape[1:]), here[4:, ..., None]
        shown = _blended(before, after, way, shares, gone, rows, config)
        first = before[rows[1:-1]]
        if picture is not None:
            shown = (shown + picture[rows[1:-1]]) / 2
        dissolve = (1 - fraction) * first + fraction * after[rows[1:-1]]
        shown = dissolve + trusted * (shown - dissolve)
        slow = jnp.max(jnp.hypot(way[:, 0, 1:-1], way[:, 1, 1:-1]), axis=0) < config.slow
        near = jnp.max(jnp.abs(shown - first), axis=-1) <= config.touched
        kept = still[rows[1:-1]] & (slow | near)
        new = jnp.where(kept[..., None], first, shown)
        return to_bytes(new) if before.dtype == jnp.uint8 else new

    # Some lines at a time: memory for whole sheets of a large frame is slow to get.
    shown = lax.map(lines, jnp.arange(0, height, config.lines))
    return shown.reshape(-1, width, 3)[:height]


@functools.partial(jax.jit, static_argnames="config")
def trust(
    before: Array,
    known: Array,
    after: Array,
    shown: Array,
    fraction: Array | float = 0.5,
    config: BetweenConfig | None = None,
) -> Array:
    """How much of a frame by motion, beside a dissolve, a known frame of the same shot bears out.

    The share w of what motion shows, and 1 - w of the dissolve, that come closest to the known
    frame together, in squared differences; divided by `config.borne`, at most 1.

    Args:
        before, known, after: [H, W, 3] levels, 0 … 255, in the order of time.
        shown: [H, W, 3] what `between` shows of `before` and `after`, at the moment of `known`.
        fraction: that moment.
        config: how both are weighed; default `BetweenConfig()`.

    Returns:
        0 … 1, for `between` between frames that lie half as far apart; 1 where nothing differs.

    Example:
        >>> levels = [jnp.full((2, 2, 3), level, jnp.uint8) for level in (10, 30, 70, 36)]
        >>> round(float(trust(*levels)), 2)
        1.0
    """
    config = config or BetweenConfig()
    first, second, truth, seen = (
        jnp.asarray(levels, jnp.float32) for levels in (before, after, known, shown)
    )
    dissolve = first + fraction * (second - first)
    moves = seen - dissolve
    power = jnp.mean(moves**2)
    share = jnp.mean(moves * (truth - dissolve)) / jnp.maximum(power, 1e-6)
    return jnp.where(power > 1e-6, jnp.clip(share / config.borne, 0, 1), 1.0)


def _hypotheses(found: Match, gone: Array, config: BetweenConfig) -> tuple[Array, Array, Array]:
    """What both frames say moves here [2, h, w, 2], and the shares [5, h, w] of what is shown.

    Shares: of the first hypothesis' own frame and the second's, of the other frame by the first
    hypothesis and by the second, and of the dissolve. And how well both frames agree [h, w], 0 … 1.
    """
    motion, luma, left = found.motion, found.luma, 1 - gone
    way_back = safe_norm(motion + field.warp(motion[::-1], motion))
    known = jnp.concatenate([motion, way_back[..., None]], axis=-1)
    moved = motion
    for _ in range(config.steps):
        moved = field.warp(motion, -gone[..., None] * moved)
    again = field.warp(known, -gone[..., None] * moved)
    moved, astray = again[..., :2], again[..., 2]
    loose = safe_norm(field.warp(motion, -gone[..., None] * moved) - moved)
    own = field.warp(luma, -gone[..., None] * moved)
    other = field.warp(luma[::-1], left[..., None] * moved)
    standing = luma[:1] - luma[1:]
    alone = jax.nn.sigmoid(6 - 6 * loose / config.loose)
    unexplained = _mean_around(own - other, 2) + config.grain
    explained = unexplained / (_mean_around(standing, 2) + config.grain)
    fit = alone * jax.nn.sigmoid(6 - 6 * astray / config.astray)
    fit *= _likeness(own - other, config.unlike)
    fit *= jax.nn.sigmoid(6 * (config.useless - explained))
    rest = config.dissolve + config.alike * _likeness(standing, config.unlike)
    weights = jnp.concatenate([left * (fit + config.alone * alone), gone * fit, rest])
    shares = weights / jnp.sum(weights, axis=0)
    apart = unexplained - config.grain
    sides = shares[:2] + shares[2:4]
    agreed = jnp.sum(sides * apart, axis=0) / (jnp.sum(sides, axis=0) + 1e-6)
    return moved, shares, jnp.exp(-agreed / config.cubic)


def _likeness(difference: Array, unlike: float) -> Array:
    """How alike pictures are around each position, from their difference [B, h, w]; 1: equal."""
    return jnp.exp(_mean_around(difference, 1) / -unlike)


def _mean_around(difference: Array, radius: int) -> Array:
    """Mean difference of luma around each position, of [B, h, w]."""
    return jax.vmap(lambda luma: box(luma, radius))(jnp.abs(difference))


def _unchanged(before: Array, after: Array) -> Array:
    """Positions [H, W] around which both frames are equal, two pixels each way."""
    changed = jnp.any(before != after, axis=-1)
    for axis in (0, 1):
        wide = jnp.pad(changed, [(2, 2) if a == axis else (0, 0) for a in (0, 1)])
        size = changed.shape[axis]
        near = [lax.slice_in_dim(wide, k, k + size, axis=axis) for k in range(5)]
        changed = lax.optimization_barrier(functools.reduce(jnp.logical_or, near))
    return ~changed


def _blended(
    before: Array,
    after: Array,
    way: Array,
    shares: Array,
    gone: Array,
    rows: Array,
    config: BetweenConfig,
) -> Array:
    """Lines of the frame in between, [rows - 2, W, 3] floats.

    Args:
        before, after: [H, W, 3] uint8.
        way: [2, 2, rows, W] both hypotheses, x and y, pixels.
        shares: [6, rows, W, 1], the last of look-ups by cubics.
        gone: [2, 1, 1].
        rows: which lines they are, one more above and below.
        config: how.
    """
    frames = jnp.stack([before, after])
    x, y = jnp.arange(before.shape[1]) + 0.5, rows[:, None] + 0.5
    parts = jnp.concatenate([-gone, 1 - gone])
    samples = (jnp.asarray([0, 1, 1, 0]), jnp.asarray([0, 1, 0, 1]), parts, shares[:4])

    # By a scan, which keeps what was looked up: else it would be for each neighbor anew.
    def sample(sums: tuple[Array, Array], item: tuple[Array, ...]):
        frame, which, part, share = item
        xy = jnp.stack([x + part * way[which, 0], y + part * way[which, 1]], axis=-1)
        off = xy - 0.5 - jnp.floor(xy - 0.5)
        seen = bilinear(frames[frame], xy)
        seen += shares[5] * (bicubic(frames[frame], xy) - seen)
        soft = share * (1 - shares[5])
        return (sums[0] + share * seen, sums[1] + off * (1 - off) * soft), None

    rest = shares[4] * ((1 - gone[0]) * before[rows] + gone[0] * after[rows])
    (shown, soft), _ = lax.scan(sample, (rest, jnp.zeros((*shares.shape[1:3], 2))), samples)
    inner, soft = shown[1:-1], soft[1:-1]
    wide = jnp.pad(inner, [(0, 0), (1, 1), (0, 0)], mode="edge")
    across = wide[:, 2:] - 2 * inner + wide[:, :-2]
    down = shown[2:] - 2 * inner + shown[:-2]
    return inner - config.sharp / 2 * (soft[..., :1] * across + soft[..., 1:] * down)
