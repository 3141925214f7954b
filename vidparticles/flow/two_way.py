"""Dense flow between two pictures, both ways, and how sure each pixel of it is.

The second picture is first brought to the light of the first, as far as a gain and an offset do
it; then `dense.motions` pulls the field into place. How sure a pixel is, is the chance that its
flow is right to within a pixel: logistic in three logarithms,

    logit p = c + w log(way back + 0.1) + r log(√⟨residual²⟩ + 0.01) + t log(√texture + 0.003)

the distance between a pixel and where following it there and back ends, what the flow leaves
unexplained, and the texture (Shi & Tomasi 1994) that holds it; fitted to made pairs.
"""

from __future__ import annotations

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow import dense
from vidparticles.flow.dense import DenseConfig
from vidparticles.flow.global_motion import phase_correlation
from vidparticles.image.resample import box, enlarge, gray, pixel_centers, shrink, unit_range
from vidparticles.image.structure import texture
from vidparticles.numerics import safe_norm


@dataclasses.dataclass(frozen=True)
class FlowConfig:
    """How flow is found, and what its confidence is made of.

    Attributes:
        dense: how the field is pulled into place.
        coarse: pixels of the longer side of the pictures whose light is compared.
        robust: luma, difference in light that halves the weight of a pixel twice.
        rounds: of fitting it.
        worth: it is undone where that leaves less than this share of what differs.
        most_gain: by which one picture may be brighter than the other.
        window: radius in pixels of the field's grid over which residual and texture are taken.
        flat: luma a pixel, √texture + 0.003 below which at all pixels nothing is known.
        certain: c, the logit where all logarithms are 0,
        way_back: w, per log of pixels of the field's grid,
        residual: r, per log of luma,
        textured: t, per log of luma a pixel.
    """

    # Without the search: the confidence was fitted to what is found without it.
    dense: DenseConfig = dataclasses.field(
        default_factory=lambda: DenseConfig(
            rounds=6, pulls=24, edge=0.15, slack=0.3, faint=0.005, reach=0
        )
    )
    coarse: int = 80
    robust: float = 0.1
    rounds: int = 4
    worth: float = 0.85
    most_gain: float = 3.0
    window: int = 2
    flat: float = 0.004
    certain: float = -2.07
    way_back: float = -1.56
    residual: float = -3.05
    textured: float = 2.05


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Flow:
    """How the pixels of two pictures move to the other one.

    Attributes:
        forward: [H, W, 2] pixels, x right and y down, from the first picture to the second.
        backward: [H, W, 2] from the second to the first.
        confidence: [2, H, W] in [0, 1], of both: the chance that it is right to within a pixel;
            0 where it leaves the picture.
    """

    forward: Array
    backward: Array
    confidence: Array


@functools.partial(jax.jit, static_argnames="config")
def between(first: Array, second: Array, *, config: FlowConfig | None = None) -> Flow:
    """The flow from one picture to another and back.

    Args:
        first, second: [H, W, 3], uint8, or floats in [0, 1]; 24 pixels each way or more.
        config: how it is found; default `FlowConfig()`.

    Returns:
        The flow at each pixel. It is a measurement: no gradient is meant to flow through it.

    Raises:
        AssertionError: the pictures have not the same shape [H, W, 3].

    Example:
        >>> wave = 0.5 + 0.4 * jnp.sin((jnp.arange(64) - jnp.array([[0], [2]])) / 5)
        >>> pictures = jnp.broadcast_to(wave[:, None, :, None], (2, 64, 64, 3))
        >>> flow = between(*pictures)
        >>> [round(float(x), 1) for x in (flow.forward[32, 32, 0], flow.backward[32, 32, 0])]
        [2.0, -2.0]
    """
    config = config or FlowConfig()
    chex.assert_shape(first, (None, None, 3))
    chex.assert_equal_shape([first, second])
    first = unit_range(first)
    second = _in_light_of(first, unit_range(second), config)
    motion, luma = dense.motions(first, second, config.dense)
    height, width = first.shape[:2]
    chance = _confidence(motion, luma, config)
    scale = jnp.asarray([width, height], jnp.float32) / jnp.asarray(luma.shape[:0:-1])
    sheets = jnp.concatenate([motion * scale, chance[..., None]], -1)
    forward, backward = (enlarge(sheet, height, width) for sheet in sheets)
    return Flow(forward[..., :2], backward[..., :2], jnp.stack([forward[..., 2], backward[..., 2]]))


