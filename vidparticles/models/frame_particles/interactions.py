"""Interaction rules and motion simulation: the frames of a clip move each other.

The third and fourth step of the founding definition. Frames attract and repel each other, are
slowed by drag, and act on each other by a learned pair law; the forces among the frames of a
clip move them for a learned time.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.dynamics import (
    all_pairs,
    attraction,
    combine,
    drag,
    external,
    free,
    init_pair_network,
    pair_network,
    repulsion,
    rollout,
    semi_implicit_euler,
)
from vidparticles.errors import InputError
from vidparticles.models.frame_particles.planes import clock
from vidparticles.numerics import softplus_inverse
from vidparticles.particles import Particles, Trajectory


@dataclasses.dataclass(frozen=True)
class Interactions:
    """The rules by which frames act on each other.

    Attributes:
        width: hidden units of the learned pair law.
        steps: S, the most steps that are simulated; the learned horizon says how many of them.
            With 0 particles stay where they are.
        step: plane time of one of them, seconds of the plane.
        softening: ε, plane units: near particles feel a finite force. The plane has no unit but
            the one that this sets.
        attraction, repulsion, drag: strengths and rate to start from, positive.
        horizon: steps to start from, a part of S.
    """

    width: int = 32
    steps: int = 4
    step: float = 0.5
    softening: float = 0.3
    attraction: float = 0.3
    repulsion: float = 0.1
    drag: float = 0.7
    horizon: float = 0.7

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("steps", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least {least}.")

    def init(self, key: Array, *, feature: int) -> dict[str, Any]:
        """Parameters: strengths of the closed laws, the pair network, drag, horizon.

        Strengths and the drag rate are stored before a softplus, which keeps their sign;
        `horizon` likewise, in steps.

        Args:
            key: draws the pair network.
            feature: F, the size of a particle's feature.
        """
        return {
            "attraction": softplus_inverse(self.attraction),
            "repulsion": softplus_inverse(self.repulsion),
            "drag": softplus_inverse(self.drag),
            "horizon": softplus_inverse(self.horizon * max(self.steps, 1)),
            "pair": init_pair_network(key, feature_dim=feature, width=self.width, scale=1.0),
        }

    def simulate(self, laws: dict[str, Any], start: Particles) -> Trajectory:
        """Motion simulation: the frames of a clip move each other for a learned number of steps.

        F_i = 1/T Σ_j [(k_r − k_a) d_ij / (|d_ij|² + ε²) + f(d_ij, q_i, q_j)] − γ v_i with the
        pair network f, by semi-implicit Euler. Step s takes `step` · clip(τ − s, 0, 1) of plane
        time: the horizon τ is a number of steps, and its fraction shortens the last one, which
        makes it learnable.

        Args:
            laws: what `init` gives.
            start: particles [B, G, T, ·].

        Returns:
            Trajectory with particle fields [B, G, S + 1, T, ·] and plane time [B, G, S + 1].
        """
        displacement, shift = free()
        strength = strengths(laws)
        share = 1.0 / start.count
        force = combine(
            attraction=all_pairs(attraction, displacement, softening=self.softening),
            repulsion=all_pairs(repulsion, displacement, softening=self.softening),
            pair=all_pairs(pair_network, displacement),
            drag=external(drag),
        )
        params = {
            "attraction": {"strength": share * strength["attraction"]},
            "repulsion": {"strength": share * strength["repulsion"]},
            "pair": {"params": {**laws["pair"], "outward": share * laws["pair"]["outward"]}},
            "drag": {"rate": strength["drag"]},
        }
        size = self.step * jnp.clip(strength["horizon"] - jnp.arange(self.steps), 0, 1)
        return rollout(
            semi_implicit_euler(force, shift, self.step),
            start,
            steps=self.steps,
            dt=size,
            params=params,
            throw=False,
        )


def strengths(laws: dict[str, Any]) -> dict[str, Array]:
    """The closed laws' positive strengths, by name, as used by `Interactions.simulate`."""
    names = ("attraction", "repulsion", "drag", "horizon")
    return {name: jax.nn.softplus(laws[name]) for name in names}


def force_curve(
    laws: dict[str, Any], distance: Array, *, softening: float = Interactions.softening
) -> dict[str, Array]:
    """The learned laws as curves: force along the line between two frames, away is positive.

    Args:
        laws: what `Interactions.init` gives.
        distance: [M] plane units.
        softening: ε of the `Interactions`.

    Returns:
        Name → [M]: both closed laws, and the pair network for frames without charge that stand
        side by side in the middle of a clip, and at its two ends.
    """
    strength = strengths(laws)
    dr = jnp.stack([distance, jnp.zeros_like(distance)], axis=-1)
    when = clock(jnp.linspace(-1, 1, 17)[None])[0]
    charge = laws["pair"]["sum"].shape[0] - when.shape[-1]
    feature = jnp.concatenate([jnp.zeros((17, charge)), when], axis=-1)

    def closed(law: Any, name: str) -> Array:
        none = jnp.zeros((len(distance), 0))
        return law(dr, none, none, strength=strength[name], softening=softening)[:, 0]

    def pair(a: int, b: int) -> Array:
        rows = (jnp.broadcast_to(feature[i], (len(distance), feature.shape[1])) for i in (a, b))
        return pair_network(dr, *rows, params=laws["pair"])[:, 0]

    return {
        "attraction": closed(attraction, "attraction"),
        "repulsion": closed(repulsion, "repulsion"),
        "learned, neighboring frames": pair(8, 9),
        "learned, first and last frame": pair(0, 16),
    }
