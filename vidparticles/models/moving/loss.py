"""What the network is taught by: the truth of composites, cell by cell and object by object.

Centers by the penalty-reduced focal loss of CornerNet (Law & Deng 2018), masks by a focal
cross-entropy and the Dice loss, where cells came from by a cross-entropy over all places, and
appearances by the supervised contrastive loss (Khosla et al. 2020). Objects that have not moved so
far are neither right nor wrong.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.models.base import Batch
from vidparticles.models.moving.layers import displacements, unit
from vidparticles.models.moving.network import CELL, Maps


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """How much each part counts.

    Attributes:
        mask, dice, center, offset, extent, velocity, matching, flow, appearance, pull: weights.
        vacated: added weight of cells that an object has left,
        resting: and of cells of one that rests.
        narrow, wide: cells, the least and the greatest deviation of the target of a center;
            below .8, that the middle lies between two cells holds the scores down.
        least: part of an object that must be visible for its middle to be asked for,
        doubtful: and from which it is no mistake to tell it.
        temperature: of the contrast.
    """

    mask: float = 4.0
    dice: float = 1.0
    center: float = 1.0
    offset: float = 0.5
    extent: float = 0.2
    velocity: float = 1.0
    matching: float = 0.3
    flow: float = 1.0
    appearance: float = 0.4
    pull: float = 0.4
    vacated: float = 2.0
    resting: float = 1.0
    narrow: float = 0.8
    wide: float = 2.2
    least: float = 0.25
    doubtful: float = 0.02
    temperature: float = 0.1


def losses(told: Maps, batch: Batch, config: LossConfig, *, radius: int) -> dict[str, Array]:
    """Each part of the loss, weighted, one an example.

    Args:
        told: by the network, [B, T, h, w, ·].
        batch: "cover" [B, T, h, w, K] uint8, "flow" [B, T, h, w, 2] pixels, "center" [B, T, K, 2]
            and "covariance" [B, T, K, 3] pixels, "shift" [B, T, K, 2] pixels since the frame
            before, "visible" [B, T, K] part of the most that it ever was, "moved" and "still"
            [B, T, K] bool, "first" [B] bool, whether frame 0 has none before.
        config: weights.
        radius: of the network's matching, cells.

    Returns:
        Name → [B].
    """
    cover = batch["cover"].astype(jnp.float32) / 255
    moved, still = batch["moved"], batch["still"] & batch["moved"]
    total = jnp.sum(cover, -1)
    ours = cover * moved[:, :, None, None]
    target = jnp.clip(1.5 * jnp.sum(ours, -1), 0, 1)
    known = (jnp.sum(cover - ours, -1) < 0.05).astype(jnp.float32)
    left = jnp.clip(lax.cummax(target, axis=1) - target, 0, 1)
    rests = jnp.sum(ours * still[:, :, None, None], -1)
    weight = known * (1 + config.vacated * left + config.resting * rests)
    late = jnp.arange(cover.shape[1]) > 0
    late = jnp.where(batch["first"][:, None], late, True)[:, :, None, None]
    found = {"mask": config.mask * _mask(told.mask, target, weight)}
    found["dice"] = config.dice * _dice(told.mask, target, known)

    middle = batch["center"] / CELL
    spread = batch["covariance"] / CELL**2
    deviation = jnp.sqrt(jnp.maximum(spread[..., ::2], 0) + 1e-4)
    h, w = cover.shape[2:4]
    y, x = jnp.meshgrid(jnp.arange(h) + 0.5, jnp.arange(w) + 0.5, indexing="ij")
    cells = jnp.stack([x, y], -1)
    off = middle[:, :, None, None] - cells[:, :, None]  # [B, T, h, w, K, 2]
    size = jnp.sqrt(jnp.prod(deviation, -1))
    narrow = jnp.clip(0.5 * size, config.narrow, config.wide)[:, :, None, None]
    heat = jnp.exp(-0.5 * jnp.sum(off**2, -1) / narrow**2)
    inside = jnp.all((middle > 0) & (middle < jnp.array([w, h])), -1)
    visible, part = jnp.sum(cover, (2, 3)), batch["visible"]
    asked = moved & inside & (visible > 0.2) & (part > config.least)
    doubt = (visible > 0.02) & ~asked & (part > config.doubtful) | (visible > 0.02) & ~moved
    nearest = jnp.all(jnp.abs(off) <= 0.5, -1) & asked[:, :, None, None]
    worth = jnp.clip(2 * part, 0, 1) * (1 + 0.5 * still)
    positive = jnp.max(nearest * worth[:, :, None, None], -1)
    around = jnp.max(heat * asked[:, :, None, None], -1)
    ignored = jnp.max(heat * doubt[:, :, None, None], -1) > 0.1
    negative = jnp.where(ignored, 0, jnp.minimum(weight, 3)) * ~jnp.any(nearest, -1)
    found["center"] = config.center * _center(told.center, around, positive, negative)

    # Read out at the middle: its cell counts as much as all others of the object.
    whose = jax.nn.one_hot(jnp.argmax(cover, -1), cover.shape[-1]) * (total > 0.1)[..., None]
    whose = whose * moved[:, :, None, None]
    area = jnp.sum(whose, (2, 3), keepdims=True)
    of_object = whose / jnp.sqrt(area + 1) * jnp.minimum(2 * total, 1)[..., None]

    def regression(got: Array, wanted: Array, when: Array | float = 1.0) -> Array:
        error = jnp.sum(jnp.abs(got[..., None, :] - wanted), -1)
        every, most = of_object * when, nearest * when
        return _mean(error * every, every) + _mean(error * most, most)

    extent = jnp.concatenate(
        [
            jnp.log(deviation),
            (spread[..., 1] / jnp.sqrt(spread[..., 0] * spread[..., 2] + 1e-6))[..., None],
        ],
        -1,
    )
    got = told.extent.at[..., 2].set(jnp.tanh(told.extent[..., 2]))
    found["offset"] = config.offset * regression(told.offset, off)
    found["extent"] = config.extent * regression(got, extent[:, :, None, None])
    velocity = batch["shift"][:, :, None, None] / CELL
    found["velocity"] = config.velocity * regression(told.velocity, velocity, late[..., None])

    flow = batch["flow"].astype(jnp.float32) / CELL
    on = (total > 0.3) & late
    ground = (total < 0.05) & late
    near = jnp.all(jnp.abs(flow) <= radius, -1)
    wrong = _matching(told.matching, flow, radius)
    found["matching"] = (
        config.matching * 0.5 * (_mean(wrong, on & near) + _mean(wrong, ground & near))
    )
    distance = jnp.sqrt(jnp.sum((told.flow - flow) ** 2, -1) + 1e-4)
    found["flow"] = config.flow * 0.5 * (_mean(distance, on) + _mean(distance, ground))

    views = jnp.einsum("bthwk,bthwf->btkf", whose * total[..., None], told.appearance)
    clear = asked & (jnp.sum(whose * total[..., None], (2, 3)) > 0.3)
    views = unit(views)
    found["appearance"] = config.appearance * _contrast(views, clear, config.temperature)
    likeness = jnp.einsum(
        "bthwk,btkf,bthwf->bthw", whose, lax.stop_gradient(views), told.appearance
    )
    found["pull"] = config.pull * _mean(1 - likeness, jnp.sum(of_object, -1))
    return found


def _mean(values: Array, weight: Array) -> Array:
    """The weighted mean [B]; `values` are multiplied by the weight already where it says so."""
    axes = tuple(range(1, values.ndim))
    weight = weight.astype(jnp.float32)
    weighted = values if values.ndim == 5 else values * weight
    return jnp.sum(weighted, axes) / (jnp.sum(weight, tuple(range(1, weight.ndim))) + 1e-3)


def _mask(logit: Array, target: Array, weight: Array) -> Array:
    p = jax.nn.sigmoid(logit)
    there = -2 * target * jax.nn.log_sigmoid(logit) * jnp.sqrt(1 - p)
    not_there = -(1 - target) * jax.nn.log_sigmoid(-logit) * jnp.sqrt(p)
    return _mean(there + not_there, weight)


def _dice(logit: Array, target: Array, known: Array) -> Array:
    p, axes = jax.nn.sigmoid(logit) * known, (1, 2, 3)
    both = jnp.sum(p * target, axes)
    return 1 - (2 * both + 1) / (jnp.sum(p, axes) + jnp.sum(target * known, axes) + 1)


def _center(logit: Array, around: Array, positive: Array, negative: Array) -> Array:
    p, axes = jax.nn.sigmoid(logit), (1, 2, 3)
    hit = positive * (1 - p) ** 2 * jax.nn.log_sigmoid(logit)
    false = negative * (1 - around) ** 4 * p**2 * jax.nn.log_sigmoid(-logit)
    return -jnp.sum(hit + false, axes) / (jnp.sum(positive, axes) + 1)


def _matching(logits: Array, flow: Array, radius: int) -> Array:
    """Cross-entropy [B, T, h, w] to where it was, shared by the four cells around that place."""
    off = jnp.abs(-flow[..., None, :] - displacements(radius))
    target = jnp.prod(jnp.maximum(0, 1 - off), -1)
    return -jnp.sum(target * jax.nn.log_softmax(logits), -1)


def _contrast(views: Array, clear: Array, temperature: float) -> Array:
    """Of each object in each frame with all others of the batch, [B]; strangers count less."""
    b, t, k, f = views.shape
    flat, valid = views.reshape(-1, f), clear.reshape(-1)
    clip = jnp.repeat(jnp.arange(b), t * k)
    name = clip * k + jnp.tile(jnp.arange(k), b * t)
    others = valid[:, None] & valid & ~jnp.eye(len(flat), dtype=bool)
    logits = flat @ flat.T / temperature - (clip[:, None] != clip)
    logits = jnp.where(others, logits, -1e9)
    same = others & (name[:, None] == name)
    count = jnp.sum(same, -1)
    away = jax.nn.logsumexp(logits, -1) - jnp.sum(jnp.where(same, logits, 0), -1) / jnp.maximum(
        count, 1
    )
    told = (count > 0).reshape(b, -1)
    return jnp.sum(jnp.where(told, away.reshape(b, -1), 0), -1) / jnp.maximum(jnp.sum(told, -1), 1)
