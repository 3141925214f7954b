"""What a new picture says about each particle: where it is, and whether it is visible at all.

It is looked for coarse to fine against the patches where it was visible last, then against its
template through the map by which that has deformed, and from there back to where it was. What
differs too much from what is known of it, or does not lead back, is not visible.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.patches import (
    PatchConfig,
    align,
    fit_light,
    into_picture,
    levels_of,
    match_patches,
    match_template,
)
from vidparticles.flow.tiles import gaussian_weights, shifted, warped_window, window
from vidparticles.tracking.points.blocks import by_blocks


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """When a match is believed.

    A misfit is an r.m.s. difference over the contrast, with what noise makes of it taken off.

    Attributes:
        return_error: pixels between a point and where following it there and back ends, at most.
        patch_misfit: against the patch where it was visible last, at most.
        template_misfit: against the template; above, what is visible now takes its place,
        steady: if it differs no more than this from where it was visible last,
        sudden: and no more than this more from the template than one frame before: else it is
            covered.
        return_start: pixels from home, each way, at which following back starts.
        astray: pixels between what the patch and the template say, at most.
        noise_share: variance of the difference of two patches × variance of the noise.
    """

    return_error: float = 0.7
    patch_misfit: float = 0.4
    template_misfit: float = 0.3
    steady: float = 0.2
    sudden: float = 0.1
    return_start: float = 0.4
    astray: float = 0.75
    noise_share: float = 0.42


class Known(NamedTuple):
    """What is known of each particle before it is looked for.

    Attributes:
        patches: [L, P + 2, P + 2, N] where it was visible last, coarsest level first.
        template: [W + 2, W + 2, N] at its spawn.
        deformation: [2, 2, N] how that has deformed since.
        misfit: [N] how much it differed from the template.
        hidden: [N] bool, it was not visible in the frame before.
        guess: [2, N] pixels.
    """

    patches: Array
    template: Array
    deformation: Array
    misfit: Array
    hidden: Array
    guess: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Match:
    """What the picture says about each particle.

    Attributes:
        xy: [N, 2] pixels, where it is if it is visible.
        visible: [N] bool.
        anchored: [N] bool, it still is like its template.
        misfit: [N] how much it differs from that.
        deformation: [2, 2, N].
    """

    xy: Array
    visible: Array
    anchored: Array
    misfit: Array
    deformation: Array


def match_particles(
    flat: Array,
    size: tuple[int, int],
    noise: Array,
    among: Array,
    known: Known,
    *,
    patches: PatchConfig,
    config: MatchConfig,
) -> Match:
    """The particles looked for in a new picture.

    Args:
        flat: its pyramid.
        size: height and width of the finest level.
        noise: variance of its luma.
        among: [N] bool, who is looked for; the others are not visible.
        known: of each particle.
        patches: how patches are matched.
        config: when that is believed.
    """
    find = functools.partial(_match_block, flat, size, noise, patches, config)
    xy, *more = by_blocks(find, among, known)
    return Match(xy.T, *more)


def _apply(map_: Array, vector: Array) -> Array:
    return jnp.stack([map_[k, 0] * vector[0] + map_[k, 1] * vector[1] for k in (0, 1)])


def _undo(map_: Array, bend: Array) -> Array:
    """map_ · (1 + bend)⁻¹, [2, 2, N]."""
    (a, b), (c, d) = bend
    a, d = 1 + a, 1 + d
    columns = jnp.stack([d, -c]), jnp.stack([-b, a])
    return jnp.stack([_apply(map_, x) for x in columns], 1) / (a * d - b * c)


def _match_block(
    flat: Array,
    size: tuple[int, int],
    noise: Array,
    patches: PatchConfig,
    config: MatchConfig,
    known: Known,
) -> tuple[Array, ...]:
    """The fields of a `Match`, particles last."""
    margin, pad = patches.template_margin, patches.template
    xy = match_patches(known.patches, flat, size, known.guess, known.hidden, patches)
    level = jnp.asarray(levels_of(*size, patches)[0])
    wide = patches.template + 2 * margin
    tile = warped_window(flat, level, xy, known.deformation, wide, pad=pad)
    shift, bend = match_template(known.template, tile, config=patches)

    def misfit(patch: Array, shown: Array) -> Array:
        *_, left, spread = fit_light(patch[1:-1, 1:-1], shown, gaussian_weights(len(shown)))
        return jnp.sqrt(jnp.maximum(left - config.noise_share * noise, 0) / (spread + 1e-5))

    astray = jnp.sum(shift**2, 0) > config.astray**2
    since_spawn = misfit(known.template, shifted(tile, shift, patches.template, margin))
    anchored = (since_spawn < config.template_misfit) & ~astray
    where = xy + jnp.where(anchored, _apply(known.deformation, shift), 0)
    found = into_picture(where, *size)
    near, rest = window(flat, level, found, patches.size + 4, pad=pad)
    near, last = shifted(near, rest, patches.size + 2, 1), known.patches[-1]
    # The way back starts off home, so that it tells whether it leads there.
    back = align(near, last, jnp.full_like(xy, config.return_start), margin=1, config=patches)
    change = misfit(last, near[1:-1, 1:-1])
    steady = (change < config.steady) & (since_spawn < known.misfit + config.sudden)
    good = jnp.where(anchored, change < config.patch_misfit, steady)
    good = good & (jnp.sum(back**2, 0) < config.return_error**2)
    good = good & jnp.all(where == found, 0)

    return found, good, anchored, since_spawn, _undo(known.deformation, bend)
