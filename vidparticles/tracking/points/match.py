"""What a new picture says about each particle: where it is, and whether it is visible at all.

It is looked for in two levels against the patches where it was visible last, then against its
template through the map by which that has deformed, and from there back to where it was. What
differs too much from what is known of it, or does not lead back, is not visible. Who is gone from
one frame to the next is searched for around, and compared with the template at half its size: so is
what is blurred. Where all differ alike, it is the blur, the light or the encoder, and as much more
is allowed.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.patches import (
    PatchConfig,
    align,
    blurred_like,
    fit_light,
    into_picture,
    levels_of,
    match_patches,
    match_template,
)
from vidparticles.flow.tiles import gaussian_weights, shifted, warped_window, window
from vidparticles.tracking.points.blocks import in_blocks, some, up_to_last
from vidparticles.tracking.points.search import Known, SearchConfig, led_by_neighbors, search


@dataclasses.dataclass(frozen=True)
class MatchConfig:
    """When a match is believed.

    A misfit is an r.m.s. difference over the contrast, with what noise makes of it taken off.

    Attributes:
        return_error: pixels between a point and where following it there and back ends, at most.
        patch_misfit: against the patch where it was visible last, at most.
        template_misfit: against the template; above, what is visible now takes its place,
        steady: if it differs no more than this from where it was visible last,
        sudden: and no more than this more from the template than before: else what is around it is
            being covered, and it is followed
        intact: only as long as it differs no more than this from where it was visible last.
        levels: of the pyramid that are asked around a guess, from the finest on.
        return_start: pixels from home, each way, at which following back starts.
        astray: pixels between what the patch and the template say, at most.
        noise_share: variance of the difference of two patches × variance of the noise.
        calm: median of how much they differ from where they were visible last, above which the
            picture as a whole has changed, and as much more is allowed,
        most_slack: but no more than this,
        lost: and nothing where it is above this: then it is another picture.
        coarser: levels at which the template is known besides, for what is blurred.
        search: how what is lost is looked for.
    """

    return_error: float = 0.7
    patch_misfit: float = 0.4
    template_misfit: float = 0.3
    steady: float = 0.2
    sudden: float = 0.1
    intact: float = 0.15
    levels: int = 2
    return_start: float = 0.4
    astray: float = 0.75
    noise_share: float = 0.42
    calm: float = 0.1
    most_slack: float = 0.3
    lost: float = 0.7
    coarser: int = 1
    search: SearchConfig = dataclasses.field(default_factory=SearchConfig)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Match:
    """What the picture says about each particle.

    Attributes:
        xy: [N, 2] pixels, where it is if it is visible.
        visible: [N] bool.
        anchored: [N] bool, it still is like its template.
        calm: [N] bool, it has not become less so at once.
        misfit: [N] how much it differs from that,
        change: [N] and from where it was visible last.
        deformation: [2, 2, N].
    """

    xy: Array
    visible: Array
    anchored: Array
    calm: Array
    misfit: Array
    change: Array
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
) -> tuple[Match, Array]:
    """The particles looked for in a new picture.

    Args:
        flat: its pyramid.
        size: height and width of the finest level.
        noise: variance of its luma.
        among: [N] bool, who is looked for; the others are not visible.
        known: of each particle.
        patches: how patches are matched.
        config: when that is believed.

    Returns:
        The match, and by how much more than else they may differ in this picture, [].
    """
    look = _Look(flat, size, noise, patches, config)
    # Each pass is the same program with other numbers: what judges is long, and is compiled once
    # for each place where it stands. First all as expected; then who is gone at once, or no more
    # like its template, once more: searched for, by the coarser templates, and with slack.
    levels = jnp.asarray([0, 0, *range(1, len(known.template)), 0])
    seen = among & ~known.hidden

    def look_at(carry: tuple[Match, Array], item: tuple[Array, Array]) -> tuple[Any, None]:
        (found, slack), (number, level) = carry, item
        lost = ~found.visible & ((number == 1) | (slack > 0))
        order, total = some(seen & jnp.where(level > 0, ~found.anchored, lost))
        order = jnp.where(number == 0, jnp.arange(len(among)), order)
        total = jnp.where(number == 0, up_to_last(among), total)
        allowed = jnp.where(number > 1, slack, 0)
        others = known, found, seen & found.visible
        once = functools.partial(
            look.look, others=others, number=number, level=level, slack=allowed
        )
        found = in_blocks(once, order, total, (known, found), found)
        # What all have in common is the blur, the light or the encoder, and no end of any.
        common = jnp.nanmedian(jnp.where(seen, found.change, jnp.nan))
        usual = jnp.clip(common - config.calm, 0, config.most_slack)
        usual = jnp.where(common < config.lost, usual, 0)
        return (found, jnp.where(number == 0, usual, slack)), None

    start = _nothing(known)
    number = jnp.arange(len(levels))
    (found, slack), _ = jax.lax.scan(look_at, (start, jnp.zeros(())), (number, levels))
    return dataclasses.replace(found, xy=found.xy.T), slack


def _nothing(known: Known) -> Match:
    """A match of nobody."""
    zero, no = jnp.zeros_like(known.misfit), jnp.zeros_like(known.hidden)
    return Match(
        jnp.zeros_like(known.guess), no, no, no, zero, zero, jnp.zeros_like(known.deformation)
    )


def _apply(map_: Array, vector: Array) -> Array:
    return jnp.stack([map_[k, 0] * vector[0] + map_[k, 1] * vector[1] for k in (0, 1)])


def _undo(map_: Array, bend: Array) -> Array:
    """map_ · (1 + bend)⁻¹, [2, 2, N]."""
    (a, b), (c, d) = bend
    a, d = 1 + a, 1 + d
    columns = jnp.stack([d, -c]), jnp.stack([-b, a])
    return jnp.stack([_apply(map_, x) for x in columns], 1) / (a * d - b * c)


@dataclasses.dataclass(frozen=True)
class _Look:
    """One picture in which blocks of particles are looked for; fields as `match_particles`."""

    flat: Array
    size: tuple[int, int]
    noise: Array
    patches: PatchConfig
    config: MatchConfig

    def look(
        self,
        item: tuple[Known, Match],
        *,
        others: tuple[Known, Match, Array],
        number: Array,
        level: Array,
        slack: Array,
    ) -> Match:
        """A block of particles, with what was found of them before; `xy` is [2, N] here and below.

        Args:
            item: what is known of them, and what was found.
            others: what is known of all, what was found of them, and [all] bool, who was.
            number: of the pass: 0 from where each is expected, 1 after a search around it or where
                its neighbors lead, then from where it was found.
            level: of the template.
            slack: by how much more they may differ, as the whole picture does.
        """
        known, found = item
        lost = ~found.visible & ~known.hidden

        def elsewhere() -> tuple[Array, Array]:
            everyone, so_far, among = others
            off = (so_far.xy - everyone.guess) * among
            searched, sure = search(
                self.flat, self.size, known, lost, patches=self.patches, config=self.config.search
            )
            led, leads = led_by_neighbors(
                known, everyone, off, among, height=self.size[0], config=self.config.search
            )
            led = into_picture(led, *self.size)
            return jnp.where(sure, searched, led), sure | (leads & lost)

        guess, sure = jax.lax.cond(number == 1, elsewhere, lambda: (known.guess, known.hidden))
        xy = jax.lax.cond(
            number < 2,
            lambda: self.near(known, guess, known.hidden & (number == 0)),
            lambda: found.xy,
        )
        new = self.judge(known, xy, level, slack)
        sound = new.visible & new.anchored
        again = jnp.where(level > 0, ~found.anchored & sound, ~found.visible)
        take = jnp.where(number == 0, True, jnp.where(number == 1, sure & sound, again))
        # How it is told next time that it is being covered: at the finest level.
        calm, misfit = (
            jnp.where(level > 0, old, now)
            for old, now in ((found.calm, new.calm), (found.misfit, new.misfit))
        )
        new = dataclasses.replace(new, calm=calm, misfit=misfit)
        return jax.tree.map(lambda new, old: jnp.where(take, new, old), new, found)

    def near(self, known: Known, guess: Array, sure: Array) -> Array:
        """Positions found by the patches around guesses [2, N]."""
        patches = self.patches
        levels = self.config.levels
        return match_patches(
            known.patches, self.flat, self.size, guess, sure, patches, levels=levels
        )

    def judge(self, known: Known, xy: Array, level: Array, slack: Array) -> Match:
        """What the template at a level says of positions near which the particles are."""
        patches, config, size = self.patches, self.config, self.size
        margin, pad = patches.template_margin, patches.template
        finest = jnp.asarray(levels_of(*size, patches)[0])
        coarse = jnp.asarray(levels_of(*size, patches))[level]
        wide, scale = patches.template + 2 * margin, 2.0**-level
        tile = warped_window(self.flat, coarse, xy * scale, known.deformation, wide, pad=pad)
        template = known.template[level]
        shift, bend, like = match_template(template, tile, config=patches)

        def misfit(like: Array, shown: Array) -> Array:
            *_, left, spread = fit_light(like, shown, gaussian_weights(len(shown)))
            left = jnp.maximum(left - config.noise_share * self.noise * scale**2, 0)
            return jnp.sqrt(left / (spread + 1e-5))

        astray = jnp.sum(shift**2, 0) > config.astray**2
        since_spawn = misfit(like, shifted(tile, shift, patches.template, margin))
        anchored = (since_spawn < config.template_misfit + jnp.where(level > 0, slack, 0)) & ~astray
        where = xy + jnp.where(anchored, _apply(known.deformation, shift) / scale, 0)
        found = into_picture(where, *size)
        near, rest = window(self.flat, finest, found, patches.size + 4, pad=pad)
        near, last = shifted(near, rest, patches.size + 2, 1), known.patches[-1]
        # The way back starts off home, so that it tells whether it leads there.
        back = align(near, last, jnp.full_like(xy, config.return_start), margin=1, config=patches)
        shown = near[1:-1, 1:-1]
        change = misfit(blurred_like(last, shown, gaussian_weights(len(shown)), patches), shown)
        calm = since_spawn < known.misfit + config.sudden + slack
        steady = (change < config.intact + slack) | ((change < config.steady + slack) & calm)
        good = jnp.where(anchored, change < config.patch_misfit + slack, steady)
        good = good & (jnp.sum(back**2, 0) < config.return_error**2)
        good = good & jnp.all(where == found, 0)
        return Match(
            found, good, anchored, calm, since_spawn, change, _undo(known.deformation, bend)
        )
