"""What a new picture says about each particle: where it is, and whether it is seen at all.

It is looked for coarse to fine against what was seen last, then against the patch at birth
through the map by which that has deformed, and from there back to where it was. What differs
too much from what is known of it, or does not lead back, is not seen.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.patches import (
    NEAR,
    PATCH,
    WIDE,
    align,
    deformed_window,
    descend,
    gaussian,
    inside,
    levels_of,
    likeness,
    moved,
    refine,
    window,
)
from vidparticles.tracking.points.blocks import by_blocks

MAX_RETURN = 0.7  # pixels between a point and where following it there and back ends
MAX_MISFIT = 0.4  # r.m.s. difference of the patches over their contrast, noise taken off
ANCHOR = 0.3  # the same against the patch at birth; above, what is seen now takes its place,
STEADY = 0.2  # if it differs no more than this from what was seen last,
SUDDEN = 0.1  # and no more than this more from birth than one frame before: else it is covered
ASIDE = 0.4  # pixels from home, each way, at which following back starts
STRAY = 0.75  # pixels between what the two patches say, likewise
NOISE_LEFT = 0.42  # variance of the difference of two patches × variance of the noise

Known = tuple[Array, Array, Array, Array, Array, Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Match:
    """What the picture says about each particle.

    Attributes:
        xy: [N, 2] pixels, where it is if it is seen at all.
        seen: [N] bool.
        anchored: [N] bool, it still looks as at its birth.
        misfit: [N] how much it differs from then.
        deformed: [2, 2, N].
    """

    xy: Array
    seen: Array
    anchored: Array
    misfit: Array
    deformed: Array


def _affine(map_: Array, vector: Array) -> Array:
    return jnp.stack([map_[k, 0] * vector[0] + map_[k, 1] * vector[1] for k in (0, 1)])


def _undone(map_: Array, bend: Array) -> Array:
    """map_ · (1 + bend)⁻¹, [2, 2, N]."""
    (a, b), (c, d) = bend
    a, d = 1 + a, 1 + d
    columns = jnp.stack([d, -c]), jnp.stack([-b, a])
    return jnp.stack([_affine(map_, x) for x in columns], 1) / (a * d - b * c)


def find(flat: Array, size: tuple[int, int], noise: Array, among: Array, known: Known) -> Match:
    """The particles looked for in a new picture.

    Args:
        flat: its pyramid.
        size: height and width of the finest level.
        noise: variance of its luma.
        among: [N] bool, who is looked for; the others are not seen.
        known: patches [L, P, P, N] seen last, patch [P, P, N] at birth, how it has deformed since
            [2, 2, N], how much it differed from birth [N], who is hidden [N] bool, and a first
            guess of the place [2, N] in pixels.
    """
    xy, *more = by_blocks(functools.partial(_find, flat, size, noise), among, known)
    return Match(xy.T, *more)


def _find(flat: Array, size: tuple[int, int], noise: Array, known: Known) -> tuple[Array, ...]:
    """The fields of a `Match`, particles last."""
    patches, birth, deformed, misfit_before, hidden, guess = known
    xy = descend(patches, flat, size, guess, hidden)
    level = jnp.asarray(levels_of(*size)[0])
    tile = deformed_window(flat, level, xy, deformed, WIDE + 2 * NEAR)
    shift, bend = refine(birth, tile, margin=NEAR)

    def misfit(patch: Array, seen: Array) -> Array:
        *_, left, spread = likeness(patch[1:-1, 1:-1], seen, gaussian(len(seen)))
        return jnp.sqrt(jnp.maximum(left - NOISE_LEFT * noise, 0) / (spread + 1e-5))

    astray = jnp.sum(shift**2, 0) > STRAY**2
    since_birth = misfit(birth, moved(tile, shift, WIDE, NEAR))
    anchored = (since_birth < ANCHOR) & ~astray
    there = xy + jnp.where(anchored, _affine(deformed, shift), 0)
    found = inside(there, *size)
    near, rest = window(flat, level, found, PATCH + 4)
    near, last = moved(near, rest, PATCH + 2, 1), patches[-1]
    # The way back starts off home, so that it tells whether it leads there.
    back = align(near, last, jnp.full_like(xy, ASIDE), margin=1)
    change = misfit(last, near[1:-1, 1:-1])
    steady = (change < STEADY) & (since_birth < misfit_before + SUDDEN)
    good = jnp.where(anchored, change < MAX_MISFIT, steady) & (jnp.sum(back**2, 0) < MAX_RETURN**2)
    good = good & jnp.all(there == found, 0)

    return found, good, anchored, since_birth, _undone(deformed, bend)