def _in_light_of(first: Array, second: Array, config: FlowConfig) -> Array:
    """The second picture in the light of the first: what a gain and an offset do is undone.

    Fitted where the pictures overlap once the whole is shifted as phase correlation says, by
    least squares with Geman & McClure's weights: what moves on its own is outvoted.
    """
    known, other = (shrink(gray(p), longest=config.coarse) for p in (first, second))
    height, width = known.shape
    peak = jnp.argmax(phase_correlation(known, other))
    rows, columns = peak // width, peak % width
    rows, columns = (
        jnp.where(x > size // 2, x - size, x) for x, size in ((rows, height), (columns, width))
    )
    other = jnp.roll(jnp.roll(other, -rows, 0), -columns, 1)
    y, x = jnp.arange(height)[:, None] + rows, jnp.arange(width) + columns
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)

    def fit(light: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        gain, offset = light
        left = gain * other + offset - known
        weight = inside / (1 + (left / config.robust) ** 2) ** 2
        weight = weight / (jnp.sum(weight) + 1e-6)
        mean, seen = jnp.sum(weight * known), jnp.sum(weight * other)
        spread, others = (
            jnp.sqrt(jnp.sum(weight * (p - m) ** 2) + 1e-6)
            for p, m in ((known, mean), (other, seen))
        )
        gain = jnp.clip(spread / others, 1 / config.most_gain, config.most_gain)
        return (gain, mean - gain * seen), None

    even = inside / (jnp.sum(inside) + 1e-6)
    start = jnp.ones(()), jnp.sum(even * (known - other))
    (gain, offset), _ = jax.lax.scan(fit, start, None, length=config.rounds)

    def unexplained(gain: Array, offset: Array) -> Array:
        left = (gain * other + offset - known) ** 2
        return jnp.sum(even * left / (left + config.robust**2))

    better = unexplained(gain, offset) < config.worth * unexplained(jnp.ones(()), jnp.zeros(()))
    return jnp.where(better, gain * second + offset, second)


def _confidence(motion: Array, luma: Array, config: FlowConfig) -> Array:
    """[2, h, w] of the motion [2, h, w, 2] of two pictures [2, h, w], in pixels of that grid."""
    logarithms = _logarithms(motion, luma, config)
    weights = jnp.asarray([config.way_back, config.residual, config.textured])
    height, width = luma.shape[1:]
    there = pixel_centers(height, width) + motion
    inside = jnp.all((there > 0) & (there < jnp.asarray([width, height])), -1)
    # What is flat in parts is held by what is around it; what is flat throughout, by nothing.
    held = jnp.max(jnp.exp(logarithms[2])) > config.flat
    return inside * held * jax.nn.sigmoid(config.certain + jnp.tensordot(weights, logarithms, 1))


def _logarithms(motion: Array, luma: Array, config: FlowConfig) -> Array:
    """[3, 2, h, w] of way back, residual and texture."""
    radius = config.window
    way_back = safe_norm(motion + dense.warp(motion[::-1], motion))
    left = (dense.warp(luma[::-1], motion) - luma) ** 2
    left = jnp.stack([box(x, radius) for x in left])
    held = jnp.stack([texture(x, radius=radius) for x in luma])
    # Sums over windows are differences of longer sums: a few bits below zero, too.
    left, held = (jnp.sqrt(jnp.maximum(x, 0)) for x in (left, held))
    return jnp.log(jnp.stack([way_back + 0.1, left + 0.01, held + 0.003]))
