"""One frame, one particle: a clip becomes particles of learned planes.

The founding definition. Its first steps are the functions of this module, in order:

1. preprocessing (`preprocess`, `FrameEncoder`): frames are extracted, and features from them;
2. particle initialization (`FrameParticles`): each frame becomes a particle with a position
   in a learned plane, a velocity and a feature;
3. interaction rules (`Interactions`): attraction, repulsion, drag and a learned pair law;
4. motion simulation (`simulate`): the forces among the frames of a clip move them.

The steps that read the trajectory (structure, meaning) are in `models.frame_particles.model`.

A clip has G such planes side by side, as a transformer has heads: the planes do not see
each other, and each is 2-D, so that it can be drawn.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import flax.linen as nn
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
from vidparticles.particles import Particles, Trajectory

# Near particles feel a finite force: the plane has no unit but the one that this sets.
SOFTENING = 0.3
# Plane time of one step; the learned horizon says how many of them are taken.
STEP = 0.5
HARMONICS = (1, 2, 4)
HE = nn.initializers.he_normal()


def preprocess(video: Array) -> Array:
    """Pixels beside what differs from the still background.

    Args:
        video: [B, T, H, W, 3] uint8.

    Returns:
        [B, T, H, W, 6] float32: the picture in [−1, 1], and its difference from the clip's
        mean over time, which is zero wherever nothing moves.

    Example:
        >>> x = preprocess(jnp.zeros((1, 4, 8, 8, 3), jnp.uint8))
        >>> x.shape, float(x[..., :3].max()), float(abs(x[..., 3:]).max())
        ((1, 4, 8, 8, 6), -1.0, 0.0)
    """
    pixels = video.astype(jnp.float32) / 127.5 - 1
    return jnp.concatenate([pixels, pixels - jnp.mean(pixels, axis=1, keepdims=True)], axis=-1)


def salience(difference: Array, *, stride: int) -> Array:
    """How much a place differs from the background, in logarithms; 0 where it does most.

    Args:
        difference: [M, H, W, C] from the background.
        stride: pixels of a place.

    Returns:
        [M, H / stride, W / stride] log of the mean squared difference over that of the frame's
        greatest, not below log(1e-3).
    """
    box = (1, stride, stride, 1)
    square = jnp.mean(difference**2, axis=-1, keepdims=True)
    square = jax.lax.reduce_window(square, 0.0, jax.lax.add, box, box, "SAME")[..., 0]
    most = jnp.max(square, axis=(1, 2), keepdims=True)
    return jnp.log(square / jnp.maximum(most, 1e-6) + 1e-3)


class FrameEncoder(nn.Module):
    """A frame's feature: what is in it, and where.

    Three convolutions, then K soft arg-maxima (spatial softmax, arXiv 1509.06113): each
    channel of evidence yields the place it points at and the appearance found there.

    Attributes:
        widths: channels of the convolutions; the first two halve the resolution.
        points: K.
        features: E, the size of a frame's feature.
    """

    widths: tuple[int, ...] = (16, 32, 32)
    points: int = 16
    features: int = 64

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., H, W, C] float to [..., E + 5K]."""
        lead = x.shape[:-3]
        x = x.reshape(-1, *x.shape[-3:])
        moved = salience(x[..., 3:], stride=4) if x.shape[-1] > 3 else None
        for i, width in enumerate(self.widths):
            stride = 2 if i < 2 else 1
            x = nn.relu(nn.Conv(width, (3, 3), (stride, stride), kernel_init=HE)(x))
        height, width = x.shape[1:3]
        evidence = nn.Conv(self.points, (1, 1))(x).reshape(-1, height * width, self.points)
        if moved is not None:
            gain = self.param("salience", nn.initializers.constant(2.0), (self.points,))
            evidence = evidence + gain * moved.reshape(-1, height * width, 1)
        evidence = jax.nn.softmax(evidence, axis=1)
        y, x_ = jnp.mgrid[:height, :width]
        grid = jnp.stack([(x_.ravel() + 0.5) / width, (y.ravel() + 0.5) / height], axis=-1) - 0.5
        where = 4 * jnp.einsum("bpk,pd->bkd", evidence, grid)
        # Second moments: two like things seen by one channel are told apart by their spread.
        products = 16 * jnp.stack([grid[:, 0] ** 2, grid[:, 1] ** 2, grid[:, 0] * grid[:, 1]], -1)
        spread = jnp.einsum("bpk,pd->bkd", evidence, products)
        x0, y0 = where[..., 0], where[..., 1]
        spread = spread - jnp.stack([x0 * x0, y0 * y0, x0 * y0], axis=-1)
        where = jnp.concatenate([where, spread], axis=-1).reshape(-1, 5 * self.points)
        what = jnp.einsum("bpk,bpc->bkc", evidence, x.reshape(-1, height * width, x.shape[-1]))
        what = nn.relu(nn.Dense(self.features // 2)(what.reshape(what.shape[0], -1)))
        both = nn.relu(nn.Dense(self.features)(jnp.concatenate([where, what], axis=-1)))
        return jnp.concatenate([both, where], axis=-1).reshape(*lead, -1)


def clock(time: Array) -> Array:
    """Where in the clip each frame stands: [B, T] seconds to [B, T, 1 + 2·|HARMONICS|].

    The progress from −1 (first frame) to 1 (last), and sines and cosines of it, so that a
    law can tell near in time from far.
    """
    start, end = time[:, :1], time[:, -1:]
    span = jnp.maximum(end - start, 1e-6)
    progress = 2 * (time - start) / span - 1
    waves = [f(math.pi * k * progress) for k in HARMONICS for f in (jnp.sin, jnp.cos)]
    return jnp.stack([progress, *waves], axis=-1)


def velocities(position: Array, time: Array) -> Array:
    """Central differences of positions in time, one-sided at the ends.

    Args:
        position: [B, G, T, 2] plane units.
        time: [B, T] seconds, not decreasing.

    Returns:
        [B, G, T, 2] plane units per second; zero where no time passes.
    """
    if position.shape[2] < 2:
        return jnp.zeros_like(position)
    ahead = jnp.concatenate([position[:, :, 1:], position[:, :, -1:]], axis=2)
    behind = jnp.concatenate([position[:, :, :1], position[:, :, :-1]], axis=2)
    late = jnp.concatenate([time[:, 1:], time[:, -1:]], axis=1)
    early = jnp.concatenate([time[:, :1], time[:, :-1]], axis=1)
    passed = (late - early)[:, None, :, None]
    return jnp.where(passed > 0, (ahead - behind) / jnp.where(passed > 0, passed, 1), 0)


class FrameParticles(nn.Module):
    """Particle initialization: frames to particles of G learned planes.

    Attributes:
        planes: G.
        charge: size of the learned part of a particle's feature, per plane.
        encoder: widths of the frame encoder's convolutions.
    """

    planes: int = 8
    charge: int = 8
    encoder: tuple[int, ...] = (16, 32, 32)

    @nn.compact
    def __call__(self, video: Array, time: Array) -> Particles:
        """Particles of [B, G, T, ·], one for each frame.

        Args:
            video: [B, T, H, W, 3] uint8.
            time: [B, T] seconds.
        """
        batch, frames = video.shape[:2]
        h = nn.LayerNorm()(FrameEncoder(self.encoder)(preprocess(video)))

        def in_planes(x: Array) -> Array:
            return x.reshape(batch, frames, self.planes, -1).transpose(0, 2, 1, 3)

        position = in_planes(nn.Dense(self.planes * 2)(h))
        charge = in_planes(jnp.tanh(nn.Dense(self.planes * self.charge)(h)))
        when = clock(time)[:, None]
        when = jnp.broadcast_to(when, (batch, self.planes, *when.shape[2:]))
        return Particles(
            position=position,
            velocity=velocities(position, time),
            feature=jnp.concatenate([charge, when], axis=-1),
            mass=jnp.ones(position.shape[:-1]),
            alive=jnp.ones(position.shape[:-1], bool),
        )


@dataclasses.dataclass(frozen=True)
class Interactions:
    """The rules by which frames act on each other; `init` gives their learned parameters.

    Attributes:
        feature: F, the size of a particle's feature.
        width: hidden units of the learned pair law.
        steps: S, the most steps that are simulated.
    """

    feature: int
    width: int = 32
    steps: int = 4

    def init(self, key: Array) -> dict[str, Any]:
        """Parameters: strengths of the closed laws, the pair network, drag, horizon.

        Strengths and the drag rate are stored before a softplus, which keeps their sign;
        `horizon` likewise, in steps.
        """
        return {
            "attraction": _before_softplus(0.3),
            "repulsion": _before_softplus(0.1),
            "drag": _before_softplus(0.7),
            "horizon": _before_softplus(0.7 * self.steps),
            "pair": init_pair_network(key, feature_dim=self.feature, width=self.width, scale=1.0),
        }


def _before_softplus(x: float) -> Array:
    # With its dtype said: a weak type would turn strong in the first update, and the step
    # would be compiled twice.
    return jnp.asarray(math.log(math.expm1(x)), jnp.float32)


def strengths(laws: dict[str, Any]) -> dict[str, Array]:
    """The closed laws' positive strengths, by name, as used by `simulate`."""
    names = ("attraction", "repulsion", "drag", "horizon")
    return {name: jax.nn.softplus(laws[name]) for name in names}


def simulate(laws: dict[str, Any], start: Particles, *, steps: int) -> Trajectory:
    """Motion simulation: the frames of a clip move each other for a learned number of steps.

    F_i = 1/T Σ_j [(k_r − k_a) d_ij / (|d_ij|² + ε²) + f(d_ij, q_i, q_j)] − γ v_i with the pair
    network f, stepped by semi-implicit Euler. Step s takes STEP · clip(τ − s, 0, 1) of plane
    time: the horizon τ is a number of steps, and its fraction shortens the last one, which
    makes it learnable.

    Args:
        laws: what `Interactions.init` gives.
        start: particles [B, G, T, ·].
        steps: S; the horizon never reaches beyond it.

    Returns:
        Trajectory with particle fields [B, G, S + 1, T, ·] and plane time [B, G, S + 1].
    """
    displacement, shift = free()
    strength = strengths(laws)
    share = 1.0 / start.count
    force = combine(
        attraction=all_pairs(attraction, displacement, softening=SOFTENING),
        repulsion=all_pairs(repulsion, displacement, softening=SOFTENING),
        pair=all_pairs(pair_network, displacement),
        drag=external(drag),
    )
    params = {
        "attraction": {"strength": share * strength["attraction"]},
        "repulsion": {"strength": share * strength["repulsion"]},
        "pair": {"params": {**laws["pair"], "outward": share * laws["pair"]["outward"]}},
        "drag": {"rate": strength["drag"]},
    }
    size = STEP * jnp.clip(strength["horizon"] - jnp.arange(steps), 0, 1)
    return rollout(
        semi_implicit_euler(force, shift, STEP),
        start,
        steps=steps,
        dt=size,
        params=params,
        throw=False,
    )


def force_curve(laws: dict[str, Any], distance: Array) -> dict[str, Array]:
    """The learned laws as curves: force along the line between two frames, away is positive.

    Args:
        laws: what `Interactions.init` gives.
        distance: [M] plane units.

    Returns:
        Name → [M]: both closed laws, and the pair network for frames without charge that stand
        side by side in the middle of a clip, and at its two ends.
    """
    strength = strengths(laws)
    dr = jnp.stack([distance, jnp.zeros_like(distance)], axis=-1)
    when = clock(jnp.linspace(-1, 1, 17)[None])[0]
    charge = laws["pair"]["sum"].shape[0] - when.shape[-1]
    feature = jnp.concatenate([jnp.zeros((17, charge)), when], axis=-1)

    def pair(a: int, b: int) -> Array:
        rows = (jnp.broadcast_to(feature[i], (len(distance), feature.shape[1])) for i in (a, b))
        return pair_network(dr, *rows, params=laws["pair"])[:, 0]

    none = jnp.zeros((len(distance), 0))
    return {
        "attraction": attraction(
            dr, none, none, strength=strength["attraction"], softening=SOFTENING
        )[:, 0],
        "repulsion": repulsion(dr, none, none, strength=strength["repulsion"], softening=SOFTENING)[
            :, 0
        ],
        "learned, neighboring frames": pair(8, 9),
        "learned, first and last frame": pair(0, 16),
    }
