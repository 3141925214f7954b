"""Where else a particle may be that is not where it was expected: around, or where others led.

Far around it by normalized correlation, which must be unique, or what another nearby did too; and
beside those that were expected to move alike, as far as they were off.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from vidparticles.flow.patches import PatchConfig, into_picture, levels_of
from vidparticles.flow.tiles import gaussian_weights, window


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """How what is lost is looked for.

    Attributes:
        reach: pixels of the level, each way, in which it is looked for,
        level: at this many halvings,
        size: in patches of so many pixels; odd.
        alike: normalized correlation there, at least,
        unique: and by how much less it must be elsewhere,
        alike_together: or, where one more did the same
        nearby: within so many frame heights,
        together: and so many pixels, or so
        close: to the guess, at least this.
        led: sum of the weights of the neighbors, at least, that lead a lost one to where it is.
    """

    reach: int = 8
    level: int = 2
    size: int = 7
    alike: float = 0.85
    unique: float = 0.1
    alike_together: float = 0.6
    nearby: float = 0.2
    together: float = 4.0
    close: float = 10.0
    led: float = 0.1


class Known(NamedTuple):
    """What is known of each particle before it is looked for.

    Attributes:
        patches: [L, P + 2, P + 2, N] where it was visible last, coarsest level first.
        template: [K, W + 2, W + 2, N] at its spawn, finest level first.
        deformation: [2, 2, N] how that has deformed since.
        misfit: [N] how much it differed from the template.
        hidden: [N] bool, it was not visible in the frame before.
        guess: [2, N] pixels.
        moved: [2, N] pixels, from where it was to the guess.
    """

    patches: Array
    template: Array
    deformation: Array
    misfit: Array
    hidden: Array
    guess: Array
    moved: Array


def led_by_neighbors(
    known: Known, everyone: Known, off: Array, among: Array, *, height: int, config: SearchConfig
) -> tuple[Array, Array]:
    """Guesses [2, N] put right as those of neighbors were, and whether there are any [N].

    A neighbor is near, and was expected to move alike: on a small thing before a ground that
    stands, not the ground.

    Args:
        known: of those who are looked for.
        everyone: of all particles.
        off: [2, all] pixels by which their guesses were wrong,
        among: [all] bool, where that was found.
        height: of the picture, pixels.
        config: who is a neighbor.
    """
    apart = jnp.sum((known.guess[:, :, None] - everyone.guess[:, None]) ** 2, 0)
    differ = jnp.sum((known.moved[:, :, None] - everyone.moved[:, None]) ** 2, 0)
    near = (config.nearby * height / 2) ** 2
    weight = among * jnp.exp(-apart / near - differ / config.together**2)
    total = jnp.sum(weight, 1)
    return known.guess + off @ weight.T / (total + 1e-6), total > config.led


def search(
    flat: Array,
    size: tuple[int, int],
    known: Known,
    lost: Array,
    *,
    patches: PatchConfig,
    config: SearchConfig,
) -> tuple[Array, Array]:
    """Where, far around the guess, each looks most like its patch, and whether that is sure.

    Normalized correlation over all shifts by whole pixels of a coarse level.

    Args:
        flat: the pyramid of the picture.
        size: height and width of its finest level.
        known: of each.
        lost: [N] bool, who has been seen until now, and was not found.
        patches: of the pyramid.
        config: how is looked for.
    """
    levels = levels_of(*size, patches)
    number = min(config.level, len(levels) - 1)
    scale, reach, across = 2.0**-number, config.reach, config.size
    cut = (patches.size + 2 - across) // 2
    patch = known.patches[len(levels) - 1 - number][cut:-cut, cut:-cut]
    guess = into_picture(known.guess, *size)
    tile, rest = window(
        flat, jnp.asarray(levels[number]), guess * scale, across + 2 * reach,
        pad=patches.template,
    )  # fmt: skip
    weight = gaussian_weights(across)
    patch = weight * (patch - jnp.sum(weight * patch, (0, 1)))
    spread = jnp.sum(patch * patch / weight, (0, 1))

    # Over all shifts at once, one pixel of the patch after another: few long loops.
    rows = 2 * reach + 1

    def add(sums: tuple[Array, ...], item: tuple[Array, ...]) -> tuple[Any, None]:
        place, pixel, share = item
        shown = jax.lax.dynamic_slice(tile, (place[0], place[1], 0), (rows, rows, tile.shape[2]))
        both, mean, square = sums
        weighted = share * shown
        return (both + pixel * shown, mean + weighted, square + weighted * shown), None

    pixels = jnp.stack(jnp.meshgrid(*2 * [jnp.arange(across)], indexing="ij"), -1)
    items = pixels.reshape(-1, 2), patch.reshape(across**2, -1), weight.reshape(-1)
    zero = jnp.zeros((rows, rows, tile.shape[2]))
    (both, mean, square), _ = jax.lax.scan(add, (zero, zero, zero), items)
    scores = both / jnp.sqrt(spread * jnp.maximum(square - mean**2, 0) + 1e-8)
    scores = scores.reshape(rows**2, -1)  # [S, N]
    steps = jnp.arange(rows**2)
    places = jnp.stack([steps // rows, steps % rows], -1)
    best = jnp.argmax(scores, 0)
    highest = jnp.max(scores, 0)
    far = jnp.max(jnp.abs(places[:, None] - places[best]), -1) > 2
    second = jnp.max(jnp.where(far, scores, -1), 0)
    shift = (places[best][:, ::-1] - reach).T - rest
    shift = shift + jnp.stack([_peak(scores, best, 1, rows), _peak(scores, best, rows, rows)])
    shift = shift / scale
    # What another nearby did too is easier to believe.
    apart = jnp.sum((guess[:, :, None] - guess[:, None]) ** 2, 0)
    differ = jnp.sum((shift[:, :, None] - shift[:, None]) ** 2, 0)
    likely = lost & (highest > config.alike_together)
    with_it = (apart < (config.nearby * size[0]) ** 2) & (differ < config.together**2)
    # A block is filled up with copies of its last particle: none is its own witness.
    with_it = with_it & (apart > 0) & likely
    alone = (highest > config.alike) & (highest - second > config.unique)
    close = jnp.sum(shift**2, 0) < config.close**2
    sure = lost & (alone | (likely & (with_it.any(1) | close)))
    return into_picture(guess + shift, *size), sure


def _peak(scores: Array, best: Array, step: int, rows: int) -> Array:
    """How far beside a best score the top of the parabola through its neighbors is, [N]."""
    column = jnp.arange(scores.shape[1])
    at, inside = best // step % rows, len(scores) - 1
    left, middle, right = (scores[jnp.clip(best + k * step, 0, inside), column] for k in (-1, 0, 1))
    bend = jnp.maximum(2 * middle - left - right, 1e-6)
    held = (at > 0) & (at < rows - 1)
    return jnp.where(held, jnp.clip(0.5 * (right - left) / bend, -0.5, 0.5), 0)
