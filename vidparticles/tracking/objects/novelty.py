"""What a frame says that the things followed did not foresee, in nats.

A picture that was predicted is nearer to the truth where a thing has vanished, so that its error
is no surprise there. Things can be surprised in four ways, and each is the square of a difference
over twice its variance, the negative logarithm of a Gaussian's tail:

======== ====================================================================================
place    a thing is not where the laws put it: its innovation, in what the filter expects of it
color   it has another color than when it was last seen
missing  less of it is seen than should be: what the scene lets be seen of the predicted disc,
         as unsure as its place is; a thing that is thought gone already is not missed again
unowned  something is there that belongs to no thing
======== ====================================================================================

Their sum is causal and needs nothing but the state. How unsure a thing is of its place it knows
itself. The other scales were chosen on validation clips of PV-5 T4, in parts of a disc; no
model is trained with what violates them.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.image import discs
from vidparticles.particles import Particles
from vidparticles.tracking.objects import assignment as innovation
from vidparticles.tracking.objects import filter as filtering
from vidparticles.tracking.objects.foreground import COLOR, MASS
from vidparticles.tracking.objects.state import Things

# Standard deviations. The second of a pair is of what is hidden whole, and counts as far as a
# thing is hidden.
PLACE_HIDDEN = 0.02  # frame heights, beside the filter's own
COLOR_SEEN, COLOR_HIDDEN = 0.06, 0.2  # in 0 … 1
AREA = 0.1  # of a disc's area, that is seen of it
UNOWNED = 0.12  # of a disc's area
# A thing's likelihood to be there stays within so much of 0 and 1: each may turn out wrong.
DOUBT = 1e-3
BLUR = 1 / 3  # cells that rims are widened by: else sums over cells jump as discs move


def nats(
    positive: dict[str, Array],
    things: Things,
    predicted: Particles,
    *,
    moved: Array,
    covariance: Array,
    seen: Array,
    unowned: Array,
    clear: Array | None,
    shape: tuple[int, int],
) -> tuple[Array, Array]:
    """The surprise of a frame.

    Args:
        positive: as of `filtering`.
        things: before the frame.
        predicted: particles [..., K, ·] as the laws put them in this frame.
        moved: [..., K, 2] what the frame corrected of that.
        covariance: [..., K, 3] before the correction.
        seen: [..., K, C] what each saw, as of `innovation.claim`.
        unowned: [..., P] evidence that belongs to none of them.
        clear: [P] how far the scene lets things be seen, or None, everywhere.
        shape: rows and columns of cells.

    Returns:
        nats [...] ≥ 0, and how likely each thing is still there [..., K]. Nothing is unowned where
        nothing is followed yet.
    """
    alive, cell = predicted.alive, 1 / shape[0] ** 2
    disc = jnp.pi * positive["radius"] ** 2
    mass = seen[..., 0] * cell
    believed = filtering.visible(positive, mass)
    hidden = jnp.maximum(1 - mass / disc, 0)
    spread, noise = covariance[..., 0], positive["noise"] ** 2

    place = spread + noise / (believed + 1e-9) + (PLACE_HIDDEN * hidden) ** 2
    of_place = jnp.sum(moved * moved, axis=-1) / place

    average = seen[..., COLOR] / (seen[..., MASS] + innovation.FAINTEST)
    change = jnp.sum((average - things.color) ** 2, axis=-1)
    of_color = believed * change / (COLOR_SEEN**2 + (COLOR_HIDDEN * hidden) ** 2)

    area, slope = _shown(positive, predicted, clear, shape)
    less = jnp.maximum(area - mass, 0) / disc
    missing = less * less / (AREA**2 + slope * (spread + noise) / disc**2)

    strange = jnp.sum(unowned, axis=-1) * cell / disc
    strange = jnp.where(jnp.any(alive, axis=-1), (strange / UNOWNED) ** 2, 0)
    each = jnp.where(alive, of_place + of_color + things.there * missing, 0)
    total = 0.5 * (jnp.sum(each, axis=-1) + strange)

    # Bayes' rule, between a thing that shows less than it should and one that is not there.
    stays = things.there * jnp.exp(-0.5 * missing)
    gone = (1 - things.there) * (1 - believed)
    there = jnp.clip((stays + 1e-12) / (stays + gone + 1e-12), DOUBT, 1 - DOUBT)
    return jax.lax.stop_gradient((total, there))


def _shown(
    positive: dict[str, Array], p: Particles, clear: Array | None, shape: tuple[int, int]
) -> tuple[Array, Array]:
    """Area [..., K] that is shown of each, and its squared slope along the position."""
    position = jnp.where(p.alive[..., None], p.position, 0)
    dx, dy = discs.offsets(position, *shape)
    radius, edge = positive["radius"], positive["edge"] + BLUR / shape[0]
    cover = jax.nn.sigmoid(discs.inside(dx * dx + dy * dy, radius, edge))
    shown = cover if clear is None else cover * clear
    rim = shown * (1 - cover) / (radius * edge)
    cell = 1 / shape[0] ** 2
    along = [jnp.sum(rim * d, axis=-1) * cell for d in (dx, dy)]
    return jnp.sum(shown, axis=-1) * cell, along[0] ** 2 + along[1] ** 2
