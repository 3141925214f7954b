"""Motions that large parts of a picture share, of which the ground's is one.

One point is taken in each cell of a grid, so that a part has as much say as it is large, however
much texture it bears. Where the whole may have gone is told by phase correlation (Kuglin & Hines
1975); each point begins from the guess that its surroundings agree with most and is matched on
its own (`patches`). Then similarities are fitted from many starts, as robustly as in `camera`
but within a narrow reach, so that two parts that move nearly alike are still told apart.
"""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from vidparticles.flow.camera import Similarity, fit_similarity
from vidparticles.flow.global_motion import phase_correlation
from vidparticles.flow.patches import (
    PatchConfig,
    fit_light,
    match_patches,
    patches_at,
    pyramid_of,
)
from vidparticles.flow.tiles import gaussian_weights
from vidparticles.image.resample import bilinear, box, halve, pixel_centers, smooth
from vidparticles.image.structure import cell_size, cells_of, grid, noise_variance, texture


@dataclasses.dataclass(frozen=True)
class GroundConfig:
    """How the motions are found.

    Attributes:
        longest: pixels of the longer side of the pictures that are compared.
        shortest: and of the shorter side, at least.
        points: cells of the grid, at most, with one point each.
        patch: how points are matched.
        edge: pixels from the edge within which no point is taken.
        noise: texture over that of noise at which a point has half a say.
        alike: share of a patch that must be found again.
        peaks: of phase correlation that are tried.
        farthest: frame heights that phase correlation may find, each way.
        window: pixels of a quarter of the picture, radius in which a guess is judged.
        motions: how many are told.
        pairs: of points, by each of which one is tried.
        shortest_pair: frame heights between them.
        wide, narrow: frame heights, difference that halves a vote twice, in the first round and
            in the last.
        rounds: of weighting and fitting.
        apart: of the say of a motion, the share that no better motion may have too.
    """

    longest: int = 320
    shortest: int = 40
    points: int = 280
    patch: PatchConfig = dataclasses.field(
        default_factory=lambda: PatchConfig(size=15, steps=3, template=15)
    )
    edge: int = 4
    noise: float = 4.0
    alike: float = 0.5
    peaks: int = 4
    farthest: float = 0.3
    window: int = 3
    motions: int = 3
    pairs: int = 256
    shortest_pair: float = 0.15
    wide: float = 0.002
    narrow: float = 0.0012
    rounds: int = 6
    apart: float = 0.5


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Motions:
    """What large parts of a picture did, the largest first.

    Attributes:
        motion: K similarities, frame heights.
        share: [K] of the points with a say, those that took part.
        vote: [K, N] of each point, in [0, 1].
        say: [N] of each point, in [0, 1]: 0 where there is no texture or nothing was found.
        before, after: [N, 2] where each point was and is, frame heights.
    """

    motion: Similarity
    share: Array
    vote: Array
    say: Array
    before: Array
    after: Array


def levelled(luma: Array) -> Array:
    """A dark or faint picture [H, W] at a contrast at which it can be compared."""
    spread = jnp.std(luma)
    return (luma - jnp.mean(luma)) * jnp.maximum(1.0, 0.2 / jnp.maximum(spread, 1e-3))


@functools.partial(jax.jit, static_argnames="config")
def ground_motions(before: Array, after: Array, guess: Similarity, config: GroundConfig) -> Motions:
    """The motions that large parts of a picture share.

    Args:
        before, after: [H, W] luma in [0, 1], of one size.
        guess: similarities that were found in the step before, [G]; among the first guesses.
        config: how they are found.

    Example:
        >>> noise = jax.random.uniform(jax.random.key(0), (40, 60))
        >>> picture = jax.image.resize(noise, (120, 180), "cubic")
        >>> rest = Similarity(jnp.array([[1.0, 0.0]]), jnp.zeros((1, 2)))
        >>> found = ground_motions(picture, jnp.roll(picture, 12, 1), rest, GroundConfig())
        >>> [round(abs(x), 3) for x in found.motion.shift[0].tolist()]
        [0.1, 0.0]
    """
    height, width = before.shape
    size = height, width
    before, after = levelled(before), levelled(after)
    noise = noise_variance(before, 64) + 1e-6
    points, quality = _points(before, noise, config)
    motions = _guesses(before, after, guess, config)
    start = _best_of(before, after, points, motions, config)
    pyramids = [pyramid_of(picture, config.patch) for picture in (before, after)]
    patches = patches_at(pyramids[0], size, points.T, config.patch)
    sure = jnp.zeros(len(points), bool)
    levels = len(patches)
    found = match_patches(patches, pyramids[1], size, start.T, sure, config.patch, levels=levels)
    there = patches_at(pyramids[1], size, found, config.patch)[-1]
    known, shown = (p[1:-1, 1:-1] for p in (patches[-1], there))
    _, _, left, spread = fit_light(known, shown, gaussian_weights(config.patch.size))
    extent = jnp.asarray([width, height], jnp.float32)
    inside = jnp.all((jnp.abs(found.T - extent / 2) < extent / 2 - config.edge), -1)
    alike = left < (1 - config.alike) * spread
    say = quality * inside * alike
    return _shared(points / height, found.T / height, say, config)


