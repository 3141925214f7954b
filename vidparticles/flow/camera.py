"""How the camera moved, from the particles that most of the picture agrees on.

The motion is a similarity (turn, scale, shift). It is fitted to all particles at once with
Geman & McClure's weights, whose scale starts wide and narrows step by step (graduated
non-convexity, Blake & Zisserman 1987): what moves on its own loses its vote, as long as the
background holds most particles.
"""

from __future__ import annotations

import dataclasses

import chex
import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.numerics import safe_divide


@dataclasses.dataclass(frozen=True)
class CameraConfig:
    """How the common motion is voted for.

    Attributes:
        narrow: frame heights, difference from the common motion that halves a vote twice.
        rounds: of weighting and fitting.
        shrink: of the scale of the weights, a round.
    """

    narrow: float = 0.002
    rounds: int = 12
    shrink: float = 0.6


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Similarity:
    """A turn, a scale and a shift of the plane: p ↦ A p + b, A = [[c, −s], [s, c]].

    Attributes:
        turn: [..., 2] c and s: scale × cosine and scale × sine of the angle.
        shift: [..., 2] b, frame heights.
    """

    turn: Array
    shift: Array

    def __call__(self, points: Array) -> Array:
        """The points [..., N, 2] moved."""
        return _turned(self.turn[..., None, :], points) + self.shift[..., None, :]

    @property
    def scale(self) -> Array:
        """By how much lengths grow, [...]."""
        return jnp.sqrt(jnp.sum(self.turn**2, -1))

    @property
    def angle(self) -> Array:
        """The turn in radians, [...]; from x to y, so clockwise as seen."""
        return jnp.arctan2(self.turn[..., 1], self.turn[..., 0])

    def after(self, first: Similarity) -> Similarity:
        """This motion once `first` has been made.

        Example:
            >>> half = Similarity(jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0]))
            >>> half.after(half)(jnp.array([[0.0, 0.0]])).tolist()
            [[1.0, 1.0]]
        """
        return Similarity(
            _turned(self.turn, first.turn), _turned(self.turn, first.shift) + self.shift
        )

    def inverse(self) -> Similarity:
        """The way back."""
        back = self.turn * jnp.asarray([1.0, -1.0]) / jnp.sum(self.turn**2, -1, keepdims=True)
        return Similarity(back, -_turned(back, self.shift))


def _turned(turn: Array, points: Array) -> Array:
    """The product of complex numbers, [..., 2]."""
    c, s, x, y = turn[..., 0], turn[..., 1], points[..., 0], points[..., 1]
    return jnp.stack([c * x - s * y, s * x + c * y], -1)


def fit_similarity(before: Array, after: Array, weight: Array) -> Similarity:
    """The similarity with least Σ wᵢ |A pᵢ + b − qᵢ|² (Umeyama 1991, in the plane).

    Args:
        before, after: [..., N, 2] p and q, frame heights.
        weight: [..., N] w ≥ 0; what weighs 0 may be NaN. With one place or none that
            weighs, a shift alone, or rest.

    Example:
        >>> square = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> moved = fit_similarity(square, 2 * square + 3, jnp.ones(3))
        >>> moved.turn.round(4).tolist(), moved.shift.round(4).tolist()
        ([2.0, 0.0], [3.0, 3.0])
    """
    w = weight[..., None]
    before, after = (jnp.where(w > 0, x, 0) for x in (before, after))
    total = jnp.sum(w, -2)
    p_mean, q_mean = (safe_divide(jnp.sum(w * x, -2), total) for x in (before, after))
    p, q = before - p_mean[..., None, :], after - q_mean[..., None, :]
    conjugate = p * jnp.asarray([1.0, -1.0])
    spread = jnp.sum(w * p * p, (-2, -1))[..., None]
    turn = safe_divide(jnp.sum(w * _turned(conjugate, q), -2), spread)
    turn = jnp.where(spread > 0, turn, jnp.asarray([1.0, 0.0]))
    return Similarity(turn, q_mean - _turned(turn, p_mean))


def camera_motion(
    before: Array, after: Array, alive: Array, config: CameraConfig | None = None
) -> tuple[Similarity, Array]:
    """The motion that most of the picture shares, and who takes part in it.

    Args:
        before, after: [..., N, 2] the same particles at two moments, frame heights.
        alive: [..., N] bool, at both; the others have no vote.
        config: how it is voted for; default `CameraConfig()`.

    Returns:
        The similarity that carries the background from `before` to `after`, and the vote of
        each particle [..., N] in [0, 1]: near 1 in the background, near 0 for what moves on
        its own. Where nothing lives: rest.

    Example:
        >>> p = jax.random.uniform(jax.random.key(0), (40, 2))
        >>> q = (p + jnp.array([0.03, 0.0])).at[:10].add(0.1)
        >>> moved, vote = camera_motion(p, q, jnp.ones(40, bool))
        >>> [round(float(b), 3) for b in moved.shift], int((vote > 0.5).sum())
        ([0.03, 0.0], 30)
    """
    chex.assert_equal_shape([before, after])
    chex.assert_shape(alive, before.shape[:-1])
    config = config or CameraConfig()
    alive = jnp.asarray(alive, before.dtype)
    shown = jnp.where(alive[..., None] > 0, after - before, jnp.nan)
    middle = jnp.nan_to_num(jnp.nanmedian(shown, axis=-2))
    start = Similarity(
        jnp.broadcast_to(jnp.asarray([1.0, 0.0], middle.dtype), middle.shape), middle
    )

    def vote(motion: Similarity, scale: Array) -> Array:
        off = jnp.sum((motion(before) - after) ** 2, -1)
        return jnp.where(alive > 0, alive / (1 + off / scale**2) ** 2, 0)

    def again(motion: Similarity, scale: Array) -> tuple[Similarity, None]:
        return fit_similarity(before, after, vote(motion, scale)), None

    wider = [config.shrink**-k for k in range(config.rounds)][::-1]
    scales = config.narrow * jnp.asarray(wider, before.dtype)
    motion, _ = jax.lax.scan(again, start, scales)
    return motion, vote(motion, jnp.asarray(config.narrow, before.dtype))
