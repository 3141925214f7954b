"""What moves against the ground, whatever it is: an observer that needs no weights.

Cells of a small picture that differ from the running background (`cues`), and that moved or lie by
what moved a moment ago, are joined to parts. A part is an object where the frame has an edge around
it; where the background has it, something has left, and the background takes in the frame at once.
What has come to rest is an object for a while, and then becomes background.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from vidparticles.flow.camera import Similarity
from vidparticles.image.appearance import describe
from vidparticles.image.components import components
from vidparticles.image.resample import bilinear, highest, pixel_centers, unit_range
from vidparticles.image.structure import slopes
from vidparticles.tracking.objects import cues
from vidparticles.tracking.objects.cues import CueConfig, Cues, CueState, apart
from vidparticles.tracking.objects.observations import Observations
from vidparticles.tracking.objects.observers import Observer


@dataclasses.dataclass(frozen=True)
class MotionConfig:
    """How what moves is found; differences of colors are in [0, 1].

    Attributes:
        cues: how a frame is compared with what was there before.
        count: K, boxes of a frame at most.
        different: difference from the background that tells a cell from it.
        moving: difference from the frame before that tells that a cell moved.
        memory: seconds until that is forgotten.
        join: cells, a gap that is no gap.
        smallest, largest: shares of the picture that an object covers.
        moved: share of a part that must have moved a moment ago.
        edge: energy of edges around a part, the frame's over the background's, below which
            something has left.
        same: how alike the slopes of frame and background within a part are, 1 for the same, above
            which it is the ground in another light.
        sure: mean difference at which a part is half believed,
        cells: and how many cells are.
        kept: how far a cell of an object is believed to show the background.
    """

    cues: CueConfig = dataclasses.field(default_factory=CueConfig)
    count: int = 12
    different: float = 0.06
    moving: float = 0.04
    memory: float = 3.0
    join: int = 1
    smallest: float = 0.0008
    largest: float = 0.35
    moved: float = 0.3
    edge: float = 1.0
    same: float = 0.6
    sure: float = 0.08
    cells: float = 12.0
    kept: float = 0.02


class MotionState(NamedTuple):
    """What is remembered of a shot.

    Attributes:
        cues: the background and the frame before.
        moved: [h, w] in [0, 1], 1 where it moves, dying down.
    """

    cues: CueState
    moved: Array


class Parts(NamedTuple):
    """Cells that hang together, the largest K.

    Attributes:
        member: [K, h, w] which cells.
        valid: [K] bool; the others are none.
    """

    member: Array
    valid: Array


def motion_observer(config: MotionConfig | None = None, *, kind: int = 0) -> Observer:
    """Boxes of what moves against the ground; it has no parameters.

    Args:
        kind: the number of what moves, among kinds that others tell.
        config: how it is found.
    """
    config = config or MotionConfig()

    def init(params: Any, frame: Array, /) -> MotionState:
        del params
        remembered = cues.start(frame.shape[0], frame.shape[1], config.cues)
        return MotionState(remembered, jnp.zeros(remembered.last.shape[:2]))

    def observe(
        params: Any, state: MotionState, frame: Array, camera: Similarity, dt: Array, /
    ) -> tuple[MotionState, Observations]:
        del params
        state, seen = _observe(state, frame, camera, dt, config)
        return state, dataclasses.replace(seen, kind=jnp.full_like(seen.kind, kind))

    return Observer(init, observe)


def _observe(
    state: MotionState, frame: Array, camera: Similarity, dt: Array, config: MotionConfig
) -> tuple[MotionState, Observations]:
    seen = cues.look(state.cues, frame, camera, config.cues)
    rows, columns = state.moved.shape
    difference = apart(seen.color, seen.under.color)
    different = difference > config.different
    moving = (apart(seen.color, seen.before) > config.moving) & different
    moved = jnp.maximum(_carried(state.moved * jnp.exp(-dt / config.memory), seen.camera), moving)
    whole = _opened(_closed(different & (highest(moved, 1) > 0.4), config.join))
    parts = _parts(whole, config.count)
    member = parts.member
    area = jnp.sum(member, (1, 2))
    share = _mean(moved > 0.4, member, area)
    strength = _mean(difference, member, area)
    edges, alike = _edges(seen, member)
    size = area / (rows * columns)
    alive = parts.valid & (size > config.smallest) & (size < config.largest)
    alive &= (share > config.moved) & ~seen.fresh
    there = (edges > config.edge) & (alike < config.same)
    score = strength / (strength + config.sure) * area / (area + config.cells) * 1.2
    score = jnp.minimum(score, 0.9) * jnp.minimum(share / 0.5, 1)
    box = _boxes(member)
    valid = alive & there
    score = jnp.where(valid, score, 0)
    best = jnp.argsort(-score)
    box, score, valid = box[best], score[best], valid[best]
    feature = describe(unit_range(frame), jnp.where(valid[:, None], box, 0))
    told = Observations(box, score, jnp.zeros(config.count, jnp.int32), feature, valid)
    # What left is background at once; an object is kept out of it.
    left = jnp.any(member & (parts.valid & ~there)[:, None, None], 0)
    held = highest(jnp.any(member & valid[:, None, None], 0) * 1.0, 1) > 0
    under = dataclasses.replace(seen.under, observed=jnp.where(left, 0, seen.under.observed))
    weight = jnp.where(held, config.kept, 1.0)
    after = cues.learn(seen._replace(under=under), dt, weight, config.cues)
    return MotionState(after, jnp.where(seen.fresh | left, 0, moved)), told


def _carried(picture: Array, camera: Similarity) -> Array:
    rows, columns = picture.shape
    at = rows * camera.inverse()(pixel_centers(rows, columns).reshape(-1, 2) / rows)
    inside = jnp.all((at >= 0) & (at <= jnp.asarray([columns, rows])), -1)
    return (bilinear(picture, at) * inside).reshape(rows, columns)


def _closed(mask: Array, radius: int) -> Array:
    if not radius:
        return mask
    wide = highest(mask * 1.0, radius)
    return (1 - highest(1 - wide, radius)) * 1.0 > 0


def _opened(mask: Array) -> Array:
    """Without what is thinner than three cells: edges that do not lie over each other."""
    narrow = 1 - highest(1.0 - mask, 1)
    return highest(jnp.pad(narrow[1:-1, 1:-1], 1), 1) > 0


def _parts(mask: Array, count: int) -> Parts:
    """The largest parts of a mask [h, w], cells joined by sides and corners."""
    size = mask.size
    label = components(mask)
    cells = jnp.zeros(size + 1).at[label.reshape(-1)].add(1).at[0].set(0)
    area, which = lax.top_k(cells, count)
    return Parts(label == which[:, None, None], area > 0)


def _mean(x: Array, member: Array, area: Array) -> Array:
    return jnp.sum(x * member, (1, 2)) / jnp.maximum(area, 1)


def _boxes(member: Array) -> Array:
    """[K, 4] around the cells [K, h, w], frame heights."""
    rows = member.shape[1]
    sides = []
    for axis in (1, 2):
        line = jnp.any(member, axis)
        sides.append((jnp.argmax(line, 1), line.shape[1] - jnp.argmax(line[:, ::-1], 1)))
    (left, right), (top, low) = sides
    return jnp.stack([left, top, right, low], -1) / rows


def _edges(seen: Cues, member: Array) -> tuple[Array, Array]:
    """How strong edges around parts are, and how alike slopes within them.

    Returns:
        The energy of the edges around each part [K], the frame's over the background's; and the
        cosine [K] of the slopes within it, the frame's and the background's.
    """
    inner = member * 1.0
    wide = jax.vmap(lambda m: highest(m, 1))(inner)
    narrow = 1 - jax.vmap(lambda m: highest(m, 1))(1 - inner)
    now, before = (
        jnp.stack(slopes(jnp.moveaxis(x, -1, 0))) for x in (seen.color, seen.under.color)
    )

    def energy(a: Array, b: Array, weight: Array) -> Array:
        return jnp.sum(weight * jnp.sum(a * b, (0, 1)), (1, 2))

    rim = wide - narrow
    around = energy(now, now, rim) / (energy(before, before, rim) + 1e-9)
    both = energy(now, now, inner) * energy(before, before, inner)
    return around, energy(now, before, inner) / jnp.sqrt(both + 1e-12)