def _points(luma: Array, noise: Array, config: GroundConfig) -> tuple[Array, Array]:
    """The point [N, 2] of most texture in each cell, pixels, and what its texture is worth [N]."""
    height, width = luma.shape
    rows, columns = grid(height, width, config.points)
    high, wide = cell_size(height, width, rows, columns)
    edge = config.edge
    good = texture(smooth(luma), radius=3)
    good = jnp.pad(good[edge:-edge, edge:-edge], edge)
    cells = cells_of(good, rows, columns)
    at = jnp.argmax(cells, -1)
    row, column = jnp.divmod(jnp.arange(rows * columns), columns)
    x = jnp.minimum(column * wide + at % wide, width - 1) + 0.5
    y = jnp.minimum(row * high + at // wide, height - 1) + 0.5
    best = jnp.max(cells, -1)
    # White noise that is smoothed by (1, 2, 1)/4 has slopes of 3/64 of its variance.
    floor = config.noise * noise * 3 / 64
    return jnp.stack([x, y], -1), best / (best + floor)


def _guesses(before: Array, after: Array, guess: Similarity, config: GroundConfig) -> Similarity:
    """Rest, what was found in the step before, and peaks of phase correlation."""
    height = before.shape[0]
    first, second = (_contrast(_quarter(p)) for p in (before, after))
    rows, columns = first.shape
    peaks = phase_correlation(first, second, pitch=0.2)
    down, across = np.fft.fftfreq(rows, 1 / rows), np.fft.fftfreq(columns, 1 / columns)
    limit = config.farthest * rows
    near = (np.abs(down) <= limit)[:, None] & (np.abs(across) <= limit)
    peaks = jnp.where(near, peaks, -jnp.inf)

    def one(left: Array, _: None) -> tuple[Array, Array]:
        place = jnp.argmax(left)
        y, x = place // columns, place % columns
        off_y = jnp.abs((jnp.arange(rows) - y + rows // 2) % rows - rows // 2)
        off_x = jnp.abs((jnp.arange(columns) - x + columns // 2) % columns - columns // 2)
        beside = (off_y <= 1)[:, None] & (off_x <= 1)
        shift = jnp.stack([jnp.asarray(across)[x], jnp.asarray(down)[y]])
        return jnp.where(beside, -jnp.inf, left), shift

    _, shifts = jax.lax.scan(one, peaks, None, length=config.peaks)
    shifts = jnp.concatenate([jnp.zeros((1, 2)), shifts.astype(jnp.float32) * 4 / height])
    turns = jnp.broadcast_to(jnp.asarray([1.0, 0.0]), shifts.shape)
    return Similarity(jnp.concatenate([turns, guess.turn]), jnp.concatenate([shifts, guess.shift]))


def _quarter(picture: Array) -> Array:
    return halve(halve(picture))


def _contrast(picture: Array) -> Array:
    """The picture with its mean taken away and its contrast made even, all over it."""
    band = picture - box(picture, 4)
    return band / jnp.sqrt(box(band**2, 6) + 1e-4)


def _best_of(
    before: Array, after: Array, points: Array, motions: Similarity, config: GroundConfig
) -> Array:
    """Where points [N, 2] went by the motion that their surroundings agree with most, pixels."""
    height = before.shape[0]
    first, second = (_contrast(_quarter(p)) for p in (before, after))
    rows, columns = first.shape
    places = pixel_centers(rows, columns).reshape(-1, 2) * 4 / height
    place = jnp.clip(points / 4, 0, jnp.asarray([columns - 1, rows - 1])).astype(jnp.int32)

    def one(motion: Similarity) -> Array:
        at = motion(places) * height / 4
        off = (bilinear(second, at).reshape(rows, columns) - first) ** 2
        return box(jnp.minimum(off, 4.0), config.window)[place[:, 1], place[:, 0]]

    cost = jax.lax.map(one, motions)  # [G, N]
    best = jnp.argmin(cost, 0)
    there = jax.vmap(lambda m: m(points / height))(motions) * height  # [G, N, 2]
    return jnp.take_along_axis(there, best[None, :, None], 0)[0]


def _shared(before: Array, after: Array, say: Array, config: GroundConfig) -> Motions:
    """Similarities that many points share: each is first that of a pair of points."""

    def vote(motion: Similarity, scale: ArrayLike) -> Array:
        off = jnp.sum((motion(before) - after) ** 2, -1)
        return 1 / (1 + off / scale**2) ** 2

    total = jnp.sum(say) + 1e-6
    # Points of a fixed sequence that fills the square evenly, through the sum of says.
    drawn = np.modf(np.arange(1, config.pairs + 1)[:, None] * [0.7548776662, 0.5698402910])[0]
    pair = jnp.searchsorted(jnp.cumsum(say) / total, jnp.asarray(drawn, jnp.float32))
    pair = jnp.minimum(pair, len(say) - 1)
    tries = jax.vmap(lambda k: fit_similarity(before[k], after[k], jnp.ones(2)))(pair)
    length = jnp.linalg.norm(before[pair[:, 0]] - before[pair[:, 1]], axis=-1)
    votes = jax.vmap(lambda m: vote(m, config.wide))(tries)  # [P, N]
    share = jnp.where(length > config.shortest_pair, votes @ say / total, 0.0)

    def pick(left: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        best = jnp.argmax(left)
        both = votes @ (say * votes[best]) / total
        return jnp.where(both > config.apart * share, 0.0, left), (best, left[best] > 0)

    _, (best, found) = jax.lax.scan(pick, share, None, length=config.motions)

    def again(motion: Similarity, scale: ArrayLike) -> tuple[Similarity, None]:
        return fit_similarity(before, after, say * vote(motion, scale)), None

    scales = jnp.asarray(np.geomspace(config.wide, config.narrow, config.rounds), jnp.float32)
    first = jax.tree.map(lambda x: x[best], tries)
    motions = jax.vmap(lambda m: jax.lax.scan(again, m, scales)[0])(first)
    kept = jax.vmap(lambda m: vote(m, config.narrow))(motions) * found[:, None]
    order = jnp.argsort(-(kept @ say))
    motions, kept = jax.tree.map(lambda x: x[order], (motions, kept))
    return Motions(motions, kept @ say / total, kept, say, before, after)
