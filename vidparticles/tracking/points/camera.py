"""How fast the whole picture moves, which following carries from frame to frame."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.camera import CameraConfig, Similarity, fit_similarity


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Drift:
    """A velocity field of turn, zoom and shift: v(p) = A p + b, A = [[g, -w], [w, g]].

    Attributes:
        turn: [2] g and w, 1 / s: growth and turn.
        shift: [2] b, frame heights / s.
    """

    turn: Array
    shift: Array

    @classmethod
    def of(cls, motion: Similarity, dt: Array) -> Drift:
        """The field that makes a motion in a time, to first order."""
        return cls((motion.turn - jnp.asarray([1.0, 0.0])) / dt, motion.shift / dt)

    def over(self, dt: Array) -> Similarity:
        """What it moves in a time, to first order."""
        return Similarity(jnp.asarray([1.0, 0.0]) + dt * self.turn, dt * self.shift)

    def __call__(self, points: Array) -> Array:
        """Velocities [N, 2] at points."""
        return Similarity(self.turn, self.shift)(points)


def refit(
    motion: Similarity, before: Array, after: Array, among: Array, config: CameraConfig
) -> Similarity:
    """A motion of the whole picture, fitted to what most particles near it did.

    Args:
        motion: as the pixels say.
        before, after: [N, 2] positions, frame heights.
        among: [N] bool, who has a vote.
        config: how is voted.
    """

    def again(motion: Similarity, scale: Array) -> tuple[Similarity, None]:
        off = jnp.sum((motion(before) - after) ** 2, -1)
        vote = among / (1 + off / scale**2) ** 2
        # Too few say nothing of the whole.
        fitted = fit_similarity(before, after, vote)
        enough = jnp.sum(vote) > 8
        return jax.tree.map(lambda new, old: jnp.where(enough, new, old), fitted, motion), None

    scales = config.narrow * config.shrink ** -jnp.arange(config.rounds - 1.0, -1, -1)
    return jax.lax.scan(again, motion, scales)[0]


def turned(motion: Similarity, deformation: Array) -> Array:
    """Deformations [2, 2, N] after the turn and zoom of the whole picture."""
    c, s = motion.turn
    x, y = deformation
    return jnp.stack([c * x - s * y, s * x + c * y])
