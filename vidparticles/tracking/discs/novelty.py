"""How unlikely a frame is for the objects followed, in nats, and how likely they still exist.

A picture that was predicted is nearer to the truth where an object has vanished, so that its error
is no novelty there. An object can be new in four ways, and each is the square of a difference over
twice its variance, the negative log-likelihood of a Gaussian without its constant:

======== ====================================================================================
position an object is not where the laws put it: its innovation, in what the filter expects of it
color    it has another color than it has had of late
missing  less of it is visible than should be: what the scene lets be seen of the predicted disc,
         as unsure as its position is; an object that is thought gone already is not missed again
unowned  something is there that belongs to no object
======== ====================================================================================

Their sum is causal and needs nothing but the state. How unsure an object is of its position it
knows itself. The other scales were chosen on validation clips of PV-5 T4, in parts of a disc; no
model is trained with what violates them.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image import discs
from vidparticles.particles import Particles
from vidparticles.tracking.discs.foreground import COLOR, MASS


@dataclasses.dataclass(frozen=True)
class NoveltyConfig:
    """Standard deviations of what is normal.

    Attributes:
        hidden_position: frame heights, of an object hidden whole, beside the filter's own.
        color: in [0, 1], of an object that is visible.
        hidden_color: in [0, 1], of one hidden whole; it counts as far as an object is hidden.
        area: of a disc's area, that is visible of it.
        unowned: of a disc's area, foreground that belongs to no object.
        doubt: how near an existence probability comes to 0 and 1: each may turn out wrong.
        overlooked: probability, in a unit of time, that an object that is there is not found, so
            that it goes on being missed for a few frames before it is thought gone.
        rim: cells that rims are widened by: else sums over cells jump as discs move.
    """

    hidden_position: float = 0.02
    color: float = 0.06
    hidden_color: float = 0.2
    area: float = 0.1
    unowned: float = 0.12
    doubt: float = 1e-3
    overlooked: float = 0.3
    rim: float = 1 / 3


def novelty(
    predicted: Particles,
    *,
    moved: Array,
    variance: Array,
    noise: Array,
    visible: Array,
    statistics: Array,
    color: Array,
    existence: Array,
    unowned: Array,
    clear: Array | None,
    elapsed: Array,
    radius: Array,
    edge: Array,
    shape: tuple[int, int],
    least: float,
    config: NoveltyConfig,
) -> tuple[Array, Array]:
    """The novelty of a frame.

    Args:
        predicted: objects [..., K, ·] as the laws put them in this frame.
        moved: [..., K, 2] what the frame changed of that.
        variance: [..., K] of the predicted position.
        noise: variance of a measured position.
        visible: [..., K] in [0, 1), how far each is believed to be visible.
        statistics: [..., K, C] of what each was assigned, as of `assignment.assign`.
        color: [..., K, 3] that each has had of late.
        existence: [..., K] probability before the frame.
        unowned: [..., P] foreground that belongs to none of them.
        clear: [P] how far the scene lets objects be seen, or None, everywhere.
        elapsed: [...] since the frame before, in units of time: what is missing for twice as long
            is twice the evidence, in however many frames.
        radius: of objects.
        edge: width of their rims.
        shape: rows and columns of cells.
        least: cells of foreground below which there is none.
        config: scales of what is normal.

    Returns:
        nats [...] ≥ 0, and the existence probability [..., K]. Nothing is unowned where nothing is
        followed yet.
    """
    alive, cell = predicted.alive, 1 / shape[0] ** 2
    disc = jnp.pi * radius**2
    area = statistics[..., 0] * cell
    hidden = jnp.maximum(1 - area / disc, 0)

    of_position = jnp.sum(moved * moved, axis=-1) / (
        variance + noise / (visible + 1e-9) + (config.hidden_position * hidden) ** 2
    )
    average = statistics[..., COLOR] / (statistics[..., MASS] + least)
    change = jnp.sum((average - color) ** 2, axis=-1)
    of_color = visible * change / (config.color**2 + (config.hidden_color * hidden) ** 2)

    shown, slope = _shown(
        predicted, clear, radius=radius, edge=edge + config.rim / shape[0], shape=shape
    )
    less = jnp.maximum(shown - area, 0) / disc
    missing = less * less / (config.area**2 + slope * (variance + noise) / disc**2)

    strange = jnp.sum(unowned, axis=-1) * cell / disc
    strange = jnp.where(jnp.any(alive, axis=-1), (strange / config.unowned) ** 2, 0)
    each = jnp.where(alive, of_position + of_color + existence * missing, 0)
    total = 0.5 * (jnp.sum(each, axis=-1) + strange)

    # Bayes' rule, between an object that shows less than it should and one that is not there.
    found = jnp.maximum(jnp.exp(-0.5 * missing), config.overlooked)
    stays = existence * found ** elapsed[..., None]
    gone = (1 - existence) * (1 - visible) ** elapsed[..., None]
    existence = (stays + 1e-12) / (stays + gone + 1e-12)
    existence = jnp.clip(existence, config.doubt, 1 - config.doubt)
    return jax.lax.stop_gradient((total, existence))


def _shown(
    p: Particles, clear: Array | None, *, radius: Array, edge: Array, shape: tuple[int, int]
) -> tuple[Array, Array]:
    """Area [..., K] that is shown of each, and its squared slope along the position."""
    position = jnp.where(p.alive[..., None], p.position, 0)
    dx, dy = discs.offsets(position, *shape)
    cover = jax.nn.sigmoid(discs.inside(dx * dx + dy * dy, radius, edge))
    shown = cover if clear is None else cover * clear
    rim = shown * (1 - cover) / (radius * edge)
    cell = 1 / shape[0] ** 2
    along = [jnp.sum(rim * d, axis=-1) * cell for d in (dx, dy)]
    return jnp.sum(shown, axis=-1) * cell, along[0] ** 2 + along[1] ** 2
