"""New objects: where foreground is that belongs to none."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image import discs
from vidparticles.particles import Particles
from vidparticles.tracking.discs.foreground import Foreground
from vidparticles.tracking.discs.memory import square_distances


@dataclasses.dataclass(frozen=True)
class SpawnConfig:
    """Where new objects begin.

    Attributes:
        least: the lowest peak of unowned foreground that becomes an object, in (0, 1).
        blur: standard deviation of the Gaussian under which peaks are looked for, in radii.
        owned: radii around an object within which the foreground belongs to it.
        speed: frame heights per second, standard deviation of the velocity of a new object.
        window: cells of the side of the square of which a peak is the highest; odd.
    """

    least: float = 0.4
    blur: float = 0.5
    owned: float = 1.3
    speed: float = 1.0
    window: int = 5


class Spawned(NamedTuple):
    """New objects in free slots.

    Attributes:
        new: [..., K] bool, the slots that they take.
        position: [..., K, 2] of the peaks.
        covariance: [3] of each.
        statistics: [..., K, C] of the unowned foreground around them, as of `assignment.assign`.
        unowned: [..., P] foreground that belonged to no object before, in [0, 1].
    """

    new: Array
    position: Array
    covariance: Array
    statistics: Array
    unowned: Array


def spawn(
    p: Particles,
    foreground: Foreground,
    *,
    radius: Array,
    edge: Array,
    width: Array,
    noise: Array,
    config: SpawnConfig,
) -> Spawned:
    """New objects at the highest peaks of what belongs to none, in the free slots.

    Args:
        p: objects [..., K, ·] as they are in this frame.
        foreground: of the frame.
        radius: of objects.
        edge: width of their rims.
        width: standard deviation of the Gaussian within which a new object gathers its statistics.
        noise: standard deviation of a measured position.
        config: of spawning.
    """
    height, columns = foreground.shape
    covers = discs.cover(
        p.position,
        p.alive,
        radius=config.owned * radius,
        edge=edge,
        height=height,
        width=columns,
    )
    free = jax.lax.stop_gradient(1 - jnp.minimum(jnp.sum(covers, axis=-2), 1))
    position, found = peaks(
        jax.lax.stop_gradient(foreground.weight) * free,
        p.count,
        shape=foreground.shape,
        blur=config.blur * jax.lax.stop_gradient(radius),
        least=config.least,
        window=config.window,
    )
    # The n-th free slot takes the n-th highest peak.
    order = jnp.maximum(jnp.cumsum(~p.alive, axis=-1) - 1, 0)
    position = jnp.take_along_axis(position, order[..., None], axis=-2)
    new = ~p.alive & jnp.take_along_axis(found, order, axis=-1)
    variance = noise**2
    covariance = jnp.stack(
        [variance, jnp.zeros_like(variance), jnp.full_like(variance, config.speed**2)]
    )
    near = discs.square_distance(position, height, columns) / width**2
    near = jnp.where(new[..., None], jnp.exp(-0.5 * near), 0)
    unowned = foreground.statistics * free[..., None]
    statistics = jnp.einsum("...kp,...pc->...kc", near, unowned)
    return Spawned(new, position, covariance, statistics, unowned[..., 0])


def peaks(
    weight: Array, count: int, *, shape: tuple[int, int], blur: Array, least: float, window: int = 5
) -> tuple[Array, Array]:
    """The `count` highest peaks of a smoothed picture.

    Args:
        weight: [..., P] in [0, 1].
        count: how many peaks are looked for.
        shape: rows and columns of cells.
        blur: standard deviation of the Gaussian that smooths it, frame heights.
        least: the lowest that a peak may be, in (0, 1).
        window: cells of the side of the square of which a peak is the highest.

    Returns:
        positions [..., count, 2], and which of them are peaks [..., count].
    """
    h, w = shape

    def smooth(cells: int) -> Array:
        at = jnp.arange(cells) / h
        gauss = jnp.exp(-0.5 * ((at[:, None] - at) / blur) ** 2)
        return gauss / (jnp.sqrt(2 * jnp.pi) * blur * h)

    smoothed = weight.reshape(*weight.shape[:-1], h, w)
    smoothed = jnp.einsum("ij,...jk,kl->...il", smooth(h), smoothed, smooth(w))
    size = (1,) * (smoothed.ndim - 2) + (window, window)
    ones = (1,) * smoothed.ndim
    top = jax.lax.reduce_window(smoothed, -jnp.inf, jax.lax.max, size, ones, "SAME")
    height = jnp.where((smoothed >= top) & (smoothed > least), smoothed, 0).reshape(weight.shape)
    height, cell = jax.lax.top_k(height, min(count, h * w))
    extra = [(0, 0)] * (height.ndim - 1) + [(0, count - height.shape[-1])]
    height, cell = jnp.pad(height, extra), jnp.pad(cell, extra)
    position = jnp.stack([cell % w, cell // w], axis=-1)
    return (position + 0.5) / h, height > 0


def duplicates(position: Array, alive: Array, identity: Array, *, diameter: Array) -> Array:
    """Which rigid discs [..., K] are where an older one is already: two cannot be in one place.

    Example:
        >>> x, alive = jnp.array([[0.5, 0.5], [0.52, 0.5]]), jnp.ones(2, bool)
        >>> duplicates(x, alive, jnp.array([4, 2]), diameter=jnp.array(0.2)).tolist()
        [True, False]
    """
    older = identity[..., :, None] > identity[..., None, :]
    both = alive[..., :, None] & alive[..., None, :]
    close = square_distances(position) < (diameter / 2) ** 2
    return jnp.any(both & older & close, axis=-1)
